package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;

/** {@link Rule#SLICE}. */
final class SliceOp extends Operation {
    private final int first;
    private final int width;
    private final int xWidth;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;

    SliceOp(Tape tape, Variable x, int from, int to) {
        super(tape, Rule.SLICE, x);
        xWidth = width(x);
        require(0 <= from && from < to && to <= xWidth, rule, "a range within the last axis, not [" + from + ", " + to
                + ")", x);
        first = from;
        width = to - from;
        rows = rows(x, xWidth);
        long[] dims = x.shape().toArray();
        dims[dims.length - 1] = width;
        makeOutput(Shape.of(dims));
    }

    boolean matches(int from, int to) {
        return first == from && width == to - from;
    }

    @Override
    void forward() {
        parallelRows(rows, width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            Elementwise.copy(x(0), (long) row * xWidth + first, y(), (long) row * width, width);
        }
    }

    @Override
    void backward() {
        if (!adds(0)) {
            dX(0).fill((byte) 0);
        }
        parallelRows(rows, width, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * xWidth + first;
            Elementwise.add(dX(0), at, dY(), (long) row * width, dX(0), at, width);
        }
    }
}
