package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodeFormTest {
    private static final float SCALE = NormalHalf.HALF_SCALE;
    private final Arena arena = Arena.ofAuto();

    private static CodeForm form(int block, int center) {
        return new CodeForm(block, center, center, true, 16, FourRow::expand);
    }

    private RowInput inputOf(CodeForm form, float[] x) {
        MemorySegment floats = arena.allocate(4L * x.length + 12, 4);
        for (int i = 0; i < x.length; i++) {
            Floats.set(floats, 3 + i, x[i]);
        }
        RowInput row = new RowInput(arena).of(floats, 12);
        form.write(row, x.length);
        return row;
    }

    private void check(int block, int center, float[] x) {
        CodeForm form = form(block, center);
        RowInput row = inputOf(form, x);
        for (int b = 0; b < x.length / block; b++) {
            float scale = row.scales[b] / CodeForm.UNIT;
            int magnitudes = 0;
            int sum = 0;
            double exact = 0;
            double absolute = 0;
            for (int k = block * b; k < block * b + block; k++) {
                int code = row.codes[k];
                magnitudes += Math.abs(code);
                sum += code;
                exact += x[k];
                absolute += Math.abs(x[k]);
                assertThat(Math.abs(x[k] - (double) code * scale)).isLessThanOrEqualTo((0.5 + form.limit() * 0x1p-22) * scale + 0x1p-95);
            }
            assertThat(magnitudes * center).isLessThanOrEqualTo(32_767);
            assertThat((double) scale).isLessThanOrEqualTo(absolute / form.limit() * 1.00001);
            assertThat(row.starts[b]).isEqualTo((-center * sum & 0xFFFF) * 0x10001);
            assertThat((double) row.sums[b] / SCALE).isBetween(exact - absolute * 1e-6, exact + absolute * 1e-6);
            assertThat(row.centers[b]).isEqualTo(center * row.sums[b]);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 8, 16, 32})
    void everyNumberIsWithinHalfAStepAndNoBlockExceedsItsLimit(int center) {
        Random random = new Random(1);
        for (int trial = 0; trial < 200; trial++) {
            float[] x = new float[32 * (1 + trial % 5)];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) (random.nextGaussian() * Math.pow(10, trial % 30 - 15));
                x[i] = trial % 3 == 0 && random.nextInt(10) == 0 ? 1000 * x[i] : x[i];
            }
            check(32, center, x);
            check(16, center, x);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32})
    void blocksOfOneValueOfHalvesAndOfZerosAreRight(int block) {
        float[] x = new float[32 * 6];
        for (int k = 0; k < 32; k++) {
            x[k] = 1;
            x[32 + k] = k % 2 == 0 ? -3e20f : 3e20f;
            x[64 + k] = k == 7 ? -5 : 0;
            x[96 + k] = k * 0.5f;
            x[128 + k] = 0;
            x[160 + k] = 1e-37f;
        }
        check(block, 8, x);
        RowInput row = inputOf(form(32, 8), x);
        assertThat(row.codes[0]).isEqualTo(127);
        assertThat(row.codes[64 + 7]).isEqualTo(-(32_767 / 8 - 16));
        assertThat(row.scales[4]).isZero();
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void numbersThatAreNoneLeaveNoNumber(float bad) {
        float[] x = new float[64];
        x[40] = bad;
        RowInput row = inputOf(form(32, 8), x);
        assertThat(row.scales[0]).isZero();
        assertThat(Float.isFinite(row.scales[1])).isFalse();
    }
}
