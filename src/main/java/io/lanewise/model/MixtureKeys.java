package io.lanewise.model;

import io.lanewise.model.ModelConfig.MixtureConfig;
import io.lanewise.nn.ExpertRouting;
import io.lanewise.nn.ExpertRouting.Gating;

/** Reads how a model's experts are made and chosen from the keys under {@code expert_}. */
final class MixtureKeys {
    /** Nobody has as many. */
    private static final int MAX_EXPERTS = 1 << 14;

    private final Keys keys;
    private final int nExperts;
    private final int topK;
    private final int firstLayer;
    private final int ffnDim;
    private final int nLayers;

    /**
     * @param defaultFfnDim width of an expert where the file does not say; 0 if it must
     */
    MixtureKeys(Keys keys, int nLayers, int defaultFfnDim) {
        this.keys = keys;
        this.nLayers = nLayers;
        this.nExperts = keys.size("expert_count");
        keys.check(nExperts <= MAX_EXPERTS, "expert_count", "1 to " + MAX_EXPERTS, nExperts);
        this.topK = keys.size("expert_used_count");
        keys.check(topK <= nExperts, "expert_used_count", "1 to the expert_count of " + nExperts, topK);
        this.firstLayer = keys.count("leading_dense_block_count", 0);
        keys.check(firstLayer <= nLayers, "leading_dense_block_count", "0 to the number of layers, " + nLayers, firstLayer);
        this.ffnDim = defaultFfnDim == 0 ? keys.size("expert_feed_forward_length")
                : keys.size("expert_feed_forward_length", defaultFfnDim);
    }

    /** A mixture without anything shared: Mixtral, Qwen3-MoE. */
    MixtureConfig plain(boolean normalise) {
        return new MixtureConfig(routing(normalise), firstLayer, ffnDim, 0, false, hasChoiceBias());
    }

    /** With one shared feed-forward that has a gate of its own: Qwen2-MoE. */
    MixtureConfig withGatedShare(boolean normalise, int defaultSharedDim) {
        int shared = keys.size("expert_shared_feed_forward_length", defaultSharedDim);
        return new MixtureConfig(routing(normalise), firstLayer, ffnDim, shared, true, hasChoiceBias());
    }

    /** With as many shared experts as the file says, side by side in one feed-forward: DeepSeek. */
    MixtureConfig withSharedExperts(boolean normalise) {
        int shared = keys.count("expert_shared_count", 0);
        keys.check(shared <= MAX_EXPERTS && (long) shared * ffnDim < Keys.MAX_SIZE, "expert_shared_count",
                "shared experts of a width that fits", shared);
        return new MixtureConfig(routing(normalise), firstLayer, ffnDim, shared * ffnDim, false, hasChoiceBias());
    }

    private ExpertRouting routing(boolean normalise) {
        int nGroups = Math.max(1, keys.count("expert_group_count", 1));
        keys.check(nExperts % nGroups == 0, "expert_group_count", "a divisor of the expert_count of " + nExperts, nGroups);
        int used = keys.count("expert_group_used_count", nGroups);
        int groupsUsed = nGroups == 1 ? 1 : used;
        keys.check(groupsUsed >= 1 && groupsUsed <= nGroups && (long) groupsUsed * (nExperts / nGroups) >= topK, "expert_group_used_count",
                "as many of " + nGroups + " groups as hold " + topK + " experts", groupsUsed);
        float scale = keys.number("expert_weights_scale", 1);
        return new ExpertRouting(nExperts, topK, gating(), nGroups, groupsUsed,
                keys.flag("expert_weights_norm", normalise), scale == 0 ? 1 : scale);
    }

    private Gating gating() {
        int function = keys.count("expert_gating_func", 1);
        return switch (function) {
            case 0, 1 -> Gating.SOFTMAX;
            case 2 -> Gating.SIGMOID;
            case 3 -> Gating.SOFTMAX_OF_CHOSEN;
            default -> throw keys.error("expert_gating_func", "expected 1 (softmax), 2 (sigmoid) or 3 (softmax of the"
                    + " chosen), got " + function);
        };
    }

    private boolean hasChoiceBias() {
        return firstLayer < nLayers && keys.hasTensor("blk." + firstLayer + ".exp_probs_b.bias");
    }
}
