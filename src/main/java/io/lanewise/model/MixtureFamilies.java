package io.lanewise.model;

import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.nn.Normalization;

/** Families whose feed-forward is a mixture of experts and whose attention is that of a dense one. */
final class MixtureFamilies {
    private MixtureFamilies() {}

    /** Qwen 1.5-MoE and 2-MoE: beside the experts one shared feed-forward, weighed by a gate of its own. */
    static ModelConfig qwen2moe(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.HALF_SPLIT);
        model.qkvBias = true;
        model.mixture = new MixtureKeys(keys, model.nLayers, 0)
                .withGatedShare(false, keys.size("feed_forward_length"));
        return model.build();
    }

    /** Qwen 3-MoE: the weights of the chosen experts add up to one; heads are normalised before they turn. */
    static ModelConfig qwen3moe(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.HALF_SPLIT);
        model.qkNorm = QkNorm.PER_HEAD;
        model.mixture = new MixtureKeys(keys, model.nLayers, 0).plain(true);
        return model.build();
    }

    /** DeepSeek-MoE, the first version: ordinary attention, dense layers first, shared experts. */
    static ModelConfig deepseek(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.INTERLEAVED);
        model.mixture = new MixtureKeys(keys, model.nLayers, 0).withSharedExperts(false);
        return model.build();
    }
}
