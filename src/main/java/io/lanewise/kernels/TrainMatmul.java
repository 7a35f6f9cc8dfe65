package io.lanewise.kernels;

import io.lanewise.parallel.Machine;
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
 * <p>All three are C (+)= A·B by {@link FloatTile}, which takes six rows of A as they lie, if k is contiguous, and B in panels
 * of NR columns. So what is packed is:
 *
 * <pre>
 *                     A                   B
 * forward             x, as it lies       panels of Wᵀ
 * inputGradient       dY, as it lies      panels of W
 * weightGradient      dYᵀ, turned         panels of x
 * </pre>
 *
 * <p>All threads pack in a stage of its own; only where few rows go over a panel of Wᵀ each task turns its own, which then
 * stays in its core's L2. A task takes some rows and so many panels as stay in L2: with six rows, which stay in L1, it goes
 * through the panels, and C is written row by row. A tile that is not the first of its sum goes to scratch and is added to
 * C from there.
 *
 * <p>The order of every sum depends on the shape alone, so results do not depend on the number of threads. Offsets and
 * strides count floats; matrices are row-major. Not for several threads at once.
 */
public final class TrainMatmul {
    private static final int MR = FloatTile.MR;
    private static final int NR = FloatTile.NR;
    /** Longest stretch of the sum between two visits of C. */
    private static final int KC = 768;
    /** Columns of B that are shared at a time. */
    private static final int NC = 3072;
    /** Floats of a shared operand: 9 MiB stay in L3. */
    private static final long SHARED = (long) KC * NC;
    /** Floats between the turned rows of A: neighbours do not fall into the same sets of L1. */
    private static final int GAP = 16;
    /** Bytes of panels that a task goes through again and again. */
    private static final long L2_PART = Machine.L2_BYTES / 2;
    /** Most rows of a task, which reads its panels from L3 once for all of them. */
    private static final int MOST_ROWS = 43 * MR;
    /** Most rows of a task that turns them. */
    private static final int MOST_TURNED = 32 * MR;
    /** With so many rows of A at most, a B that has to be turned is not shared. */
    private static final int FEW_ROWS = 512;
    /** Tasks for each thread: the last one to finish keeps the others waiting for a part of one task only. */
    private static final int TASKS_A_THREAD = 16;
    /** Rows that a chunk of packing copies. */
    private static final int K_CHUNK = 16;

    private final Team team;
    private final MemorySegment sharedB;
    /** Of each worker: what it turned for itself, a panel of B or rows of A. */
    private final MemorySegment[] own;
    /** Of each worker: a tile that does not go to C at once. */
    private final MemorySegment[] edge;
    private final StageBody packStage = this::packChunks;
    private final StageBody sweepStage = this::sweepTasks;

    private MemorySegment a;
    private long aRow;
    private long aCol;
    private MemorySegment b;
    private long bRow;
    private long bCol;
    private MemorySegment c;
    private int m;
    private int n;
    private int k;
    private boolean accumulate;
    private MemorySegment bias;
    private boolean relu;
    private MemorySegment residual;

    /** Whether a task turns its rows of A. */
    private boolean turnsA;
    /** Whether B is packed before; else a task turns its panel. */
    private boolean sharesB;
    // This round: columns nFrom to nTo, and of the sum's stretches, each depth long, those from blockFrom to blockTo.
    private int nFrom;
    private int nTo;
    private int panels;
    private int depth;
    private int blocks;
    private int blockFrom;
    private int blockTo;
    private int chunks;
    private int rowsPerTask;
    private int rowTasks;
    private int panelsPerTask;

    /** Scratch of 9 MiB, and 0.6 MiB for each thread, from {@code arena}; {@code team} runs the stages. */
    public TrainMatmul(Arena arena, Team team) {
        this.team = team;
        this.sharedB = arena.allocate(4 * SHARED, 64);
        this.edge = new MemorySegment[team.threads()];
        this.own = new MemorySegment[team.threads()];
        for (int i = 0; i < edge.length; i++) {
            edge[i] = arena.allocate(4L * Math.max(MR * NR, FloatTranspose.SCRATCH), 64);
            own[i] = arena.allocate(4 * Math.max(KC * NR, MOST_TURNED * (KC + GAP)), 64);
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
        operands(x, in, 1, w, 1, in);
        result(y, rows, out, in, false);
        this.bias = bias;
        this.relu = relu;
        this.residual = residual;
        multiply();
    }

    /** dX [rows, in] = dY [rows, out] · W [out, in], or += where {@code accumulate}. */
    public void inputGradient(MemorySegment dY, int rows, int out, MemorySegment w, int in, MemorySegment dX,
            boolean accumulate) {
        operands(dY, out, 1, w, in, 1);
        result(dX, rows, in, out, accumulate);
        multiply();
    }

    /** dW [out, in] = dYᵀ · x for dY [rows, out] and x [rows, in], or += where {@code accumulate}. */
    public void weightGradient(MemorySegment dY, MemorySegment x, int rows, int out, int in, MemorySegment dW,
            boolean accumulate) {
        operands(dY, 1, out, x, in, 1);
        result(dW, out, in, rows, accumulate);
        multiply();
    }

    private void operands(MemorySegment a, long aRow, long aCol, MemorySegment b, long bRow, long bCol) {
        this.a = a;
        this.aRow = aRow;
        this.aCol = aCol;
        this.b = b;
        this.bRow = bRow;
        this.bCol = bCol;
    }

    /** C [m, n], sums of k products. */
    private void result(MemorySegment segment, int m, int n, int k, boolean accumulate) {
        c = segment;
        this.m = m;
        this.n = n;
        this.k = k;
        this.accumulate = accumulate;
        bias = null;
        relu = false;
        residual = null;
        long bytes = 4L * m * n;
        if (c.byteSize() < bytes) {
            throw new IllegalArgumentException("matmul: result [" + m + ", " + n + "] needs " + bytes
                    + " bytes, the segment has " + c.byteSize());
        }
    }

    private void multiply() {
        blocks = Math.max(1, Math.ceilDiv(k, KC));
        depth = Math.ceilDiv(k, blocks);
        turnsA = aCol != 1;
        sharesB = m > FEW_ROWS || cutsB();
        for (nFrom = 0; nFrom < n; nFrom = nTo) {
            nTo = sharesB ? Math.min(n, nFrom + NC / NR * NR) : n;
            panels = Math.ceilDiv(nTo - nFrom, NR);
            int fit = sharesB ? (int) Math.clamp(SHARED / Math.max(1, bBlock()), 1, blocks) : blocks;
            for (blockFrom = 0; blockFrom < blocks; blockFrom = blockTo) {
                blockTo = Math.min(blocks, blockFrom + fit);
                if (sharesB) {
                    chunks = cutsB() ? Math.ceilDiv(depth, K_CHUNK) : panels;
                    team.run((blockTo - blockFrom) * chunks, 1, packStage);
                }
                sweep();
            }
        }
    }

    /** Whether rows of B are cut into panels; else its columns are turned. */
    private boolean cutsB() {
        return bCol == 1;
    }

    /** Floats from one turned row of A to the next: whole cache lines. */
    private long aStep() {
        return Math.ceilDiv(depth, GAP) * GAP + GAP;
    }

    /** Floats from one panel of B to the next. */
    private long bStep() {
        return (long) depth * NR;
    }

    /** Floats of a stretch of B. */
    private long bBlock() {
        return panels * bStep();
    }

    private int depthOf(int block) {
        return Math.min(depth, k - block * depth);
    }

    private void packChunks(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            int block = blockFrom + i / chunks;
            packB(i % chunks, block, (block - blockFrom) * bBlock(), edge[worker]);
        }
    }

    private void packB(int chunk, int block, long at, MemorySegment scratch) {
        if (!cutsB()) {
            turnPanel(nFrom + chunk * NR, block, sharedB, at + chunk * bStep(), scratch);
            return;
        }
        int first = chunk * K_CHUNK;
        Panels.cutRows(b, ((long) block * depth + first) * bRow + nFrom, bRow,
                Math.clamp(depthOf(block) - first, 0, K_CHUNK), nTo - nFrom, sharedB, at + (long) first * NR, bStep());
    }

    /** A panel of a B whose columns lie contiguous. */
    private void turnPanel(int col, int block, MemorySegment target, long at, MemorySegment scratch) {
        int cols = Math.min(NR, n - col);
        int kc = depthOf(block);
        long from = (long) block * depth + col * bCol;
        Floats.set(scratch, 0, Panels.touch(b, from, bCol, cols, kc));
        if (cols == NR) {
            FloatTranspose.copy(b, from, bCol, NR, kc, 1f, target, at, NR, scratch, 0);
        } else {
            Panels.transposeRows(b, from, bCol, cols, kc, target, at, NR);
        }
    }

    private void sweep() {
        if (turnsA) {
            rowsPerTask = MOST_TURNED;
            panelsPerTask = panels;
        } else {
            rowsPerTask = sharesB ? MOST_ROWS : FEW_ROWS;
            int wanted = Math.ceilDiv(TASKS_A_THREAD * team.threads(), Math.ceilDiv(m, rowsPerTask));
            int most = sharesB ? fittingPanels() : 1;
            panelsPerTask = Math.ceilDiv(panels, Math.clamp(wanted, Math.ceilDiv(panels, most), panels));
        }
        rowTasks = Math.ceilDiv(m, rowsPerTask);
        team.run(rowTasks * Math.ceilDiv(panels, panelsPerTask), 1, sweepStage);
    }

    /** Panels that stay in L2. */
    private int fittingPanels() {
        return (int) Math.clamp(L2_PART / (4 * bStep()), 1, panels);
    }

    /** Each task takes some rows of A and some panels. */
    private void sweepTasks(int from, int to, int worker) {
        for (int task = from; task < to; task++) {
            int rowFrom = task % rowTasks * rowsPerTask;
            int rowTo = Math.min(m, rowFrom + rowsPerTask);
            int panelFrom = task / rowTasks * panelsPerTask;
            int panelTo = Math.min(panels, panelFrom + panelsPerTask);
            for (int block = blockFrom; block < blockTo; block++) {
                if (turnsA) {
                    FloatTranspose.copy(a, (long) block * depth * aCol + rowFrom, aCol, depthOf(block), rowTo - rowFrom,
                            1f, own[worker], 0, aStep(), edge[worker], 0);
                } else if (!sharesB) {
                    turnPanel(nFrom + panelFrom * NR, block, own[worker], 0, edge[worker]);
                }
                int group = fittingPanels();
                for (int panel = panelFrom; panel < panelTo; panel += group) {
                    sweepBlock(rowFrom, rowTo, panel, Math.min(panelTo, panel + group), block, worker);
                }
            }
            if (blockTo == blocks && (bias != null || relu || residual != null)) {
                finish(rowFrom, rowTo, nFrom + panelFrom * NR, Math.min(nTo, nFrom + panelTo * NR));
            }
        }
    }

    /**
     * Rows × panels of one stretch of the sum. Where fewer than six rows are left, those before are computed once more, or
     * what lies behind turned rows with them: a tile for few rows would hardly ever run and never be compiled.
     */
    private void sweepBlock(int rowFrom, int rowTo, int panelFrom, int panelTo, int block, int worker) {
        MemorySegment rows = turnsA ? own[worker] : a;
        long rowStep = turnsA ? aStep() : aRow;
        long rowsAt = turnsA ? -rowFrom * aStep() : (long) block * depth;
        MemorySegment b = sharesB ? sharedB : own[worker];
        long bAt = sharesB ? (block - blockFrom) * bBlock() : 0;
        MemorySegment tile = edge[worker];
        int kc = depthOf(block);
        boolean adds = block > 0 || accumulate;
        for (int row = rowFrom; row < rowTo; row += MR) {
            int count = Math.min(MR, rowTo - row);
            int again = turnsA ? 0 : Math.min(row, MR - count);
            long at = rowsAt + (row - again) * rowStep << 2;
            for (int panel = panelFrom; panel < panelTo; panel++) {
                int col = nFrom + panel * NR;
                int cols = Math.min(NR, nTo - col);
                long target = (long) row * n + col;
                long panelAt = bAt + (sharesB ? panel * bStep() : 0) << 2;
                if (cols == NR && count == MR && !adds) {
                    FloatTile.multiply(rows, at, rowStep << 2, b, panelAt, kc, c, target << 2, (long) n << 2);
                } else if (turnsA || m >= MR) {
                    FloatTile.multiply(rows, at, rowStep << 2, b, panelAt, kc, tile, 0, NR * (long) Float.BYTES);
                    store(tile, again, count, cols, target, adds);
                } else {
                    for (int i = 0; i < count; i++) {
                        FloatTile.multiplyRow(rows, at + (i * rowStep << 2), b, panelAt, kc, tile, i * NR * (long) Float.BYTES);
                    }
                    store(tile, 0, count, cols, target, adds);
                }
            }
        }
    }

    private void store(MemorySegment tile, int firstRow, int rows, int cols, long target, boolean adds) {
        for (int i = 0; i < rows; i++) {
            long from = (firstRow + i) * (long) NR;
            if (adds) {
                Panels.add(c, target + (long) i * n, tile, from, cols);
            } else {
                Elementwise.copy(tile, from, c, target + (long) i * n, cols);
            }
        }
    }

    private void finish(int rowFrom, int rowTo, int colFrom, int colTo) {
        int cols = colTo - colFrom;
        for (int row = rowFrom; row < rowTo; row++) {
            long at = (long) row * n + colFrom;
            if (residual == null) {
                finishPlain(at, colFrom, cols);
            } else if (bias == null) {
                Panels.add(c, at, residual, at, cols);
            } else {
                Panels.addBiasResidual(c, at, bias, colFrom, residual, at, cols);
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
