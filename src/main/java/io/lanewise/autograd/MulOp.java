package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;

/** {@link Rule#MUL}. */
final class MulOp extends Operation {
    private final int width;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean adds;
    private int input;

    MulOp(Tape tape, Variable a, Variable b) {
        super(tape, Rule.MUL, a, b);
        require(a.shape().equals(b.shape()), rule, "two tensors of one shape", a, b);
        width = width(a);
        rows = rows(a, width);
        makeOutput(a.shape());
    }

    @Override
    void forward() {
        parallelRows(rows, 3L * width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        Elementwise.mul(x(0), at, x(1), at, y(), at, (to - from) * width);
    }

    @Override
    void backward() {
        for (input = 0; input < 2; input++) {
            if (needsGrad(input)) {
                adds = adds(input);
                parallelRows(rows, 3L * width, backwardStage);
            }
        }
    }

    private void backwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        int n = (to - from) * width;
        if (adds) {
            Elementwise.addProduct(dY(), at, x(1 - input), at, dX(input), at, n);
        } else {
            Elementwise.mul(dY(), at, x(1 - input), at, dX(input), at, n);
        }
    }
}
