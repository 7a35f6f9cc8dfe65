package io.lanewise.train;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Corpus BLEU (Papineni, Roukos, Ward and Zhu, ACL 2002): BP · exp(Σ ln p_n / 4) for n = 1 to 4, with p_n the clipped
 * n-gram precision over the whole corpus and BP = 1 where the candidate is longer than the reference, else
 * exp(1 - r / c). Of several references r is the length nearest to the candidate's, the shorter of two equally near.
 *
 * <p>Tokens are those of the international tokenisation of NIST's {@code mteval-v14}: blanks part words, every symbol is
 * a word, and so is punctuation unless a number stands on both sides. Letter case counts.
 */
public final class Bleu {
    /** What is done with an order of n-grams of which none match, which would make the score 0. */
    public enum Smoothing {
        /** Nothing. */
        NONE,
        /** The k-th such order counts 1 / 2^k matches (NIST; method 3 of Chen and Cherry, WMT 2014). */
        HALVING,
        /** One is added to matches and totals of every order above 1 (Lin and Och, COLING 2004). */
        ADD_ONE
    }

    private static final int ORDERS = 4;
    private static final Pattern AFTER_NON_NUMBER = Pattern.compile("(\\P{N})(\\p{P})");
    private static final Pattern BEFORE_NON_NUMBER = Pattern.compile("(\\p{P})(\\P{N})");
    private static final Pattern SYMBOL = Pattern.compile("(\\p{S})");
    private static final Pattern BLANKS = Pattern.compile("\\s+");

    private final Smoothing smoothing;
    private final long[] matches = new long[ORDERS];
    private final long[] totals = new long[ORDERS];
    private long candidateLength;
    private long referenceLength;

    public Bleu(Smoothing smoothing) {
        this.smoothing = smoothing;
    }

    /** Adds one sentence. */
    public void add(String candidate, String... references) {
        if (references.length == 0) {
            throw new IllegalArgumentException("references: expected at least 1");
        }
        List<String> words = tokens(candidate);
        List<List<String>> others = new ArrayList<>();
        for (String reference : references) {
            others.add(tokens(reference));
        }
        candidateLength += words.size();
        referenceLength += nearestLength(words.size(), others);
        for (int n = 1; n <= ORDERS; n++) {
            count(n, words, others);
        }
    }

    private void count(int n, List<String> words, List<List<String>> references) {
        Map<List<String>, Integer> limits = new HashMap<>();
        for (List<String> reference : references) {
            grams(reference, n).forEach((gram, count) -> limits.merge(gram, count, Math::max));
        }
        grams(words, n).forEach((gram, count) -> matches[n - 1] += Math.min(count, limits.getOrDefault(gram, 0)));
        totals[n - 1] += Math.max(0, words.size() - n + 1);
    }

    private static Map<List<String>, Integer> grams(List<String> words, int n) {
        Map<List<String>, Integer> counts = new HashMap<>();
        for (int i = 0; i + n <= words.size(); i++) {
            counts.merge(words.subList(i, i + n), 1, Integer::sum);
        }
        return counts;
    }

    private static int nearestLength(int length, List<List<String>> references) {
        int nearest = references.getFirst().size();
        for (List<String> reference : references) {
            int size = reference.size();
            int closer = Math.abs(size - length) - Math.abs(nearest - length);
            if (closer < 0 || closer == 0 && size < nearest) {
                nearest = size;
            }
        }
        return nearest;
    }

    /** The score of all that was added, 0 to 100. */
    public double score() {
        double logSum = 0;
        double half = 1;
        for (int n = 0; n < ORDERS; n++) {
            double match = matches[n];
            double total = totals[n];
            if (smoothing == Smoothing.ADD_ONE && n > 0) {
                match++;
                total++;
            } else if (smoothing == Smoothing.HALVING && match == 0) {
                half /= 2;
                match = half;
            }
            if (match == 0 || total == 0) {
                return 0;
            }
            logSum += Math.log(match / total);
        }
        return 100 * brevityPenalty() * Math.exp(logSum / ORDERS);
    }

    /** BP, 0 to 1. */
    public double brevityPenalty() {
        if (candidateLength == 0) {
            return 0;
        }
        return candidateLength > referenceLength ? 1 : Math.exp(1 - (double) referenceLength / candidateLength);
    }

    /** The words that are compared. */
    static List<String> tokens(String text) {
        String spaced = AFTER_NON_NUMBER.matcher(text).replaceAll("$1 $2 ");
        spaced = BEFORE_NON_NUMBER.matcher(spaced).replaceAll(" $1 $2");
        spaced = SYMBOL.matcher(spaced).replaceAll(" $1 ").strip();
        return spaced.isEmpty() ? List.of() : List.of(BLANKS.split(spaced));
    }
}
