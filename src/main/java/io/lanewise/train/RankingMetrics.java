package io.lanewise.train;

import java.util.Arrays;

/**
 * Hit rate and NDCG of recommendations with one right item each. For the right item's rank r, counted from 1:
 * hit@k = 1 if r ≤ k, else 0; NDCG@k = 1 / log2(r + 1) if r ≤ k, else 0, which is DCG@k of Järvelin and Kekäläinen
 * (ACM TOIS 20, 2002) with gain 1 for the right item, over the ideal DCG, here 1. Both are means over all cases. Items that
 * score the same as the right one are ranked before it, so that a model which scores all alike gains nothing.
 */
public final class RankingMetrics {
    private final int k;
    private long cases;
    private long hits;
    private double gain;

    /** Counts the first {@code k} ranks. */
    public RankingMetrics(int k) {
        if (k < 1) {
            throw new IllegalArgumentException("k: expected at least 1, got " + k);
        }
        this.k = k;
    }

    /** Adds a case by the scores of all items, higher is better. NaN ranks before the right item. */
    public void add(float[] scores, int right) {
        int rank = 1;
        for (int item = 0; item < scores.length; item++) {
            if (item != right && !(scores[item] < scores[right])) {
                rank++;
            }
        }
        addRank(rank);
    }

    /** Adds a case by the rank of the right item, counted from 1. */
    public void addRank(int rank) {
        if (rank < 1) {
            throw new IllegalArgumentException("rank: expected at least 1, got " + rank);
        }
        cases++;
        if (rank <= k) {
            hits++;
            gain += Math.log(2) / Math.log(rank + 1);
        }
    }

    public double hitRate() {
        return cases == 0 ? 0 : (double) hits / cases;
    }

    public double ndcg() {
        return cases == 0 ? 0 : gain / cases;
    }

    public long cases() {
        return cases;
    }

    /**
     * NDCG@k of a whole ranking with graded relevance: DCG@k = Σ relevance(i) / log2(i + 1) over the first k, divided by
     * the DCG of the best order of the same items; 0 where nothing is relevant.
     *
     * @param relevance of the ranked items, best-ranked first
     */
    public static double ndcg(double[] relevance, int k) {
        double[] ideal = relevance.clone();
        Arrays.sort(ideal);
        double best = 0;
        double dcg = 0;
        for (int i = 0; i < Math.min(k, relevance.length); i++) {
            double discount = Math.log(2) / Math.log(i + 2);
            dcg += relevance[i] * discount;
            best += ideal[ideal.length - 1 - i] * discount;
        }
        return best == 0 ? 0 : dcg / best;
    }
}
