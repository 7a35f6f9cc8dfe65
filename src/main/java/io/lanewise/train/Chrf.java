package io.lanewise.train;

import java.util.HashMap;
import java.util.Map;

/**
 * Corpus chrF (Popović, WMT 2015): (1 + β²) · P · R / (β² · P + R), with P and R the precision and recall of character
 * n-grams, counted over the corpus and averaged over n = 1 to 6, white space left out. β = 2, as the metric is commonly
 * reported. Orders for which candidate or reference are too short throughout are left out of the averages.
 */
public final class Chrf {
    private static final int ORDERS = 6;
    private static final double BETA = 2;

    private final long[] matches = new long[ORDERS];
    private final long[] candidates = new long[ORDERS];
    private final long[] references = new long[ORDERS];

    /** Adds one sentence. */
    public void add(String candidate, String reference) {
        int[] mine = characters(candidate);
        int[] theirs = characters(reference);
        for (int n = 1; n <= ORDERS; n++) {
            Map<String, Integer> limits = grams(theirs, n);
            int order = n - 1;
            grams(mine, n).forEach((gram, count) -> matches[order] += Math.min(count, limits.getOrDefault(gram, 0)));
            candidates[order] += Math.max(0, mine.length - n + 1);
            references[order] += Math.max(0, theirs.length - n + 1);
        }
    }

    private static int[] characters(String text) {
        return text.codePoints().filter(c -> !Character.isWhitespace(c)).toArray();
    }

    private static Map<String, Integer> grams(int[] characters, int n) {
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i + n <= characters.length; i++) {
            counts.merge(new String(characters, i, n), 1, Integer::sum);
        }
        return counts;
    }

    /** The score of all that was added, 0 to 100. */
    public double score() {
        double precision = 0;
        double recall = 0;
        int orders = 0;
        for (int n = 0; n < ORDERS; n++) {
            if (candidates[n] > 0 && references[n] > 0) {
                precision += (double) matches[n] / candidates[n];
                recall += (double) matches[n] / references[n];
                orders++;
            }
        }
        if (precision == 0 || recall == 0) {
            return 0;
        }
        precision /= orders;
        recall /= orders;
        return 100 * (1 + BETA * BETA) * precision * recall / (BETA * BETA * precision + recall);
    }
}
