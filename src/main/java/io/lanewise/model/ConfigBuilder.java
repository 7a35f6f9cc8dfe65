package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.model.ModelConfig.BlockConfig;
import io.lanewise.model.ModelConfig.EmbeddingConfig;
import io.lanewise.model.ModelConfig.FeedForwardConfig;
import io.lanewise.model.ModelConfig.LatentConfig;
import io.lanewise.model.ModelConfig.LayerConfig;
import io.lanewise.model.ModelConfig.MixtureConfig;
import io.lanewise.model.ModelConfig.NormConfig;
import io.lanewise.model.ModelConfig.Order;
import io.lanewise.model.ModelConfig.OutputConfig;
import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.nn.Normalization;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * A configuration in the making. It begins as what most families share, which is Llama: a family reads the keys that
 * all have with {@link #ConfigBuilder}, and then says where it differs.
 */
final class ConfigBuilder {
    final Keys keys;
    final int dim;
    final int nLayers;
    final int contextLength;
    float embeddingScale = 1;
    boolean learnedPositions;

    final int nHeads;
    final int nKvHeads;
    final int headDim;
    final int vHeadDim;
    float attentionScale;
    float attentionSoftCap;
    QkNorm qkNorm = QkNorm.NONE;
    boolean fusedQkv;
    boolean qkvBias;
    boolean attnOutputBias;
    LatentConfig latent;

    /** Of all layers unless {@link #layer} says otherwise; null for none. */
    RopeConfig rope;
    IntFunction<LayerConfig> layer = index -> new LayerConfig(0, rope);

    Activation activation = Activation.SILU;
    boolean gated = true;
    boolean fusedGateUp;
    boolean ffnBias;
    MixtureConfig mixture;
    int spareLayers;

    Normalization.Kind norm;
    boolean normBias;
    boolean preNorm = true;
    boolean postNorm;
    Order order = Order.SEQUENTIAL;
    float residualScale = 1;

    float logitScale = 1;
    float logitSoftCap;

    /** Reads the sizes that all families have. Where a layer has biases or fused matrices, so have the others. */
    ConfigBuilder(Keys keys, Normalization.Kind norm, RopeStyle ropeStyle) {
        this.keys = keys;
        this.norm = norm;
        dim = keys.size("embedding_length");
        int blocks = keys.layers("block_count");
        spareLayers = keys.count("nextn_predict_layers", 0);
        keys.check(spareLayers < blocks, "nextn_predict_layers", "fewer than the block_count of " + blocks, spareLayers);
        nLayers = blocks - spareLayers;
        contextLength = keys.size("context_length");
        nHeads = keys.size("attention.head_count");
        headDim = keys.headDim("attention.key_length", dim, nHeads);
        nKvHeads = keys.size("attention.head_count_kv", nHeads);
        keys.check(nHeads % nKvHeads == 0, "attention.head_count_kv", "a divisor of head_count " + nHeads, nKvHeads);
        vHeadDim = keys.size("attention.value_length", headDim);
        int widestHead = Math.max(headDim, vHeadDim);
        keys.check((long) nHeads * widestHead <= Keys.MAX_SIZE, "attention.head_count",
                "at most " + Keys.MAX_SIZE + " numbers in all heads of width " + widestHead, nHeads);
        attentionScale = (float) (1 / Math.sqrt(headDim));
        fusedQkv = keys.hasTensor("blk.0.attn_qkv.weight");
        qkvBias = keys.hasTensor(fusedQkv ? "blk.0.attn_qkv.bias" : "blk.0.attn_q.bias");
        attnOutputBias = keys.hasTensor("blk.0.attn_output.bias");
        rope = ropeStyle == null ? null : keys.rope(ropeStyle, headDim);
        if (keys.has("attention.sliding_window") && keys.isArray("attention.sliding_window_pattern")) {
            localLayers(keys.size("attention.sliding_window"), 1, rope);
        }
    }

    /**
     * Local attention over {@code window} positions, where the file says so layer by layer, or else in the first
     * period - 1 of each period layers: the file's period, or else this one.
     */
    void localLayers(int window, int period, RopeConfig localRope) {
        boolean[] local = keys.pattern("attention.sliding_window_pattern", nLayers, period);
        layer = index -> local[index] ? new LayerConfig(window, localRope) : new LayerConfig(0, rope);
    }

    /** The activation of the feed-forward that the file names, or else this one. */
    void activationOr(Activation otherwise) {
        String key = "feed_forward.activation";
        String name = keys.string(key, "");
        activation = switch (name) {
            case "" -> otherwise;
            case "gelu" -> Activation.GELU_ERF;
            case "gelu_tanh" -> Activation.GELU_TANH;
            case "silu" -> Activation.SILU;
            case "relu" -> Activation.RELU;
            default -> throw keys.error(key, "expected gelu, gelu_tanh, silu or relu, got '" + name + "'");
        };
    }

    ModelConfig build() {
        keys.check(Float.isFinite(logitScale), "logit_scale", "a number whose inverse is finite", logitScale);
        List<LayerConfig> layers = new ArrayList<>();
        for (int index = 0; index < nLayers; index++) {
            layers.add(layer.apply(index));
        }
        String epsKey = norm == Normalization.Kind.RMS ? "layer_norm_rms_epsilon" : "layer_norm_epsilon";
        return new ModelConfig(keys.architecture(), dim, keys.vocabSize(), contextLength,
                new EmbeddingConfig(embeddingScale, learnedPositions ? contextLength : 0),
                latent == null ? attention(nKvHeads, headDim, vHeadDim)
                        : attention(1, latent.cacheDim(), latent.kvLoraRank()),
                latent,
                new FeedForwardConfig(keys.size("feed_forward_length"), activation, gated, fusedGateUp, ffnBias),
                mixture,
                new NormConfig(norm, keys.positive("attention." + epsKey), normBias),
                new BlockConfig(preNorm, postNorm, order, residualScale),
                new OutputConfig(!keys.hasTensor("output.weight"), logitScale, logitSoftCap),
                layers, spareLayers);
    }

    private AttentionConfig attention(int kvHeads, int keyDim, int valueDim) {
        return new AttentionConfig(nHeads, kvHeads, keyDim, valueDim, attentionScale, attentionSoftCap, qkNorm, fusedQkv,
                qkvBias, attnOutputBias);
    }
}
