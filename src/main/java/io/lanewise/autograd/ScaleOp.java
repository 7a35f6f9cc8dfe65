package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;

/** {@link Rule#SCALE}. */
final class ScaleOp extends Operation {
    private final int width;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    float factor;
    private boolean adds;

    ScaleOp(Tape tape, Variable x) {
        super(tape, Rule.SCALE, x);
        width = width(x);
        rows = rows(x, width);
        makeOutput(x.shape());
    }

    @Override
    boolean inPlace(int i) {
        return true;
    }

    @Override
    void forward() {
        parallelRows(rows, 2L * width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        Elementwise.scale(x(0), at, factor, y(), at, (to - from) * width);
    }

    @Override
    void backward() {
        adds = adds(0);
        parallelRows(rows, 2L * width, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        int n = (to - from) * width;
        if (adds) {
            Elementwise.addScaled(dY(), at, factor, dX(0), at, n);
        } else {
            Elementwise.scale(dY(), at, factor, dX(0), at, n);
        }
    }
}
