package io.lanewise.cli;

import java.util.Arrays;

/** A figure that was taken several times. */
record Samples(double... values) {
    double mean() {
        return Arrays.stream(values).average().orElse(0);
    }

    /** Of a sample: divided by one less than the number of values; 0 for one value. */
    double deviation() {
        double mean = mean();
        double squares = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
        return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
    }

    double least() {
        return Arrays.stream(values).min().orElse(0);
    }

    double most() {
        return Arrays.stream(values).max().orElse(0);
    }

    /** Each value times the same factor. */
    Samples times(double factor) {
        return new Samples(Arrays.stream(values).map(value -> value * factor).toArray());
    }

    /** Each value divided by the other's that was taken with it. */
    Samples over(Samples others) {
        double[] ratios = values.clone();
        Arrays.setAll(ratios, i -> values[i] / others.values[i]);
        return new Samples(ratios);
    }

    double median() {
        return quantile(0.5);
    }

    /** The value below which a share of all lie; between two values in proportion. */
    double quantile(double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = share * (sorted.length - 1);
        int below = (int) at;
        return below + 1 == sorted.length ? sorted[below] : sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
    }
}
