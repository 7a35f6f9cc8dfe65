package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Transposed copies of floats. A square of a vector's width is turned by zipping: out row 2i and 2i + 1 are row i and
 * row i + L/2 with their elements taken in turn, which moves one bit of the row's number into the column's; log2 L such
 * rounds swap them. Two rounds are done at once in registers, since a store to a segment costs about five cycles of
 * checks that C2 does not carry over it.
 */
final class FloatTranspose {
    /** Floats of scratch that {@link #copy} needs. */
    static final int SCRATCH = Lanes.FLOATS * Lanes.FLOATS;

    private static final int L = Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final IntVector LOW = zip(0);
    private static final IntVector HIGH = zip(L / 2);

    private FloatTranspose() {}

    /** Indices that take in turn an element of the first and of the second vector, from element {@code first} on. */
    private static IntVector zip(int first) {
        int[] indices = new int[L];
        for (int i = 0; i < L; i++) {
            indices[i] = first + i / 2 + (i % 2) * L;
        }
        return IntVector.fromArray(Lanes.INT, indices, 0);
    }

    /**
     * dst [columns, rows] = factor · src [rows, columns]ᵀ, rows {@code srcStride} and {@code dstStride} floats apart.
     *
     * @param w scratch of {@link #SCRATCH} floats at {@code wOff}
     */
    static void copy(MemorySegment src, long srcOff, long srcStride, int rows, int columns, float factor,
            MemorySegment dst, long dstOff, long dstStride, MemorySegment w, long wOff) {
        int squareRows = rows / L * L;
        int squareColumns = columns / L * L;
        for (int r = 0; r < squareRows; r += L) {
            for (int c = 0; c < squareColumns; c += L) {
                square(src, srcOff + r * srcStride + c, srcStride, factor, dst, dstOff + c * dstStride + r, dstStride,
                        w, wOff);
            }
        }
        rest(src, srcOff, srcStride, 0, squareRows, squareColumns, columns, factor, dst, dstOff, dstStride);
        rest(src, srcOff, srcStride, squareRows, rows, 0, columns, factor, dst, dstOff, dstStride);
    }

    private static void rest(MemorySegment src, long srcOff, long srcStride, int fromRow, int toRow, int fromColumn,
            int toColumn, float factor, MemorySegment dst, long dstOff, long dstStride) {
        for (int r = fromRow; r < toRow; r++) {
            for (int c = fromColumn; c < toColumn; c++) {
                Floats.set(dst, dstOff + c * dstStride + r, Floats.get(src, srcOff + r * srcStride + c) * factor);
            }
        }
    }

    private static void square(MemorySegment src, long srcOff, long srcStride, float factor, MemorySegment dst,
            long dstOff, long dstStride, MemorySegment w, long wOff) {
        switch (L) {
            case 4 -> zipTwice(src, srcOff, srcStride, factor, dst, dstOff, dstStride);
            case 8 -> {
                zipTwice(src, srcOff, srcStride, factor, w, wOff, L);
                zipOnce(w, wOff, L, dst, dstOff, dstStride);
            }
            default -> {
                zipTwice(src, srcOff, srcStride, factor, w, wOff, L);
                zipTwice(w, wOff, L, 1f, dst, dstOff, dstStride);
            }
        }
    }

    private static void zipTwice(MemorySegment src, long srcOff, long srcStride, float factor, MemorySegment dst,
            long dstOff, long dstStride) {
        FloatVector factors = FloatVector.broadcast(Lanes.FLOAT, factor);
        long quarter = L / 4 * srcStride;
        for (int i = 0; i < L / 4; i++) {
            long from = srcOff + i * srcStride;
            IntVector a = FloatVector.fromMemorySegment(Lanes.FLOAT, src, from << 2, ORDER).mul(factors)
                    .reinterpretAsInts();
            IntVector b = FloatVector.fromMemorySegment(Lanes.FLOAT, src, from + quarter << 2, ORDER).mul(factors)
                    .reinterpretAsInts();
            IntVector c = FloatVector.fromMemorySegment(Lanes.FLOAT, src, from + 2 * quarter << 2, ORDER).mul(factors)
                    .reinterpretAsInts();
            IntVector d = FloatVector.fromMemorySegment(Lanes.FLOAT, src, from + 3 * quarter << 2, ORDER).mul(factors)
                    .reinterpretAsInts();
            IntVector acLow = LOW.selectFrom(a, c);
            IntVector acHigh = HIGH.selectFrom(a, c);
            IntVector bdLow = LOW.selectFrom(b, d);
            IntVector bdHigh = HIGH.selectFrom(b, d);
            long to = dstOff + 4 * i * dstStride;
            LOW.selectFrom(acLow, bdLow).intoMemorySegment(dst, to << 2, ORDER);
            HIGH.selectFrom(acLow, bdLow).intoMemorySegment(dst, to + dstStride << 2, ORDER);
            LOW.selectFrom(acHigh, bdHigh).intoMemorySegment(dst, to + 2 * dstStride << 2, ORDER);
            HIGH.selectFrom(acHigh, bdHigh).intoMemorySegment(dst, to + 3 * dstStride << 2, ORDER);
        }
    }

    private static void zipOnce(MemorySegment src, long srcOff, long srcStride, MemorySegment dst, long dstOff,
            long dstStride) {
        long half = L / 2 * srcStride;
        for (int i = 0; i < L / 2; i++) {
            IntVector a = FloatVector.fromMemorySegment(Lanes.FLOAT, src, srcOff + i * srcStride << 2, ORDER)
                    .reinterpretAsInts();
            IntVector b = FloatVector.fromMemorySegment(Lanes.FLOAT, src, srcOff + i * srcStride + half << 2, ORDER)
                    .reinterpretAsInts();
            long to = dstOff + 2 * i * dstStride;
            LOW.selectFrom(a, b).intoMemorySegment(dst, to << 2, ORDER);
            HIGH.selectFrom(a, b).intoMemorySegment(dst, to + dstStride << 2, ORDER);
        }
    }
}
