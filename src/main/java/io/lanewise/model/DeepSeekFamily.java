package io.lanewise.model;

import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.LatentConfig;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.nn.Normalization;

/** DeepSeek-V2 and V2-Lite, V3 and R1: multi-head latent attention and mixtures of experts. */
final class DeepSeekFamily {
    private static final String LOG_MULTIPLIER = "rope.scaling.yarn_log_multiplier";

    private DeepSeekFamily() {}

    static ModelConfig deepseek2(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.INTERLEAVED);
        int ropeDim = keys.size("rope.dimension_count");
        // Newer files name the widths of the naive form apart from those of the absorbed one.
        String keyLength = keys.has("attention.key_length_mla") ? "attention.key_length_mla" : "attention.key_length";
        String valueLength =
                keys.has("attention.value_length_mla") ? "attention.value_length_mla" : "attention.value_length";
        int headDim = keys.size(keyLength);
        keys.check(headDim > ropeDim, keyLength, "more than the rope.dimension_count of " + ropeDim, headDim);
        model.latent = new LatentConfig(keys.count("attention.q_lora_rank", 0), keys.size("attention.kv_lora_rank"),
                headDim - ropeDim, ropeDim, keys.size(valueLength));
        model.attentionScale = (float) (1 / Math.sqrt(headDim));
        scaleForLongContext(keys, model);
        if (keys.count("expert_count", 0) > 0) {
            model.mixture = new MixtureKeys(keys, model.nLayers, 0).withSharedExperts(false);
        }
        while (keys.hasTensor("blk." + (model.nLayers + model.spareLayers) + ".attn_norm.weight")) {
            model.spareLayers++;
        }
        return model.build();
    }

    /**
     * DeepSeek's YaRN leaves cosines and sines at their magnitude and puts the factor on the scores instead: twice
     * 1 + multiplier · ln(factor), once for queries and once for keys, so that it covers what does not turn as well.
     */
    private static void scaleForLongContext(Keys keys, ConfigBuilder model) {
        RopeConfig rope = model.rope;
        RopeScaling scaling = rope.scaling();
        double multiplier = keys.number(LOG_MULTIPLIER, 0);
        keys.check(multiplier >= 0, LOG_MULTIPLIER, "0 or more", multiplier);
        if (scaling.extFactor() == 0 || multiplier == 0) {
            return;
        }
        double logFactor = Math.log(1 / scaling.freqScale());
        double magnitude = scaling.attnFactor() * (1 + multiplier * logFactor);
        model.attentionScale *= (float) (magnitude * magnitude);
        keys.check(Float.isFinite(model.attentionScale), LOG_MULTIPLIER, "a factor on scores that is finite", magnitude);
        model.rope = new RopeConfig(rope.style(), rope.dim(), rope.base(),
                scaling.withAttnFactor(1 / (1 + 0.1 * logFactor)), rope.beyond());
    }
}
