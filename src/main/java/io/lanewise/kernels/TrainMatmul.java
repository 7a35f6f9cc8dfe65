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
 * <p>All three are C (+)= A·B. B is packed anew each time, in panels of NR columns, k-major, since
 * weights change every step; A is read where it lies, but for dYᵀ, whose columns would touch a page for every k and are
 * copied to strips. Loops, outermost first: NC columns, KC of the sum, MC rows of a transposed A; each round is
 * one stage that packs and one stage that sweeps tasks of some rows × {@link #GROUP} panels. A task holds six rows of A in
 * L1 and streams its panels from L2: 6·KC·4 = 18 KiB and GROUP·NR·KC·4 = 393 KiB. A tile that is not the first of its sum
 * goes to scratch and is added to C from there, so long sums pay: KC = 768 beats 448 by 4 to 10 %. Where x has few rows,
 * forward's tasks turn a panel of W each and keep it: 435 instead of 375 GFLOP/s on two cores at 256 rows.
 *
 * <p>The order of every sum depends on the shape alone, so results do not depend on the number of threads. Offsets and
 * strides count floats; matrices are row-major. Not for several threads at once.
 */
public final class TrainMatmul {
    private static final int MR = FmaTile.PRODUCT_ROWS;
    private static final int NR = FmaTile.NR;
    /** Panels a task sweeps, so that its part of B stays in L2. */
    private static final int GROUP = 2;
    /** Longest stretch of the sum between two visits of C. */
    private static final int KC = 768;
    /** With so many rows of A at most, turning B costs too much to go through L3; tasks do it for themselves. */
    private static final int FEW_ROWS = 512;
    /** Columns packed at a time: NC·KC·4 = 9 MiB stay in L3. */
    private static final int NC = 3072;
    /** Rows of a transposed A packed at a time. */
    private static final int MC = 3072;
    /** Tasks for each thread: the last one to finish keeps the others waiting for a part of one task only. */
    private static final int TASKS_A_THREAD = 16;
    /** Rows that a chunk of packing copies. */
    private static final int K_CHUNK = 16;
    /** Columns of a transposed A that lie together, whole tiles of them: three cache lines of a row. */
    private static final int STRIP = 8 * MR;

    private final Team team;
    private final MemorySegment packedB;
    private final MemorySegment packedA;
    /** Of each worker: a tile that does not go to C at once, then six rows at A's edge. */
    private final MemorySegment[] edge;
    private final StageBody packStage = this::pack;
    private final StageBody sweepStage = this::sweep;
    private final StageBody ownStage = this::sweepOwn;
    /** Of each worker: a panel that it packed for itself. */
    private final MemorySegment[] own;

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

    private int nFrom;
    private int nTo;
    private int kFrom;
    private int kTo;
    private int mFrom;
    private int mTo;
    private int panels;
    private boolean packsA;
    private int rowTasks;
    private int rowsPerTask;
    private int bChunks;
    private int ownDepth;

    /** Scratch of about 19 MiB from {@code arena}; {@code team} runs the stages. */
    public TrainMatmul(Arena arena, Team team) {
        this.team = team;
        this.packedB = arena.allocate(4L * KC * (NC + NR), 64);
        this.packedA = arena.allocate(4L * KC * (MC + STRIP), 64);
        this.edge = new MemorySegment[team.threads()];
        this.own = new MemorySegment[team.threads()];
        for (int i = 0; i < edge.length; i++) {
            edge[i] = arena.allocate(4L * MR * (NR + KC), 64);
            own[i] = arena.allocate(4L * NR * KC, 64);
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
        if (m <= FEW_ROWS && bCol != 1 && aCol == 1) {
            multiplyFewRows();
            return;
        }
        int kBlocks = Math.max(1, Math.ceilDiv(k, KC));
        int kc = Math.ceilDiv(k, kBlocks);
        packsA = aRow == 1 && aCol != 1;
        for (nFrom = 0; nFrom < n; nFrom = nTo) {
            nTo = Math.min(n, nFrom + NC / NR * NR);
            panels = Math.ceilDiv(nTo - nFrom, NR);
            for (int block = 0; block < kBlocks; block++) {
                kFrom = Math.min(k, block * kc);
                kTo = Math.min(k, kFrom + kc);
                for (mFrom = 0; mFrom < m; mFrom = mTo) {
                    mTo = packsA ? Math.min(m, mFrom + MC) : m;
                    stages(mFrom == 0);
                }
            }
        }
    }

    /** Each task turns one panel of B and sweeps all rows over it: what is packed never leaves its core's L2. */
    private void multiplyFewRows() {
        nFrom = 0;
        nTo = n;
        packsA = false;
        int kBlocks = Math.max(1, Math.ceilDiv(k, KC));
        ownDepth = Math.ceilDiv(k, kBlocks);
        team.run(Math.ceilDiv(n, NR), 1, ownStage);
    }

    private void sweepOwn(int from, int to, int worker) {
        for (int panel = from; panel < to; panel++) {
            int k0 = 0;
            do {
                int kc = Math.min(ownDepth, k - k0);
                turnPanel(panel * NR, k0, kc, own[worker], 0, edge[worker]);
                sweepTask(0, m, panel, panel + 1, k0, kc, own[worker], 0, edge[worker]);
                k0 += ownDepth;
            } while (k0 < k);
        }
    }

    /** One round: pack what is new, then sweep. */
    private void stages(boolean newB) {
        bChunks = !newB ? 0 : bCol == 1 ? Math.ceilDiv(kTo - kFrom, K_CHUNK) : panels;
        int aChunks = packsA ? Math.ceilDiv(kTo - kFrom, K_CHUNK) : 0;
        if (bChunks + aChunks > 0) {
            team.run(bChunks + aChunks, 1, packStage);
        }
        int groups = Math.ceilDiv(panels, GROUP);
        int rows = mTo - mFrom;
        int wanted = Math.ceilDiv(TASKS_A_THREAD * team.threads(), groups);
        rowsPerTask = Math.clamp(Math.ceilDiv(rows, wanted), 32, 256);
        rowsPerTask = Math.ceilDiv(rowsPerTask, STRIP) * STRIP;
        rowTasks = Math.ceilDiv(rows, rowsPerTask);
        team.run(rowTasks * groups, 1, sweepStage);
    }

    private void pack(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            if (i >= bChunks) {
                packA((i - bChunks) * K_CHUNK);
            } else if (bCol == 1) {
                packB(i * K_CHUNK);
            } else {
                packPanelTurned(i, edge[worker]);
            }
        }
    }

    /** Some rows of all panels of B. */
    private void packB(int k) {
        int kc = kTo - kFrom;
        Panels.cutRows(b, bOff + (kFrom + k) * bRow + nFrom, bRow, Math.min(K_CHUNK, kc - k), nTo - nFrom, packedB,
                (long) k * NR, NR, (long) kc * NR);
    }

    /** A whole panel of a B whose columns lie contiguous. */
    private void packPanelTurned(int panel, MemorySegment scratch) {
        int kc = kTo - kFrom;
        turnPanel(nFrom + panel * NR, kFrom, kc, packedB, (long) panel * kc * NR, scratch);
    }

    private void turnPanel(int col, int k0, int kc, MemorySegment target, long at, MemorySegment scratch) {
        int cols = Math.min(NR, n - col);
        long from = bOff + k0 + col * bCol;
        touch(from, cols, kc, scratch);
        if (cols == NR) {
            FloatTranspose.copy(b, from, bCol, NR, kc, 1f, target, at, NR, scratch, 0);
        } else {
            Panels.transposeRows(b, from, bCol, cols, kc, target, at, NR);
        }
    }

    /** Has the source of a panel fetched row by row: read by squares, it comes at a third of memory's speed. */
    private void touch(long from, int rows, int length, MemorySegment scratch) {
        float sum = 0;
        for (int i = 0; i < rows; i++) {
            sum += Panels.touch(b, from + i * bCol, length);
        }
        Floats.set(scratch, 0, sum);
    }

    /** Some columns of A, which are rows in memory, for all strips. */
    private void packA(int k) {
        int kc = kTo - kFrom;
        Panels.cutRows(a, aOff + (kFrom + k) * aCol + mFrom, aCol, Math.min(K_CHUNK, kc - k), mTo - mFrom, packedA,
                (long) k * STRIP, STRIP, (long) kc * STRIP);
    }

    private void sweep(int from, int to, int worker) {
        for (int task = from; task < to; task++) {
            int firstPanel = task / rowTasks * GROUP;
            int firstRow = mFrom + task % rowTasks * rowsPerTask;
            sweepTask(firstRow, Math.min(mTo, firstRow + rowsPerTask), firstPanel,
                    Math.min(panels, firstPanel + GROUP), kFrom, kTo - kFrom, packedB,
                    4L * firstPanel * (kTo - kFrom) * NR, edge[worker]);
        }
    }

    /** Rows × panels of one stretch of the sum, [k0, k0 + kc), whose first panel of B lies at {@code bAt} bytes. */
    private void sweepTask(int rowFrom, int rowTo, int panelFrom, int panelTo, int k0, int kc, MemorySegment packed,
            long bAt, MemorySegment scratch) {
        boolean adds = k0 > 0 || accumulate;
        for (int row = rowFrom; row < rowTo; row += MR) {
            int rows = Math.min(MR, rowTo - row);
            MemorySegment tileA = a;
            long at = 4 * (aOff + row * aRow + k0 * aCol);
            long rowStep = 4 * aRow;
            long step = 4 * aCol;
            if (packsA) {
                tileA = packedA;
                int strip = (row - mFrom) / STRIP;
                at = 4L * ((long) strip * kc * STRIP + (row - mFrom) % STRIP);
                rowStep = 4;
                step = 4 * STRIP;
            } else if (rows < MR) {
                tileA = scratch;
                at = 4L * MR * NR;
                rowStep = 4L * kc;
                copyEdgeRows(row, rows, k0, kc, scratch);
            }
            for (int panel = panelFrom; panel < panelTo; panel++) {
                tile(row, rows, nFrom + panel * NR, kc, adds, tileA, at, rowStep, step, packed,
                        bAt + 4L * (panel - panelFrom) * kc * NR, scratch);
            }
        }
        if (k0 + kc == k && (bias != null || relu || residual != null)) {
            finish(rowFrom, rowTo, nFrom + panelFrom * NR, Math.min(nTo, nFrom + panelTo * NR));
        }
    }

    /** The last rows of A, so that a tile of six may read on: what it reads there goes nowhere. */
    private void copyEdgeRows(int row, int rows, int k0, int kc, MemorySegment scratch) {
        for (int i = 0; i < rows; i++) {
            Elementwise.copy(a, aOff + (row + i) * aRow + k0, scratch, (long) MR * NR + (long) i * kc, kc);
        }
    }

    private void tile(int row, int rows, int col, int kc, boolean adds, MemorySegment tileA, long at, long rowStep,
            long step, MemorySegment packed, long bAt, MemorySegment scratch) {
        int cols = Math.min(NR, nTo - col);
        long target = cOff + row * cRow + col;
        if (rows == MR && cols == NR && !adds) {
            FmaTile.product(tileA, at, rowStep, step, packed, bAt, 4L * NR, kc, c, 4 * target, 4 * cRow);
            return;
        }
        FmaTile.product(tileA, at, rowStep, step, packed, bAt, 4L * NR, kc, scratch, 0, 4L * NR);
        for (int i = 0; i < rows; i++) {
            if (adds) {
                Panels.add(c, target + i * cRow, scratch, (long) i * NR, cols);
            } else {
                Elementwise.copy(scratch, (long) i * NR, c, target + i * cRow, cols);
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
