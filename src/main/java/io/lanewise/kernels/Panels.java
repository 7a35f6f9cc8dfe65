package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Copies parts of row-major float matrices into the panels that {@link FmaTile} reads. Offsets count floats. */
final class Panels {
    private static final ValueLayout.OfLong PAIR = ValueLayout.JAVA_LONG_UNALIGNED;

    private Panels() {}

    /** dst[k, 0..cols) = src[k, 0..cols) for rows k; dst rows are {@code width} apart, what is left of them is 0. */
    static void copyRows(MemorySegment src, long srcOff, long srcRow, int rows, int cols, MemorySegment dst,
            long dstOff, int width) {
        int lanes = Lanes.FLOATS;
        for (int k = 0; k < rows; k++) {
            long s = srcOff + k * srcRow;
            long d = dstOff + (long) k * width;
            int i = 0;
            for (; i <= cols - lanes; i += lanes) {
                Floats.store(Floats.load(src, s + i), dst, d + i);
            }
            for (; i < cols; i++) {
                Floats.set(dst, d + i, Floats.get(src, s + i));
            }
            for (; i < width; i++) {
                Floats.set(dst, d + i, 0f);
            }
        }
    }

    /** dst[k, i] = src[i, k] for i &lt; rows and k &lt; length; dst rows are {@code width} apart, the rest is 0. */
    static void transposeRows(MemorySegment src, long srcOff, long srcRow, int rows, int length, MemorySegment dst,
            long dstOff, int width) {
        for (int i = 0; i < rows; i++) {
            long s = srcOff + i * srcRow;
            long d = dstOff + i;
            for (int k = 0; k < length; k++) {
                Floats.set(dst, d + (long) k * width, Floats.get(src, s + k));
            }
        }
        for (int i = rows; i < width; i++) {
            for (int k = 0; k < length; k++) {
                Floats.set(dst, dstOff + (long) k * width + i, 0f);
            }
        }
    }

    /** dst[i, k] = src[k, i] for i &lt; rows and k &lt; length: the way back from {@link #transposeRows}. */
    static void transposeBack(MemorySegment src, long srcOff, int width, int length, int rows, MemorySegment dst,
            long dstOff, long dstRow) {
        for (int i = 0; i < rows; i++) {
            long s = srcOff + i;
            long d = dstOff + i * dstRow;
            for (int k = 0; k < length; k++) {
                Floats.set(dst, d + k, Floats.get(src, s + (long) k * width));
            }
        }
    }

    /** As {@link #transposeBack}, added to dst. */
    static void addTransposed(MemorySegment src, long srcOff, int width, int length, int rows, MemorySegment dst,
            long dstOff, long dstRow) {
        for (int i = 0; i < rows; i++) {
            long s = srcOff + i;
            long d = dstOff + i * dstRow;
            for (int k = 0; k < length; k++) {
                Floats.set(dst, d + k, Floats.get(dst, d + k) + Floats.get(src, s + (long) k * width));
            }
        }
    }

    /**
     * Panels of six columns, each [rows, 6] and one after the other: dst[p, k, i] = src[k, 6p + i], or 0. Two floats move
     * at a time: vectors of four would be a second species, see {@link Lanes}.
     */
    static void splitRows(MemorySegment src, long srcOff, long srcRow, int rows, int cols, MemorySegment dst,
            long dstOff) {
        long panel = 24L * rows;
        for (int k = 0; k < rows; k++) {
            long s = (srcOff + k * srcRow) << 2;
            long d = (dstOff + 6L * k) << 2;
            int i = 0;
            for (; i <= cols - 6; i += 6) {
                dst.set(PAIR, d, src.get(PAIR, s));
                dst.set(PAIR, d + 8, src.get(PAIR, s + 8));
                dst.set(PAIR, d + 16, src.get(PAIR, s + 16));
                s += 24;
                d += panel;
            }
            if (i < cols) {
                for (int j = 0; j < 6; j++) {
                    Floats.set(dst, (d >> 2) + j, i + j < cols ? Floats.get(src, (s >> 2) + j) : 0f);
                }
            }
        }
    }

    /** y [n] = y + bias, then relu or + residual; bias and residual may be null. */
    static void finish(MemorySegment y, long yOff, int n, MemorySegment bias, long biasOff, boolean relu,
            MemorySegment residual, long residualOff) {
        float floor = relu ? 0f : Float.NEGATIVE_INFINITY;
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = Floats.load(y, yOff + i);
            v = bias == null ? v : v.add(Floats.load(bias, biasOff + i));
            v = residual == null ? v : v.add(Floats.load(residual, residualOff + i));
            Floats.store(relu ? v.max(floor) : v, y, yOff + i);
        }
        for (; i < n; i++) {
            float v = Floats.get(y, yOff + i);
            v = bias == null ? v : v + Floats.get(bias, biasOff + i);
            v = residual == null ? v : v + Floats.get(residual, residualOff + i);
            Floats.set(y, yOff + i, relu ? Math.max(v, floor) : v);
        }
    }
}
