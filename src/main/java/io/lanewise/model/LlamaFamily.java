package io.lanewise.model;

import io.lanewise.kernels.RopeStyle;
import io.lanewise.nn.Normalization;

/**
 * Llama 1 to 3.x and what keeps to its layout: RMSNorm, grouped queries, SwiGLU, biases where the file has them. Qwen2
 * (and with it the smaller DeepSeek-R1 distills) differs by half-split RoPE.
 */
final class LlamaFamily {
    private LlamaFamily() {}

    static ModelConfig llama(Keys keys) {
        return like(keys, RopeStyle.INTERLEAVED).build();
    }

    static ModelConfig qwen2(Keys keys) {
        ConfigBuilder model = like(keys, RopeStyle.HALF_SPLIT);
        model.qkvBias = true;
        return model.build();
    }

    private static ConfigBuilder like(Keys keys, RopeStyle ropeStyle) {
        return new ConfigBuilder(keys, Normalization.Kind.RMS, ropeStyle);
    }
}
