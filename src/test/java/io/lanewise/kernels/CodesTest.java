package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CodesTest {
    private final Arena arena = Arena.ofAuto();

    private MemorySegment codesOf(float[] x) {
        MemorySegment floats = arena.allocate(4L * x.length + 12, 4);
        for (int i = 0; i < x.length; i++) {
            Floats.set(floats, 3 + i, x[i]);
        }
        MemorySegment row = arena.allocate(Codes.rowBytes(x.length), 64);
        Codes.row(floats, 12, x.length, row, 0);
        return row;
    }

    private static int code(MemorySegment row, int k) {
        int pair = Bits.i32(row, 4L * k);
        assertThat(pair >> 16).isEqualTo((short) pair);
        return pair >> 16;
    }

    private void check(float[] x) {
        MemorySegment row = codesOf(x);
        for (int block = 0; block < x.length / 32; block++) {
            float scale = Floats.get(row, Codes.scales(x.length) / 4 + block);
            int magnitudes = 0;
            int sum = 0;
            double exact = 0;
            double absolute = 0;
            for (int k = 32 * block; k < 32 * block + 32; k++) {
                int code = code(row, k);
                magnitudes += Math.abs(code);
                sum += code;
                exact += x[k];
                absolute += Math.abs(x[k]);
                assertThat(Math.abs(x[k] - (double) code * scale)).isLessThanOrEqualTo(0.5001 * scale + 0x1p-110);
            }
            assertThat(magnitudes).isLessThanOrEqualTo(4095);
            assertThat((double) scale).isLessThanOrEqualTo(absolute / Codes.LIMIT * 1.00001);
            assertThat(Bits.i32(row, Codes.starts(x.length) + 4L * block)).isEqualTo((-8 * sum & 0xFFFF) * 0x10001);
            assertThat((double) Floats.get(row, Codes.sums(x.length) / 4 + block))
                    .isBetween(exact - absolute * 1e-6, exact + absolute * 1e-6);
        }
    }

    @Test
    void everyNumberIsWithinHalfAStepAndNoBlockExceedsItsLimit() {
        Random random = new Random(1);
        for (int trial = 0; trial < 200; trial++) {
            float[] x = new float[32 * (1 + trial % 5)];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) (random.nextGaussian() * Math.pow(10, trial % 30 - 15));
                x[i] = trial % 3 == 0 && random.nextInt(10) == 0 ? 1000 * x[i] : x[i];
            }
            check(x);
        }
    }

    @Test
    void blocksOfOneValueOfHalvesAndOfZerosAreRight() {
        float[] x = new float[32 * 6];
        for (int k = 0; k < 32; k++) {
            x[k] = 1;
            x[32 + k] = k % 2 == 0 ? -3e20f : 3e20f;
            x[64 + k] = k == 7 ? -5 : 0;
            x[96 + k] = k * 0.5f;
            x[128 + k] = 0;
            x[160 + k] = 1e-37f;
        }
        check(x);
        MemorySegment row = codesOf(x);
        assertThat(code(row, 0)).isEqualTo(127);
        assertThat(code(row, 64 + 7)).isEqualTo(-Codes.LIMIT);
        assertThat(Floats.get(row, Codes.scales(x.length) / 4 + 4)).isZero();
    }

    @Test
    void numbersThatAreNoneLeaveNoNumber() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            float[] x = new float[64];
            x[40] = bad;
            MemorySegment row = codesOf(x);
            assertThat(Floats.get(row, Codes.scales(64) / 4)).isZero();
            assertThat(Float.isFinite(Floats.get(row, Codes.scales(64) / 4 + 1))).isFalse();
        }
    }
}
