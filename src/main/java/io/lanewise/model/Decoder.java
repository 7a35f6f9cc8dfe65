package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.model.LayerWeights.Residual;
import io.lanewise.model.ModelConfig.Order;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;

/** A decoder-only transformer: immutable weights and the forward pass over a session's {@link DecoderState}. */
public final class Decoder implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final ComputePool pool;
    private final ModelConfig config;
    private final ModelWeights weights;

    private Decoder(Checkpoint checkpoint, LoraAdapter adapter, ComputePool pool, boolean expertsOnDemand,
            ModelConfig config) {
        this.pool = pool;
        this.config = config;
        try {
            this.weights = ModelWeights.load(checkpoint, adapter, config, pool, expertsOnDemand, arena);
        } catch (Throwable failed) {
            arena.close();
            throw failed;
        }
    }

    /** Loads the weights as they are; errors as {@link #load(Checkpoint, LoraAdapter, ComputePool, boolean)}. */
    public static Decoder load(Checkpoint checkpoint, ComputePool pool) {
        return load(checkpoint, null, pool, false);
    }

    /**
     * Reads the configuration and packs the weights of a checkpoint, which must stay open as long as the decoder: the
     * token embedding stays mapped.
     *
     * @param adapter what matrices are changed by as they are packed, or null
     * @param expertsOnDemand whether experts are packed when a token is first sent to them
     * @throws FormatException if the architecture is unknown, or metadata or tensors do not make a model
     */
    public static Decoder load(Checkpoint checkpoint, LoraAdapter adapter, ComputePool pool, boolean expertsOnDemand) {
        String architecture = checkpoint.metadata().string("general.architecture");
        Family family = Family.ALL.get(architecture);
        if (family == null) {
            throw new FormatException(checkpoint.path(), "architecture '" + architecture
                    + "' is not one that this version runs: " + String.join(", ", Family.ALL.keySet()));
        }
        return new Decoder(checkpoint, adapter, pool, expertsOnDemand, family.config(new Keys(checkpoint)));
    }

    public ModelConfig config() {
        return config;
    }

    /**
     * A state for one session.
     *
     * @param contextLength positions that its cache holds
     * @param maxRows most positions of one forward pass
     * @param kvType how the cache stores numbers: F32, F16 or Q8_0
     * @throws IllegalArgumentException if the model has learned positions, and not as many
     */
    public DecoderState newState(int contextLength, int maxRows, DType kvType) {
        int positions = config.embedding().positions();
        if (positions > 0 && contextLength > positions) {
            throw new IllegalArgumentException("context of " + contextLength + " positions: " + config.architecture()
                    + " has learned only " + positions + "; ask for no more");
        }
        return new DecoderState(config, pool, contextLength, maxRows, kvType);
    }

    /**
     * Runs tokens {@code from} to {@code from + rows - 1} through all blocks, at the positions after those in the cache,
     * which then holds them too. Their residual stream stays in the state for {@link #logits}.
     *
     * @throws IllegalArgumentException if a token is outside the vocabulary, or rows exceed the state or its cache
     */
    public void forward(DecoderState s, int[] tokens, int from, int rows) {
        check(s, tokens, from, rows);
        s.team.enter();
        try {
            s.rowStages.embed(weights, tokens, from, rows);
            for (int index = 0; index < config.nLayers(); index++) {
                LayerWeights layer = weights.layers().get(index);
                if (config.block().order() == Order.SEQUENTIAL) {
                    addTo(s, layer.attention(), rows);
                    addTo(s, layer.feedForward(), rows);
                } else {
                    addBothTo(s, layer, rows);
                }
            }
            s.cache.advance(rows);
        } finally {
            s.team.exit();
        }
    }

    /**
     * As {@link #forward} and {@link #logits} for all rows, to the bits that a pass for each row by itself would give, in
     * the cache too. Weights are read once for all rows.
     *
     * @param rows at most {@link DecoderState#LOGIT_ROWS}
     */
    public void forwardAlone(DecoderState s, int[] tokens, int from, int rows) {
        s.rowsAlone = true;
        s.matmul.setRowsAlone(true);
        try {
            forward(s, tokens, from, rows);
            logits(s, 0, rows);
        } finally {
            s.rowsAlone = false;
            s.matmul.setRowsAlone(false);
        }
    }

    /** x += residualScale · postNorm(sublayer(preNorm(x))). */
    private void addTo(DecoderState s, Residual residual, int rows) {
        Tensor in = s.x;
        if (residual.preNorm() != null) {
            in = s.normed;
            s.rowStages.norm(residual.preNorm(), in, rows);
        }
        if (config.block().plainResidual()) {
            residual.sublayer().forward(s, in, rows, s.x, true);
        } else {
            residual.sublayer().forward(s, in, rows, s.sublayerOut, false);
            s.rowStages.addToResidual(residual.postNorm(), config.block().residualScale(), rows);
        }
    }

    /** x += attention(norm(x)) + feedForward(norm(x)), where both may share one norm. */
    private void addBothTo(DecoderState s, LayerWeights layer, int rows) {
        Tensor ffnIn = s.normed;
        s.rowStages.norm(layer.attention().preNorm(), s.normed, rows);
        if (layer.feedForward().preNorm() != layer.attention().preNorm()) {
            ffnIn = s.sublayerOut;
            s.rowStages.norm(layer.feedForward().preNorm(), ffnIn, rows);
        }
        layer.attention().sublayer().forward(s, s.normed, rows, s.x, true);
        layer.feedForward().sublayer().forward(s, ffnIn, rows, s.x, true);
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
            s.multiply(s.normed, rows);
            weights.output().addTo(s.matmul, s.logits);
            s.matmul.run();
            s.rowStages.scaleAndCap(config.output(), rows);
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
