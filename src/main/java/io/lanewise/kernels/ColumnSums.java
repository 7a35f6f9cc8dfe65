package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Sums of the columns of row-major float matrices: gradients of biases, weights of norms and positions. */
public final class ColumnSums {
    private ColumnSums() {}

    /** sums [n] += Σ x[row] over rows of n, {@code stride} floats apart; four rows a round save visits of sums. */
    public static void add(MemorySegment x, long off, long stride, int rows, int n, MemorySegment sums, long sumsOff) {
        int row = 0;
        for (; row <= rows - 4; row += 4) {
            addFour(x, off + row * stride, stride, n, sums, sumsOff);
        }
        for (; row < rows; row++) {
            Elementwise.add(sums, sumsOff, x, off + row * stride, sums, sumsOff, n);
        }
    }

    private static void addFour(MemorySegment x, long off, long stride, int n, MemorySegment sums, long sumsOff) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            long at = off + i;
            FloatVector first = fromMemorySegment(FLOAT, x, at << 2, LITTLE_ENDIAN)
                    .add(fromMemorySegment(FLOAT, x, at + stride << 2, LITTLE_ENDIAN));
            FloatVector last = fromMemorySegment(FLOAT, x, at + 2 * stride << 2, LITTLE_ENDIAN)
                    .add(fromMemorySegment(FLOAT, x, at + 3 * stride << 2, LITTLE_ENDIAN));
            fromMemorySegment(FLOAT, sums, sumsOff + i << 2, LITTLE_ENDIAN).add(first.add(last))
                    .intoMemorySegment(sums, sumsOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            long at = off + i;
            float first = Floats.get(x, at) + Floats.get(x, at + stride);
            float last = Floats.get(x, at + 2 * stride) + Floats.get(x, at + 3 * stride);
            Floats.set(sums, sumsOff + i, Floats.get(sums, sumsOff + i) + (first + last));
        }
    }
}
