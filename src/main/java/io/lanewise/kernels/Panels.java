package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Copies parts of row-major float matrices into the panels that {@link FloatTile} reads. Offsets count floats. */
final class Panels {
    private static final VectorSpecies<Float> F = Lanes.FLOAT;
    private static final ValueLayout.OfLong PAIR = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final long LOW = 0xFFFF_FFFFL;
    /** Bytes a vector. */
    private static final long V = Lanes.BITS / 8;
    /** Floats of a cache line. */
    private static final int LINE = 16;

    private Panels() {}

    /** dst[k, 0..cols) = src[k, 0..cols) for rows k; dst rows are {@code width} apart, what is left of them is 0. */
    static void copyRows(MemorySegment src, long srcOff, long srcRow, int rows, int cols, MemorySegment dst,
            long dstOff, int width) {
        for (int k = 0; k < rows; k++) {
            long s = srcOff + k * srcRow;
            long d = dstOff + (long) k * width;
            int i = 0;
            for (; i <= cols - Lanes.FLOATS; i += Lanes.FLOATS) {
                FloatVector.fromMemorySegment(F, src, s + i << 2, LITTLE_ENDIAN)
                        .intoMemorySegment(dst, d + i << 2, LITTLE_ENDIAN);
            }
            for (; i < cols; i++) {
                Floats.set(dst, d + i, Floats.get(src, s + i));
            }
            for (; i < width; i++) {
                Floats.set(dst, d + i, 0f);
            }
        }
    }

    /**
     * dst[k, i] = src[i, k] for i &lt; rows and k &lt; length; dst rows are {@code width} apart, the rest of them is 0. Two
     * rows and two columns at a time, as halves of longs: half the loads and stores.
     */
    static void transposeRows(MemorySegment src, long srcOff, long srcRow, int rows, int length, MemorySegment dst,
            long dstOff, int width) {
        turn(src, srcOff, srcRow, rows, length, dst, dstOff, width);
        for (int k = 0; rows < width && k < length; k++) {
            for (int i = rows; i < width; i++) {
                Floats.set(dst, dstOff + (long) k * width + i, 0f);
            }
        }
    }

    /** dst[k, i] += src[i, k]: rows of dst are longer than what is written of them. */
    static void addTransposedRows(MemorySegment src, long srcOff, long srcRow, int rows, int length, MemorySegment dst,
            long dstOff, int dstRow) {
        for (int k = 0; k < length; k++) {
            for (int i = 0; i < rows; i++) {
                long at = dstOff + (long) k * dstRow + i;
                Floats.set(dst, at, Floats.get(dst, at) + Floats.get(src, srcOff + i * srcRow + k));
            }
        }
    }

    /** Eight rows at a time are few enough streams for the prefetcher, and half a cache line of the target. */
    private static void turn(MemorySegment src, long srcOff, long srcRow, int rows, int length, MemorySegment dst,
            long dstOff, int width) {
        int i = 0;
        for (; i <= rows - 8; i += 8) {
            turnEight(src, srcOff + i * srcRow << 2, srcRow << 2, length, dst, dstOff + i << 2, 4L * width);
        }
        for (; i < rows; i++) {
            for (int k = 0; k < length; k++) {
                Floats.set(dst, dstOff + (long) k * width + i, Floats.get(src, srcOff + i * srcRow + k));
            }
        }
    }

    /** Two columns a round: eight longs in, eight longs out. Offsets and steps count bytes. */
    private static void turnEight(MemorySegment src, long s, long srcRow, int length, MemorySegment dst, long d,
            long dstRow) {
        int k = 0;
        for (; k < length - 1; k += 2) {
            turnPair(src, s, srcRow, dst, d, dstRow);
            turnPair(src, s + 2 * srcRow, srcRow, dst, d + 8, dstRow);
            turnPair(src, s + 4 * srcRow, srcRow, dst, d + 16, dstRow);
            turnPair(src, s + 6 * srcRow, srcRow, dst, d + 24, dstRow);
            s += 8;
            d += 2 * dstRow;
        }
        for (int i = 0; k < length && i < 8; i++) {
            Floats.set(dst, (d >> 2) + i, Floats.get(src, s + i * srcRow >> 2));
        }
    }

    private static void turnPair(MemorySegment src, long s, long srcRow, MemorySegment dst, long d, long dstRow) {
        long first = src.get(PAIR, s);
        long second = src.get(PAIR, s + srcRow);
        dst.set(PAIR, d, first & LOW | second << 32);
        dst.set(PAIR, d + dstRow, first >>> 32 | second & ~LOW);
    }

    /**
     * Cuts rows into panels of {@link FloatTile#NR} columns that lie {@code panelStep} apart: dst[panel, k, i] = src[k,
     * panel·NR + i], zeros beyond the last column. Whole rows are read one after the other, as prefetchers like it.
     */
    static void cutRows(MemorySegment src, long srcOff, long srcRow, int rows, int cols, MemorySegment dst, long dstOff,
            long panelStep) {
        int whole = cols / FloatTile.NR;
        for (int k = 0; k < rows; k++) {
            long s = srcOff + k * srcRow;
            long d = dstOff + (long) k * FloatTile.NR;
            cutRow(src, s << 2, whole, dst, d << 2, panelStep << 2);
            for (int i = whole * FloatTile.NR; i < Math.ceilDiv(cols, FloatTile.NR) * FloatTile.NR; i++) {
                Floats.set(dst, d + whole * (panelStep - FloatTile.NR) + i, i < cols ? Floats.get(src, s + i) : 0f);
            }
        }
    }

    private static void cutRow(MemorySegment src, long s, int panels, MemorySegment dst, long d, long panelStep) {
        for (int panel = 0; panel < panels; panel++) {
            FloatVector a = FloatVector.fromMemorySegment(F, src, s, LITTLE_ENDIAN);
            FloatVector b = FloatVector.fromMemorySegment(F, src, s + V, LITTLE_ENDIAN);
            a.intoMemorySegment(dst, d, LITTLE_ENDIAN);
            b.intoMemorySegment(dst, d + V, LITTLE_ENDIAN);
            if (FloatTile.VECTORS == 4) {
                a = FloatVector.fromMemorySegment(F, src, s + 2 * V, LITTLE_ENDIAN);
                b = FloatVector.fromMemorySegment(F, src, s + 3 * V, LITTLE_ENDIAN);
                a.intoMemorySegment(dst, d + 2 * V, LITTLE_ENDIAN);
                b.intoMemorySegment(dst, d + 3 * V, LITTLE_ENDIAN);
            }
            s += FloatTile.VECTORS * V;
            d += panelStep;
        }
    }

    /**
     * Has rows × n floats fetched, a float of each line of 64 bytes. Read by squares they would come at a third of memory's
     * speed, and read in one stream at half of it; so four rows that lie apart are read in turn. Returns what nobody needs.
     */
    static float touch(MemorySegment src, long off, long row, int rows, int n) {
        int quarter = rows / 4;
        float a = 0;
        float b = 0;
        for (int k = 0; k < quarter; k++) {
            long s = off + k * row;
            for (int i = 0; i < n; i += LINE) {
                a += Floats.get(src, s + i);
                b += Floats.get(src, s + quarter * row + i);
                a += Floats.get(src, s + 2 * quarter * row + i);
                b += Floats.get(src, s + 3 * quarter * row + i);
            }
        }
        for (int k = 4 * quarter; k < rows; k++) {
            for (int i = 0; i < n; i += LINE) {
                a += Floats.get(src, off + k * row + i);
            }
        }
        return a + b;
    }

    /** y [n] = y + x [n]; a tile of a later part of a sum. */
    static void add(MemorySegment y, long yOff, MemorySegment x, long xOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector.fromMemorySegment(F, y, yOff + i << 2, LITTLE_ENDIAN)
                    .add(FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN))
                    .intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(y, yOff + i) + Floats.get(x, xOff + i));
        }
    }

    /** y [n] = max(y + bias, 0). */
    static void addBiasRelu(MemorySegment y, long yOff, MemorySegment bias, long biasOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector.fromMemorySegment(F, y, yOff + i << 2, LITTLE_ENDIAN)
                    .add(FloatVector.fromMemorySegment(F, bias, biasOff + i << 2, LITTLE_ENDIAN)).max(0f)
                    .intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Math.max(Floats.get(y, yOff + i) + Floats.get(bias, biasOff + i), 0f));
        }
    }

    /** y [n] = y + bias + residual. */
    static void addBiasResidual(MemorySegment y, long yOff, MemorySegment bias, long biasOff, MemorySegment residual,
            long residualOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector.fromMemorySegment(F, y, yOff + i << 2, LITTLE_ENDIAN)
                    .add(FloatVector.fromMemorySegment(F, bias, biasOff + i << 2, LITTLE_ENDIAN))
                    .add(FloatVector.fromMemorySegment(F, residual, residualOff + i << 2, LITTLE_ENDIAN))
                    .intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i,
                    Floats.get(y, yOff + i) + Floats.get(bias, biasOff + i) + Floats.get(residual, residualOff + i));
        }
    }
}
