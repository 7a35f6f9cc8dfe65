package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.RopeTable;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.MemorySegment;

/** {@link Rule#ROPE}. Turning back is turning by the opposite angle. */
final class RopeOp extends Operation {
    private final RopeTable table;
    private final int nHeads;
    private final int headDim;
    private final int startPos;
    private final int seqLen;
    private final int width;
    private final int rows;
    /** A row of the table for each position, then as many for the opposite angles. */
    private final MemorySegment cosSin;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean adds;

    RopeOp(Tape tape, Variable x, RopeTable table, int nHeads, int headDim, int startPos) {
        super(tape, Rule.ROPE, x);
        require(x.shape().rank() == 3 && x.shape().dim(2) >= (long) nHeads * headDim && table.ropeDim() <= headDim, rule,
                "x [batch, seqLen, " + nHeads + " heads of " + headDim + " and more]", x);
        this.table = table;
        this.nHeads = nHeads;
        this.headDim = headDim;
        this.startPos = startPos;
        this.seqLen = x.shape().size(1);
        this.width = x.shape().size(2);
        this.rows = rows(x, width);
        makeOutput(x.shape());
        cosSin = tape.memory(2L * seqLen * table.rowLength());
        table.fill(startPos, seqLen, cosSin, 0);
        for (int t = 0; t < seqLen; t++) {
            table.fillRow(-(startPos + t), cosSin, (long) (seqLen + t) * table.rowLength());
        }
    }

    boolean matches(RopeTable otherTable, int heads, int dim, int start) {
        return table == otherTable && nHeads == heads && headDim == dim && startPos == start;
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
        for (int row = from; row < to; row++) {
            long at = (long) row * width;
            Elementwise.copy(x(0), at, y(), at, width);
            table.apply(y(), at, nHeads, headDim, cosSin, (long) (row % seqLen) * table.rowLength());
        }
    }

    @Override
    void backward() {
        adds = adds(0);
        parallelRows(rows, 2L * width, backwardStage);
    }

    /** Turns dY itself, which nobody reads after this, and hands it on. */
    private void backwardRows(int from, int to, int worker) {
        boolean shared = dX(0).address() == dY().address();
        for (int row = from; row < to; row++) {
            long at = (long) row * width;
            table.apply(dY(), at, nHeads, headDim, cosSin, (long) (seqLen + row % seqLen) * table.rowLength());
            if (adds) {
                Elementwise.add(dX(0), at, dY(), at, dX(0), at, width);
            } else if (!shared) {
                Elementwise.copy(dY(), at, dX(0), at, width);
            }
        }
    }
}
