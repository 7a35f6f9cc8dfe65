package io.lanewise.model;

import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.nn.Normalization;

/** Families that normalise what sublayers give. */
final class PostNormFamilies {
    private PostNormFamilies() {}

    /** OLMo 2: sublayers read x itself. With a window (OLMo 3) three of four layers are local and turn unscaled. */
    static ModelConfig olmo2(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.HALF_SPLIT);
        model.preNorm = false;
        model.postNorm = true;
        model.qkNorm = QkNorm.FULL_WIDTH;
        if (keys.has("attention.sliding_window")) {
            RopeConfig local = RopeConfig.unscaled(RopeStyle.HALF_SPLIT, model.rope.dim(), model.rope.base());
            model.localLayers(keys.size("attention.sliding_window"), 4, local);
        }
        return model.build();
    }

    /** GLM 4 (0414): norms before and after, part of each head turns, gate and up in one matrix. */
    static ModelConfig glm4(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.INTERLEAVED);
        model.postNorm = true;
        model.fusedGateUp = true;
        return model.build();
    }
}
