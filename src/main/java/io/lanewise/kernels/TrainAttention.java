package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Scaled dot-product attention for training, forward and backward side by side, after FlashAttention-2 (Dao 2023). Blocks
 * of {@link #ROWS} queries meet blocks of {@link #KEYS} keys; of the probabilities only L = log Σ e^score of each query is
 * kept, and backward makes them again from it:
 *
 * <pre>
 * forward   S = Q Kᵀ·scale, P = e^(S - L), O = P V, L = log Σ e^S
 * backward  D = Σ dO·O, dP = dO Vᵀ, dS = P·(dP - D)·scale, dQ = dS K, dK = dSᵀ Q, dV = Pᵀ dO
 * </pre>
 *
 * <p>In scratch a query is a lane: scores lie as [keys, rows], so that the softmax runs down the lanes and every product
 * is a {@link FmaTile} whose broadcast operand needs no transposition; only Q and dO are turned, once a block. Scores are
 * multiplied by log2 e on the way, so that probabilities are powers of two, and so is L. A task is one sequence and one
 * key head with all query heads that share it, so dK and dV have one owner and sums one order.
 *
 * <p>What happens to a block is a list of passes, called through an interface that has many implementations: C2 compiles
 * each by itself. Inlined into one method their vector code is more than C2 takes, and what is beyond that is boxed.
 */
public final class TrainAttention {
    /** Queries a block. */
    private static final int ROWS = 64;
    /** Keys a block. */
    private static final int KEYS = 64;
    private static final double LOG2_E = 1.4426950408889634;

    private final int seqLen;
    private final int nHeads;
    private final int nKvHeads;
    private final int headDim;
    private final boolean causal;
    /** Floats a row of qkv. */
    private final int width;
    /** headDim and the queries of a block, rounded up to what a tile takes. */
    private final int dim;
    private final int lanes;
    /** headDim and seqLen rounded up to rows of a tile. */
    private final int dimRows;
    private final int paddedKeys;

    private final long kOff;
    private final long vOff;
    private final long qtOff;
    private final long scoresOff;
    private final long outOff;
    private final long maxOff;
    private final long sumOff;
    private final long factorOff;
    private final long zerosOff;
    private final long qOff;
    private final long dOutOff;
    private final long dOutTOff;
    private final long dScoresOff;
    private final long dKOff;
    private final long dVOff;
    private final long turnOff;
    private final long totalFloats;

    /** For sequences of {@code seqLen}; qkv is [batch, seqLen, (nHeads + 2·nKvHeads)·headDim]. */
    public TrainAttention(int seqLen, int nHeads, int nKvHeads, int headDim, boolean causal) {
        if (nKvHeads < 1 || nHeads % nKvHeads != 0 || headDim < 1) {
            throw new IllegalArgumentException("attention: expected query heads in equal groups for each key head, got "
                    + nHeads + " and " + nKvHeads + " heads of " + headDim);
        }
        this.seqLen = seqLen;
        this.nHeads = nHeads;
        this.nKvHeads = nKvHeads;
        this.headDim = headDim;
        this.causal = causal;
        this.width = (nHeads + 2 * nKvHeads) * headDim;
        this.dim = roundUp(headDim, FmaTile.ADD_COLUMNS);
        this.lanes = Math.min(ROWS, roundUp(seqLen, FmaTile.ADD_COLUMNS));
        this.dimRows = roundUp(headDim, FmaTile.ADD_ROWS);
        this.paddedKeys = roundUp(seqLen, FmaTile.ADD_ROWS);
        long keys = (long) paddedKeys * dim;
        long turned = (long) dim * lanes;
        kOff = 0;
        vOff = kOff + keys;
        qtOff = vOff + keys;
        scoresOff = qtOff + turned;
        outOff = scoresOff + (long) KEYS * lanes;
        maxOff = outOff + turned;
        sumOff = maxOff + lanes;
        factorOff = sumOff + lanes;
        zerosOff = factorOff + lanes;
        qOff = zerosOff + Math.max(lanes, dim);
        dOutOff = qOff + turned;
        dOutTOff = dOutOff + turned;
        dScoresOff = dOutTOff + turned;
        dKOff = dScoresOff + (long) KEYS * lanes;
        dVOff = dKOff + keys;
        turnOff = dVOff + keys;
        totalFloats = turnOff + FloatTranspose.SCRATCH + 15 & -16;
    }

    private static int roundUp(int n, int unit) {
        return Math.ceilDiv(n, unit) * unit;
    }

    /** Tasks of a batch: one for each sequence and key head. */
    public int tasks(int batch) {
        return batch * nKvHeads;
    }

    /** Scratch that one worker needs. */
    public long scratchFloats() {
        return totalFloats;
    }

    /** One thread's share of the work; keep it. */
    public Worker newWorker() {
        return new Worker();
    }

    private interface Pass {
        void run();
    }

    private static void runAll(Pass[] passes) {
        for (Pass pass : passes) {
            pass.run();
        }
    }

    /** Does tasks, one at a time, in scratch of its own. */
    public final class Worker {
        private final Pass[] openForward = {this::turnQueries, this::resetSoftmax, this::clearOut};
        private final Pass[] forward =
                {this::scores, this::maskScores, this::raiseMax, this::rescale, this::probs, this::output};
        private final Pass[] closeForward = {this::storeLogSums, this::normalise, this::storeOutput};
        private final Pass[] openBackward = {this::loadQueries, this::loadOutGradients, this::turnQueries,
            this::turnOutGradients, this::loadStats, this::clearOut};
        private final Pass[] backward = {this::scores, this::maskScores, this::probGradients, this::scoreGradients,
            this::valueGradients, this::keyGradients, this::queryGradients};
        private final Pass[] closeBackward = {this::storeQueryGradients};
        private final Pass[] openTask = {this::loadKeys, this::loadValues, this::clearZeros};
        private final Pass[] clearGradients = {this::clearKeyGradients, this::clearValueGradients};
        private final Pass[] closeTask = {this::storeKeyGradients, this::storeValueGradients};

        private MemorySegment w;
        private MemorySegment qkv;
        private MemorySegment out;
        private MemorySegment logSums;
        private MemorySegment dOut;
        private MemorySegment dQkv;
        private boolean accumulate;
        private int batch;
        private int kvHead;
        private int head;
        /** The block: queries row .. row + rows - 1 and keys key .. key + keys - 1, whole tiles of them. */
        private int row;
        private int rows;
        private int key;
        private int keys;
        private boolean maxRose;

        private Worker() {}

        /**
         * Task {@code task} of the forward pass.
         *
         * @param qkv [batch, seqLen, (nHeads + 2·nKvHeads)·headDim]
         * @param out [batch, seqLen, nHeads·headDim]
         * @param logSums [batch, nHeads, seqLen], L of each query
         * @param scratch {@link #scratchFloats} from its first float on
         */
        public void forward(int task, MemorySegment qkv, MemorySegment out, MemorySegment logSums,
                MemorySegment scratch) {
            begin(task, qkv, out, logSums, scratch);
            for (head = firstHead(); head < firstHead() + nHeads / nKvHeads; head++) {
                for (row = 0; row < seqLen; row += lanes) {
                    rows = Math.min(lanes, seqLen - row);
                    runAll(openForward);
                    keyBlocks(forward);
                    runAll(closeForward);
                }
            }
        }

        /**
         * Task {@code task} of the backward pass.
         *
         * @param out what forward gave
         * @param dOut [batch, seqLen, nHeads·headDim]
         * @param dQkv like qkv
         * @param accumulate whether dQkv is added to
         */
        public void backward(int task, MemorySegment qkv, MemorySegment out, MemorySegment logSums, MemorySegment dOut,
                MemorySegment dQkv, boolean accumulate, MemorySegment scratch) {
            begin(task, qkv, out, logSums, scratch);
            this.dOut = dOut;
            this.dQkv = dQkv;
            this.accumulate = accumulate;
            runAll(clearGradients);
            for (head = firstHead(); head < firstHead() + nHeads / nKvHeads; head++) {
                for (row = 0; row < seqLen; row += lanes) {
                    rows = Math.min(lanes, seqLen - row);
                    runAll(openBackward);
                    keyBlocks(backward);
                    runAll(closeBackward);
                }
            }
            runAll(closeTask);
        }

        private void begin(int task, MemorySegment qkv, MemorySegment out, MemorySegment logSums, MemorySegment scratch) {
            this.qkv = qkv;
            this.out = out;
            this.logSums = logSums;
            this.w = scratch;
            batch = task / nKvHeads;
            kvHead = task % nKvHeads;
            runAll(openTask);
        }

        private int firstHead() {
            return kvHead * (nHeads / nKvHeads);
        }

        private void keyBlocks(Pass[] passes) {
            int visible = causal ? row + rows : seqLen;
            for (key = 0; key < visible; key += KEYS) {
                keys = roundUp(Math.min(KEYS, visible - key), FmaTile.ADD_ROWS);
                runAll(passes);
            }
        }

        private long queryAt() {
            return ((long) batch * seqLen + row) * width + (long) head * headDim;
        }

        private long keyAt() {
            return (long) batch * seqLen * width + (long) (nHeads + kvHead) * headDim;
        }

        private long valueAt() {
            return keyAt() + (long) nKvHeads * headDim;
        }

        private long outAt() {
            return ((long) batch * seqLen + row) * nHeads * headDim + (long) head * headDim;
        }

        private long logSumsAt() {
            return ((long) batch * nHeads + head) * seqLen + row;
        }

        private void loadKeys() {
            loadRows(qkv, keyAt(), width, seqLen, paddedKeys, kOff);
        }

        private void loadValues() {
            loadRows(qkv, valueAt(), width, seqLen, paddedKeys, vOff);
        }

        private void clearZeros() {
            Elementwise.fill(w, zerosOff, Math.max(lanes, dim), 0f);
        }

        private void clearKeyGradients() {
            Elementwise.fill(w, dKOff, paddedKeys * dim, 0f);
        }

        private void clearValueGradients() {
            Elementwise.fill(w, dVOff, paddedKeys * dim, 0f);
        }

        /** Rows of one head → [padded, dim], zeros where there is nothing. */
        private void loadRows(MemorySegment x, long off, long stride, int count, int padded, long at) {
            Panels.copyRows(x, off, stride, count, headDim, w, at, dim);
            for (int i = count; i < padded; i++) {
                Elementwise.fill(w, at + (long) i * dim, dim, 0f);
            }
        }

        private void loadQueries() {
            loadRows(qkv, queryAt(), width, rows, lanes, qOff);
        }

        private void loadOutGradients() {
            loadRows(dOut, outAt(), (long) nHeads * headDim, rows, lanes, dOutOff);
        }

        private void turnQueries() {
            turn(qkv, queryAt(), width, (float) (LOG2_E / Math.sqrt(headDim)), qtOff);
        }

        private void turnOutGradients() {
            turn(dOut, outAt(), (long) nHeads * headDim, 1f, dOutTOff);
        }

        /** w [headDim, lanes] = factor · x [rows, headDim]ᵀ, zeros in lanes without a query. */
        private void turn(MemorySegment x, long off, long stride, float factor, long target) {
            if (rows < lanes) {
                Elementwise.fill(w, target, headDim * lanes, 0f);
            }
            FloatTranspose.copy(x, off, stride, rows, headDim, factor, w, target, lanes, w, turnOff);
        }

        private void clearOut() {
            Elementwise.fill(w, outOff, dim * lanes, 0f);
        }

        private void resetSoftmax() {
            Elementwise.fill(w, maxOff, lanes, Float.NEGATIVE_INFINITY);
            Elementwise.fill(w, sumOff, lanes, 0f);
        }

        /** L of each query where the max was, and D where the sum was. */
        private void loadStats() {
            long outWidth = (long) nHeads * headDim;
            for (int i = 0; i < lanes; i++) {
                long at = outAt() + i * outWidth;
                Floats.set(w, maxOff + i, i < rows ? Floats.get(logSums, logSumsAt() + i) : 0f);
                Floats.set(w, sumOff + i, i < rows ? NormTraining.dot(out, at, dOut, at, headDim) : 0f);
            }
        }

        /** S [keys, lanes] = K [keys, dim] · Qᵀ [dim, lanes]. */
        private void scores() {
            products(kOff, qtOff, scoresOff);
        }

        /** dP [keys, lanes] = V [keys, dim] · dOᵀ [dim, lanes]. */
        private void probGradients() {
            products(vOff, dOutTOff, dScoresOff);
        }

        private void products(long rowsOff, long turnedOff, long target) {
            FmaTile.add(keys, lanes, w, 4 * (rowsOff + (long) key * dim), 4L * dim, 4, w, 4 * turnedOff, 4L * lanes, headDim,
                    w, 4 * zerosOff, 0, w, 4 * target, 4L * lanes);
        }

        /** Hides what no query may see: keys beyond the sequence, and those after the query if causal. */
        private void maskScores() {
            if (key + keys > seqLen || causal && key + keys > row + 1) {
                for (int i = 0; i < keys; i++) {
                    int before = key + i >= seqLen ? lanes : causal ? Math.clamp(key + i - row, 0, lanes) : 0;
                    Elementwise.fill(w, scoresOff + (long) i * lanes, before, Float.NEGATIVE_INFINITY);
                }
            }
        }

        private void raiseMax() {
            maxRose = LaneSoftmax.raiseMax(w, scoresOff, keys, lanes, maxOff, factorOff);
        }

        private void rescale() {
            if (maxRose) {
                LaneSoftmax.multiplyRows(w, sumOff, 1, lanes, factorOff);
                LaneSoftmax.multiplyRows(w, outOff, headDim, lanes, factorOff);
            }
        }

        private void probs() {
            LaneSoftmax.probs(w, scoresOff, keys, lanes, maxOff, sumOff);
        }

        /** O [dim, lanes] += Vᵀ [dim, keys] · P [keys, lanes]. */
        private void output() {
            turnedProducts(vOff, scoresOff);
        }

        /** dQᵀ [dim, lanes] += Kᵀ [dim, keys] · dS [keys, lanes], where the output was. */
        private void queryGradients() {
            turnedProducts(kOff, dScoresOff);
        }

        private void turnedProducts(long rowsOff, long weightsOff) {
            FmaTile.add(dimRows, lanes, w, 4 * (rowsOff + (long) key * dim), 4, 4L * dim, w, 4 * weightsOff, 4L * lanes,
                    keys, w, 4 * outOff, 4L * lanes, w, 4 * outOff, 4L * lanes);
        }

        private void scoreGradients() {
            LaneSoftmax.gradients(w, scoresOff, dScoresOff, keys, lanes, maxOff, sumOff,
                    (float) (1 / Math.sqrt(headDim)));
        }

        /** dV [keys, dim] += P [keys, lanes] · dO [lanes, dim]. */
        private void valueGradients() {
            rowProducts(scoresOff, dOutOff, dVOff);
        }

        /** dK [keys, dim] += dS [keys, lanes] · Q [lanes, dim]. */
        private void keyGradients() {
            rowProducts(dScoresOff, qOff, dKOff);
        }

        private void rowProducts(long weightsOff, long rowsOff, long target) {
            long at = 4 * (target + (long) key * dim);
            FmaTile.add(keys, dim, w, 4 * weightsOff, 4L * lanes, 4, w, 4 * rowsOff, 4L * dim, lanes, w, at, 4L * dim, w, at,
                    4L * dim);
        }

        private void storeLogSums() {
            for (int i = 0; i < rows; i++) {
                double log2Sum = Math.log(Floats.get(w, sumOff + i)) * LOG2_E;
                Floats.set(logSums, logSumsAt() + i, (float) (Floats.get(w, maxOff + i) + log2Sum));
            }
        }

        private void normalise() {
            LaneSoftmax.reciprocals(w, sumOff, lanes, factorOff);
            LaneSoftmax.multiplyRows(w, outOff, headDim, lanes, factorOff);
        }

        private void storeOutput() {
            FloatTranspose.copy(w, outOff, lanes, headDim, rows, 1f, out, outAt(), (long) nHeads * headDim, w, turnOff);
        }

        private void storeQueryGradients() {
            if (accumulate) {
                Panels.addTransposedRows(w, outOff, lanes, headDim, rows, dQkv, queryAt(), width);
            } else {
                FloatTranspose.copy(w, outOff, lanes, headDim, rows, 1f, dQkv, queryAt(), width, w, turnOff);
            }
        }

        private void storeKeyGradients() {
            storeRows(dKOff, keyAt());
        }

        private void storeValueGradients() {
            storeRows(dVOff, valueAt());
        }

        private void storeRows(long off, long target) {
            for (int i = 0; i < seqLen; i++) {
                long to = target + (long) i * width;
                if (accumulate) {
                    Panels.add(dQkv, to, w, off + (long) i * dim, headDim);
                } else {
                    Elementwise.copy(w, off + (long) i * dim, dQkv, to, headDim);
                }
            }
        }
    }
}
