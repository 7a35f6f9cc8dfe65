package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ArgmaxTest {
    private static int argmax(float... values) {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow x = new FloatRow(arena, values.length % 5, values);
            return Argmax.of(x.segment, x.off, values.length);
        }
    }

    @Test
    void findsTheMaximumOfAllLengths() {
        SplittableRandom random = new SplittableRandom(7);
        for (int n : FloatRow.lengths()) {
            float[] values = FloatRow.random(random, n);
            int expected = -1;
            for (int i = 0; i < n; i++) {
                expected = expected < 0 || values[i] > values[expected] ? i : expected;
            }
            assertThat(argmax(values)).as("of %d", n).isEqualTo(expected);
        }
    }

    @Test
    void theFirstMaximumWins() {
        float[] values = new float[10 * Lanes.FLOATS + 3];
        for (int first = 0; first < values.length; first++) {
            Arrays.fill(values, first, values.length, 4f);
            Arrays.fill(values, 0, first, 3f);
            assertThat(argmax(values)).isEqualTo(first);
        }
        assertThat(argmax(-0f, 0f)).isZero();
    }

    @Test
    void naNNeverWins() {
        float[] values = new float[5 * Lanes.FLOATS + 3];
        for (int at = 0; at < values.length; at++) {
            Arrays.fill(values, Float.NaN);
            values[at] = -5f;
            assertThat(argmax(values)).isEqualTo(at);
        }
        Arrays.fill(values, Float.NaN);
        assertThat(argmax(values)).isEqualTo(-1);
        assertThat(argmax()).isEqualTo(-1);
    }

    @Test
    void minusInfinityIsAValue() {
        assertThat(argmax(Float.NaN, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY)).isEqualTo(1);
        float[] values = new float[100];
        Arrays.fill(values, Float.NEGATIVE_INFINITY);
        assertThat(argmax(values)).isZero();
        values[77] = Float.POSITIVE_INFINITY;
        assertThat(argmax(values)).isEqualTo(77);
    }
}
