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

    double median() {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
