package io.lanewise.kernels;

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
            FloatVector first = Floats.load(x, at).add(Floats.load(x, at + stride));
            FloatVector last = Floats.load(x, at + 2 * stride).add(Floats.load(x, at + 3 * stride));
            Floats.store(Floats.load(sums, sumsOff + i).add(first.add(last)), sums, sumsOff + i);
        }
        for (; i < n; i++) {
            long at = off + i;
            float first = Floats.get(x, at) + Floats.get(x, at + stride);
            float last = Floats.get(x, at + 2 * stride) + Floats.get(x, at + 3 * stride);
            Floats.set(sums, sumsOff + i, Floats.get(sums, sumsOff + i) + (first + last));
        }
    }
}
