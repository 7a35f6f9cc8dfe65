package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SoftmaxTest {
    private static double[] oracle(float[] x) {
        double max = Double.NEGATIVE_INFINITY;
        for (float v : x) {
            max = Math.max(max, v);
        }
        double sum = 0;
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = Math.exp(x[i] - max);
            sum += y[i];
        }
        for (int i = 0; i < x.length; i++) {
            y[i] /= sum;
        }
        return y;
    }

    private static float[] softmax(float... values) {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow x = new FloatRow(arena, values.length % 7, values);
            Softmax.row(x.segment, x.off, values.length);
            return x.values();
        }
    }

    @Test
    void agreesWithDoublePrecisionForAllLengths() {
        SplittableRandom random = new SplittableRandom(6);
        for (int n : FloatRow.lengths()) {
            float[] values = FloatRow.random(random, n);
            for (int i = 0; i < n; i++) {
                values[i] *= 5;
            }
            float[] probs = softmax(values);
            double[] expected = oracle(values);
            for (int i = 0; i < n; i++) {
                // x - max is rounded at up to 2^6, which exp turns into a relative error of 2^-19
                assertThat((double) probs[i]).isCloseTo(expected[i], within(3e-6 * expected[i] + 1e-37));
            }
        }
    }

    @Test
    void largeScoresDoNotOverflow() {
        assertThat(softmax(3e38f, 3e38f, -3e38f, 0f)).containsExactly(0.5f, 0.5f, 0f, 0f);
    }

    @Test
    void maskedScoresGetNothing() {
        assertThat(softmax(1f, Float.NEGATIVE_INFINITY, 1f)).containsExactly(0.5f, 0f, 0.5f);
    }

    @Test
    void aRowOfMinusInfinityBecomesZeros() {
        for (int n : FloatRow.lengths()) {
            float[] values = new float[n];
            Arrays.fill(values, Float.NEGATIVE_INFINITY);
            assertThat(softmax(values)).isEqualTo(new float[n]);
        }
    }

    @Test
    void aNaNSpreads() {
        float[] values = new float[3 * Lanes.FLOATS + 1];
        for (int at = 0; at < values.length; at++) {
            Arrays.fill(values, 1f);
            values[at] = Float.NaN;
            for (float prob : softmax(values)) {
                assertThat(prob).isNaN();
            }
        }
    }
}
