package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;

/** {@link Rule#EMBEDDING}. */
final class EmbeddingOp extends Operation {
    /** Columns that one chunk of the scatter owns, so that rows that occur twice never meet. */
    private static final int COLUMNS = 64;

    private final int batch;
    private final int seqLen;
    private final int vocabSize;
    private final int dim;
    private final StageBody gatherStage = this::gather;
    private final StageBody scatterStage = this::scatter;
    int[] ids;

    EmbeddingOp(Tape tape, Variable table, int batch, int seqLen) {
        super(tape, Rule.EMBEDDING, table);
        require(table.shape().rank() == 2, rule, "a table [vocabSize, dim]", table);
        this.batch = batch;
        this.seqLen = seqLen;
        this.vocabSize = table.shape().size(0);
        this.dim = table.shape().size(1);
        makeOutput(Shape.of(batch, seqLen, dim));
    }

    boolean matches(int otherBatch, int otherSeqLen) {
        return batch == otherBatch && seqLen == otherSeqLen;
    }

    @Override
    void forward() {
        if (ids.length < batch * seqLen) {
            throw new IllegalArgumentException(
                    rule + ": expected " + batch + " x " + seqLen + " ids, got " + ids.length);
        }
        for (int i = 0; i < batch * seqLen; i++) {
            if (ids[i] < 0 || ids[i] >= vocabSize) {
                throw new IndexOutOfBoundsException(
                        rule + ": id " + ids[i] + " at " + i + ", the table has " + vocabSize + " rows");
            }
        }
        parallelRows(batch * seqLen, dim, gatherStage);
    }

    private void gather(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            Elementwise.copy(x(0), (long) ids[row] * dim, y(), (long) row * dim, dim);
        }
    }

    @Override
    void backward() {
        if (!adds(0)) {
            dX(0).fill((byte) 0);
        }
        tape.team().run(Math.ceilDiv(dim, COLUMNS), 1, scatterStage);
    }

    private void scatter(int from, int to, int worker) {
        MemorySegment dTable = dX(0);
        int first = from * COLUMNS;
        int columns = Math.min(dim, to * COLUMNS) - first;
        for (int row = 0; row < batch * seqLen; row++) {
            long at = (long) ids[row] * dim + first;
            Elementwise.add(dTable, at, dY(), (long) row * dim + first, dTable, at, columns);
        }
    }
}
