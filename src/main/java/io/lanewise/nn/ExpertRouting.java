package io.lanewise.nn;

/**
 * How a mixture of experts chooses for each token, and how much each chosen expert's answer counts.
 *
 * @param nExperts experts that there are
 * @param topK experts that a token goes to
 * @param gating what turns the router's logits into scores
 * @param nGroups equal groups of neighbouring experts; 1 for none. Only experts of the {@code groupsUsed} best groups are
 *     chosen from. A group's score is that of its best expert (DeepSeek-V2), under {@link Gating#SIGMOID} the sum of its
 *     two best (DeepSeek-V3)
 * @param normalise whether the weights of the chosen are divided by their sum
 * @param scale what weights are multiplied by in the end
 */
public record ExpertRouting(int nExperts, int topK, Gating gating, int nGroups, int groupsUsed, boolean normalise,
        float scale) {
    /** What turns the router's logits into scores. */
    public enum Gating {
        /** Softmax over all experts. */
        SOFTMAX,
        /** The logistic function of each logit by itself. */
        SIGMOID,
        /** The logits decide; softmax over those of the chosen experts only. */
        SOFTMAX_OF_CHOSEN
    }

    public ExpertRouting {
        if (nExperts < 1 || topK < 1 || topK > nExperts || nGroups < 1 || nExperts % nGroups != 0 || groupsUsed < 1
                || groupsUsed > nGroups || (long) groupsUsed * (nExperts / nGroups) < topK) {
            throw new IllegalArgumentException("expert routing: " + topK + " of " + nExperts + " experts from "
                    + groupsUsed + " of " + nGroups + " groups is impossible");
        }
    }

    /** Routing without groups or scale. */
    public static ExpertRouting plain(int nExperts, int topK, Gating gating, boolean normalise) {
        return new ExpertRouting(nExperts, topK, gating, 1, 1, normalise, 1);
    }
}
