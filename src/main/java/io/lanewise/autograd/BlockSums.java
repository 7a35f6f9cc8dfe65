package io.lanewise.autograd;

import io.lanewise.kernels.ColumnSums;
import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.MemorySegment;

/**
 * Sums over the rows of a batch that do not depend on the number of threads: rows are cut into blocks by their number
 * alone, each block sums into a row of its own, and the blocks' rows are then added in order.
 */
final class BlockSums {
    private static final int MAX_BLOCKS = 64;
    private static final int MIN_ROWS = 16;
    private static final int COLUMNS = 256;

    /** What one block does: adds rows {@code from} to {@code to} into {@code sums} from {@code sumsOff} on. */
    @FunctionalInterface
    interface Block {
        void sum(int from, int to, MemorySegment sums, long sumsOff);
    }

    private final Tape tape;
    private final int rows;
    private final int rowsPerBlock;
    private final int blocks;
    private final int width;
    private final Block body;
    private final StageBody blockStage = this::runBlocks;
    private final StageBody totalStage = this::addBlocks;
    private MemorySegment partial;
    private MemorySegment totals;
    private long partialOff;
    private boolean accumulate;

    /** @param width floats that a block sums up */
    BlockSums(Tape tape, int rows, int width, Block body) {
        this.tape = tape;
        this.rows = rows;
        this.width = width;
        this.body = body;
        this.rowsPerBlock = Math.max(MIN_ROWS, Math.ceilDiv(rows, MAX_BLOCKS));
        this.blocks = Math.ceilDiv(rows, rowsPerBlock);
    }

    /** Runs the blocks and writes or adds their total to {@code target} [width]. */
    void run(MemorySegment target, boolean adds) {
        sumBlocks();
        total(target, 0, width, adds);
    }

    /** Runs the blocks. */
    void sumBlocks() {
        partial = tape.scratch().floats((long) blocks * width);
        tape.team().run(blocks, 1, blockStage);
    }

    /** Writes or adds {@code count} of the blocks' sums from column {@code first} on to {@code target}. */
    void total(MemorySegment target, int first, int count, boolean adds) {
        totals = target;
        partialOff = first;
        accumulate = adds;
        columns = count;
        tape.team().run(Math.ceilDiv(count, COLUMNS), 1, totalStage);
    }

    private int columns;

    private void runBlocks(int from, int to, int worker) {
        for (int block = from; block < to; block++) {
            long at = (long) block * width;
            Elementwise.fill(partial, at, width, 0f);
            body.sum(block * rowsPerBlock, Math.min(rows, (block + 1) * rowsPerBlock), partial, at);
        }
    }

    private void addBlocks(int from, int to, int worker) {
        int first = from * COLUMNS;
        int n = Math.min(columns, to * COLUMNS) - first;
        if (!accumulate) {
            Elementwise.fill(totals, first, n, 0f);
        }
        ColumnSums.add(partial, partialOff + first, width, blocks, n, totals, first);
    }
}
