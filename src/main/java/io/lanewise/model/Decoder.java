package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.kernels.AttentionMask;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.RopeTable;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;

/** A decoder-only transformer: immutable weights and the forward pass over a session's {@link DecoderState}. */
public final class Decoder implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final ComputePool pool;
    private final ModelConfig config;
    private final ModelWeights weights;
    private final AttentionMask mask;
    final RopeTable rope;

    private Decoder(Checkpoint checkpoint, LoraAdapter adapter, ComputePool pool, ModelConfig config) {
        this.pool = pool;
        this.config = config;
        this.weights = ModelWeights.load(checkpoint, adapter, config, pool, arena);
        this.rope = new RopeTable(config.rope().style(), config.rope().dim(), config.rope().base(),
                config.rope().scaling());
        this.mask = new AttentionMask(true, 0, 0, config.attention().scale());
    }

    /** Loads the weights as they are; errors as {@link #load(Checkpoint, LoraAdapter, ComputePool)}. */
    public static Decoder load(Checkpoint checkpoint, ComputePool pool) {
        return load(checkpoint, null, pool);
    }

    /**
     * Reads the configuration and packs the weights of a checkpoint, which must stay open as long as the decoder: the
     * token embedding stays mapped.
     *
     * @param adapter what matrices are changed by as they are packed, or null
     * @throws FormatException if the architecture is unknown, or metadata or tensors do not make a model
     */
    public static Decoder load(Checkpoint checkpoint, LoraAdapter adapter, ComputePool pool) {
        String architecture = checkpoint.metadata().string("general.architecture");
        Family family = Family.ALL.get(architecture);
        if (family == null) {
            throw new FormatException(checkpoint.path(), "architecture '" + architecture
                    + "' is not one that this version runs: " + String.join(", ", Family.ALL.keySet()));
        }
        return new Decoder(checkpoint, adapter, pool, family.config(checkpoint));
    }

    public ModelConfig config() {
        return config;
    }

    /**
     * A state for one session.
     *
     * @param contextLength positions that its cache holds
     * @param maxRows most positions of one forward pass
     * @param kvType how the cache stores numbers: F32 or F16
     */
    public DecoderState newState(int contextLength, int maxRows, DType kvType) {
        return new DecoderState(config, this, pool, contextLength, maxRows, kvType);
    }

    /**
     * Runs tokens {@code from} to {@code from + rows - 1} through all blocks, at the positions after those in the cache,
     * which then holds them too. Their residual stream stays in the state for {@link #logits}.
     *
     * @throws IllegalArgumentException if a token is outside the vocabulary, or rows exceed the state or its cache
     */
    public void forward(DecoderState s, int[] tokens, int from, int rows) {
        check(s, tokens, from, rows);
        int startPos = s.cache.length();
        Team team = s.team;
        Matmul matmul = s.matmul;
        RowStages each = s.rowStages;
        team.enter();
        try {
            each.embed(weights.tokenEmbedding(), tokens, from, startPos, rows);
            for (int layer = 0; layer < config.nLayers(); layer++) {
                LayerWeights w = weights.layers().get(layer);

                each.norm(w.attnNorm(), rows);
                matmul.begin(s.normed.segment(), 0, s.normed.stride(0), rows, config.dim());
                w.query().addTo(matmul, s.q);
                w.key().addTo(matmul, s.k);
                w.value().addTo(matmul, s.v);
                matmul.run();
                each.ropeAndCache(s.cache.layer(layer), rows);
                s.attention.forward(s.q.segment(), 0, s.q.stride(0), rows, startPos, s.cache.layer(layer),
                        startPos + rows, mask, s.attnOut.segment(), 0, s.attnOut.stride(0));
                matmul.begin(s.attnOut.segment(), 0, s.attnOut.stride(0), rows, s.attnOut.shape().size(1));
                w.attnOutput().addResidualTo(matmul, s.x);
                matmul.run();

                each.norm(w.ffnNorm(), rows);
                matmul.begin(s.normed.segment(), 0, s.normed.stride(0), rows, config.dim());
                w.gateUp().addTo(matmul, config.feedForward().activation(), false, s.hidden);
                matmul.run();
                matmul.begin(s.hidden.segment(), 0, s.hidden.stride(0), rows, s.hidden.shape().size(1));
                w.down().addResidualTo(matmul, s.x);
                matmul.run();
            }
            s.cache.advance(rows);
        } finally {
            team.exit();
        }
    }

    /**
     * Computes the logits of {@code rows} positions of the last forward pass, from its row {@code firstRow} on, into the
     * first rows of {@link DecoderState#logits}.
     */
    public void logits(DecoderState s, int firstRow, int rows) {
        if (rows < 1 || rows > s.logits.shape().dim(0) || firstRow < 0 || firstRow + rows > s.maxRows) {
            throw new IllegalArgumentException("logits: expected 1 to " + s.logits.shape().dim(0) + " rows within "
                    + s.maxRows + ", got " + rows + " from " + firstRow);
        }
        s.team.enter();
        try {
            s.rowStages.outputNorm(weights.outputNorm(), firstRow, rows);
            s.matmul.begin(s.normed.segment(), 0, s.normed.stride(0), rows, config.dim());
            weights.output().addTo(s.matmul, s.logits);
            s.matmul.run();
        } finally {
            s.team.exit();
        }
    }

    private void check(DecoderState s, int[] tokens, int from, int rows) {
        if (rows < 1 || rows > s.maxRows || from < 0 || from + rows > tokens.length) {
            throw new IllegalArgumentException("forward: expected 1 to " + s.maxRows + " rows of " + tokens.length
                    + " tokens, got " + rows + " from " + from);
        }
        if (s.cache.length() + rows > s.cache.capacity()) {
            throw new IllegalArgumentException("forward: " + rows + " positions after " + s.cache.length()
                    + " exceed the context of " + s.cache.capacity());
        }
        for (int i = from; i < from + rows; i++) {
            if (tokens[i] < 0 || tokens[i] >= config.vocabSize()) {
                throw new IllegalArgumentException("token " + tokens[i] + " is outside the vocabulary of "
                        + config.vocabSize());
            }
        }
    }

    /** Frees the weights; sessions must be closed before. */
    @Override
    public void close() {
        arena.close();
    }
}
