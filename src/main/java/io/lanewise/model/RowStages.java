package io.lanewise.model;

import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.Embedding;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.RopeTable;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.model.ModelConfig.OutputConfig;
import io.lanewise.nn.Normalization;
import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The steps of a forward pass that treat each position by itself, spread over the team when there are many. */
final class RowStages {
    /** Positions a chunk: enough work to be worth a hand-over, few enough to share a short batch. */
    private static final int GRAIN = 4;
    /** Logits a chunk, some microseconds of tanh. */
    private static final int LOGITS = 4096;

    private final ModelConfig config;
    private final DecoderState s;
    private final Team team;
    private final StageBody embed = this::embedRows;
    private final StageBody norm = this::normRows;
    private final StageBody addToResidual = this::addRowsToResidual;
    private final StageBody turnAndCache = this::turnAndCacheRows;
    private final StageBody scaleAndCap = this::scaleAndCapChunks;

    private ModelWeights weights;
    private int[] tokens;
    private int firstToken;
    private int startPos;
    private Normalization normalization;
    private int firstRow;
    private Tensor normed;
    private float residualScale;
    private GroupedAttention attention;
    private KvBuffer kv;
    private OutputConfig output;

    RowStages(ModelConfig config, DecoderState state) {
        this.config = config;
        this.s = state;
        this.team = state.team;
    }

    /**
     * x = scale · embedding of the tokens (+ embedding of their positions, those after the ones in the cache); also
     * computes the angles of these positions, which all layers share.
     */
    void embed(ModelWeights weights, int[] tokens, int from, int rows) {
        this.startPos = s.cache.length();
        this.weights = weights;
        this.tokens = tokens;
        this.firstToken = from;
        team.run(rows, GRAIN, embed);
    }

    private void embedRows(int from, int to, int worker) {
        MemorySegment x = s.x.segment();
        float scale = config.embedding().scale();
        int dim = config.dim();
        for (int row = from; row < to; row++) {
            long at = row * s.x.stride(0);
            Embedding.gather(weights.tokenEmbedding(), tokens[firstToken + row], x, at);
            if (scale != 1) {
                Elementwise.scale(x, at, scale, x, at, dim);
            }
            if (weights.positionEmbedding() != null) {
                MemorySegment scratch = s.normed.segment();
                Embedding.gather(weights.positionEmbedding(), startPos + row, scratch, at);
                Elementwise.add(x, at, scratch, at, x, at, dim);
            }
            for (int i = 0; i < s.ropes.length; i++) {
                s.ropes[i].fillRow(startPos + row, s.angles[i].segment(), row * s.angles[i].stride(0));
            }
        }
    }

    /** out = norm(x). */
    void norm(Normalization normalization, Tensor out, int rows) {
        this.normalization = normalization;
        this.firstRow = 0;
        this.normed = out;
        team.run(rows, GRAIN, norm);
    }

    /** The first rows of normed = norm(rows of x from {@code firstRow} on). */
    void outputNorm(Normalization normalization, int firstRow, int rows) {
        this.normalization = normalization;
        this.firstRow = firstRow;
        this.normed = s.normed;
        team.run(rows, GRAIN, norm);
    }

    private void normRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            normalization.forward(s.x.segment(), (firstRow + row) * s.x.stride(0),
                    normed.segment(), row * normed.stride(0));
        }
    }

    /** x += scale · norm(sublayerOut), without a norm if that is null. */
    void addToResidual(Normalization normalization, float scale, int rows) {
        this.normalization = normalization;
        this.residualScale = scale;
        team.run(rows, GRAIN, addToResidual);
    }

    private void addRowsToResidual(int from, int to, int worker) {
        MemorySegment out = s.sublayerOut.segment();
        for (int row = from; row < to; row++) {
            long at = row * s.x.stride(0);
            if (normalization != null) {
                normalization.forward(out, at, out, at);
            }
            Elementwise.addScaled(out, at, residualScale, s.x.segment(), at, config.dim());
        }
    }

    /** Normalises q and k where the layer does, turns them by their positions' angles, stores k and v in the cache. */
    void turnAndCache(GroupedAttention attention, KvBuffer kv, int rows) {
        this.attention = attention;
        this.kv = kv;
        team.run(rows, GRAIN, turnAndCache);
    }

    private void turnAndCacheRows(int from, int to, int worker) {
        AttentionConfig shape = config.attention();
        for (int row = from; row < to; row++) {
            turn(s.q, row, shape.nHeads(), attention.queryNorm());
            turn(s.k, row, shape.nKvHeads(), attention.keyNorm());
            kv.append(startPos + row, s.k.segment(), row * s.k.stride(0), s.v.segment(), row * s.v.stride(0));
        }
    }

    private void turn(Tensor heads, int row, int nHeads, HeadNorm headNorm) {
        long at = row * heads.stride(0);
        if (headNorm != null) {
            headNorm.apply(heads.segment(), at);
        }
        if (attention.rope() >= 0) {
            RopeTable rope = s.ropes[attention.rope()];
            Tensor angles = s.angles[attention.rope()];
            rope.apply(heads.segment(), at, nHeads, config.attention().headDim(), angles.segment(),
                    row * angles.stride(0));
        }
    }

    /** logits = softCap(logitScale · logits), where the model has either. */
    void scaleAndCap(OutputConfig output, int rows) {
        if (output.logitScale() != 1 || output.softCap() != 0) {
            this.output = output;
            team.run(rows * chunksOfLogits(), 1, scaleAndCap);
        }
    }

    private int chunksOfLogits() {
        return (config.vocabSize() + LOGITS - 1) / LOGITS;
    }

    private void scaleAndCapChunks(int from, int to, int worker) {
        MemorySegment logits = s.logits.segment();
        for (int chunk = from; chunk < to; chunk++) {
            int first = chunk % chunksOfLogits() * LOGITS;
            int count = Math.min(LOGITS, config.vocabSize() - first);
            long at = chunk / chunksOfLogits() * s.logits.stride(0) + first;
            if (output.logitScale() != 1) {
                Elementwise.scale(logits, at, output.logitScale(), logits, at, count);
            }
            if (output.softCap() != 0) {
                Elementwise.softCap(logits, at, count, output.softCap());
            }
        }
    }
}
