package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.Order;
import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.nn.Normalization;

/** Families whose attention and feed-forward read the same x. */
final class ParallelFamilies {
    private ParallelFamilies() {}

    /** Falcon: GELU without a gate; 40B and 180B have a norm for each sublayer, 7B one for both. */
    static ModelConfig falcon(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.LAYER, RopeStyle.HALF_SPLIT);
        model.normBias = true;
        model.order = keys.hasTensor("blk.0.attn_norm_2.weight") ? Order.PARALLEL_OWN_NORM : Order.PARALLEL;
        model.fusedQkv = true;
        model.activationOr(Activation.GELU_TANH);
        model.gated = false;
        return model.build();
    }

    /** Command-R: LayerNorm without biases; Command-R+ normalises heads. */
    static ModelConfig commandR(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.LAYER, RopeStyle.INTERLEAVED);
        model.order = Order.PARALLEL;
        model.qkNorm = ownHeadNorms(keys);
        model.logitScale = keys.positive("logit_scale", 1);
        return model.build();
    }

    /** StableLM 2: part of each head turns; 12B is parallel and normalises heads. */
    static ModelConfig stablelm(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.LAYER, RopeStyle.HALF_SPLIT);
        model.normBias = true;
        // Not by use_parallel_residual, which converters set to true where a model does not say.
        model.order = keys.hasTensor("blk.0.ffn_norm.weight") ? Order.SEQUENTIAL : Order.PARALLEL;
        model.qkNorm = ownHeadNorms(keys);
        return model.build();
    }

    private static QkNorm ownHeadNorms(Keys keys) {
        return keys.hasTensor("blk.0.attn_q_norm.weight") ? QkNorm.OWN_WEIGHTS : QkNorm.NONE;
    }
}
