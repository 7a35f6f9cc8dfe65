package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tables of sums; kernels that use them want vectors of 512 bits, and so do these tests. */
class PairFormTest {
    private static final int BYTES = Lanes.BITS / 8;

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    private RowInput inputOf(boolean thirdBits, float[] x) {
        MemorySegment floats = arena.allocate(4L * x.length + 12, 4);
        for (int i = 0; i < x.length; i++) {
            Floats.set(floats, 3 + i, x[i]);
        }
        RowInput row = new RowInput(arena).of(floats, 12);
        new PairForm(thirdBits).write(row, x.length);
        return row;
    }

    /** Entry {@code i} of a table, the same in both of its copies. */
    private static int entry(RowInput row, long table, int i) {
        int first = Bits.i16(row.tables, table * BYTES + 2L * i);
        assertThat((int) Bits.i16(row.tables, table * BYTES + 32 + 2L * i)).isEqualTo(first);
        return first;
    }

    private void check(boolean thirdBits, float[] x) {
        RowInput row = inputOf(thirdBits, x);
        int tables = thirdBits ? 12 : 9;
        for (int k = 0; k < x.length; k += 16) {
            double unit = row.scales[k / 256] / (double) CodeForm.UNIT;
            double unitOfMinima = row.sums[k / 256] / (double) CodeForm.UNIT;
            long first = k / 16 * (long) tables;
            double absolute = 0;
            double sum = 0;
            for (int i = 0; i < 16; i++) {
                absolute += Math.abs(x[k + i]);
                sum += x[k + i];
            }
            // A sum of 16 weights has to fit in 16 bits.
            assertThat(absolute * (thirdBits ? 4 : 3)).isLessThanOrEqualTo(32_767 * unit + 1e-29);
            double slack = absolute * 1e-5 + 1e-29;
            for (int i = 0; i < 16; i++) {
                for (int pair = 0; pair < 8; pair++) {
                    double want = (i & 3) * (double) x[k + 2 * pair] + (i >> 2) * (double) x[k + 2 * pair + 1];
                    assertThat(entry(row, first + pair, i) * unit).isBetween(want - unit / 2 - slack, want + unit / 2 + slack);
                }
                for (int four = 0; thirdBits && four < 4; four++) {
                    double want = 0;
                    for (int j = 0; j < 4; j++) {
                        want += ((i >> j & 1) * 4 - 4) * (double) x[k + 4 * four + j];
                    }
                    assertThat(entry(row, first + 8 + four, i) * unit).isBetween(want - unit / 2 - slack, want + unit / 2 + slack);
                }
                if (!thirdBits) {
                    double want = i * sum;
                    assertThat(entry(row, first + 8, i) * unitOfMinima).isBetween(want - unitOfMinima / 2 - 15 * slack,
                            want + unitOfMinima / 2 + 15 * slack);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyEntryIsWithinHalfAStep(boolean thirdBits) {
        if (Lanes.BITS != 512) {
            return;
        }
        Random random = new Random(1);
        for (int trial = 0; trial < 60; trial++) {
            float[] x = new float[256 * (1 + trial % 3)];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) (random.nextGaussian() * Math.pow(10, trial % 30 - 15));
                x[i] = trial % 3 == 0 && random.nextInt(10) == 0 ? 1000 * x[i] : x[i];
            }
            check(thirdBits, x);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void superBlocksOfOneValueOfOneNumberAndOfZerosAreRight(boolean thirdBits) {
        if (Lanes.BITS != 512) {
            return;
        }
        float[] x = new float[256 * 5];
        for (int k = 0; k < 256; k++) {
            x[k] = -1;
            x[256 + k] = k % 2 == 0 ? -3e20f : 3e20f;
            x[512 + k] = k == 7 ? -5 : 0;
            x[1024 + k] = 1e-37f;
        }
        check(thirdBits, x);
        assertThat(inputOf(thirdBits, x).scales[3]).isZero();
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void numbersThatAreNoneLeaveNoNumber(float bad) {
        if (Lanes.BITS != 512) {
            return;
        }
        float[] x = new float[512];
        x[300] = bad;
        for (boolean thirdBits : new boolean[] {false, true}) {
            RowInput row = inputOf(thirdBits, x);
            assertThat(row.scales[0]).isZero();
            assertThat(Float.isFinite(row.scales[1])).isFalse();
        }
    }
}
