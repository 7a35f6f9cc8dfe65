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
 * <p>All three are C (+)= A·B. Both operands are packed anew each time, since weights change every step: B in panels of NR
 * columns, A in strips of MR rows, both k-major, so that the innermost loop has constant steps and C2 takes its bounds
 * checks out. Loops, outermost first: NC columns, KC of the sum, MC rows; each round is one stage that packs and one stage
 * that sweeps tasks of some strips × a group of panels. A task holds a strip in L1, MR·KC·4 = 18 KiB, and streams its
 * panels from L2. A tile that is not the first of its sum goes to scratch and is added to C from there. Where x has few
 * rows, forward's tasks turn a panel of W each and keep it.
 *
 * <p>The order of every sum depends on the shape alone, so results do not depend on the number of threads. Offsets and
 * strides count floats; matrices are row-major. Not for several threads at once.
 */
public final class TrainMatmul {
    private static final int MR = FmaTile.PRODUCT_ROWS;
    private static final int NR = FmaTile.NR;
    /** Bytes of B that a task sweeps for each strip: with the rows of C they stay in L2. */
    private static final int GROUP_BYTES = Math.max(256 << 10, Machine.L2_BYTES / 4);
    /** Longest stretch of the sum between two visits of C. */
    private static final int KC = 768;
    /** With so many rows of A at most, turning B costs too much to go through L3; tasks do it for themselves. */
    private static final int FEW_ROWS = 512;
    /** Columns packed at a time: NC·KC·4 = 9 MiB stay in L3. */
    private static final int NC = 3072;
    /** Rows packed at a time. */
    private static final int MC = 4098;
    /** Tasks for each thread: the last one to finish keeps the others waiting for a part of one task only. */
    private static final int TASKS_A_THREAD = 16;
    /** Rows that a chunk of packing copies. */
    private static final int K_CHUNK = 16;
    /** The same where A is transposed: the last rows of a chunk are slow. */
    private static final int A_CHUNK = 32;
    /** Strips that a chunk of packing copies. */
    private static final int STRIPS = 4;

    private final Team team;
    private final MemorySegment packedB;
    private final MemorySegment packedA;
    /** Of each worker: a tile that does not go to C at once. */
    private final MemorySegment[] edge;
    private final StageBody packStage = this::packChunks;
    private final StageBody sweepStage = this::sweepTasks;
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
    private int group;
    private int rowTasks;
    private int rowsPerTask;
    private int bChunks;

    /** Scratch of about 22 MiB from {@code arena}; {@code team} runs the stages. */
    public TrainMatmul(Arena arena, Team team) {
        this.team = team;
        this.packedB = arena.allocate(4L * KC * (NC + NR), 64);
        this.packedA = arena.allocate(4L * MC / MR * stripStep(KC), 64);
        this.edge = new MemorySegment[team.threads()];
        this.own = new MemorySegment[team.threads()];
        for (int i = 0; i < edge.length; i++) {
            edge[i] = arena.allocate(4L * MR * NR, 64);
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
        int kBlocks = Math.max(1, Math.ceilDiv(k, KC));
        int kc = Math.ceilDiv(k, kBlocks);
        boolean fewRows = m <= FEW_ROWS && bCol != 1 && aCol == 1;
        for (nFrom = 0; nFrom < n; nFrom = nTo) {
            nTo = fewRows ? n : Math.min(n, nFrom + NC / NR * NR);
            panels = Math.ceilDiv(nTo - nFrom, NR);
            for (int block = 0; block < kBlocks; block++) {
                kFrom = Math.min(k, block * kc);
                kTo = Math.min(k, kFrom + kc);
                for (mFrom = 0; mFrom < m; mFrom = mTo) {
                    mTo = Math.min(m, mFrom + MC);
                    if (fewRows) {
                        pack(false);
                        team.run(panels, 1, ownStage);
                    } else {
                        pack(mFrom == 0);
                        sweep();
                    }
                }
            }
        }
    }

    private void pack(boolean newB) {
        bChunks = !newB ? 0 : bCol == 1 ? Math.ceilDiv(kTo - kFrom, K_CHUNK) : panels;
        int aChunks = aCol == 1
                ? Math.ceilDiv(Math.ceilDiv(mTo - mFrom, MR), STRIPS)
                : Math.ceilDiv(kTo - kFrom, A_CHUNK);
        team.run(bChunks + aChunks, 1, packStage);
    }

    private void sweep() {
        group = Math.clamp(GROUP_BYTES / (4L * NR * Math.max(1, kTo - kFrom)), 1, panels);
        int groups = Math.ceilDiv(panels, group);
        group = Math.ceilDiv(panels, groups);
        int rows = mTo - mFrom;
        int wanted = Math.ceilDiv(TASKS_A_THREAD * team.threads(), groups);
        rowsPerTask = Math.ceilDiv(Math.clamp(Math.ceilDiv(rows, wanted), 32, 256), MR) * MR;
        rowTasks = Math.ceilDiv(rows, rowsPerTask);
        team.run(rowTasks * groups, 1, sweepStage);
    }

    private void packChunks(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            if (i >= bChunks) {
                packA(i - bChunks, edge[worker]);
            } else if (bCol == 1) {
                packB(i * K_CHUNK);
            } else {
                turnPanel(nFrom + i * NR, packedB, (long) i * (kTo - kFrom) * NR, edge[worker]);
            }
        }
    }

    private void packA(int chunk, MemorySegment scratch) {
        int kc = kTo - kFrom;
        if (aCol != 1) {
            int k = chunk * A_CHUNK;
            TileStrips.ofColumns(a, aOff + (kFrom + k) * aCol + mFrom, aCol, Math.min(A_CHUNK, kc - k), mTo - mFrom, packedA,
                    (long) k * MR, stripStep(kc), scratch);
            return;
        }
        int last = Math.min(mTo - mFrom, (chunk + 1) * STRIPS * MR);
        for (int row = chunk * STRIPS * MR; row < last; row += MR) {
            TileStrips.ofRows(a, aOff + (mFrom + row) * aRow + kFrom, aRow, Math.min(MR, mTo - mFrom - row), kc, packedA,
                    row / MR * stripStep(kc));
        }
    }

    /** Floats from strip to strip; a line more than they hold, so that neighbours do not fall into the same sets of a cache. */
    private static long stripStep(int kc) {
        return (long) kc * MR + 16;
    }

    /** Some rows of all panels of B. */
    private void packB(int k) {
        int kc = kTo - kFrom;
        Panels.cutRows(b, bOff + (kFrom + k) * bRow + nFrom, bRow, Math.min(K_CHUNK, kc - k), nTo - nFrom, packedB,
                (long) k * NR, NR, (long) kc * NR);
    }

    /** A panel of a B whose columns lie contiguous. */
    private void turnPanel(int col, MemorySegment target, long at, MemorySegment scratch) {
        int kc = kTo - kFrom;
        int cols = Math.min(NR, n - col);
        long from = bOff + kFrom + col * bCol;
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

    private void sweepTasks(int from, int to, int worker) {
        for (int task = from; task < to; task++) {
            int firstPanel = task / rowTasks * group;
            int firstRow = mFrom + task % rowTasks * rowsPerTask;
            sweepTask(firstRow, Math.min(mTo, firstRow + rowsPerTask), firstPanel, Math.min(panels, firstPanel + group),
                    packedB, 4L * firstPanel * (kTo - kFrom) * NR, edge[worker]);
        }
    }

    /** Each task turns one panel of B and sweeps all rows over it: what is packed never leaves its core's L2. */
    private void sweepOwn(int from, int to, int worker) {
        for (int panel = from; panel < to; panel++) {
            turnPanel(panel * NR, own[worker], 0, edge[worker]);
            sweepTask(mFrom, mTo, panel, panel + 1, own[worker], 0, edge[worker]);
        }
    }

    /** Rows × panels of this stretch of the sum; the first panel of B lies at {@code bAt} bytes. */
    private void sweepTask(int rowFrom, int rowTo, int panelFrom, int panelTo, MemorySegment packed, long bAt,
            MemorySegment scratch) {
        int kc = kTo - kFrom;
        for (int row = rowFrom; row < rowTo; row += MR) {
            for (int panel = panelFrom; panel < panelTo; panel++) {
                tile(row, Math.min(MR, rowTo - row), nFrom + panel * NR, kc, packed,
                        bAt + 4L * (panel - panelFrom) * kc * NR, scratch);
            }
        }
        if (kTo == k && (bias != null || relu || residual != null)) {
            finish(rowFrom, rowTo, nFrom + panelFrom * NR, Math.min(nTo, nFrom + panelTo * NR));
        }
    }

    private void tile(int row, int rows, int col, int kc, MemorySegment packed, long bAt, MemorySegment scratch) {
        boolean adds = kFrom > 0 || accumulate;
        int cols = Math.min(NR, nTo - col);
        long aAt = (row - mFrom) / MR * 4 * stripStep(kc);
        long target = cOff + row * cRow + col;
        if (rows == MR && cols == NR && !adds) {
            FmaTile.product(packedA, aAt, packed, bAt, kc, c, 4 * target, 4 * cRow);
            return;
        }
        FmaTile.product(packedA, aAt, packed, bAt, kc, scratch, 0, 4L * NR);
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
