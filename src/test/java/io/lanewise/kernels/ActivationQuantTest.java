package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ActivationQuantTest {
    private record Quantised(byte[] q, float[] scales, float[] sums) {}

    private static Quantised quantise(float... values) {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow x = new FloatRow(arena, values.length % 3, values);
            int blocks = (values.length + 31) / 32;
            MemorySegment q = arena.allocate(32L * blocks + 2);
            q.set(ValueLayout.JAVA_BYTE, 0, (byte) 77);
            q.set(ValueLayout.JAVA_BYTE, 32L * blocks + 1, (byte) 77);
            FloatRow scales = new FloatRow(arena, 1, new float[blocks]);
            FloatRow sums = new FloatRow(arena, 1, new float[blocks]);
            ActivationQuant.row(x.segment, x.off, values.length, q, 1, scales.segment, sums.segment, sums.off);
            assertThat(q.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 77);
            assertThat(q.get(ValueLayout.JAVA_BYTE, 32L * blocks + 1)).isEqualTo((byte) 77);
            return new Quantised(q.asSlice(1, 32L * blocks).toArray(ValueLayout.JAVA_BYTE), scales.values(),
                    sums.values());
        }
    }

    private static Quantised oracle(float... values) {
        int blocks = (values.length + 31) / 32;
        Quantised y = new Quantised(new byte[32 * blocks], new float[blocks], new float[blocks]);
        for (int block = 0; block < blocks; block++) {
            float largest = 0;
            for (int i = 32 * block; i < Math.min(values.length, 32 * block + 32); i++) {
                largest = Math.max(largest, Math.abs(values[i]));
            }
            if (largest < 0x1p-115f) {
                continue;
            }
            y.scales[block] = largest / 127f;
            int sum = 0;
            for (int i = 32 * block; i < Math.min(values.length, 32 * block + 32); i++) {
                y.q[i] = (byte) Math.rint(values[i] * (127f / largest));
                sum += y.q[i];
            }
            y.sums[block] = y.scales[block] * sum;
        }
        return y;
    }

    private static void check(float... values) {
        Quantised actual = quantise(values);
        Quantised expected = oracle(values);
        assertThat(actual.q).isEqualTo(expected.q);
        assertThat(actual.scales).isEqualTo(expected.scales);
        assertThat(actual.sums).isEqualTo(expected.sums);
    }

    @Test
    void agreesWithTheScalarCodeToTheBit() {
        SplittableRandom random = new SplittableRandom(10);
        for (int n = 0; n < 200; n++) {
            check(FloatRow.random(random, n));
        }
        check(FloatRow.random(random, 8960));
    }

    @Test
    void tiesRoundToEven() {
        float[] values = new float[32];
        for (int i = 0; i < 32; i++) {
            values[i] = i - 15.5f;
        }
        values[31] = 127f;
        check(values);
        assertThat(quantise(values).q).startsWith(-16, -14, -14, -12);
    }

    @Test
    void hugeTinyAndZeroBlocksAreFine() {
        for (float size : new float[] {Float.MAX_VALUE, 1e30f, 1e-30f, 0x1p-115f, 0x1p-116f, Float.MIN_VALUE, 0f}) {
            float[] values = FloatRow.random(new SplittableRandom(11), 32);
            for (int i = 0; i < 32; i++) {
                values[i] = Math.clamp(values[i] / 4, -1f, 1f) * size;
            }
            values[7] = -size;
            check(values);
        }
    }

    @Test
    void numbersThatAreNotFiniteCannotPassForNumbers() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (int length : new int[] {32, 31}) {
                for (int at = 0; at < length; at++) {
                    float[] values = new float[length];
                    Arrays.fill(values, 1f);
                    values[at] = bad;
                    Quantised y = quantise(values);
                    assertThat(Float.isFinite(y.scales[0])).isFalse();
                }
            }
        }
    }
}
