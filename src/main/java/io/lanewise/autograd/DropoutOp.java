package io.lanewise.autograd;

import io.lanewise.kernels.Dropout;
import io.lanewise.parallel.StageBody;

/** {@link Rule#DROPOUT}. The mask is made again in backward. */
final class DropoutOp extends Operation {
    private final int width;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    float p;
    long seed;
    private boolean adds;

    DropoutOp(Tape tape, Variable x) {
        super(tape, Rule.DROPOUT, x);
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
        parallelRows(rows, 4L * width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        Dropout.apply(seed, p, at, x(0), at, y(), at, (to - from) * width, false);
    }

    @Override
    void backward() {
        adds = adds(0);
        parallelRows(rows, 4L * width, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        Dropout.apply(seed, p, at, dY(), at, dX(0), at, (to - from) * width, adds);
    }
}
