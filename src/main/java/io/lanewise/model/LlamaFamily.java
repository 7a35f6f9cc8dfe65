package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.model.ModelConfig.FeedForwardConfig;
import io.lanewise.model.ModelConfig.RopeConfig;

/**
 * Llama 1 to 3.x and what keeps to its layout: RMSNorm, grouped queries, SwiGLU, biases where the file has them. Qwen2
 * (and with it the smaller DeepSeek-R1 distills) differs by half-split RoPE.
 */
final class LlamaFamily {
    private LlamaFamily() {}

    static ModelConfig llama(Checkpoint checkpoint) {
        return config(checkpoint, RopeStyle.INTERLEAVED);
    }

    static ModelConfig qwen2(Checkpoint checkpoint) {
        return config(checkpoint, RopeStyle.HALF_SPLIT);
    }

    private static ModelConfig config(Checkpoint checkpoint, RopeStyle ropeStyle) {
        Keys keys = new Keys(checkpoint);
        int dim = keys.size("embedding_length");
        int nHeads = keys.size("attention.head_count");
        int nKvHeads = keys.size("attention.head_count_kv", nHeads);
        int headDim = keys.headDim("attention.key_length", dim, nHeads);
        int vHeadDim = keys.size("attention.value_length", headDim);
        int ropeDim = keys.size("rope.dimension_count", headDim);
        keys.check(nHeads % nKvHeads == 0, "attention.head_count_kv", "a divisor of head_count " + nHeads, nKvHeads);
        keys.check(ropeDim % 2 == 0 && ropeDim <= headDim, "rope.dimension_count",
                "an even number up to the head's width of " + headDim, ropeDim);
        return new ModelConfig(
                keys.architecture(),
                keys.size("block_count"),
                dim,
                keys.vocabSize(),
                keys.size("context_length"),
                new AttentionConfig(nHeads, nKvHeads, headDim, vHeadDim, (float) (1 / Math.sqrt(headDim))),
                new RopeConfig(ropeStyle, ropeDim, keys.number("rope.freq_base", 10_000f),
                        keys.ropeScaling(ropeDim)),
                new FeedForwardConfig(keys.size("feed_forward_length"), Activation.SILU),
                keys.number("attention.layer_norm_rms_epsilon"));
    }
}
