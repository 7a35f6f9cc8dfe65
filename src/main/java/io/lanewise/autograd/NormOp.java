package io.lanewise.autograd;

import io.lanewise.kernels.NormTraining;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.MemorySegment;

/** {@link Rule#LAYER_NORM} and {@link Rule#RMS_NORM}. */
final class NormOp extends Operation {
    private static final int X = 0;
    private static final int WEIGHT = 1;
    private static final int BIAS = 2;

    private final float eps;
    private final int dim;
    private final int rows;
    private final boolean centred;
    /** Mean and scale of each row. */
    private final MemorySegment stats;
    private final BlockSums sums;
    private final StageBody forwardStage = this::forwardRows;
    private boolean addsX;

    NormOp(Tape tape, Rule rule, Variable x, Variable weight, Variable bias, float eps) {
        super(tape, rule, x, weight, bias);
        dim = width(x);
        require(weight.shape().elements() == dim && (bias == null || bias.shape().elements() == dim), rule,
                "x [.., dim], weight [dim] and bias [dim] or none", x, weight, bias);
        this.eps = eps;
        this.rows = rows(x, dim);
        this.centred = rule == Rule.LAYER_NORM;
        makeOutput(x.shape());
        stats = tape.memory(2L * rows);
        sums = new BlockSums(tape, rows, 3 * dim, this::backwardRows);
    }

    boolean matches(Rule other, float otherEps) {
        return rule == other && eps == otherEps;
    }

    @Override
    void forward() {
        parallelRows(rows, 2L * dim, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        MemorySegment bias = inputs[BIAS] == null ? null : x(BIAS);
        for (int row = from; row < to; row++) {
            long at = (long) row * dim;
            NormTraining.forward(centred, x(X), at, x(WEIGHT), bias, y(), at, stats, 2L * row, dim, eps);
        }
    }

    @Override
    void backward() {
        addsX = needsGrad(X) && adds(X);
        sums.sumBlocks();
        if (needsGrad(WEIGHT)) {
            sums.total(dX(WEIGHT), 0, dim, adds(WEIGHT));
        }
        if (needsGrad(BIAS)) {
            sums.total(dX(BIAS), dim, dim, adds(BIAS));
        }
    }

    /** dX of a block's rows; the sums are dWeight, then dBias, then room for a dX that nobody wants. */
    private void backwardRows(int from, int to, MemorySegment partial, long off) {
        for (int row = from; row < to; row++) {
            long at = (long) row * dim;
            MemorySegment dX = needsGrad(X) ? dX(X) : partial;
            NormTraining.backward(centred, x(X), at, x(WEIGHT), stats, 2L * row, dY(), at, dX,
                    needsGrad(X) ? at : off + 2L * dim, addsX, partial, off, dim);
        }
    }
}
