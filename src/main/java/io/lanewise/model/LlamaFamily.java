package io.lanewise.model;

import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.LayerConfig;
import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.nn.Normalization;

/** Llama and what keeps to its layout: RMSNorm before each sublayer, grouped queries, SwiGLU. */
final class LlamaFamily {
    private LlamaFamily() {}

    /** Llama 1 to 3.x, Mistral, and the many models converted as if they were Llama. */
    static ModelConfig llama(Keys keys) {
        ConfigBuilder model = like(keys, RopeStyle.INTERLEAVED);
        if (keys.count("expert_count", 0) > 0) {
            // Mixtral: experts as wide as a dense feed-forward would be.
            model.mixture = new MixtureKeys(keys, model.nLayers, keys.size("feed_forward_length")).plain(true);
        }
        return model.build();
    }

    /** Qwen 2 and 2.5, and with them the smaller DeepSeek-R1 distills: biases of query, key and value. */
    static ModelConfig qwen2(Keys keys) {
        ConfigBuilder model = like(keys, RopeStyle.HALF_SPLIT);
        model.qkvBias = true;
        return model.build();
    }

    /** Qwen 3: heads are normalised before they turn. */
    static ModelConfig qwen3(Keys keys) {
        ConfigBuilder model = like(keys, RopeStyle.HALF_SPLIT);
        model.qkNorm = QkNorm.PER_HEAD;
        return model.build();
    }

    /** Granite 3: four scales. */
    static ModelConfig granite(Keys keys) {
        ConfigBuilder model = like(keys, RopeStyle.INTERLEAVED);
        model.embeddingScale = keys.positive("embedding_scale", 1);
        model.attentionScale = keys.positive("attention.scale", model.attentionScale);
        model.residualScale = keys.positive("residual_scale", 1);
        model.logitScale = 1 / keys.positive("logit_scale", 1);
        if (!keys.flag("rope.scaling.finetuned", true)) {
            model.rope = null;
        }
        return model.build();
    }

    /** SmolLM 3: one of four layers does not turn its heads. */
    static ModelConfig smollm3(Keys keys) {
        ConfigBuilder model = like(keys, RopeStyle.INTERLEAVED);
        model.layer = index -> new LayerConfig(0, index % 4 == 3 ? null : model.rope);
        return model.build();
    }

    private static ConfigBuilder like(Keys keys, RopeStyle ropeStyle) {
        return new ConfigBuilder(keys, Normalization.Kind.RMS, ropeStyle);
    }
}
