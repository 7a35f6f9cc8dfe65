package io.lanewise.kernels;

import io.lanewise.parallel.Machine;
import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Fused scaled-dot-product attention: out = softmax(mask(scale · q Kᵀ)) V for groups of query heads that share a
 * key-value head (MHA, GQA, MQA), by online softmax over blocks of keys; the matrix of scores never exists beyond a
 * tile (Dao, "FlashAttention-2", 2023).
 *
 * <p>The unit of work is a block of queries of one key-value head, where a query is a row of one of the head's group,
 * so that all query heads of a group share the keys and values in cache. Where there are fewer units than threads might
 * want, keys are split too and the partial results merged. All cuts follow from sizes alone: results do not depend on
 * the number of threads.
 *
 * <p>Make one for a session: it owns all scratch memory and {@code forward} allocates nothing. One thread at a time.
 */
public final class Attention {
    private static final float LOG2_E = 1.4426950408889634f;
    private static final double LN_2 = 0.6931471805599453;

    /** Up to this many queries of a key-value head go over the cache as it lies; for more it is widened to tiles. */
    private static final int FEW_QUERIES = 8;
    /** Keys a row of scores holds then: their keys, then their values are read in one run. */
    private static final int ROW_KEYS = 2048;
    /** Runs begin at multiples of this: four panels of keys. */
    private static final int RUN_STEP = 4 * KvBuffer.LINE;

    /** Columns of a tile: keys of a panel of keys, dims of a panel of values. */
    private static final int NR = AttentionTile.NR;
    /** Keys of a block: eight vectors of scores a query. */
    private static final int KEYS = AttentionSoftmax.KEYS;
    /** Queries that go through a block together: four tiles, whose scores stay in the first-level cache beside the keys. */
    private static final int ROWS = 4 * AttentionTile.MR;
    /** Queries of a unit at most; they share keys and values that are widened once. */
    private static final int UNIT_QUERIES = 1024 / ROWS * ROWS;
    /** Floats of a unit's queries and outputs that may lie in the second-level cache beside keys and values. */
    private static final int UNIT_FLOATS = 128 << 10;
    /** Fewer units than this and units are made smaller, then keys are split. */
    private static final int ENOUGH_UNITS = 16;
    /** A part of split keys is no shorter than this. */
    private static final int MIN_SPLIT_KEYS = 512;

    private final Team team;
    private final int maxRows;
    private final int nHeads;
    private final int nKvHeads;
    private final int group;
    private final int headDim;
    private final int vHeadDim;
    private final int maxUnitQueries;
    /** Dims of a key or value that few queries need room for: whole ints of keys, whole lines of values. */
    private final int keyDims;
    private final int valueDims;
    private final int valuePanels;
    /** Blocks of keys that are widened at once: a quarter of the second-level cache, read again for every ROWS queries. */
    private final int maxBlocks;

    /**
     * Every worker's scratch, {@code workerFloats} each: all of few queries, and widened keys and values of many. The offsets
     * below count from a worker's first float.
     */
    private final MemorySegment scratch;
    private final long workerFloats;
    private final long queriesAt;
    private final long outAt;
    private final long scoresAt;
    private final long maxAt;
    private final long sumAt;
    private final long productAt;
    private final long scaledAt;
    private final long keysAt;
    private final long valuesAt;
    private final long zipAt;
    /** Every worker's queries, scores and outputs where there are many; the offsets below count within one array. */
    private final float[][] own;
    private final int ownQueries;
    private final int ownOut;
    private final int ownScores;
    private final int ownMax;
    private final int ownShift;
    private final int ownSums;
    private final int ownZeros;
    /** Partial results where keys are split: [unit · splits + split][query][vHeadDim + 2], the last two max and sum. */
    private final MemorySegment partials;
    private final int partialFloats;
    private final StageBody manyQueries = this::manyQueries;
    private final StageBody fewQueries = this::fewQueries;
    private final StageBody mergeQueries = this::mergeQueries;

    // The call in progress.
    private MemorySegment q;
    private long qOff;
    private long qStride;
    private KvBuffer kv;
    private MemorySegment k;
    private long kOff;
    private long kStride;
    private MemorySegment v;
    private long vOff;
    private long vStride;
    private int rows;
    private int startPos;
    private int kvLen;
    private AttentionMask mask;
    private float queryScale;
    private MemorySegment out;
    private long outOff;
    private long outStride;
    private MemorySegment logSumExp;
    private long logSumExpOff;
    private int queries;
    private int unitQueries;
    private int unitsPerHead;
    private int heads;
    private int splits;
    private int splitFrom;
    private int splitKeys;

    /**
     * Scratch for calls of up to {@code maxRows} rows.
     *
     * @param headDim numbers of a query and a key head
     * @param vHeadDim numbers of a value head
     * @throws IllegalArgumentException for sizes that are not positive, or heads that do not divide into groups
     */
    public Attention(Arena arena, Team team, int maxRows, int nHeads, int nKvHeads, int headDim, int vHeadDim) {
        if (maxRows < 1 || nHeads < 1 || nKvHeads < 1 || headDim < 1 || vHeadDim < 1 || nHeads % nKvHeads != 0) {
            throw new IllegalArgumentException("attention: expected positive sizes and nHeads a multiple of nKvHeads,"
                    + " got maxRows " + maxRows + ", nHeads " + nHeads + ", nKvHeads " + nKvHeads + ", headDim "
                    + headDim + ", vHeadDim " + vHeadDim);
        }
        this.team = team;
        this.maxRows = maxRows;
        this.nHeads = nHeads;
        this.nKvHeads = nKvHeads;
        this.group = nHeads / nKvHeads;
        this.headDim = headDim;
        this.vHeadDim = vHeadDim;
        this.keyDims = headDim + 3 & -4;
        this.valueDims = (vHeadDim + KvBuffer.LINE - 1) / KvBuffer.LINE * KvBuffer.LINE;
        this.valuePanels = (vHeadDim + NR - 1) / NR;
        long maxQueries = (long) maxRows * group;
        long fitting = Math.min(maxQueries + ROWS - 1, UNIT_FLOATS / (headDim + vHeadDim));
        this.maxUnitQueries = (int) Math.clamp(fitting / ROWS * ROWS, ROWS, UNIT_QUERIES);
        long blockFloats = (long) KEYS * (keyDims + valuePanels * NR);
        this.maxBlocks = (int) Math.clamp(Machine.L2_BYTES / 4 / (blockFloats * Float.BYTES), 1, 8);

        long at = 0;
        this.queriesAt = at;
        this.outAt = at += (long) FEW_QUERIES * keyDims;
        this.scoresAt = at += (long) FEW_QUERIES * valueDims;
        this.maxAt = at += FEW_QUERIES * ROW_KEYS;
        this.sumAt = at += aligned(FEW_QUERIES);
        this.productAt = at += aligned(FEW_QUERIES);
        this.scaledAt = at += (long) FEW_QUERIES * valueDims;
        this.keysAt = at += FEW_QUERIES * ROW_KEYS;
        this.valuesAt = at += (long) maxBlocks * keyDims * KEYS;
        this.zipAt = at += (long) maxBlocks * valuePanels * NR * KEYS;
        this.workerFloats = at + FloatTranspose.SCRATCH;

        int ownAt = 0;
        this.ownQueries = ownAt;
        this.ownOut = ownAt += aligned(maxUnitQueries * headDim);
        this.ownScores = ownAt += maxUnitQueries * valuePanels * NR;
        this.ownMax = ownAt += ROWS * KEYS;
        this.ownShift = ownAt += aligned(maxUnitQueries);
        this.ownSums = ownAt += aligned(maxUnitQueries);
        this.ownZeros = ownAt += maxUnitQueries * Lanes.FLOATS;
        this.own = new float[team.threads()][ownAt + NR];
        this.scratch = arena.allocate(workerFloats * team.threads() * Float.BYTES, 64);
        this.partialFloats = vHeadDim + 2;
        long partialQueries = 2L * ENOUGH_UNITS * Math.min(Math.max(maxUnitQueries, FEW_QUERIES), maxQueries);
        this.partials = arena.allocate(partialQueries * partialFloats * Float.BYTES, 64);
    }

    /** Whole cache lines of floats, so that vectors do not straddle them. */
    private static int aligned(int floats) {
        return floats + 15 & -16;
    }

    /**
     * Attention of rows at positions {@code startPos} to {@code startPos + rows - 1} over the first {@code kvLen}
     * positions of a cache. A query that sees no key gives zeros.
     *
     * @param q [rows, nHeads, headDim], rows {@code qStride} floats apart
     * @param out [rows, nHeads, vHeadDim], rows {@code outStride} floats apart; must not overlap q
     */
    public void forward(MemorySegment q, long qOff, long qStride, int rows, int startPos, KvBuffer kv, int kvLen,
            AttentionMask mask, MemorySegment out, long outOff, long outStride) {
        if (kv.nKvHeads() != nKvHeads || kv.headDim() != headDim || kv.vHeadDim() != vHeadDim
                || kvLen > kv.capacity()) {
            throw new IllegalArgumentException("attention: expected a KV cache of nKvHeads " + nKvHeads + ", headDim "
                    + headDim + ", vHeadDim " + vHeadDim + " and at least " + kvLen + " positions, got " + kv.nKvHeads()
                    + ", " + kv.headDim() + ", " + kv.vHeadDim() + " and " + kv.capacity());
        }
        this.kv = kv;
        this.k = kv.keys();
        this.v = kv.values();
        boolean few = (long) rows * group <= FEW_QUERIES && !kv.isLatents() && kv.isFinite();
        forward(1, q, qOff, qStride, rows, startPos, kvLen, mask, out, outOff, outStride, few);
    }

    /**
     * Attention of a batch of sequences over keys and values that lie as plain rows. Sequence b has rows b·rows to
     * (b+1)·rows - 1 of q and out, at positions {@code startPos} and following, and rows b·kvLen to (b+1)·kvLen - 1 of
     * k and v. A query that sees no key gives zeros.
     *
     * @param q [batch · rows, nHeads, headDim], rows {@code qStride} floats apart
     * @param k [batch · kvLen, nKvHeads, headDim], rows {@code kStride} floats apart
     * @param v [batch · kvLen, nKvHeads, vHeadDim], rows {@code vStride} floats apart
     * @param out [batch · rows, nHeads, vHeadDim], rows {@code outStride} floats apart; must not overlap the others
     * @param logSumExp receives [batch, nHeads, rows]: ln Σ e^score of each query, its running max and sum in one
     *     number, -Inf for a query that saw no key; null if nobody wants it
     */
    public void forward(MemorySegment q, long qOff, long qStride, MemorySegment k, long kOff, long kStride,
            MemorySegment v, long vOff, long vStride, int batch, int rows, int startPos, int kvLen, AttentionMask mask,
            MemorySegment out, long outOff, long outStride, MemorySegment logSumExp, long logSumExpOff) {
        requireRows("k", k, kOff, kStride, (long) batch * kvLen, nKvHeads * headDim);
        requireRows("v", v, vOff, vStride, (long) batch * kvLen, nKvHeads * vHeadDim);
        if (logSumExp != null) {
            requireRows("logSumExp", logSumExp, logSumExpOff, 0, 1, (long) batch * nHeads * rows);
        }
        this.kv = null;
        this.k = k;
        this.kOff = kOff;
        this.kStride = kStride;
        this.v = v;
        this.vOff = vOff;
        this.vStride = vStride;
        this.logSumExp = logSumExp;
        this.logSumExpOff = logSumExpOff;
        forward(batch, q, qOff, qStride, rows, startPos, kvLen, mask, out, outOff, outStride, false);
    }

    private void forward(int batch, MemorySegment q, long qOff, long qStride, int rows, int startPos, int kvLen,
            AttentionMask mask, MemorySegment out, long outOff, long outStride, boolean few) {
        if (batch < 0 || rows < 0 || rows > maxRows || startPos < 0 || kvLen < 0 || kvLen > KvBuffer.MAX_POSITIONS) {
            throw new IllegalArgumentException("attention: expected 0 to " + maxRows
                    + " rows and no negative sizes, got " + rows + " rows, batch " + batch + ", startPos " + startPos + ", kvLen " + kvLen);
        }
        if (mask.padding() != null && mask.padding().length < (long) batch * kvLen) {
            throw new IllegalArgumentException("attention: padding of " + mask.padding().length + " keys, expected "
                    + (long) batch * kvLen);
        }
        requireRows("q", q, qOff, qStride, (long) batch * rows, (long) nHeads * headDim);
        requireRows("out", out, outOff, outStride, (long) batch * rows, (long) nHeads * vHeadDim);
        this.q = q;
        this.qOff = qOff;
        this.qStride = qStride;
        this.rows = rows;
        this.startPos = startPos;
        this.kvLen = kvLen;
        this.mask = mask;
        this.queryScale = mask.scale() * (mask.softCap() > 0 ? 1 / mask.softCap() : LOG2_E);
        this.out = out;
        this.outOff = outOff;
        this.outStride = outStride;
        if (batch > 0 && rows > 0) {
            cut(batch, few);
            team.enter();
            try {
                int units = heads * unitsPerHead;
                team.run(units * splits, 1, few ? fewQueries : manyQueries);
                if (splits > 1) {
                    team.run(heads * queries, 8, mergeQueries);
                }
            } finally {
                team.exit();
            }
        }
        this.logSumExp = null;
    }

    private static void requireRows(String name, MemorySegment x, long off, long stride, long count, long width) {
        if (!x.isNative()) {
            throw new IllegalArgumentException("attention: expected a native segment for " + name + ", got heap");
        }
        long floats = (count - 1) * stride + width;
        if (count > 0 && (off < 0 || stride < 0 || off + floats > x.byteSize() / Float.BYTES)) {
            throw new IndexOutOfBoundsException("attention: " + name + " [" + count + ", " + width + "] at offset "
                    + off + ", stride " + stride + " leaves a segment of " + x.byteSize() / Float.BYTES + " floats");
        }
    }

    /** Cuts the call into units of queries and parts of keys, by its sizes. */
    private void cut(int batch, boolean few) {
        heads = batch * nKvHeads;
        queries = rows * group;
        unitsPerHead = few ? 1 : (queries + maxUnitQueries - 1) / maxUnitQueries;
        unitQueries = few ? queries : inRows((queries + unitsPerHead - 1) / unitsPerHead);
        while (!few && unitQueries > ROWS && heads * unitsPerHead < ENOUGH_UNITS) {
            unitQueries = inRows(unitQueries / 2);
            unitsPerHead = (queries + unitQueries - 1) / unitQueries;
        }
        splitFrom = mask.firstKey(startPos) & -RUN_STEP;
        int keys = Math.max(0, mask.endKey(startPos + rows - 1, kvLen) - splitFrom);
        int units = heads * unitsPerHead;
        int wanted = units >= ENOUGH_UNITS ? 1 : (ENOUGH_UNITS + units - 1) / units;
        splits = Math.clamp((keys + MIN_SPLIT_KEYS - 1) / MIN_SPLIT_KEYS, 1, wanted);
        splitKeys = (keys + splits * RUN_STEP - 1) / (splits * RUN_STEP) * RUN_STEP;
    }

    /** A number of queries in whole blocks of ROWS. */
    private static int inRows(int count) {
        return (count + ROWS - 1) / ROWS * ROWS;
    }

    // Many queries: tiles of six queries by a panel of keys, then of dims.

    private void manyQueries(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            manyQueries(i / splits, i % splits, own[worker], worker * workerFloats);
        }
    }

    /** One unit: the blocks of queries that see most keys come first, so that the last ones to be done are short. */
    private void manyQueries(int unit, int split, float[] own, long base) {
        int head = unit % heads;
        int query0 = (unitsPerHead - 1 - unit / heads) * unitQueries;
        int count = Math.min(unitQueries, queries - query0);
        open(head, query0, count, own);
        int from = Math.max(splitFrom + split * splitKeys, mask.firstKey(startPos + query0 / group));
        int end = mask.endKey(startPos + (query0 + count - 1) / group, kvLen);
        int to = Math.min(splitFrom + (split + 1) * splitKeys, end);
        int together = maxBlocks * KEYS;
        for (int pos = from & -KvBuffer.LINE; pos < to; pos += together) {
            int keys = Math.min(together, to - pos);
            widen(head, pos, keys, base);
            for (int row = 0; row < count; row += ROWS) {
                someQueries(head, query0, row, Math.min(ROWS, count - row), pos, keys, own, base);
            }
        }
        for (int row = 0; row < count; row++) {
            close(unit, split, head, query0, row, own);
        }
    }

    /** Queries of a unit, scaled, one after the other, and their running state. */
    private void open(int head, int query0, int count, float[] own) {
        for (int row = 0; row < count; row++) {
            Floats.copy(q, queryOffset(head, query0 + row), own, ownQueries + row * headDim, headDim);
        }
        AttentionSoftmax.scale(own, ownQueries, count * headDim, queryScale);
        Arrays.fill(own, ownMax, ownMax + count, Float.NEGATIVE_INFINITY);
        Arrays.fill(own, ownShift, ownShift + count, 0f);
        Arrays.fill(own, ownSums, ownSums + count * Lanes.FLOATS, 0f);
        for (int panel = 0; panel < valuePanels; panel++) {
            Arrays.fill(own, outOf(panel, 0), outOf(panel, count), 0f);
        }
    }

    private long queryOffset(int head, int query) {
        long row = (long) (head / nKvHeads) * rows + query / group;
        return qOff + row * qStride + (long) (head % nKvHeads * group + query % group) * headDim;
    }

    private boolean allPadding(int sequence, int pos, int count) {
        boolean[] padding = mask.padding();
        if (padding == null) {
            return false;
        }
        int first = sequence * kvLen + pos;
        for (int i = 0; i < count; i++) {
            if (!padding[first + i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * Keys and values of some blocks as floats in the worker's scratch, for all queries of the unit: of each block keys
     * [panels of keys, headDim, NR], values [panels of dims, KEYS, NR]. Even F32 is copied: tiles want panels of their own
     * width, read in order.
     */
    private void widen(int head, int pos, int count, long base) {
        for (int i = 0; i < count; i += KEYS) {
            int keys = Math.min(KEYS, count - i);
            if (!allPadding(head / nKvHeads, pos + i, keys)) {
                widenKeys(head, pos + i, keys, i / KEYS, base);
                for (int panel = 0; panel < valuePanels; panel++) {
                    widenValues(head, pos + i, keys, i / KEYS, panel, base);
                }
            }
        }
    }

    private void widenKeys(int head, int pos, int count, int block, long base) {
        for (int i = 0; kv == null && i < count; i += NR) {
            FloatTranspose.copy(k, keyRow(head, pos + i), kStride, Math.min(NR, count - i), headDim, 1f, scratch,
                    keysOf(block, i, base), NR, scratch, base + zipAt);
        }
        for (int i = 0; kv != null && i < count; i += KvBuffer.LINE) {
            kv.readKeys(head, pos + i, scratch, keysOf(block, i, base) + i % NR, NR, (long) headDim * NR);
        }
    }

    private void widenValues(int head, int pos, int count, int block, int panel, long base) {
        int firstDim = panel * NR;
        int dims = Math.min(NR, vHeadDim - firstDim);
        long to = valuesOf(block, panel, base);
        if (kv == null) {
            long from = valueRow(head, pos) + firstDim;
            for (int i = 0; i < count; i++) {
                Elementwise.scale(v, from + i * vStride, 1f, scratch, to + (long) i * NR, dims);
            }
        } else if (kv.isLatents()) {
            for (int i = 0; i < count; i += NR) {
                FloatTranspose.copy(scratch, keysOf(block, i, base) + (long) firstDim * NR, NR, dims, Math.min(NR, count - i),
                        1f, scratch, to + (long) i * NR, NR, scratch, base + zipAt);
            }
        } else {
            kv.readValues(head, firstDim, dims, pos, count, scratch, to, NR);
        }
    }

    /** The panel of keys with key {@code i} of a block. */
    private long keysOf(int block, int i, long base) {
        return base + keysAt + (long) block * keyDims * KEYS + (long) (i / NR) * headDim * NR;
    }

    private long valuesOf(int block, int panel, long base) {
        return base + valuesAt + ((long) block * valuePanels + panel) * NR * KEYS;
    }

    /** A panel of a query's output; the next query's is NR floats on. */
    private int outOf(int panel, int row) {
        return ownOut + (panel * maxUnitQueries + row) * NR;
    }

    /** Up to ROWS queries from {@code row} of the unit on, through all widened blocks, which come from the second-level cache. */
    private void someQueries(int head, int query0, int row, int count, int pos, int keys, float[] own, long base) {
        int firstPos = startPos + (query0 + row) / group;
        int lastPos = startPos + (query0 + row + count - 1) / group;
        int end = Math.min(pos + keys, mask.endKey(lastPos, kvLen));
        for (int at = pos; at < end; at += KEYS) {
            int n = Math.min(KEYS, end - at);
            if (at + n > mask.firstKey(firstPos) && !allPadding(head / nKvHeads, at, n)) {
                oneBlock(head, query0 + row, row, count, at, n, (at - pos) / KEYS, own, base);
            }
        }
    }

    /** scores → probs → attnOut of some queries and one block of keys. */
    private void oneBlock(int head, int query, int row, int count, int pos, int keys, int block, float[] own, long base) {
        for (int i = 0; i < keys; i += NR) {
            multiply(own, ownQueries + row * headDim, headDim, count, keysOf(block, i, base), headDim, ownZeros, 0,
                    ownScores + i, KEYS);
        }
        if (mask.softCap() > 0) {
            Floats.copy(own, ownScores, scratch, base + scoresAt, count * KEYS);
            AttentionSoftmax.softCap(scratch, base + scoresAt, count * KEYS, 1, mask.softCap() * LOG2_E);
            Floats.copy(scratch, base + scoresAt, own, ownScores, count * KEYS);
        }
        boolean someHidden = keys < KEYS || mask.padding() != null
                || mask.firstKey(startPos + (query + count - 1) / group) > pos
                || mask.endKey(startPos + query / group, kvLen) < pos + KEYS;
        for (int i = 0; someHidden && i < count; i++) {
            hide(head / nKvHeads, startPos + (query + i) / group, pos, keys, own, ownScores + i * KEYS);
        }
        int sums = ownSums + row * Lanes.FLOATS;
        AttentionSoftmax.raise(own, ownScores, count, ownMax + row, ownShift + row, sums, outOf(0, row), valuePanels,
                maxUnitQueries * NR);
        AttentionSoftmax.probs(own, ownScores, count, ownShift + row, sums);
        for (int panel = 0; panel < valuePanels; panel++) {
            int out = outOf(panel, row);
            multiply(own, ownScores, KEYS, count, valuesOf(block, panel, base), keys, out, NR, out, NR);
        }
    }

    /**
     * c [count, NR] = from [count, NR] + x [count, depth] · w [depth, NR], w in the scratch and the others in the worker's own;
     * rows behind them, up to a whole tile, are anything.
     */
    private void multiply(float[] own, int x, int xStride, int count, long w, int depth, int from, int fromStride, int c,
            int cStride) {
        for (int row = 0; row < count; row += AttentionTile.MR) {
            AttentionTile.multiply(own, x + row * xStride, xStride, scratch, w << 2, depth, from + row * fromStride, fromStride,
                    c + row * cStride, cStride);
        }
    }

    /** Hides keys of a row of scores [KEYS] that the query at {@code position} does not see; {@code keys} of them exist. */
    private void hide(int sequence, int position, int pos, int keys, float[] own, int row) {
        int first = Math.clamp(mask.firstKey(position) - pos, 0, KEYS);
        int end = Math.clamp(mask.endKey(position, kvLen) - pos, first, Math.max(first, keys));
        Arrays.fill(own, row, row + first, Float.NEGATIVE_INFINITY);
        Arrays.fill(own, row + end, row + KEYS, Float.NEGATIVE_INFINITY);
        boolean[] padding = mask.padding();
        for (int i = first; padding != null && i < end; i++) {
            if (padding[sequence * kvLen + pos + i]) {
                own[row + i] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    private long keyRow(int head, int pos) {
        return kOff + ((long) (head / nKvHeads) * kvLen + pos) * kStride + (long) (head % nKvHeads) * headDim;
    }

    private long valueRow(int head, int pos) {
        return vOff + ((long) (head / nKvHeads) * kvLen + pos) * vStride + (long) (head % nKvHeads) * vHeadDim;
    }

    /** Writes a query's output to where it belongs. */
    private void close(int unit, int split, int head, int query0, int row, float[] own) {
        float max = own[ownMax + row];
        float sum = AttentionSoftmax.lanesSum(own, ownSums + row * Lanes.FLOATS);
        int part = unit * splits + split;
        MemorySegment target = splits > 1 ? partials : out;
        long to = splits > 1 ? partialOffset(part, row) : outOffset(head, query0 + row);
        float factor = splits > 1 ? 1 : inverse(sum);
        for (int panel = 0; panel < valuePanels; panel++) {
            int dims = Math.min(NR, vHeadDim - panel * NR);
            AttentionSoftmax.scale(own, outOf(panel, row), dims, factor);
            Floats.copy(own, outOf(panel, row), target, to + (long) panel * NR, dims);
        }
        if (splits > 1) {
            storePartialSum(part, row, max, sum);
        } else {
            storeLogSumExp(head, query0 + row, max, sum);
        }
    }

    private void storePartialSum(int part, int query, float max, float sum) {
        Floats.set(partials, partialOffset(part, query) + vHeadDim, max);
        Floats.set(partials, partialOffset(part, query) + vHeadDim + 1, sum);
    }

    /** 1 / sum; 0 for a query that saw no key, so that its output is zeros. */
    private static float inverse(float sum) {
        return sum == 0 ? 0 : 1 / sum;
    }

    private long outOffset(int head, int query) {
        long row = (long) (head / nKvHeads) * rows + query / group;
        return outOff + row * outStride + (long) (head % nKvHeads * group + query % group) * vHeadDim;
    }

    private long partialOffset(int part, int query) {
        int unitQueries = Math.min(queries, this.unitQueries);
        return ((long) part * unitQueries + query) * partialFloats;
    }

    private void storeLogSumExp(int head, int query, float max, float sum) {
        if (logSumExp != null) {
            long queryHead = (long) head * group + query % group;
            float value = sum == 0 ? Float.NEGATIVE_INFINITY : (float) (max * LN_2 + Math.log(sum));
            Floats.set(logSumExp, logSumExpOff + queryHead * rows + query / group, value);
        }
    }

    // Few queries: a lane is a position or a dim.

    private void fewQueries(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            fewQueries(i / splits, i % splits, worker * workerFloats);
        }
    }

    /** Whether an F16 cache is widened inside the microkernels, which want the other factor {@code LIFT} times larger. */
    private boolean lifted() {
        return kv.dtype() == DType.F16;
    }

    private boolean bytes() {
        return kv.dtype() == DType.Q8_0;
    }

    private void fewQueries(int head, int split, long base) {
        openQueries(head, base);
        Elementwise.fill(scratch, base + outAt, queries * valueDims, 0f);
        int from = splitFrom + split * splitKeys;
        int to = Math.min(from + splitKeys, mask.endKey(startPos + rows - 1, kvLen));
        for (int pos = from; pos < to; pos += ROW_KEYS) {
            fewQueriesOneRun(head, pos, Math.min(ROW_KEYS, to - pos), base);
        }
        for (int query = 0; query < queries; query++) {
            closeQuery(head, split, query, base);
        }
    }

    /** Queries scaled, a single one as it is, several transposed to [keyDims, Q_STEP] with zeros for those that are missing. */
    private void openQueries(int head, long base) {
        float scale = lifted() ? queryScale * AttentionRows.LIFT : bytes() ? queryScale * AttentionBytes.UNIT : queryScale;
        int step = queryStep();
        Elementwise.fill(scratch, base + queriesAt, keyDims * step, 0f);
        for (int query = 0; query < queries; query++) {
            long from = queryOffset(head, query);
            for (int d = 0; d < headDim; d++) {
                Floats.set(scratch, base + queriesAt + (long) d * step + query, Floats.get(q, from + d) * scale);
            }
            Floats.set(scratch, base + maxAt + query, Float.NEGATIVE_INFINITY);
            Floats.set(scratch, base + sumAt + query, 0f);
        }
    }

    private int queryStep() {
        return queries == 1 ? 1 : AttentionRows.Q_STEP;
    }

    /** scores → probs → attnOut of up to ROW_KEYS keys from a multiple of RUN_STEP on. */
    private void fewQueriesOneRun(int head, int pos, int count, long base) {
        int quarter = (count + RUN_STEP - 1) / RUN_STEP;
        for (int panel = 0; panel < quarter; panel++) {
            rowScores(head, pos + panel * KvBuffer.LINE, quarter, base, base + scoresAt + (long) panel * KvBuffer.LINE);
        }
        for (int query = 0; query < queries; query++) {
            rowSoftmax(query, pos, count, base);
        }
        for (int d = 0; d < vHeadDim; d += kv.panelDims()) {
            weighPanel(head, d, pos, count, base);
        }
        float rest = lifted() ? AttentionRows.REST : 1;
        Elementwise.addScaled(scratch, base + productAt, rest, scratch, base + outAt, queries * valueDims);
    }

    /** Scores of four panels of keys, {@code quarter} panels apart. */
    private void rowScores(int head, int pos, int quarter, long base, long scores) {
        int lines = kv.keyLines();
        long from = kv.keyAt(head, pos);
        long stream = (long) quarter * lines * KvBuffer.LINE_BYTES;
        long next = (long) quarter * KvBuffer.LINE;
        int together = AttentionRows.together(queries, lifted());
        for (int query = 0; query < queries; query += together) {
            long qs = base + queriesAt + query;
            long to = scores + (long) query * ROW_KEYS;
            if (bytes()) {
                long scales = kv.keyScaleOffset(head, pos);
                long scaleStream = kv.keyScaleOffset(head, pos + quarter * KvBuffer.LINE) - scales;
                AttentionBytes.scores(scratch, qs, queryStep(), lines, k, from, stream, kv.keyScales(), scales, scaleStream,
                        to, next);
            } else {
                AttentionRows.scores(Math.min(together, queries - query), scratch, qs, queryStep(), lifted(), lines, k, from,
                        stream, to, next, ROW_KEYS);
            }
        }
    }

    private void weighPanel(int head, int firstDim, int pos, int count, long base) {
        int dims = kv.panelDims(firstDim);
        int steps = (count + kv.pack() - 1) / kv.pack();
        long from = kv.valueAt(head, firstDim, pos);
        if (bytes()) {
            scaleProbs(head, firstDim, pos, count, base);
        }
        int together = AttentionRows.together(queries, lifted());
        for (int query = 0; query < queries; query += together) {
            long to = base + productAt + (long) query * valueDims + firstDim;
            if (bytes()) {
                AttentionBytes.weigh(scratch, base + scaledAt + (long) query * ROW_KEYS, steps, v, from, dims, to);
            } else {
                AttentionRows.weigh(Math.min(together, queries - query), scratch, scoreRow(query, base), ROW_KEYS, lifted(),
                        steps, v, from, dims, to, valueDims);
            }
        }
    }

    /** Probs times the scales of a panel of values, zeros for the positions that the last int has more. */
    private void scaleProbs(int head, int firstDim, int pos, int count, long base) {
        long scales = kv.valueScaleOffset(head, firstDim, pos);
        for (int query = 0; query < queries; query++) {
            long to = base + scaledAt + (long) query * ROW_KEYS;
            Elementwise.mul(scratch, scoreRow(query, base), kv.valueScales(), scales, scratch, to, count);
            Elementwise.fill(scratch, to + count, -count & 3, 0f);
        }
    }

    private long scoreRow(int query, long base) {
        return base + scoresAt + (long) query * ROW_KEYS;
    }

    private void rowSoftmax(int query, int pos, int count, long base) {
        long row = scoreRow(query, base);
        int padded = (count + Lanes.FLOATS - 1) / Lanes.FLOATS * Lanes.FLOATS;
        float unit = lifted() ? AttentionRows.REST : 1;
        if (mask.softCap() > 0) {
            AttentionSoftmax.softCap(scratch, row, padded, unit, mask.softCap() * LOG2_E);
            unit = 1;
        }
        hideRow(startPos + query / group, pos, padded, count, row);
        float before = Floats.get(scratch, base + maxAt + query);
        float max = Math.max(before, AttentionSoftmax.rowMax(scratch, row, padded) * unit);
        float factor = max == before ? 1 : AttentionSoftmax.exp2(before - max);
        if (factor != 1) {
            long o = base + outAt + (long) query * valueDims;
            Elementwise.scale(scratch, o, factor, scratch, o, vHeadDim);
        }
        float lift = lifted() ? AttentionRows.LIFT : bytes() ? AttentionBytes.UNIT : 1;
        float sum = AttentionSoftmax.rowProbs(scratch, row, padded, unit, max, lift) / lift;
        Floats.set(scratch, base + maxAt + query, max);
        Floats.set(scratch, base + sumAt + query, Floats.get(scratch, base + sumAt + query) * factor + sum);
    }

    /** Hides keys of a row of scores [width] that the query at {@code position} does not see; {@code keys} of them exist. */
    private void hideRow(int position, int pos, int width, int keys, long row) {
        int first = Math.clamp(mask.firstKey(position) - pos, 0, width);
        int end = Math.clamp(mask.endKey(position, kvLen) - pos, first, Math.max(first, keys));
        Elementwise.fill(scratch, row, first, Float.NEGATIVE_INFINITY);
        Elementwise.fill(scratch, row + end, width - end, Float.NEGATIVE_INFINITY);
        boolean[] padding = mask.padding();
        for (int i = first; padding != null && i < end; i++) {
            if (padding[pos + i]) {
                Floats.set(scratch, row + i, Float.NEGATIVE_INFINITY);
            }
        }
    }

    private void closeQuery(int head, int split, int query, long base) {
        float sum = Floats.get(scratch, base + sumAt + query);
        long from = base + outAt + (long) query * valueDims;
        if (splits > 1) {
            int part = head * splits + split;
            Elementwise.copy(scratch, from, partials, partialOffset(part, query), vHeadDim);
            storePartialSum(part, query, Floats.get(scratch, base + maxAt + query), sum);
        } else {
            Elementwise.scale(scratch, from, inverse(sum), out, outOffset(head, query), vHeadDim);
        }
    }

    // Split keys: out = Σ 2^(max_s - max) out_s / Σ 2^(max_s - max) sum_s.

    private void mergeQueries(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            mergeQuery(i / queries, i % queries);
        }
    }

    private void mergeQuery(int head, int query) {
        int unitQueries = Math.min(queries, this.unitQueries);
        int unit = unitsPerHead == 1 ? head : (unitsPerHead - 1 - query / unitQueries) * heads + head;
        long first = partialOffset(unit * splits, query % unitQueries);
        long next = (long) unitQueries * partialFloats;
        float max = Float.NEGATIVE_INFINITY;
        for (int split = 0; split < splits; split++) {
            max = Math.max(max, Floats.get(partials, first + split * next + vHeadDim));
        }
        float sum = 0;
        long to = outOffset(head, query);
        Elementwise.fill(out, to, vHeadDim, 0f);
        for (int split = 0; split < splits; split++) {
            long part = first + split * next;
            float partMax = Floats.get(partials, part + vHeadDim);
            float factor = partMax == max ? 1 : AttentionSoftmax.exp2(partMax - max);
            sum += factor * Floats.get(partials, part + vHeadDim + 1);
            Elementwise.addScaled(partials, part, factor, out, to, vHeadDim);
        }
        Elementwise.scale(out, to, inverse(sum), out, to, vHeadDim);
        storeLogSumExp(head, query, max, sum);
    }
}
