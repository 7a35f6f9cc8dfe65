package io.lanewise.autograd;

import io.lanewise.kernels.ColumnSums;
import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;

/** {@link Rule#MEAN_POOL}. */
final class MeanPoolOp extends Operation {
    private final int batch;
    private final int seqLen;
    private final int dim;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean adds;

    MeanPoolOp(Tape tape, Variable x) {
        super(tape, Rule.MEAN_POOL, x);
        require(x.shape().rank() == 3, rule, "x [batch, seqLen, dim]", x);
        batch = x.shape().size(0);
        seqLen = x.shape().size(1);
        dim = x.shape().size(2);
        makeOutput(Shape.of(batch, dim));
    }

    @Override
    void forward() {
        parallelRows(batch, (long) seqLen * dim, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        for (int b = from; b < to; b++) {
            long at = (long) b * dim;
            Elementwise.fill(y(), at, dim, 0f);
            ColumnSums.add(x(0), at * seqLen, dim, seqLen, dim, y(), at);
            Elementwise.scale(y(), at, 1f / seqLen, y(), at, dim);
        }
    }

    @Override
    void backward() {
        adds = adds(0);
        parallelRows(batch * seqLen, dim, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) (row / seqLen) * dim;
            if (adds) {
                Elementwise.addScaled(dY(), at, 1f / seqLen, dX(0), (long) row * dim, dim);
            } else {
                Elementwise.scale(dY(), at, 1f / seqLen, dX(0), (long) row * dim, dim);
            }
        }
    }
}
