package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Attention;
import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.RopeTable;
import io.lanewise.model.ModelConfig.LatentConfig;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The scratch of {@link LatentAttention} in one session, and both forms of it. */
final class LatentState {
    /** Which form to take; a test forces one. */
    enum Form {
        CHEAPER,
        NAIVE,
        ABSORBED
    }

    /** Positions a chunk of the stages that treat each by itself. */
    private static final int GRAIN = 4;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final DecoderState s;
    private final LatentConfig shape;
    private final int nHeads;
    /** Multiply-adds of a head: of a pair in either form, and of moving a position or query between spaces. */
    private final long naivePair;
    private final long absorbedPair;
    private final long move;
    private final int absorbedRows;
    Form form = Form.CHEAPER;

    /** [maxRows, qLoraRank], or null where queries are not low-rank. */
    final Tensor queryLatent;
    /** [maxRows, nHeads · headDim]; of each head first what does not turn. */
    final Tensor q;
    /** What goes to the cache, [maxRows, kvLoraRank + qkRopeHeadDim]. */
    final Tensor latent;

    private final Attention absorbed;
    /** Queries in the latents' space, [absorbedRows, nHeads · (kvLoraRank + qkRopeHeadDim)]. */
    private final Tensor absorbedQ;
    /** [absorbedRows, nHeads · kvLoraRank]. */
    private final Tensor absorbedOut;

    private final Attention naive;
    /** Positions of the cache as rows, and their keys and values: [maxRows, …] at a time. */
    private final Tensor block;
    private final Tensor keys;
    private final Tensor values;
    /** The output over one block of positions, and ln Σ e^score of all so far and of that block, [nHeads, maxRows]. */
    private final Tensor blockOut;
    private final Tensor sums;
    private final Tensor blockSums;
    /** A panel of the cache for each worker. */
    private final Tensor panels;

    private final StageBody fill = this::fillRows;
    private final StageBody turn = this::turnRows;
    private final StageBody read = this::readPanels;
    private final StageBody merge = this::mergeRows;

    private LatentAttention attention;
    private KvBuffer cache;
    private int startPos;
    private int rows;
    private boolean absorbing;
    private int blockStart;
    private int blockLength;
    private Tensor out;

    LatentState(ModelConfig config, DecoderState s) {
        this.s = s;
        this.shape = config.latent();
        this.nHeads = config.attention().nHeads();
        Arena arena = s.arena;
        int maxRows = s.maxRows;
        int rank = shape.kvLoraRank();
        int cacheDim = shape.cacheDim();
        naivePair = shape.headDim() + shape.vHeadDim();
        absorbedPair = cacheDim + rank;
        move = (long) (shape.qkNopeHeadDim() + shape.vHeadDim()) * rank;
        absorbedRows = absorbedPair <= naivePair ? maxRows
                : (int) Math.min(maxRows, Math.max(DecoderState.LOGIT_ROWS, move / (absorbedPair - naivePair) + 1));
        queryLatent = shape.qLoraRank() == 0 ? null : Tensor.allocate(arena, maxRows, shape.qLoraRank());
        q = Tensor.allocate(arena, maxRows, nHeads * shape.headDim());
        latent = Tensor.allocate(arena, maxRows, cacheDim);
        absorbed = new Attention(arena, s.team, absorbedRows, nHeads, 1, cacheDim, rank);
        absorbedQ = Tensor.allocate(arena, absorbedRows, nHeads * cacheDim);
        absorbedOut = Tensor.allocate(arena, absorbedRows, nHeads * rank);
        naive = new Attention(arena, s.team, maxRows, nHeads, nHeads, shape.headDim(), shape.vHeadDim());
        block = Tensor.allocate(arena, maxRows, cacheDim);
        keys = Tensor.allocate(arena, maxRows, nHeads * shape.headDim());
        values = Tensor.allocate(arena, maxRows, nHeads * shape.vHeadDim());
        blockOut = Tensor.allocate(arena, maxRows, nHeads * shape.vHeadDim());
        sums = Tensor.allocate(arena, nHeads, maxRows);
        blockSums = Tensor.allocate(arena, nHeads, maxRows);
        panels = Tensor.allocate(arena, s.team.threads(), s.cache.layer(0).panelFloats());
    }

    /** Normalises the latents, turns their keys and stores both; normalises the queries' latents. */
    void fillCache(LatentAttention attention, KvBuffer cache, int startPos, int rows) {
        this.attention = attention;
        this.cache = cache;
        this.startPos = startPos;
        s.team.run(rows, GRAIN, fill);
    }

    private void fillRows(int from, int to, int worker) {
        MemorySegment x = latent.segment();
        for (int row = from; row < to; row++) {
            if (queryLatent != null) {
                long at = row * queryLatent.stride(0);
                attention.queryNorm().forward(queryLatent.segment(), at, queryLatent.segment(), at);
            }
            long at = row * latent.stride(0);
            attention.latentNorm().forward(x, at, x, at);
            turn(x, at + shape.kvLoraRank(), 1, shape.qkRopeHeadDim(), row);
            cache.append(startPos + row, x, at, x, at);
        }
    }

    private void turn(MemorySegment x, long off, int heads, int headStride, int row) {
        RopeTable rope = s.ropes[attention.rope()];
        Tensor angles = s.angles[attention.rope()];
        rope.apply(x, off, heads, headStride, angles.segment(), row * angles.stride(0));
    }

    private void turnRows(int from, int to, int worker) {
        int headDim = shape.headDim();
        int nope = shape.qkNopeHeadDim();
        int ropeDim = shape.qkRopeHeadDim();
        for (int row = from; row < to; row++) {
            long at = row * q.stride(0) + nope;
            turn(q.segment(), at, nHeads, headDim, row);
            for (int head = 0; head < nHeads && absorbing; head++) {
                long target = row * absorbedQ.stride(0) + (long) head * shape.cacheDim() + shape.kvLoraRank();
                Elementwise.copy(q.segment(), at + (long) head * headDim, absorbedQ.segment(), target, ropeDim);
            }
        }
    }

    /** Whether the naive form takes fewer multiply-adds for rows at {@code startPos} and following. */
    boolean naiveIsCheaper(int startPos, int rows) {
        if (s.rowsAlone) {
            return false;
        }
        if (form != Form.CHEAPER && rows <= absorbedRows) {
            return form == Form.NAIVE;
        }
        double pairs = rows * (startPos + (rows + 1) / 2.0);
        double naiveCost = (double) (startPos + rows) * move + pairs * naivePair;
        double absorbedCost = (double) rows * move + pairs * absorbedPair;
        return rows > absorbedRows || rows > 1 && naiveCost < absorbedCost;
    }

    /** out [rows, nHeads · vHeadDim] by the absorbed form, from q before it turned. */
    void attendAbsorbed(LatentAttention attention, KvBuffer cache, int startPos, int rows, Tensor out) {
        int rank = shape.kvLoraRank();
        absorbing = true;
        s.team.run(rows, GRAIN, turn);
        s.matmul.begin(q.segment(), 0, q.stride(0), rows, shape.qkNopeHeadDim());
        for (int head = 0; head < nHeads; head++) {
            s.matmul.input(q.segment(), (long) head * shape.headDim(), q.stride(0), rows, shape.qkNopeHeadDim());
            s.matmul.add(attention.keysTurned()[head], null, Activation.NONE, false, absorbedQ.segment(),
                    (long) head * shape.cacheDim(), absorbedQ.stride(0));
        }
        s.matmul.run();
        int step = s.rowsAlone ? 1 : rows;
        for (int row = 0; row < rows; row += step) {
            absorbed.forward(absorbedQ.segment(), row * absorbedQ.stride(0), absorbedQ.stride(0), step, startPos + row, cache,
                    startPos + row + step, attention.mask(), absorbedOut.segment(), row * absorbedOut.stride(0),
                    absorbedOut.stride(0));
        }
        s.matmul.begin(absorbedOut.segment(), 0, absorbedOut.stride(0), rows, rank);
        for (int head = 0; head < nHeads; head++) {
            s.matmul.input(absorbedOut.segment(), (long) head * rank, absorbedOut.stride(0), rows, rank);
            s.matmul.add(attention.values()[head], null, Activation.NONE, false, out.segment(),
                    (long) head * shape.vHeadDim(), out.stride(0));
        }
        s.matmul.run();
    }

    /**
     * The same by the naive form, block by block of as many positions as a pass has rows: first those that were in the
     * cache, then the rows' own. Each block's output has the weight Σ e^score of its keys.
     */
    void attendNaively(LatentAttention attention, KvBuffer cache, int startPos, int rows, Tensor out) {
        this.rows = rows;
        this.out = out;
        absorbing = false;
        s.team.run(rows, GRAIN, turn);
        int end = startPos + rows;
        for (int from = 0; from < end; from += blockLength) {
            blockStart = from;
            blockLength = Math.min(s.maxRows, from < startPos ? startPos - from : end - from);
            makeKeysAndValues();
            boolean first = from == 0;
            naive.forward(q.segment(), 0, q.stride(0), keys.segment(), 0, keys.stride(0), values.segment(), 0,
                    values.stride(0), 1, rows, startPos - from, blockLength, attention.mask(),
                    first ? out.segment() : blockOut.segment(), 0, first ? out.stride(0) : blockOut.stride(0),
                    first ? sums.segment() : blockSums.segment(), 0);
            if (!first) {
                s.team.run(rows, GRAIN, merge);
            }
        }
    }

    /** keys and values of the block's positions. */
    private void makeKeysAndValues() {
        int panel = KvBuffer.panelPositions();
        int firstPanel = blockStart / panel;
        int endPanel = (blockStart + blockLength + panel - 1) / panel;
        s.team.run(endPanel - firstPanel, 1, read);
        s.matmul.begin(block.segment(), 0, block.stride(0), blockLength, shape.kvLoraRank());
        for (int head = 0; head < nHeads; head++) {
            s.matmul.add(attention.keys()[head], null, Activation.NONE, false, keys.segment(),
                    (long) head * shape.headDim(), keys.stride(0));
            s.matmul.add(attention.values()[head], null, Activation.NONE, false, values.segment(),
                    (long) head * shape.vHeadDim(), values.stride(0));
        }
        s.matmul.run();
    }

    /** Reads the positions of panels of the cache, and copies what turns to the keys of all heads. */
    private void readPanels(int from, int to, int worker) {
        int panel = KvBuffer.panelPositions();
        int nope = shape.qkNopeHeadDim();
        for (int i = from; i < to; i++) {
            int panelStart = (blockStart / panel + i) * panel;
            int first = Math.max(blockStart, panelStart);
            int count = Math.min(blockStart + blockLength, panelStart + panel) - first;
            long row = first - blockStart;
            cache.readRows(0, first, count, block.segment(), row * block.stride(0), block.stride(0), panels.segment(),
                    worker * panels.stride(0));
            for (long end = row + count; row < end; row++) {
                long shared = row * block.stride(0) + shape.kvLoraRank();
                for (int head = 0; head < nHeads; head++) {
                    Elementwise.copy(block.segment(), shared, keys.segment(),
                            row * keys.stride(0) + (long) head * shape.headDim() + nope, shape.qkRopeHeadDim());
                }
            }
        }
    }

    /** out = (e^sums · out + e^blockSums · blockOut) / (e^sums + e^blockSums), and sums the logarithm of that. */
    private void mergeRows(int from, int to, int worker) {
        int width = shape.vHeadDim();
        for (int row = from; row < to; row++) {
            for (int head = 0; head < nHeads; head++) {
                long sumAt = ((long) head * rows + row) * Float.BYTES;
                double before = sums.segment().get(FLOAT, sumAt);
                double add = blockSums.segment().get(FLOAT, sumAt);
                double share = 1 / (1 + Math.exp(before - add));
                long at = row * out.stride(0) + (long) head * width;
                Elementwise.scale(out.segment(), at, (float) (1 - share), out.segment(), at, width);
                Elementwise.addScaled(blockOut.segment(), row * blockOut.stride(0) + (long) head * width, (float) share,
                        out.segment(), at, width);
                double sum = Math.max(before, add) + Math.log1p(Math.exp(-Math.abs(before - add)));
                sums.segment().set(FLOAT, sumAt, (float) sum);
            }
        }
    }
}
