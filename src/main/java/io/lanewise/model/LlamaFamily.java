package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.model.ModelConfig.FeedForwardConfig;
import io.lanewise.model.ModelConfig.RopeConfig;

/** Llama 1 to 3.x and what keeps to its layout: RMSNorm, interleaved RoPE, grouped queries, SwiGLU. */
final class LlamaFamily {
    private LlamaFamily() {}

    static ModelConfig config(Checkpoint checkpoint) {
        Keys keys = new Keys(checkpoint);
        int dim = keys.size("embedding_length");
        int nHeads = keys.size("attention.head_count");
        int nKvHeads = keys.size("attention.head_count_kv", nHeads);
        int headDim = keys.headDim("attention.key_length", dim, nHeads);
        int vHeadDim = keys.size("attention.value_length", headDim);
        int ropeDim = keys.size("rope.dimension_count", headDim);
        return new ModelConfig(
                keys.architecture(),
                keys.size("block_count"),
                dim,
                keys.vocabSize(),
                keys.size("context_length"),
                new AttentionConfig(nHeads, nKvHeads, headDim, vHeadDim, (float) (1 / Math.sqrt(headDim))),
                new RopeConfig(RopeStyle.INTERLEAVED, ropeDim, keys.number("rope.freq_base", 10_000f),
                        keys.ropeScaling(ropeDim)),
                new FeedForwardConfig(keys.size("feed_forward_length"), Activation.SILU),
                keys.number("attention.layer_norm_rms_epsilon"));
    }
}
