package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.nn.Normalization;

/** LayerNorm, biases everywhere, GELU without a gate. */
final class GptFamilies {
    private GptFamilies() {}

    /** GPT-2: learned positions. */
    static ModelConfig gpt2(Keys keys) {
        ConfigBuilder model = like(keys, null);
        model.learnedPositions = true;
        model.fusedQkv = true;
        return model.build();
    }

    static ModelConfig starcoder2(Keys keys) {
        return like(keys, RopeStyle.HALF_SPLIT).build();
    }

    private static ConfigBuilder like(Keys keys, RopeStyle ropeStyle) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.LAYER, ropeStyle);
        model.normBias = true;
        model.qkvBias = true;
        model.attnOutputBias = true;
        model.activationOr(Activation.GELU_TANH);
        model.gated = false;
        model.ffnBias = true;
        return model;
    }
}
