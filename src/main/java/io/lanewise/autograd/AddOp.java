package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;

/** {@link Rule#ADD}. */
final class AddOp extends Operation {
    private final int width;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody passA = this::passA;
    private final StageBody passB = this::passB;

    AddOp(Tape tape, Variable a, Variable b) {
        super(tape, Rule.ADD, a, b);
        require(a.shape().equals(b.shape()), rule, "two tensors of one shape", a, b);
        width = width(a);
        rows = rows(a, width);
        makeOutput(a.shape());
    }

    private void passA(int from, int to, int worker) {
        passRows(0, from, to, width);
    }

    private void passB(int from, int to, int worker) {
        passRows(1, from, to, width);
    }

    @Override
    boolean inPlace(int i) {
        return true;
    }

    @Override
    void forward() {
        parallelRows(rows, 3L * width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        Elementwise.add(x(0), at, x(1), at, y(), at, (to - from) * width);
    }

    /** b first: if a took over the gradient's memory and is also b, what it holds must still be dY. */
    @Override
    void backward() {
        if (needsGrad(1) && inputs[0] != inputs[1]) {
            passGradient(1, rows, width, passB);
        }
        if (needsGrad(0)) {
            passGradient(0, rows, width, passA);
        }
        if (needsGrad(1) && inputs[0] == inputs[1]) {
            passGradient(1, rows, width, passB);
        }
    }
}
