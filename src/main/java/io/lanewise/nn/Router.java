package io.lanewise.nn;

import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.Softmax;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Chooses the experts of one token at a time from the router's logits. Owns its scratch: one a worker. */
final class Router {
    /** Keeps the sum that weights are divided by from being zero. */
    private static final float TINY = 1e-20f;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final ExpertRouting routing;
    /** What the choice goes by, with the bias that counts for nothing else; [nExperts]. */
    private final float[] rank;
    private final float[] groupRank;
    private final int[] groups;

    Router(ExpertRouting routing) {
        this.routing = routing;
        this.rank = new float[routing.nExperts()];
        this.groupRank = new float[routing.nGroups()];
        this.groups = new int[routing.groupsUsed()];
    }

    /**
     * Chooses topK experts. Among equals the one of the lowest number is taken.
     *
     * @param logits [nExperts] from {@code off} on; become scores
     * @param choiceBias [nExperts] F32 that is added for the choice alone, or null
     * @param experts receives topK numbers from {@code at} on, best first
     * @param weights receives what the answers of these experts are multiplied by
     */
    void choose(MemorySegment logits, long off, MemorySegment choiceBias, int[] experts, float[] weights, int at) {
        int n = routing.nExperts();
        switch (routing.gating()) {
            case SOFTMAX -> Softmax.row(logits, off, n);
            case SIGMOID -> Elementwise.sigmoid(logits, off, logits, off, n);
            case SOFTMAX_OF_CHOSEN -> { }
        }
        for (int expert = 0; expert < n; expert++) {
            float score = get(logits, off + expert) + (choiceBias == null ? 0 : get(choiceBias, expert));
            rank[expert] = score == score ? score : Float.NEGATIVE_INFINITY;
        }
        if (routing.groupsUsed() < routing.nGroups()) {
            hideOtherGroups();
        }
        best(rank, n, experts, at, routing.topK());
        weigh(logits, off, experts, weights, at);
    }

    private void hideOtherGroups() {
        int size = routing.nExperts() / routing.nGroups();
        boolean two = routing.gating() == ExpertRouting.Gating.SIGMOID && size > 1;
        for (int group = 0; group < routing.nGroups(); group++) {
            float first = Float.NEGATIVE_INFINITY;
            float second = Float.NEGATIVE_INFINITY;
            for (int expert = group * size; expert < (group + 1) * size; expert++) {
                float score = rank[expert];
                second = score > first ? first : Math.max(second, score);
                first = Math.max(first, score);
            }
            groupRank[group] = two ? first + second : first;
        }
        best(groupRank, groupRank.length, groups, 0, groups.length);
        for (int group = 0; group < routing.nGroups(); group++) {
            if (!contains(groups, group)) {
                for (int expert = group * size; expert < (group + 1) * size; expert++) {
                    rank[expert] = Float.NaN;
                }
            }
        }
    }

    private static boolean contains(int[] values, int value) {
        for (int other : values) {
            if (other == value) {
                return true;
            }
        }
        return false;
    }

    /** The {@code count} largest of score [n], largest first, leaving out what is NaN. */
    private static void best(float[] score, int n, int[] chosen, int at, int count) {
        int have = 0;
        for (int i = 0; i < n; i++) {
            float value = score[i];
            if (value == value && (have < count || value > score[chosen[at + have - 1]])) {
                int to = have < count ? have++ : have - 1;
                while (to > 0 && value > score[chosen[at + to - 1]]) {
                    chosen[at + to] = chosen[at + to - 1];
                    to--;
                }
                chosen[at + to] = i;
            }
        }
    }

    private void weigh(MemorySegment scores, long off, int[] experts, float[] weights, int at) {
        int topK = routing.topK();
        for (int i = 0; i < topK; i++) {
            weights[at + i] = get(scores, off + experts[at + i]);
        }
        if (routing.gating() == ExpertRouting.Gating.SOFTMAX_OF_CHOSEN) {
            float max = weights[at];
            for (int i = 0; i < topK; i++) {
                weights[at + i] = (float) Math.exp(weights[at + i] - max);
            }
        }
        float factor = routing.scale();
        if (routing.normalise() || routing.gating() == ExpertRouting.Gating.SOFTMAX_OF_CHOSEN) {
            float sum = TINY;
            for (int i = 0; i < topK; i++) {
                sum += weights[at + i];
            }
            factor /= sum;
        }
        for (int i = 0; i < topK; i++) {
            weights[at + i] *= factor;
        }
    }

    private static float get(MemorySegment x, long index) {
        return x.get(FLOAT, index * Float.BYTES);
    }
}
