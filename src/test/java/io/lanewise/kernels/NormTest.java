package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class NormTest {
    private static final float EPS = 1e-5f;

    private static float[] rmsOracle(float[] x, float[] weight) {
        double squares = 0;
        for (float v : x) {
            squares += (double) v * v;
        }
        double scale = 1 / Math.sqrt(squares / x.length + EPS);
        float[] y = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = (float) (x[i] * scale * (weight == null ? 1 : weight[i]));
        }
        return y;
    }

    private static float[] layerOracle(float[] x, float[] weight, float[] bias) {
        double mean = 0;
        for (float v : x) {
            mean += (double) v / x.length;
        }
        double var = 0;
        for (float v : x) {
            var += (v - mean) * (v - mean) / x.length;
        }
        float[] y = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            double normal = (x[i] - mean) / Math.sqrt(var + EPS);
            y[i] = (float) (normal * (weight == null ? 1 : weight[i]) + (bias == null ? 0 : bias[i]));
        }
        return y;
    }

    private static void assertClose(float[] actual, float[] expected, String what) {
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as("%s, element %d", what, i)
                    .isCloseTo(expected[i], within(2e-6f + 2e-6f * Math.abs(expected[i])));
        }
    }

    @Test
    void rmsAgreesWithDoublePrecisionForAllLengths() {
        SplittableRandom random = new SplittableRandom(3);
        try (Arena arena = Arena.ofConfined()) {
            for (int n : FloatRow.lengths()) {
                float[] values = FloatRow.random(random, n);
                float[] weights = FloatRow.random(random, n);
                FloatRow x = new FloatRow(arena, n % 3, values);
                FloatRow y = new FloatRow(arena, n % 2, new float[n]);
                FloatRow w = new FloatRow(arena, 0, weights);
                Norm.rms(x.segment, x.off, w.segment.asSlice(4 * w.off), y.segment, y.off, n, EPS);
                assertClose(y.values(), rmsOracle(values, weights), "rms of " + n);
                Norm.rms(x.segment, x.off, null, x.segment, x.off, n, EPS);
                assertClose(x.values(), rmsOracle(values, null), "rms of " + n + " without weight, in place");
            }
        }
    }

    @Test
    void layerAgreesWithDoublePrecisionForAllLengths() {
        SplittableRandom random = new SplittableRandom(4);
        try (Arena arena = Arena.ofConfined()) {
            for (int n : FloatRow.lengths()) {
                float[] values = FloatRow.random(random, n);
                float[] weights = FloatRow.random(random, n);
                float[] biases = FloatRow.random(random, n);
                FloatRow x = new FloatRow(arena, n % 3, values);
                FloatRow y = new FloatRow(arena, n % 2, new float[n]);
                var w = new FloatRow(arena, 0, weights);
                var b = new FloatRow(arena, 1, biases);
                Norm.layer(x.segment, x.off, w.segment.asSlice(4 * w.off), b.segment.asSlice(4 * b.off), y.segment,
                        y.off, n, EPS);
                if (n != 2) { // the difference of two numbers that are nearly equal has few digits
                    assertClose(y.values(), layerOracle(values, weights, biases), "layer of " + n);
                }
                Norm.layer(x.segment, x.off, w.segment.asSlice(4 * w.off), null, x.segment, x.off, n, EPS);
                assertClose(x.values(), layerOracle(values, weights, null), "layer of " + n + " in place");
            }
        }
    }

    @Test
    void layerHandlesALargeMean() {
        try (Arena arena = Arena.ofConfined()) {
            float[] values = FloatRow.random(new SplittableRandom(5), 1024);
            for (int i = 0; i < values.length; i++) {
                values[i] = 1000 + values[i];
            }
            FloatRow x = new FloatRow(arena, 1, values);
            Norm.layer(x.segment, x.off, null, null, x.segment, x.off, 1024, EPS);
            float[] expected = layerOracle(values, null, null);
            for (int i = 0; i < 1024; i++) {
                assertThat(x.values()[i]).isCloseTo(expected[i], within(2e-4f));
            }
        }
    }

    @Test
    void zerosStayZeros() {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow x = new FloatRow(arena, 0, new float[100]);
            Norm.rms(x.segment, x.off, null, x.segment, x.off, 100, EPS);
            assertThat(x.values()).containsOnly(0f);
            Norm.layer(x.segment, x.off, null, null, x.segment, x.off, 100, EPS);
            assertThat(x.values()).containsOnly(0f);
        }
    }
}
