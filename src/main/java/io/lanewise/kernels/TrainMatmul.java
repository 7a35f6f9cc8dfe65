package io.lanewise.kernels;

import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The three products of a linear layer in training, y = x Wᵀ + bias with W [out, in]:
 *
 * <pre>
 * forward         y  = relu(x Wᵀ + bias) or x Wᵀ + bias + residual
 * inputGradient   dX (+)= dY W
 * weightGradient  dW (+)= dYᵀ x
 * </pre>
 *
 * <p>All three are C (+)= A·B. Both operands are packed anew each time, since weights change every step: B in panels of NR
 * columns, A in strips of MR rows, both k-major, so that the innermost loop has constant steps and C2 takes its bounds
 * checks out. What is shared is packed by all threads in a stage of its own, what is not by each task for itself, so that
 * it stays in its core's L2:
 *
 * <pre>
 *                          shares   a task takes
 * rows of x or dY          B        some rows, which it packs, and some panels
 * few rows, W to be turned A        a panel, which it turns, and all rows
 * few rows                 both     a panel and all rows
 * columns of dY            both     some rows and some panels
 * </pre>
 *
 * <p>dY's columns are shared since a task's part of them would be read in pieces of some hundred bytes, at a third of
 * memory's speed. In a task the panel is the outer loop and the strip the inner one: a panel of 98 to 196 KiB is read again
 * from L2, strips of 12 to 24 KiB follow each other. A tile that is not the first of its sum goes to scratch and is added
 * to C from there.
 *
 * <p>The order of every sum depends on the shape alone, so results do not depend on the number of threads. Offsets and
 * strides count floats; matrices are row-major. Not for several threads at once.
 */
public final class TrainMatmul {
    private static final int MR = FmaTile.PRODUCT_ROWS;
    private static final int NR = FmaTile.NR;
    /** Longest stretch of the sum between two visits of C. */
    private static final int KC = 768;
    /** Columns of B that are shared at a time. */
    private static final int NC = 3072;
    /** Floats of a shared operand: 9 MiB stay in L3. */
    private static final long SHARED = (long) KC * NC;
    /** Floats of what a task packs for itself, a panel at least: 393 KiB, so that a panel of the other fits into L2 too. */
    private static final int OWN = 16 * TileStrips.WIDTH * (KC + 2);
    /** Most rows of a task. */
    private static final int ROWS = 32 * MR;
    /** With so many rows of A at most, a B that has to be turned is not shared. */
    private static final int FEW_ROWS = 512;
    /** Tasks for each thread: the last one to finish keeps the others waiting for a part of one task only. */
    private static final int TASKS_A_THREAD = 16;
    /** Rows that a chunk of packing copies. */
    private static final int K_CHUNK = 16;
    /** Strips that a chunk of packing fills. */
    private static final int STRIPS = 4;

    private final Team team;
    private final MemorySegment sharedA;
    private final MemorySegment sharedB;
    /** Of each worker: what it packed for itself. */
    private final MemorySegment[] own;
    /** Of each worker: a tile that does not go to C at once. */
    private final MemorySegment[] edge;
    private final StageBody packStage = this::packChunks;
    private final StageBody rowStage = this::sweepRows;
    private final StageBody panelStage = this::sweepPanels;

    private MemorySegment a;
    private long aOff;
    private long aRow;
    private long aCol;
    private MemorySegment b;
    private long bOff;
    private long bRow;
    private long bCol;
    private MemorySegment c;
    private long cOff;
    private long cRow;
    private int m;
    private int n;
    private int k;
    private boolean accumulate;
    private MemorySegment bias;
    private boolean relu;
    private MemorySegment residual;

    private boolean sharesA;
    private boolean sharesB;
    // This round: rows mFrom to mTo, columns nFrom to nTo, and of the sum's stretches, each depth long, those from
    // blockFrom to blockTo.
    private int mFrom;
    private int mTo;
    private int nFrom;
    private int nTo;
    private int panels;
    private int depth;
    private int blocks;
    private int blockFrom;
    private int blockTo;
    private int aChunks;
    private int bChunks;
    private int rowsPerTask;
    private int rowTasks;
    private int panelsPerTask;

    /** Scratch of about 19 MiB from {@code arena}; {@code team} runs the stages. */
    public TrainMatmul(Arena arena, Team team) {
        this.team = team;
        this.sharedA = arena.allocate(4 * SHARED, 64);
        this.sharedB = arena.allocate(4 * SHARED, 64);
        this.edge = new MemorySegment[team.threads()];
        this.own = new MemorySegment[team.threads()];
        for (int i = 0; i < edge.length; i++) {
            edge[i] = arena.allocate(4L * MR * NR, 64);
            own[i] = arena.allocate(4L * OWN, 64);
        }
    }

    /**
     * y = x Wᵀ + bias, then relu or + residual.
     *
     * @param x [rows, in]
     * @param w [out, in]
     * @param bias [out] or null
     * @param relu whether negative results become 0; not together with a residual
     * @param residual [rows, out] or null
     * @param y [rows, out]
     */
    public void forward(MemorySegment x, int rows, int in, MemorySegment w, int out, MemorySegment bias, boolean relu,
            MemorySegment residual, MemorySegment y) {
        if (relu && residual != null) {
            throw new IllegalArgumentException("forward: expected relu or a residual, got both");
        }
        operandA(x, 0, in, 1);
        operandB(w, 0, 1, in);
        result(y, 0, out, rows, out, in, false);
        this.bias = bias;
        this.relu = relu;
        this.residual = residual;
        multiply();
    }

    /** dX [rows, in] = dY [rows, out] · W [out, in], or += where {@code accumulate}. */
    public void inputGradient(MemorySegment dY, int rows, int out, MemorySegment w, int in, MemorySegment dX,
            boolean accumulate) {
        operandA(dY, 0, out, 1);
        operandB(w, 0, in, 1);
        result(dX, 0, in, rows, in, out, accumulate);
        multiply();
    }

    /** dW [out, in] = dYᵀ · x for dY [rows, out] and x [rows, in], or += where {@code accumulate}. */
    public void weightGradient(MemorySegment dY, MemorySegment x, int rows, int out, int in, MemorySegment dW,
            boolean accumulate) {
        operandA(dY, 0, 1, out);
        operandB(x, 0, in, 1);
        result(dW, 0, in, out, in, rows, accumulate);
        multiply();
    }

    private void operandA(MemorySegment segment, long off, long row, long col) {
        a = segment;
        aOff = off;
        aRow = row;
        aCol = col;
    }

    private void operandB(MemorySegment segment, long off, long row, long col) {
        b = segment;
        bOff = off;
        bRow = row;
        bCol = col;
    }

    private void result(MemorySegment segment, long off, long row, int m, int n, int k, boolean accumulate) {
        c = segment;
        cOff = off;
        cRow = row;
        this.m = m;
        this.n = n;
        this.k = k;
        this.accumulate = accumulate;
        bias = null;
        relu = false;
        residual = null;
        long last = cOff + (m - 1) * cRow + n;
        if (m > 0 && n > 0 && c.byteSize() < 4 * last) {
            throw new IllegalArgumentException("matmul: result [" + m + ", " + n + "] needs " + 4 * last
                    + " bytes, the segment has " + c.byteSize());
        }
    }

    private void multiply() {
        blocks = Math.max(1, Math.ceilDiv(k, KC));
        depth = Math.ceilDiv(k, blocks);
        sharesB = m > FEW_ROWS || bCol == 1;
        sharesA = m <= FEW_ROWS || aCol != 1;
        for (nFrom = 0; nFrom < n; nFrom = nTo) {
            nTo = sharesB ? Math.min(n, nFrom + NC / NR * NR) : n;
            panels = Math.ceilDiv(nTo - nFrom, NR);
            int fit = aCol != 1 ? 1 : (int) Math.clamp(SHARED / Math.max(1, sharesB ? bBlock() : aBlock(m)), 1, blocks);
            for (blockFrom = 0; blockFrom < blocks; blockFrom = blockTo) {
                blockTo = Math.min(blocks, blockFrom + fit);
                for (mFrom = 0; mFrom < m; mFrom = mTo) {
                    mTo = sharesA ? Math.min(m, mFrom + (int) (SHARED / TileStrips.step(depth) / fit) * MR) : m;
                    pack();
                    sweep();
                }
            }
        }
    }

    /** Floats of a stretch of A. */
    private long aBlock(int rows) {
        return Math.ceilDiv(rows, MR) * TileStrips.step(depth);
    }

    /** Floats of a stretch of B. */
    private long bBlock() {
        return (long) panels * depth * NR;
    }

    private int depthOf(int block) {
        return Math.min(depth, k - block * depth);
    }

    private void pack() {
        aChunks = !sharesA ? 0 : aCol == 1 ? Math.ceilDiv(mTo - mFrom, STRIPS * MR) : Math.ceilDiv(depth, K_CHUNK);
        bChunks = !sharesB || mFrom > 0 ? 0 : bCol == 1 ? Math.ceilDiv(depth, K_CHUNK) : panels;
        team.run((blockTo - blockFrom) * (aChunks + bChunks), 1, packStage);
    }

    private void packChunks(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            int block = blockFrom + i / (aChunks + bChunks);
            int chunk = i % (aChunks + bChunks);
            if (chunk < aChunks) {
                packA(chunk, block, (block - blockFrom) * aBlock(mTo - mFrom));
            } else {
                packB(chunk - aChunks, block, (block - blockFrom) * bBlock(), edge[worker]);
            }
        }
    }

    private void packA(int chunk, int block, long at) {
        if (aCol == 1) {
            int row = mFrom + chunk * STRIPS * MR;
            packRows(row, Math.min(mTo, row + STRIPS * MR), block, sharedA, at + chunk * STRIPS * TileStrips.step(depth));
            return;
        }
        int first = chunk * K_CHUNK;
        TileStrips.ofColumns(a, aOff + ((long) block * depth + first) * aCol + mFrom, aCol,
                Math.clamp(depthOf(block) - first, 0, K_CHUNK), mTo - mFrom, sharedA,
                at + (long) first * TileStrips.WIDTH, TileStrips.step(depth));
    }

    private void packB(int chunk, int block, long at, MemorySegment scratch) {
        if (bCol != 1) {
            turnPanel(nFrom + chunk * NR, block, sharedB, at + (long) chunk * depth * NR, scratch);
            return;
        }
        int first = chunk * K_CHUNK;
        Panels.cutRows(b, bOff + ((long) block * depth + first) * bRow + nFrom, bRow,
                Math.clamp(depthOf(block) - first, 0, K_CHUNK), nTo - nFrom, sharedB, at + (long) first * NR,
                (long) depth * NR);
    }

    /** Strips of rows of A. */
    private void packRows(int rowFrom, int rowTo, int block, MemorySegment target, long at) {
        for (int row = rowFrom; row < rowTo; row += MR) {
            TileStrips.ofRows(a, aOff + row * aRow + (long) block * depth, aRow, Math.min(MR, rowTo - row), depthOf(block),
                    target, at);
            at += TileStrips.step(depth);
        }
    }

    /** A panel of a B whose columns lie contiguous. */
    private void turnPanel(int col, int block, MemorySegment target, long at, MemorySegment scratch) {
        int cols = Math.min(NR, n - col);
        int kc = depthOf(block);
        long from = bOff + (long) block * depth + col * bCol;
        Floats.set(scratch, 0, Panels.touch(b, from, bCol, cols, kc));
        if (cols == NR) {
            FloatTranspose.copy(b, from, bCol, NR, kc, 1f, target, at, NR, scratch, 0);
        } else {
            Panels.transposeRows(b, from, bCol, cols, kc, target, at, NR);
        }
    }

    private void sweep() {
        if (!sharesB) {
            team.run(panels, 1, panelStage);
            return;
        }
        int rows = mTo - mFrom;
        int wanted = TASKS_A_THREAD * team.threads();
        int most = Math.clamp(OWN / TileStrips.step(depth) * MR, MR, ROWS);
        rowsPerTask = sharesA && aCol == 1 ? FEW_ROWS : Math.clamp(Math.ceilDiv(rows, wanted), Math.min(most, 48), most) / MR * MR;
        rowTasks = Math.ceilDiv(rows, rowsPerTask);
        panelsPerTask = Math.ceilDiv(panels, Math.clamp(Math.ceilDiv(wanted, 2 * rowTasks), 1, panels));
        team.run(rowTasks * Math.ceilDiv(panels, panelsPerTask), 1, rowStage);
    }

    /** Each task takes some rows of A, which it packs unless they are shared, and some panels. */
    private void sweepRows(int from, int to, int worker) {
        for (int task = from; task < to; task++) {
            int rowFrom = mFrom + task % rowTasks * rowsPerTask;
            int rowTo = Math.min(mTo, rowFrom + rowsPerTask);
            int panelFrom = task / rowTasks * panelsPerTask;
            int panelTo = Math.min(panels, panelFrom + panelsPerTask);
            for (int block = blockFrom; block < blockTo; block++) {
                if (!sharesA) {
                    packRows(rowFrom, rowTo, block, own[worker], 0);
                }
                long aAt = sharesA ? (block - blockFrom) * aBlock(mTo - mFrom) + aBlock(rowFrom - mFrom) : 0;
                for (int panel = panelFrom; panel < panelTo; panel++) {
                    sweepPanel(rowFrom, rowTo, nFrom + panel * NR, block, sharesA ? sharedA : own[worker], aAt, sharedB,
                            (block - blockFrom) * bBlock() + (long) panel * depth * NR, edge[worker]);
                }
            }
        }
    }

    /** Each task turns a panel of B and takes it over all rows. */
    private void sweepPanels(int from, int to, int worker) {
        for (int panel = from; panel < to; panel++) {
            for (int block = blockFrom; block < blockTo; block++) {
                turnPanel(panel * NR, block, own[worker], 0, edge[worker]);
                sweepPanel(mFrom, mTo, panel * NR, block, sharedA, (block - blockFrom) * aBlock(mTo - mFrom), own[worker], 0,
                        edge[worker]);
            }
        }
    }

    /** Rows × one panel of one stretch of the sum: strips of A from {@code aAt} floats on, the panel of B from {@code bAt}. */
    private void sweepPanel(int rowFrom, int rowTo, int col, int block, MemorySegment strips, long aAt,
            MemorySegment panel, long bAt, MemorySegment scratch) {
        int cols = Math.min(NR, nTo - col);
        boolean adds = block > 0 || accumulate;
        int kc = depthOf(block);
        for (int row = rowFrom; row < rowTo; row += MR) {
            long target = cOff + row * cRow + col;
            if (rowTo - row >= MR && cols == NR && !adds) {
                FmaTile.product(strips, 4 * aAt, panel, 4 * bAt, kc, c, 4 * target, 4 * cRow);
            } else {
                FmaTile.product(strips, 4 * aAt, panel, 4 * bAt, kc, scratch, 0, 4L * NR);
                store(scratch, Math.min(MR, rowTo - row), cols, target, adds);
            }
            aAt += TileStrips.step(depth);
        }
        if (block == blocks - 1 && (bias != null || relu || residual != null)) {
            finish(rowFrom, rowTo, col, col + cols);
        }
    }

    private void store(MemorySegment tile, int rows, int cols, long target, boolean adds) {
        for (int i = 0; i < rows; i++) {
            if (adds) {
                Panels.add(c, target + i * cRow, tile, (long) i * NR, cols);
            } else {
                Elementwise.copy(tile, (long) i * NR, c, target + i * cRow, cols);
            }
        }
    }

    private void finish(int rowFrom, int rowTo, int colFrom, int colTo) {
        int cols = colTo - colFrom;
        for (int row = rowFrom; row < rowTo; row++) {
            long at = cOff + row * cRow + colFrom;
            long residualAt = (long) row * n + colFrom;
            if (residual == null) {
                finishPlain(at, colFrom, cols);
            } else if (bias == null) {
                Panels.add(c, at, residual, residualAt, cols);
            } else {
                Panels.addBiasResidual(c, at, bias, colFrom, residual, residualAt, cols);
            }
        }
    }

    private void finishPlain(long at, int colFrom, int cols) {
        if (bias == null) {
            Elementwise.relu(c, at, c, at, cols);
        } else if (relu) {
            Panels.addBiasRelu(c, at, bias, colFrom, cols);
        } else {
            Panels.add(c, at, bias, colFrom, cols);
        }
    }
}
