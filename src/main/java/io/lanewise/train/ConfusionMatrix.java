package io.lanewise.train;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;

/**
 * Counts of a classifier's answers, [actual, predicted], and what follows from them. With TP, FP and FN of a class:
 * precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2 · precision · recall / (precision + recall)
 * (van Rijsbergen, Information Retrieval, 1979, chapter 7). A fraction whose denominator is 0 counts as 0. Macro is the
 * plain mean over the classes, weighted the mean by how often each class actually occurs.
 */
public final class ConfusionMatrix {
    private final int classes;
    private final long[] counts;

    /** A matrix of zeros for this many classes. */
    public ConfusionMatrix(int classes) {
        if (classes < 1) {
            throw new IllegalArgumentException("classes: expected at least 1, got " + classes);
        }
        this.classes = classes;
        this.counts = new long[classes * classes];
    }

    /** Counts one answer. */
    public void add(int actual, int predicted) {
        counts[checked(actual) * classes + checked(predicted)]++;
    }

    private int checked(int label) {
        if (label < 0 || label >= classes) {
            throw new IndexOutOfBoundsException("class " + label + " of " + classes);
        }
        return label;
    }

    /** How many of class {@code actual} were taken for {@code predicted}. */
    public long count(int actual, int predicted) {
        return counts[checked(actual) * classes + checked(predicted)];
    }

    /** All answers. */
    public long total() {
        return Arrays.stream(counts).sum();
    }

    /** How often a class actually occurs. */
    public long support(int label) {
        long sum = 0;
        for (int predicted = 0; predicted < classes; predicted++) {
            sum += count(label, predicted);
        }
        return sum;
    }

    private long predictions(int label) {
        long sum = 0;
        for (int actual = 0; actual < classes; actual++) {
            sum += count(actual, label);
        }
        return sum;
    }

    /** The share of answers that are right. */
    public double accuracy() {
        long right = 0;
        for (int label = 0; label < classes; label++) {
            right += count(label, label);
        }
        return ratio(right, total());
    }

    /** Of those taken for the class, the share that are of it. */
    public double precision(int label) {
        return ratio(count(label, label), predictions(label));
    }

    /** Of those of the class, the share that were taken for it. */
    public double recall(int label) {
        return ratio(count(label, label), support(label));
    }

    /** The harmonic mean of precision and recall. */
    public double f1(int label) {
        return ratio(2 * count(label, label), predictions(label) + support(label));
    }

    public double macroPrecision() {
        return mean(this::precision, false);
    }

    public double macroRecall() {
        return mean(this::recall, false);
    }

    public double macroF1() {
        return mean(this::f1, false);
    }

    public double weightedPrecision() {
        return mean(this::precision, true);
    }

    public double weightedRecall() {
        return mean(this::recall, true);
    }

    public double weightedF1() {
        return mean(this::f1, true);
    }

    private double mean(IntToDoubleFunction score, boolean bySupport) {
        double sum = 0;
        for (int label = 0; label < classes; label++) {
            sum += score.applyAsDouble(label) * (bySupport ? support(label) : 1);
        }
        long weight = bySupport ? total() : classes;
        return weight == 0 ? 0 : sum / weight;
    }

    private static double ratio(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }

    /** The counts as a table: a row an actual class, a column a predicted one. */
    @Override
    public String toString() {
        int width = Math.max(2, Long.toString(Arrays.stream(counts).max().orElse(0)).length()) + 1;
        StringBuilder table = new StringBuilder("actual \\ predicted\n").append(" ".repeat(width));
        for (int label = 0; label < classes; label++) {
            table.append(String.format(Locale.ROOT, "%" + width + "d", label));
        }
        for (int actual = 0; actual < classes; actual++) {
            table.append('\n').append(String.format(Locale.ROOT, "%" + width + "d", actual));
            for (int predicted = 0; predicted < classes; predicted++) {
                table.append(String.format(Locale.ROOT, "%" + width + "d", count(actual, predicted)));
            }
        }
        return table.toString();
    }
}
