package io.lanewise.autograd;

import io.lanewise.kernels.ColumnSums;
import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.MemorySegment;

/** {@link Rule#POSITIONS}. */
final class PositionsOp extends Operation {
    private final int seqLen;
    private final int dim;
    private final int rows;
    private final StageBody addStage = this::addRows;
    private final StageBody passStage = this::pass;
    private final StageBody sumStage = this::sumBatch;

    PositionsOp(Tape tape, Variable x, Variable positions) {
        super(tape, Rule.POSITIONS, x, positions);
        require(x.shape().rank() == 3 && positions.shape().rank() == 2 && positions.shape().dim(1) == x.shape().dim(2)
                && positions.shape().dim(0) >= x.shape().dim(1), rule,
                "x [batch, seqLen, dim] and positions [context, dim] with context >= seqLen", x, positions);
        this.seqLen = x.shape().size(1);
        this.dim = x.shape().size(2);
        this.rows = rows(x, dim);
        makeOutput(x.shape());
    }

    @Override
    boolean inPlace(int i) {
        return i == 0;
    }

    @Override
    void forward() {
        parallelRows(rows, dim, addStage);
    }

    private void addRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = (long) row * dim;
            Elementwise.add(x(0), at, x(1), (long) (row % seqLen) * dim, y(), at, dim);
        }
    }

    @Override
    void backward() {
        if (needsGrad(1)) {
            if (!adds(1)) {
                dX(1).fill((byte) 0);
            }
            parallelRows(seqLen, (long) dim * rows / seqLen, sumStage);
        }
        if (needsGrad(0)) {
            passGradient(0, rows, dim, passStage);
        }
    }

    private void sumBatch(int from, int to, int worker) {
        MemorySegment dPositions = dX(1);
        for (int t = from; t < to; t++) {
            ColumnSums.add(dY(), (long) t * dim, (long) seqLen * dim, rows / seqLen, dim, dPositions, (long) t * dim);
        }
    }

    private void pass(int from, int to, int worker) {
        passRows(0, from, to, dim);
    }
}
