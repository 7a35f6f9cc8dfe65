package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Scaled dot-product attention for training, forward and backward side by side, after FlashAttention-2 (Dao 2023). Blocks
 * of {@link #ROWS} queries meet blocks of {@link #KEYS} keys; of the probabilities only log Σ e^score of each query is
 * kept, and backward makes them again from it:
 *
 * <pre>
 * forward   S = Q Kᵀ·scale, P = e^(S - L), O = P V, L = log Σ e^S
 * backward  D = Σ dO·O, dP = dO Vᵀ, dS = P·(dP - D)·scale, dQ = dS K, dK = dSᵀ Q, dV = Pᵀ dO
 * </pre>
 *
 * <p>In scratch a query is a lane: scores lie as [keys, rows], so that the softmax runs down the lanes and every product
 * is a {@link FmaTile} whose broadcast operand needs no transposition; only Q and dO are turned, once a block. A task is
 * one sequence and one key head with all query heads that share it, so dK and dV have one owner and sums one order.
 */
public final class TrainAttention {
    /** Queries a block. */
    private static final int ROWS = 64;
    /** Keys a block. */
    private static final int KEYS = 64;

    private final int seqLen;
    private final int nHeads;
    private final int nKvHeads;
    private final int headDim;
    private final boolean causal;
    private final float scale;
    /** Floats a row of qkv. */
    private final int width;
    /** headDim and the queries of a block, rounded up to what a tile takes. */
    private final int dim;
    private final int lanes;
    /** seqLen rounded up to rows of a tile. */
    private final int paddedKeys;

    private final long kOff;
    private final long vOff;
    private final long qtOff;
    private final long scoresOff;
    private final long outOff;
    private final long maxOff;
    private final long newMaxOff;
    private final long sumOff;
    private final long zerosOff;
    private final long forwardFloats;
    private final long qOff;
    private final long dOutOff;
    private final long dOutTOff;
    private final long dScoresOff;
    private final long dKOff;
    private final long dVOff;
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
        this.scale = (float) (1 / Math.sqrt(headDim));
        this.width = (nHeads + 2 * nKvHeads) * headDim;
        this.dim = roundUp(headDim, FmaTile.ADD_COLUMNS);
        this.lanes = Math.min(ROWS, roundUp(seqLen, FmaTile.ADD_COLUMNS));
        this.paddedKeys = roundUp(seqLen, FmaTile.ADD_ROWS);
        long keys = (long) paddedKeys * dim;
        long turned = (long) dim * lanes;
        kOff = 0;
        vOff = kOff + keys;
        qtOff = vOff + keys;
        scoresOff = qtOff + turned;
        outOff = scoresOff + (long) KEYS * lanes;
        maxOff = outOff + turned;
        newMaxOff = maxOff + lanes;
        sumOff = newMaxOff + lanes;
        zerosOff = sumOff + lanes;
        forwardFloats = zerosOff + Math.max(lanes, dim);
        qOff = forwardFloats;
        dOutOff = qOff + turned;
        dOutTOff = dOutOff + turned;
        dScoresOff = dOutTOff + turned;
        dKOff = dScoresOff + (long) KEYS * lanes;
        dVOff = dKOff + keys;
        totalFloats = dVOff + keys;
    }

    private static int roundUp(int n, int unit) {
        return Math.ceilDiv(n, unit) * unit;
    }

    /** Tasks of a batch: one for each sequence and key head. */
    public int tasks(int batch) {
        return batch * nKvHeads;
    }

    /** Scratch that one worker needs, a multiple of 16. */
    public long scratchFloats() {
        return (totalFloats + 15) & -16;
    }

    /**
     * Task {@code task} of the forward pass.
     *
     * @param out [batch, seqLen, nHeads·headDim]
     * @param logSums [batch, nHeads, seqLen], L of each query
     * @param w scratch of {@link #scratchFloats} from its first float on
     */
    public void forward(int task, MemorySegment qkv, MemorySegment out, MemorySegment logSums, MemorySegment w) {
        int batch = task / nKvHeads;
        int kvHead = task % nKvHeads;
        loadKeys(qkv, batch, kvHead, w);
        Elementwise.fill(w, zerosOff, Math.max(lanes, dim), 0f);
        int group = nHeads / nKvHeads;
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
            for (int row = 0; row < seqLen; row += lanes) {
                forwardBlock(qkv, batch, head, row, Math.min(lanes, seqLen - row), out, logSums, w);
            }
        }
    }

    private void loadKeys(MemorySegment qkv, int batch, int kvHead, MemorySegment w) {
        long first = (long) batch * seqLen * width + (long) (nHeads + kvHead) * headDim;
        loadRows(qkv, first, width, seqLen, paddedKeys, w, kOff);
        loadRows(qkv, first + (long) nKvHeads * headDim, width, seqLen, paddedKeys, w, vOff);
    }

    /** Rows of one head → [padded, dim], zeros where there is nothing. */
    private void loadRows(MemorySegment x, long off, long stride, int rows, int padded, MemorySegment w, long at) {
        Panels.copyRows(x, off, stride, rows, headDim, w, at, dim);
        Elementwise.fill(w, at + (long) rows * dim, (padded - rows) * dim, 0f);
    }

    /** Keys that the queries row .. row + rows - 1 look at. */
    private int visible(int row, int rows) {
        return causal ? row + rows : seqLen;
    }

    private void forwardBlock(MemorySegment qkv, int batch, int head, int row, int rows, MemorySegment out,
            MemorySegment logSums, MemorySegment w) {
        long q = ((long) batch * seqLen + row) * width + (long) head * headDim;
        Panels.transposeRows(qkv, q, width, rows, headDim, w, qtOff, lanes);
        Elementwise.scale(w, qtOff, scale, w, qtOff, headDim * lanes);
        Elementwise.fill(w, outOff, dim * lanes, 0f);
        Elementwise.fill(w, maxOff, lanes, Float.NEGATIVE_INFINITY);
        Elementwise.fill(w, sumOff, lanes, 0f);
        int visible = visible(row, rows);
        for (int key = 0; key < visible; key += KEYS) {
            int keys = roundUp(Math.min(KEYS, visible - key), FmaTile.ADD_ROWS);
            scores(w, kOff + (long) key * dim, qtOff, keys, scoresOff);
            mask(w, scoresOff, key, keys, row, Float.NEGATIVE_INFINITY);
            softmax(w, keys);
            // O [dim, lanes] += Vᵀ [dim, keys] · P [keys, lanes]
            FmaTile.add(roundUp(headDim, FmaTile.ADD_ROWS), lanes, w, 4 * (vOff + (long) key * dim), 4, 4L * dim, w,
                    4 * scoresOff, 4L * lanes, keys, w, 4 * outOff, 4L * lanes, w, 4 * outOff, 4L * lanes);
        }
        normalise(w, logSums, ((long) batch * nHeads + head) * seqLen + row, rows);
        long target = ((long) batch * seqLen + row) * nHeads * headDim + (long) head * headDim;
        Panels.transposeBack(w, outOff, lanes, headDim, rows, out, target, (long) nHeads * headDim);
    }

    /** [keys, lanes] = rows [keys, dim] · turned [dim, lanes]. */
    private void scores(MemorySegment w, long rowsOff, long turnedOff, int keys, long target) {
        FmaTile.add(keys, lanes, w, 4 * rowsOff, 4L * dim, 4, w, 4 * turnedOff, 4L * lanes, headDim, w, 4 * zerosOff, 0, w,
                4 * target, 4L * lanes);
    }

    /** Sets what no query may see to {@code hidden}: keys beyond the sequence, and later than the query if causal. */
    private void mask(MemorySegment w, long off, int firstKey, int keys, int firstRow, float hidden) {
        for (int i = 0; i < keys; i++) {
            int key = firstKey + i;
            int before = key >= seqLen ? lanes : causal ? Math.clamp(key - firstRow, 0, lanes) : 0;
            if (before > 0) {
                Elementwise.fill(w, off + (long) i * lanes, before, hidden);
            }
        }
    }

    /** Scores → e^(score - max), lane by lane. In methods of one loop each: C2 boxes vectors where it meets more. */
    private void softmax(MemorySegment w, int keys) {
        maxOfScores(w, keys);
        raiseMax(w);
        probs(w, keys);
    }

    /** The greater of the running max and the scores. */
    private void maxOfScores(MemorySegment w, int keys) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector max = Floats.load(w, maxOff + lane);
            for (int i = 0; i < keys; i++) {
                FloatVector s = Floats.load(w, scoresOff + lane + (long) i * lanes);
                max = max.blend(s, s.compare(VectorOperators.GT, max));
            }
            Floats.store(max, w, newMaxOff + lane);
        }
    }

    /** Where the max rises, sum and output are multiplied by e^(old - new). */
    private void raiseMax(MemorySegment w) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector before = Floats.load(w, maxOff + lane);
            FloatVector max = Floats.load(w, newMaxOff + lane);
            if (max.compare(VectorOperators.GT, before).anyTrue()) {
                Floats.store(max, w, maxOff + lane);
                Floats.store(VectorMath.exp(before.sub(max)), w, newMaxOff + lane);
                rescale(w, lane);
            }
        }
    }

    /** Multiplies sum and output of some lanes by the factor that lies in the place of their new max. */
    private void rescale(MemorySegment w, int lane) {
        FloatVector factor = Floats.load(w, newMaxOff + lane);
        Floats.store(Floats.load(w, sumOff + lane).mul(factor), w, sumOff + lane);
        for (int d = 0; d < headDim; d++) {
            long at = outOff + lane + (long) d * lanes;
            Floats.store(Floats.load(w, at).mul(factor), w, at);
        }
    }

    /** Scores → probabilities times their sum, which is added to the running one. */
    private void probs(MemorySegment w, int keys) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector max = Floats.load(w, maxOff + lane);
            FloatVector sum = Floats.load(w, sumOff + lane);
            for (int i = 0; i < keys; i++) {
                long at = scoresOff + lane + (long) i * lanes;
                FloatVector p = VectorMath.exp(Floats.load(w, at).sub(max));
                Floats.store(p, w, at);
                sum = sum.add(p);
            }
            Floats.store(sum, w, sumOff + lane);
        }
    }

    private void normalise(MemorySegment w, MemorySegment logSums, long logSumsOff, int rows) {
        for (int row = 0; row < rows; row++) {
            float sum = Floats.get(w, sumOff + row);
            Floats.set(logSums, logSumsOff + row, Floats.get(w, maxOff + row) + (float) Math.log(sum));
        }
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector sum = Floats.load(w, sumOff + lane);
            for (int d = 0; d < headDim; d++) {
                long at = outOff + lane + (long) d * lanes;
                Floats.store(Floats.load(w, at).div(sum), w, at);
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
            MemorySegment dQkv, boolean accumulate, MemorySegment w) {
        int batch = task / nKvHeads;
        int kvHead = task % nKvHeads;
        loadKeys(qkv, batch, kvHead, w);
        Elementwise.fill(w, zerosOff, Math.max(lanes, dim), 0f);
        Elementwise.fill(w, dKOff, paddedKeys * dim, 0f);
        Elementwise.fill(w, dVOff, paddedKeys * dim, 0f);
        int group = nHeads / nKvHeads;
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
            for (int row = 0; row < seqLen; row += lanes) {
                int rows = Math.min(lanes, seqLen - row);
                loadQueries(qkv, out, logSums, dOut, batch, head, row, rows, w);
                backwardBlock(row, rows, w);
                long target = ((long) batch * seqLen + row) * width + (long) head * headDim;
                if (accumulate) {
                    Panels.addTransposed(w, outOff, lanes, headDim, rows, dQkv, target, width);
                } else {
                    Panels.transposeBack(w, outOff, lanes, headDim, rows, dQkv, target, width);
                }
            }
        }
        long first = (long) batch * seqLen * width + (long) (nHeads + kvHead) * headDim;
        storeRows(w, dKOff, dQkv, first, accumulate);
        storeRows(w, dVOff, dQkv, first + (long) nKvHeads * headDim, accumulate);
    }

    /** Q and dO as they are and turned, and of each query L (where the max was) and D (where the sum was). */
    private void loadQueries(MemorySegment qkv, MemorySegment out, MemorySegment logSums, MemorySegment dOut, int batch,
            int head, int row, int rows, MemorySegment w) {
        long q = ((long) batch * seqLen + row) * width + (long) head * headDim;
        long outWidth = (long) nHeads * headDim;
        long o = ((long) batch * seqLen + row) * outWidth + (long) head * headDim;
        loadRows(qkv, q, width, rows, lanes, w, qOff);
        loadRows(dOut, o, outWidth, rows, lanes, w, dOutOff);
        Panels.transposeRows(w, qOff, dim, rows, headDim, w, qtOff, lanes);
        Elementwise.scale(w, qtOff, scale, w, qtOff, headDim * lanes);
        Panels.transposeRows(w, dOutOff, dim, rows, headDim, w, dOutTOff, lanes);
        Elementwise.fill(w, maxOff, lanes, 0f);
        Elementwise.fill(w, sumOff, lanes, 0f);
        Elementwise.copy(logSums, ((long) batch * nHeads + head) * seqLen + row, w, maxOff, rows);
        for (int i = 0; i < rows; i++) {
            Floats.set(w, sumOff + i, NormBackward.dot(out, o + i * outWidth, dOut, o + i * outWidth, headDim));
        }
        Elementwise.fill(w, outOff, dim * lanes, 0f);
    }

    /** dK and dV of all keys that these queries see, and dQ turned (where the output was). */
    private void backwardBlock(int row, int rows, MemorySegment w) {
        int visible = visible(row, rows);
        for (int key = 0; key < visible; key += KEYS) {
            int keys = roundUp(Math.min(KEYS, visible - key), FmaTile.ADD_ROWS);
            long at = (long) key * dim;
            scores(w, kOff + at, qtOff, keys, scoresOff);
            scores(w, vOff + at, dOutTOff, keys, dScoresOff);
            mask(w, scoresOff, key, keys, row, Float.NEGATIVE_INFINITY);
            scoreGradients(w, keys);
            // dV [keys, dim] += P [keys, lanes] · dO [lanes, dim]; dK likewise from dS and Q
            FmaTile.add(keys, dim, w, 4 * scoresOff, 4L * lanes, 4, w, 4 * dOutOff, 4L * dim, lanes, w, 4 * (dVOff + at),
                    4L * dim, w, 4 * (dVOff + at), 4L * dim);
            FmaTile.add(keys, dim, w, 4 * dScoresOff, 4L * lanes, 4, w, 4 * qOff, 4L * dim, lanes, w, 4 * (dKOff + at),
                    4L * dim, w, 4 * (dKOff + at), 4L * dim);
            // dQᵀ [dim, lanes] += Kᵀ [dim, keys] · dS [keys, lanes]
            FmaTile.add(roundUp(headDim, FmaTile.ADD_ROWS), lanes, w, 4 * (kOff + at), 4, 4L * dim, w, 4 * dScoresOff,
                    4L * lanes, keys, w, 4 * outOff, 4L * lanes, w, 4 * outOff, 4L * lanes);
        }
    }

    /** Scores → P = e^(S - L), and dP → dS = P·(dP - D)·scale. */
    private void scoreGradients(MemorySegment w, int keys) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector logSum = Floats.load(w, maxOff + lane);
            FloatVector delta = Floats.load(w, sumOff + lane);
            for (int i = 0; i < keys; i++) {
                long at = lane + (long) i * lanes;
                FloatVector p = VectorMath.exp(Floats.load(w, scoresOff + at).sub(logSum));
                Floats.store(p, w, scoresOff + at);
                Floats.store(Floats.load(w, dScoresOff + at).sub(delta).mul(p).mul(scale), w, dScoresOff + at);
            }
        }
    }

    private void storeRows(MemorySegment w, long off, MemorySegment target, long first, boolean accumulate) {
        for (int key = 0; key < seqLen; key++) {
            long to = first + (long) key * width;
            if (accumulate) {
                Elementwise.add(target, to, w, off + (long) key * dim, target, to, headDim);
            } else {
                Elementwise.copy(w, off + (long) key * dim, target, to, headDim);
            }
        }
    }
}
