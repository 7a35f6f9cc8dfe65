package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.nn.Normalization;

/** Gemma: embeddings times sqrt(dim), GeGLU; the files already hold 1 + weight for each norm. */
final class GemmaFamily {
    private GemmaFamily() {}

    static ModelConfig gemma(Keys keys) {
        return like(keys).build();
    }

    /** Norms after the sublayers too, capped scores and logits, every other layer local. */
    static ModelConfig gemma2(Keys keys) {
        ConfigBuilder model = like(keys);
        model.postNorm = true;
        model.attentionSoftCap = keys.positive("attn_logit_softcapping", 50);
        model.logitSoftCap = keys.positive("final_logit_softcapping", 30);
        scaleByWidth(model, 46);
        model.localLayers(keys.size("attention.sliding_window", 4096), 2, model.rope);
        return model.build();
    }

    /** Normalised heads instead of capped scores; five of six layers local, with a rope base of their own. */
    static ModelConfig gemma3(Keys keys) {
        ConfigBuilder model = like(keys);
        model.postNorm = true;
        model.qkNorm = QkNorm.PER_HEAD;
        model.logitSoftCap = keys.has("final_logit_softcapping") ? keys.positive("final_logit_softcapping") : 0;
        scaleByWidth(model, 62);
        float localBase = keys.number("rope.freq_base_swa", 10_000);
        keys.check(localBase > 1, "rope.freq_base_swa", "a number above 1", localBase);
        RopeConfig local = RopeConfig.unscaled(RopeStyle.HALF_SPLIT, model.rope.dim(), localBase);
        model.localLayers(keys.size("attention.sliding_window"), 6, local);
        return model.build();
    }

    private static ConfigBuilder like(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.HALF_SPLIT);
        model.embeddingScale = (float) Math.sqrt(model.dim);
        model.activation = Activation.GELU_TANH;
        model.attentionScale = keys.positive("attention.scale", model.attentionScale);
        return model;
    }

    /** The 27B models, told by their layers, scale scores by dim / nHeads and not by headDim; no key says so. */
    private static void scaleByWidth(ConfigBuilder model, int layersOf27B) {
        if (model.nLayers == layersOf27B && !model.keys.has("attention.scale")) {
            model.attentionScale = (float) (1 / Math.sqrt((double) model.dim / model.nHeads));
        }
    }
}
