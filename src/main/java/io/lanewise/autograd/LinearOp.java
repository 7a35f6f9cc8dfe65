package io.lanewise.autograd;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.ActivationBackward;
import io.lanewise.kernels.ColumnSums;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;

/** {@link Rule#LINEAR}, {@link Rule#LINEAR_RELU}, {@link Rule#LINEAR_RESIDUAL}. */
final class LinearOp extends Operation {
    private static final int X = 0;
    private static final int WEIGHT = 1;
    private static final int BIAS = 2;
    private static final int RESIDUAL = 3;

    private final Activation act;
    private final int in;
    private final int out;
    private final int rows;
    private final BlockSums biasSums;
    private final StageBody maskStage = this::maskRows;
    private final StageBody passStage = this::pass;

    LinearOp(Tape tape, Variable x, Variable weight, Variable bias, Activation act, Variable residual) {
        super(tape, ruleOf(act, residual), x, weight, bias, residual);
        in = width(x);
        require(weight.shape().rank() == 2 && weight.shape().dim(1) == in, rule, "x [.., in] and weight [out, in]", x,
                weight);
        out = weight.shape().size(0);
        require(bias == null || bias.shape().elements() == out, rule, "a bias [" + out + "]", bias);
        require(act == Activation.NONE || act == Activation.RELU && residual == null, rule,
                "activation NONE, or RELU without a residual (others: Tape.activation), not " + act, x);
        this.act = act;
        this.rows = rows(x, in);
        long[] dims = x.shape().toArray();
        dims[dims.length - 1] = out;
        require(residual == null || residual.shape().equals(Shape.of(dims)), rule, "a residual like the result", residual);
        makeOutput(Shape.of(dims));
        biasSums = new BlockSums(tape, rows, out, this::sumBlock);
    }

    private static Rule ruleOf(Activation act, Variable residual) {
        return residual != null ? Rule.LINEAR_RESIDUAL : act == Activation.RELU ? Rule.LINEAR_RELU : Rule.LINEAR;
    }

    boolean matches(Activation other) {
        return act == other;
    }

    @Override
    boolean inPlace(int i) {
        return i == RESIDUAL;
    }

    @Override
    void forward() {
        tape.matmul().forward(x(X), rows, in, x(WEIGHT), out, inputs[BIAS] == null ? null : x(BIAS),
                act == Activation.RELU, inputs[RESIDUAL] == null ? null : x(RESIDUAL), y());
    }

    @Override
    void backward() {
        if (needsGrad(BIAS)) {
            biasSums.run(dX(BIAS), adds(BIAS));
        } else if (act == Activation.RELU) {
            parallelRows(rows, out, maskStage);
        }
        if (needsGrad(WEIGHT)) {
            tape.matmul().weightGradient(dY(), x(X), rows, out, in, dX(WEIGHT), adds(WEIGHT));
        }
        if (needsGrad(X)) {
            tape.matmul().inputGradient(dY(), rows, out, x(WEIGHT), in, dX(X), adds(X));
        }
        if (needsGrad(RESIDUAL)) {
            passGradient(RESIDUAL, rows, out, passStage);
        }
    }

    private void maskRows(int from, int to, int worker) {
        long at = (long) from * out;
        ActivationBackward.relu(y(), at, dY(), at, dY(), at, (to - from) * out);
    }

    /** The mask goes with the sums: one pass over dY. */
    private void sumBlock(int from, int to, MemorySegment sums, long sumsOff) {
        for (int row = from; row < to; row += 4) {
            int count = Math.min(4, to - row);
            if (act == Activation.RELU) {
                maskRows(row, row + count, 0);
            }
            ColumnSums.add(dY(), (long) row * out, out, count, out, sums, sumsOff);
        }
    }

    private void pass(int from, int to, int worker) {
        passRows(RESIDUAL, from, to, out);
    }
}
