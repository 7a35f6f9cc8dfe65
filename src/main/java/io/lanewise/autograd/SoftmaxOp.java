package io.lanewise.autograd;

import io.lanewise.kernels.CrossEntropy;
import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.Softmax;
import io.lanewise.parallel.StageBody;

/** {@link Rule#SOFTMAX} and {@link Rule#LOG_SOFTMAX}. */
final class SoftmaxOp extends Operation {
    private final int width;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean adds;

    SoftmaxOp(Tape tape, Rule rule, Variable x) {
        super(tape, rule, x);
        width = width(x);
        rows = rows(x, width);
        makeOutput(x.shape());
    }

    boolean matches(Rule other) {
        return rule == other;
    }

    @Override
    void forward() {
        parallelRows(rows, 3L * width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * width;
            if (rule == Rule.SOFTMAX) {
                Elementwise.copy(x(0), at, y(), at, width);
                Softmax.row(y(), at, width);
            } else {
                CrossEntropy.logSoftmax(x(0), at, y(), at, width);
            }
        }
    }

    @Override
    void backward() {
        adds = adds(0);
        parallelRows(rows, 3L * width, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * width;
            if (rule == Rule.SOFTMAX) {
                CrossEntropy.softmaxBackward(y(), at, dY(), at, dX(0), at, width, adds);
            } else {
                CrossEntropy.logSoftmaxBackward(y(), at, dY(), at, dX(0), at, width, adds);
            }
        }
    }
}
