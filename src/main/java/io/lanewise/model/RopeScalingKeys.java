package io.lanewise.model;

import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.LongContext;
import io.lanewise.model.ModelConfig.RopeConfig;

/** How a file says that angles are stretched for long contexts: keys under {@code rope.scaling.}, and tensors. */
final class RopeScalingKeys {
    private static final String TYPE = "rope.scaling.type";
    private static final String FACTOR = "rope.scaling.factor";
    private static final String ORIGINAL_CONTEXT = "rope.scaling.original_context_length";

    private final Keys keys;
    private final int ropeDim;

    RopeScalingKeys(Keys keys, int ropeDim) {
        this.keys = keys;
        this.ropeDim = ropeDim;
    }

    RopeConfig read(RopeStyle style, double base) {
        // A factor without a type is one of linear scaling.
        String type = keys.string(TYPE, "linear");
        float[] frequencyFactors = keys.factors("rope_freqs.weight", ropeDim / 2);
        float[] longFactors = keys.factors("rope_factors_long.weight", ropeDim / 2);
        double attnFactor = keys.positive("rope.scaling.attn_factor", 1);
        RopeScaling scaling = switch (type) {
            case "none", "longrope", "dynamic" -> scaling(1, frequencyFactors, 0, attnFactor);
            case "linear" -> scaling(factor(), frequencyFactors, 0, attnFactor);
            case "yarn" -> scaling(factor(), frequencyFactors, keys.number("rope.scaling.yarn_ext_factor", 1),
                    attnFactor * keys.positive("rope.scaling.yarn_attn_factor", 1));
            default -> throw keys.error(TYPE, "expected none, linear, yarn, longrope or dynamic, got '" + type + "'");
        };
        float[] shortFactors = keys.factors("rope_factors_short.weight", ropeDim / 2);
        boolean longRope = longFactors != null || shortFactors != null || type.equals("longrope");
        keys.check(!longRope || longFactors != null && shortFactors != null, TYPE,
                "both tensors of LongRoPE, rope_factors_long.weight and rope_factors_short.weight",
                longFactors != null ? "the long one only" : shortFactors != null ? "the short one only" : "neither");
        if (longRope) {
            return new RopeConfig(style, ropeDim, base, with(scaling, shortFactors),
                    new LongContext(originalContext(), with(scaling, longFactors), 0));
        }
        LongContext beyond = type.equals("dynamic") ? new LongContext(originalContext(), scaling, factor()) : null;
        return new RopeConfig(style, ropeDim, base, scaling, beyond);
    }

    private RopeScaling scaling(double factor, float[] frequencyFactors, double extFactor, double attnFactor) {
        return new RopeScaling(1 / factor, frequencyFactors, extFactor, attnFactor,
                keys.positive("rope.scaling.yarn_beta_fast", 32), keys.positive("rope.scaling.yarn_beta_slow", 1),
                extFactor == 0 ? 0 : originalContext());
    }

    private static RopeScaling with(RopeScaling scaling, float[] frequencyFactors) {
        return new RopeScaling(scaling.freqScale(), frequencyFactors, scaling.extFactor(), scaling.attnFactor(),
                scaling.betaFast(), scaling.betaSlow(), scaling.originalContext());
    }

    /** Converters write 0 for none; older ones name the key {@code rope.scale_linear}. */
    private double factor() {
        String key = keys.has(FACTOR) ? FACTOR : "rope.scale_linear";
        float factor = keys.number(key, 1);
        keys.check(factor >= 0, key, "a number above 0", factor);
        return factor == 0 ? 1 : factor;
    }

    private int originalContext() {
        return keys.size(ORIGINAL_CONTEXT, keys.size("context_length"));
    }
}
