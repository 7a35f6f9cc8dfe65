package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;

/** {@link Rule#CONCAT}. */
final class ConcatOp extends Operation {
    private final int aWidth;
    private final int bWidth;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean addsA;
    private boolean addsB;

    ConcatOp(Tape tape, Variable a, Variable b) {
        super(tape, Rule.CONCAT, a, b);
        aWidth = width(a);
        bWidth = width(b);
        rows = rows(a, aWidth);
        long[] dims = a.shape().toArray();
        dims[dims.length - 1] = bWidth;
        require(b.shape().equals(Shape.of(dims)), rule, "two tensors that differ in the last axis only", a, b);
        dims[dims.length - 1] = aWidth + bWidth;
        makeOutput(Shape.of(dims));
    }

    @Override
    void forward() {
        parallelRows(rows, aWidth + bWidth, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * (aWidth + bWidth);
            Elementwise.copy(x(0), (long) row * aWidth, y(), at, aWidth);
            Elementwise.copy(x(1), (long) row * bWidth, y(), at + aWidth, bWidth);
        }
    }

    @Override
    void backward() {
        addsA = needsGrad(0) && adds(0);
        addsB = needsGrad(1) && adds(1);
        parallelRows(rows, aWidth + bWidth, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * (aWidth + bWidth);
            hand(0, at, (long) row * aWidth, aWidth, addsA);
            hand(1, at + aWidth, (long) row * bWidth, bWidth, addsB);
        }
    }

    private void hand(int i, long from, long to, int n, boolean adds) {
        if (!needsGrad(i)) {
            return;
        }
        if (adds) {
            Elementwise.add(dX(i), to, dY(), from, dX(i), to, n);
        } else {
            Elementwise.copy(dY(), from, dX(i), to, n);
        }
    }
}
