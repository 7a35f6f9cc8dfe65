package io.lanewise.kernels;

import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Fused scaled-dot-product attention: out = softmax(mask(scale · q Kᵀ)) V for groups of query heads that share a
 * key-value head (MHA, GQA, MQA), by online softmax over blocks of keys; the matrix of scores never exists beyond a
 * tile of {@link KvBuffer#PANEL} keys (Dao, "FlashAttention-2", 2023).
 *
 * <p>The unit of work is a block of queries of one key-value head, where a query is a row of one of the head's group,
 * so that all query heads of a group share the keys and values in cache. Where there are fewer units than threads might
 * want, keys are split too and the partial results merged. All cuts follow from sizes alone: results do not depend on
 * the number of threads.
 *
 * <p>Make one for a session: it owns all scratch memory and {@code forward} allocates nothing. One thread at a time.
 */
public final class Attention {
    private static final int PANEL = KvBuffer.PANEL;
    private static final int LANES = AttentionTiles.LANES;
    private static final float LOG2_E = 1.4426950408889634f;
    private static final double LN_2 = 0.6931471805599453;

    /** Up to this many queries of a key-value head are taken one at a time; more fill the lanes of a tile. */
    private static final int FEW_QUERIES = 8;
    /** Keys a row of scores holds when queries are taken one at a time. */
    private static final int ROW_KEYS = 8 * PANEL;
    /** Queries of a unit at most: shares a widened tile of keys among 192 queries, which makes its cost small. */
    private static final int UNIT_QUERIES = 1024;
    /** Floats of a unit's queries and outputs that may lie in the second-level cache beside the tiles. */
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
    private final int maxUnitTiles;

    /** Every worker's scratch, {@code workerFloats} each; the offsets below count from a worker's first float. */
    private final MemorySegment scratch;
    private final long workerFloats;
    private final long zeroAt;
    private final long queriesAt;
    private final long outAt;
    private final long scoresAt;
    private final long maxAt;
    private final long sumAt;
    private final long firstAt;
    private final long endAt;
    private final long keysAt;
    private final long valuesAt;
    private final long zipAt;
    private final long productAt;
    private final long widenedAt;
    private final long scaledAt;
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
    private int unitTiles;
    private int unitsPerHead;
    private int heads;
    private int splits;
    private int splitFrom;
    private int splitKeys;
    private int valuePanel;

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
        long maxQueries = (long) maxRows * group;
        int tiles = Math.min(UNIT_QUERIES / LANES, UNIT_FLOATS / ((headDim + vHeadDim) * LANES));
        this.maxUnitTiles = Math.clamp(Math.min(tiles, (maxQueries + LANES - 1) / LANES), 1, UNIT_QUERIES / LANES);

        int lanes = Math.max(maxUnitTiles * LANES, FEW_QUERIES);
        long at = 0;
        this.zeroAt = at;
        this.queriesAt = at += LANES;
        this.outAt = at += aligned((long) lanes * headDim);
        this.scoresAt = at += aligned((long) lanes * vHeadDim);
        this.maxAt = at += Math.max(PANEL * LANES, FEW_QUERIES * ROW_KEYS);
        this.sumAt = at += aligned(lanes);
        this.firstAt = at += aligned(lanes);
        this.endAt = at += aligned(lanes);
        this.keysAt = at += aligned(lanes);
        this.valuesAt = at += (long) headDim * PANEL;
        this.zipAt = at += (long) vHeadDim * PANEL;
        this.productAt = at += Math.max(FloatTranspose.SCRATCH, aligned(LANES));
        this.widenedAt = at += aligned(FEW_QUERIES * (long) vHeadDim);
        this.scaledAt = at += ROW_KEYS * PANEL;
        this.workerFloats = at + 2L * FEW_QUERIES * ROW_KEYS;
        this.scratch = arena.allocate(workerFloats * team.threads() * Float.BYTES, 64);
        this.partialFloats = vHeadDim + 2;
        long partialQueries = 2L * ENOUGH_UNITS * Math.min(lanes, Math.max(maxQueries, 1));
        this.partials = arena.allocate(partialQueries * partialFloats * Float.BYTES, 64);
    }

    /** Whole cache lines of floats, so that vectors do not straddle them. */
    private static long aligned(long floats) {
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
        boolean few = (long) rows * group <= FEW_QUERIES && !kv.isLatents();
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
        valuePanel = kv == null ? vHeadDim : PANEL;
        heads = batch * nKvHeads;
        queries = rows * group;
        int tiles = (queries + LANES - 1) / LANES;
        unitsPerHead = few ? 1 : (tiles + maxUnitTiles - 1) / maxUnitTiles;
        unitTiles = (tiles + unitsPerHead - 1) / unitsPerHead;
        while (!few && unitTiles > 1 && heads * unitsPerHead < ENOUGH_UNITS) {
            unitTiles = (unitTiles + 1) / 2;
            unitsPerHead = (tiles + unitTiles - 1) / unitTiles;
        }
        splitFrom = mask.firstKey(startPos) & -PANEL;
        int keys = Math.max(0, mask.endKey(startPos + rows - 1, kvLen) - splitFrom);
        int units = heads * unitsPerHead;
        int wanted = units >= ENOUGH_UNITS ? 1 : (ENOUGH_UNITS + units - 1) / units;
        splits = Math.clamp((keys + MIN_SPLIT_KEYS - 1) / MIN_SPLIT_KEYS, 1, wanted);
        splitKeys = (keys + splits * PANEL - 1) / (splits * PANEL) * PANEL;
    }

    // Many queries: a lane is a query.

    private void manyQueries(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            manyQueries(i / splits, i % splits, worker * workerFloats);
        }
    }

    /** One unit: the blocks of queries that see most keys come first, so that the last ones to be done are short. */
    private void manyQueries(int unit, int split, long base) {
        int head = unit % heads;
        int firstTile = (unitsPerHead - 1 - unit / heads) * unitTiles;
        int tiles = Math.min(unitTiles, (queries + LANES - 1) / LANES - firstTile);
        int query0 = firstTile * LANES;
        int endQuery = Math.min(queries, query0 + tiles * LANES);
        for (int tile = 0; tile < tiles; tile++) {
            openTile(head, query0 + tile * LANES, tile, base);
        }
        int from = Math.max(splitFrom + split * splitKeys, mask.firstKey(startPos + query0 / group));
        int to = Math.min(splitFrom + (split + 1) * splitKeys, mask.endKey(startPos + (endQuery - 1) / group, kvLen));
        for (int pos = from & -PANEL; pos < to; pos += PANEL) {
            int count = Math.min(PANEL, to - pos);
            if (!allPadding(head / nKvHeads, pos, count)) {
                gather(head, pos, count, base);
                for (int tile = 0; tile < tiles; tile++) {
                    manyQueriesOneBlock(head, query0 + tile * LANES, pos, count, tile, base);
                }
            }
        }
        for (int tile = 0; tile < tiles; tile++) {
            closeTile(unit, split, head, query0, tile, base);
        }
    }

    /** Queries of a tile, scaled and transposed to [headDim, LANES], and its running state. */
    private void openTile(int head, int query0, int tile, long base) {
        long tileAt = base + queriesAt + (long) tile * headDim * LANES;
        long state = base + (long) tile * LANES;
        int lanes = Math.min(LANES, queries - query0);
        for (int lane = 0; lane < LANES; lane++) {
            int pos = startPos + (query0 + Math.min(lane, lanes - 1)) / group;
            Floats.set(scratch, state + firstAt + lane, mask.firstKey(pos));
            Floats.set(scratch, state + endAt + lane, mask.endKey(pos, kvLen));
        }
        Elementwise.fill(scratch, state + maxAt, LANES, Float.NEGATIVE_INFINITY);
        Elementwise.fill(scratch, state + sumAt, LANES, 0f);
        Elementwise.fill(scratch, base + outAt + (long) tile * vHeadDim * LANES, vHeadDim * LANES, 0f);
        if (lanes < LANES) {
            Elementwise.fill(scratch, tileAt, headDim * LANES, 0f);
        }
        if (group == 1) {
            FloatTranspose.copy(q, queryOffset(head, query0), qStride, lanes, headDim, queryScale, scratch, tileAt,
                    LANES, scratch, base + zipAt);
        } else {
            for (int lane = 0; lane < lanes; lane++) {
                Elementwise.scale(q, queryOffset(head, query0 + lane), queryScale, scratch,
                        base + keysAt + (long) lane * headDim, headDim);
            }
            FloatTranspose.copy(scratch, base + keysAt, headDim, lanes, headDim, 1f, scratch, tileAt, LANES, scratch,
                    base + zipAt);
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
     * Keys and values of a block as floats in the worker's scratch, for all queries of the unit: keys
     * [headDim, PANEL], values in panels [PANEL, valuePanel]. Even F32 is copied: read once in order it is close,
     * where tiles that met it in strides would wait.
     */
    private void gather(int head, int pos, int count, long base) {
        if (kv == null) {
            FloatTranspose.copy(k, keyRow(head, pos), kStride, count, headDim, 1f, scratch, base + keysAt, PANEL,
                    scratch, base + zipAt);
            long from = valueRow(head, pos);
            for (int i = 0; i < count; i++) {
                Elementwise.scale(v, from + i * vStride, 1f, scratch, base + valuesAt + (long) i * vHeadDim, vHeadDim);
            }
        } else {
            kv.readKeys(head, pos, scratch, base + keysAt);
            for (int d = 0; d < vHeadDim && kv.isLatents(); d += PANEL) {
                int dims = kv.panelDims(d);
                FloatTranspose.copy(scratch, base + keysAt + (long) d * PANEL, PANEL, dims, count, 1f, scratch,
                        base + valuesAt + (long) d * PANEL, dims, scratch, base + zipAt);
            }
            for (int d = 0; d < vHeadDim && !kv.isLatents(); d += PANEL) {
                kv.readValues(head, d, pos, count, scratch, base + valuesAt + (long) d * PANEL);
            }
        }
    }

    /** scores → probs → attnOut of one tile of queries and one block of keys. */
    private void manyQueriesOneBlock(int head, int query0, int pos, int count, int tile, long base) {
        int lanes = Math.min(LANES, queries - query0);
        int firstRow = startPos + query0 / group;
        int lastRow = startPos + (query0 + lanes - 1) / group;
        int keys = Math.min(count, mask.endKey(lastRow, kvLen) - pos);
        if (keys <= 0 || pos + keys <= mask.firstKey(firstRow)) {
            return;
        }
        int vectors = (lanes + Lanes.FLOATS - 1) / Lanes.FLOATS;
        long scores = base + scoresAt;
        long state = base + (long) tile * LANES;
        long tileOut = base + outAt + (long) tile * vHeadDim * LANES;
        AttentionTiles.multiply(keys, vectors, scratch, base + keysAt, PANEL,
                base + queriesAt + (long) tile * headDim * LANES, headDim, base + zeroAt, 0, scores);
        int padded = keys + 3 & -4;
        if (mask.softCap() > 0) {
            AttentionSoftmax.softCap(scratch, scores, keys * LANES, 1, mask.softCap() * LOG2_E);
        }
        for (int key = keys; key < padded; key++) {
            hideKey(scores, key);
        }
        if (pos + keys > mask.endKey(firstRow, kvLen) || pos < mask.firstKey(lastRow)) {
            AttentionSoftmax.mask(scratch, scores, pos, keys, vectors, state + firstAt, state + endAt);
        }
        hidePadding(head / nKvHeads, pos, keys, scores);
        AttentionSoftmax.raiseMax(scratch, scores, padded, vectors, state + maxAt, base + zipAt,
                state + sumAt, tileOut, vHeadDim);
        AttentionSoftmax.probs(scratch, scores, keys, vectors, state + maxAt, state + sumAt);
        addOutputOfBlock(keys, vectors, tileOut, base);
    }

    private void addOutputOfBlock(int keys, int vectors, long tileOut, long base) {
        for (int d = 0; d < vHeadDim; d += valuePanel) {
            int dims = Math.min(valuePanel, vHeadDim - d);
            long out = tileOut + (long) d * LANES;
            AttentionTiles.multiply(dims, vectors, scratch, base + valuesAt + (long) d * PANEL, dims, base + scoresAt,
                    keys, out, LANES, out);
        }
    }

    private long keyRow(int head, int pos) {
        return kOff + ((long) (head / nKvHeads) * kvLen + pos) * kStride + (long) (head % nKvHeads) * headDim;
    }

    private long valueRow(int head, int pos) {
        return vOff + ((long) (head / nKvHeads) * kvLen + pos) * vStride + (long) (head % nKvHeads) * vHeadDim;
    }

    private void hidePadding(int sequence, int pos, int keys, long scores) {
        boolean[] padding = mask.padding();
        if (padding != null) {
            int first = sequence * kvLen + pos;
            for (int key = 0; key < keys; key++) {
                if (padding[first + key]) {
                    hideKey(scores, key);
                }
            }
        }
    }

    private void hideKey(long scores, int key) {
        Elementwise.fill(scratch, scores + (long) key * LANES, LANES, Float.NEGATIVE_INFINITY);
    }

    /** Writes a tile's output [vHeadDim, LANES] to where it belongs, query by query. */
    private void closeTile(int unit, int split, int head, int unitQuery0, int tile, long base) {
        int query0 = unitQuery0 + tile * LANES;
        int lanes = Math.min(LANES, queries - query0);
        long state = base + (long) tile * LANES;
        long turned = base + valuesAt;
        FloatTranspose.copy(scratch, base + outAt + (long) tile * vHeadDim * LANES, LANES, vHeadDim, lanes, 1f, scratch,
                turned, vHeadDim, scratch, base + zipAt);
        for (int lane = 0; lane < lanes; lane++) {
            float max = Floats.get(scratch, state + maxAt + lane);
            float sum = Floats.get(scratch, state + sumAt + lane);
            long from = turned + (long) lane * vHeadDim;
            if (splits > 1) {
                storePartial(unit * splits + split, query0 - unitQuery0 + lane, from, max, sum);
            } else {
                Elementwise.scale(scratch, from, inverse(sum), out, outOffset(head, query0 + lane), vHeadDim);
                storeLogSumExp(head, query0 + lane, max, sum);
            }
        }
    }

    private void storePartial(int part, int query, long from, float max, float sum) {
        long to = partialOffset(part, query);
        Elementwise.copy(scratch, from, partials, to, vHeadDim);
        Floats.set(partials, to + vHeadDim, max);
        Floats.set(partials, to + vHeadDim + 1, sum);
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
        int unitQueries = Math.min(queries, unitTiles * LANES);
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
        return kv.dtype() == DType.F16 && kv.isFinite();
    }

    /** Whether a Q8_0 cache has microkernels of its own. */
    private boolean bytewise() {
        return kv.dtype() == DType.Q8_0 && AttentionBytes.AVAILABLE;
    }

    private void fewQueries(int head, int split, long base) {
        openQueries(head, base);
        Elementwise.fill(scratch, base + outAt, queries * vHeadDim, 0f);
        int from = splitFrom + split * splitKeys;
        int to = Math.min(from + splitKeys, mask.endKey(startPos + rows - 1, kvLen));
        for (int pos = from; pos < to; pos += ROW_KEYS) {
            fewQueriesOneRun(head, pos, Math.min(ROW_KEYS, to - pos), base);
        }
        for (int query = 0; query < queries; query++) {
            closeQuery(head, split, query, base);
        }
    }

    /** Queries scaled, a single one as it is, several transposed to [headDim, Q_STEP]; and their running state. */
    private void openQueries(int head, long base) {
        float scale = lifted() ? queryScale * AttentionRows.LIFT : queryScale;
        long to = queries == 1 ? base + queriesAt : base + keysAt;
        for (int query = 0; query < queries; query++) {
            Elementwise.scale(q, queryOffset(head, query), scale, scratch, to + (long) query * headDim, headDim);
            Floats.set(scratch, base + maxAt + query, Float.NEGATIVE_INFINITY);
            Floats.set(scratch, base + sumAt + query, 0f);
        }
        if (queries > 1) {
            FloatTranspose.copy(scratch, to, headDim, AttentionRows.Q_STEP, headDim, 1f, scratch, base + queriesAt,
                    AttentionRows.Q_STEP, scratch, base + zipAt);
        }
    }

    /** scores → probs → attnOut of up to ROW_KEYS keys from a panel's start on. */
    private void fewQueriesOneRun(int head, int pos, int count, long base) {
        for (int i = 0; i < count; i += PANEL) {
            rowScores(head, pos + i, base, base + scoresAt + i);
        }
        for (int query = 0; query < queries; query++) {
            rowSoftmax(query, pos, count, base);
        }
        for (int d = 0; d < vHeadDim; d += PANEL) {
            weighPanel(head, d, pos, count, base);
        }
        Elementwise.addScaled(scratch, base + productAt, lifted() ? AttentionRows.REST : 1, scratch, base + outAt,
                queries * vHeadDim);
    }

    private void rowScores(int head, int pos, long base, long scores) {
        int qStep = queries == 1 ? 1 : AttentionRows.Q_STEP;
        long qs = base + queriesAt;
        long from = kv.keyOffset(head, pos);
        if (bytewise()) {
            AttentionBytes.scores(queries, scratch, qs, headDim, k, from, kv.keyScales(), kv.keyScaleOffset(head, pos),
                    scores, ROW_KEYS);
        } else if (lifted() || kv.dtype() == DType.F32) {
            AttentionRows.scores(queries, scratch, qs, qStep, headDim, k, lifted(), from, scores, ROW_KEYS);
        } else {
            kv.readKeys(head, pos, scratch, base + keysAt);
            AttentionRows.scores(queries, scratch, qs, qStep, headDim, scratch, false, base + keysAt, scores, ROW_KEYS);
        }
    }

    private void weighPanel(int head, int firstDim, int pos, int count, long base) {
        long probs = base + scoresAt;
        long from = kv.valueOffset(head, firstDim, pos);
        long to = base + productAt + firstDim;
        int dims = kv.panelDims(firstDim);
        if (bytewise() && dims == PANEL) {
            scaleProbs(head, firstDim, pos, count, base);
            AttentionBytes.weigh(queries, scratch, base + scaledAt, FEW_QUERIES * ROW_KEYS, ROW_KEYS, count, v, from, to,
                    vHeadDim);
        } else if (lifted() || kv.dtype() == DType.F32) {
            AttentionRows.weigh(queries, scratch, probs, ROW_KEYS, count, v, lifted(), from, dims, to, vHeadDim);
        } else {
            kv.readValues(head, firstDim, pos, count, scratch, base + widenedAt);
            AttentionRows.weigh(queries, scratch, probs, ROW_KEYS, count, scratch, false, base + widenedAt, dims, to,
                    vHeadDim);
        }
    }

    /** Probs times the scales of the values of a panel, which has two blocks of dims. */
    private void scaleProbs(int head, int firstDim, int pos, int count, long base) {
        for (int block = 0; block < 2; block++) {
            long scales = kv.valueScaleOffset(head, firstDim + block * AttentionBytes.BLOCK_DIMS, pos);
            for (int query = 0; query < queries; query++) {
                Elementwise.mul(scratch, scoreRow(query, base), kv.valueScales(), scales, scratch,
                        base + scaledAt + (long) (block * FEW_QUERIES + query) * ROW_KEYS, count);
            }
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
        hideInRow(query, row, pos, count, padded);
        float before = Floats.get(scratch, base + maxAt + query);
        float max = Math.max(before, AttentionSoftmax.rowMax(scratch, row, padded) * unit);
        float factor = max == before ? 1 : AttentionSoftmax.exp2(before - max);
        if (factor != 1) {
            long o = base + outAt + query * vHeadDim;
            Elementwise.scale(scratch, o, factor, scratch, o, vHeadDim);
        }
        float lift = lifted() ? AttentionRows.LIFT : 1;
        float sum = AttentionSoftmax.rowProbs(scratch, row, padded, unit, max, lift) / lift;
        Floats.set(scratch, base + maxAt + query, max);
        Floats.set(scratch, base + sumAt + query, Floats.get(scratch, base + sumAt + query) * factor + sum);
    }

    private void hideInRow(int query, long row, int pos, int count, int padded) {
        int position = startPos + query / group;
        int first = Math.clamp(mask.firstKey(position) - pos, 0, padded);
        int end = Math.clamp(mask.endKey(position, kvLen) - pos, first, count);
        Elementwise.fill(scratch, row, first, Float.NEGATIVE_INFINITY);
        Elementwise.fill(scratch, row + end, padded - end, Float.NEGATIVE_INFINITY);
        boolean[] padding = mask.padding();
        for (int i = first; padding != null && i < end; i++) {
            if (padding[pos + i]) {
                Floats.set(scratch, row + i, Float.NEGATIVE_INFINITY);
            }
        }
    }

    private void closeQuery(int head, int split, int query, long base) {
        float sum = Floats.get(scratch, base + sumAt + query);
        long from = base + outAt + query * vHeadDim;
        if (splits > 1) {
            storePartial(head * splits + split, query, from, Floats.get(scratch, base + maxAt + query), sum);
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
        int unitQueries = Math.min(queries, unitTiles * LANES);
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
