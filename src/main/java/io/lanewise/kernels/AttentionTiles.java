package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * The microkernels of attention: C [MR, LANES] = C0 [MR, LANES] + A [MR, K] · B [K, LANES], where a lane is a query row.
 * Scores are K · Qᵀ (MR keys at a time) and attnOut is Vᵀ · probs (MR dims at a time), so keys and values are only ever
 * broadcast, the softmax runs down a lane, and nothing is summed across lanes.
 *
 * <p>B, C0 and C have rows of {@link #LANES} floats in the worker's scratch, of which the first one, two or three
 * vectors are computed. A lies in one of two ways: <em>columns</em>, where the MR elements of a k are neighbours (a
 * panel of keys, or a row of values) and {@code aStep} leads to the next k; or <em>rows</em>, where the elements of one
 * of the MR rows are neighbours along k (a row of keys) and {@code aStep} leads to the next row.
 *
 * <p>Why 4×3: 12 accumulators and 7 loads for 12 multiply-adds run at 93 to 96 % of FMA peak, fit the 16 registers of
 * AVX2, and keep the method small. An 8×3 tile whose accumulators are loaded reaches 98 %, but its text is too much for
 * C1 ("out of virtual registers"); a method that C1 gives up once it has passed through tier 2 never reaches C2 and
 * runs at 1 % of the speed for ever, which depends on how busy the compiler was.
 */
final class AttentionTiles {
    /** Rows of A a microkernel takes. */
    static final int MR = 4;
    /** Vectors a row of B. */
    static final int MAX_VECTORS = 3;
    /** Floats a row of B, C0 and C. */
    static final int LANES = MAX_VECTORS * Lanes.FLOATS;

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final long VECTOR_BYTES = Lanes.BITS / Byte.SIZE;
    private static final long ROW_BYTES = LANES * (long) Float.BYTES;

    private AttentionTiles() {}

    /**
     * C [m, LANES] = C0 + A · B for any m, with A in columns.
     *
     * @param vectors vectors of a row that are wanted, 1 to 3
     * @param c0Step floats from a row of C0 to the next: {@link #LANES}, or 0 where one row serves all
     */
    static void columns(int m, int vectors, MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        int i = 0;
        for (; i <= m - MR; i += MR) {
            long c0 = c0Off + i * c0Step;
            long c = cOff + (long) i * LANES;
            switch (vectors) {
                case 1 -> columns4x1(a, aOff + i, aStep, w, bOff, kc, c0, c0Step, c);
                case 2 -> columns4x2(a, aOff + i, aStep, w, bOff, kc, c0, c0Step, c);
                default -> columns4x3(a, aOff + i, aStep, w, bOff, kc, c0, c0Step, c);
            }
        }
        for (; i < m; i++) {
            single(a, aOff + i, aStep, w, bOff, kc, c0Off + i * c0Step, cOff + (long) i * LANES);
        }
    }

    /** C [m, LANES] = C0 + A · B for any m, with A in rows; else as {@link #columns}. */
    static void rows(int m, int vectors, MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        int i = 0;
        for (; i <= m - MR; i += MR) {
            long c0 = c0Off + i * c0Step;
            long c = cOff + (long) i * LANES;
            switch (vectors) {
                case 1 -> rows4x1(a, aOff + i * aStep, aStep, w, bOff, kc, c0, c0Step, c);
                case 2 -> rows4x2(a, aOff + i * aStep, aStep, w, bOff, kc, c0, c0Step, c);
                default -> rows4x3(a, aOff + i * aStep, aStep, w, bOff, kc, c0, c0Step, c);
            }
        }
        for (; i < m; i++) {
            single(a, aOff + i * aStep, 1, w, bOff, kc, c0Off + i * c0Step, cOff + (long) i * LANES);
        }
    }

    private static void columns4x3(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        long c0 = c0Off << 2;
        long c0Next = c0Step << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c01 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c02 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c10 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c11 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c12 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c20 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c21 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c22 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c30 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c31 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c32 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        long b = bOff << 2;
        long aNext = aOff << 2;
        long next = aStep << 2;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector b1 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + VECTOR_BYTES, ORDER);
            FloatVector b2 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + 2 * VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            c02 = x0.fma(b2, c02);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 4));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            c12 = x1.fma(b2, c12);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 8));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            c22 = x2.fma(b2, c22);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 12));
            c30 = x3.fma(b0, c30);
            c31 = x3.fma(b1, c31);
            c32 = x3.fma(b2, c32);
            aNext += next;
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c01.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c02.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c10.intoMemorySegment(w, c, ORDER);
        c11.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c12.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c20.intoMemorySegment(w, c, ORDER);
        c21.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c22.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c30.intoMemorySegment(w, c, ORDER);
        c31.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c32.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
    }

    private static void columns4x2(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        long c0 = c0Off << 2;
        long c0Next = c0Step << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c01 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c10 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c11 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c20 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c21 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c30 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c31 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        long b = bOff << 2;
        long aNext = aOff << 2;
        long next = aStep << 2;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector b1 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 4));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 8));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 12));
            c30 = x3.fma(b0, c30);
            c31 = x3.fma(b1, c31);
            aNext += next;
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c01.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c10.intoMemorySegment(w, c, ORDER);
        c11.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c20.intoMemorySegment(w, c, ORDER);
        c21.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c30.intoMemorySegment(w, c, ORDER);
        c31.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
    }

    private static void columns4x1(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        long c0 = c0Off << 2;
        long c0Next = c0Step << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        c0 += c0Next;
        FloatVector c10 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        c0 += c0Next;
        FloatVector c20 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        c0 += c0Next;
        FloatVector c30 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        long b = bOff << 2;
        long aNext = aOff << 2;
        long next = aStep << 2;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 4));
            c10 = x1.fma(b0, c10);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 8));
            c20 = x2.fma(b0, c20);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext + 12));
            c30 = x3.fma(b0, c30);
            aNext += next;
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c += ROW_BYTES;
        c10.intoMemorySegment(w, c, ORDER);
        c += ROW_BYTES;
        c20.intoMemorySegment(w, c, ORDER);
        c += ROW_BYTES;
        c30.intoMemorySegment(w, c, ORDER);
    }

    private static void rows4x3(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        long c0 = c0Off << 2;
        long c0Next = c0Step << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c01 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c02 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c10 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c11 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c12 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c20 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c21 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c22 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c30 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c31 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c32 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        long b = bOff << 2;
        long next = aStep << 2;
        long a0 = aOff << 2;
        long a1 = a0 + next;
        long a2 = a1 + next;
        long a3 = a2 + next;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector b1 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + VECTOR_BYTES, ORDER);
            FloatVector b2 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + 2 * VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a0 + k * 4L));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            c02 = x0.fma(b2, c02);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a1 + k * 4L));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            c12 = x1.fma(b2, c12);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a2 + k * 4L));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            c22 = x2.fma(b2, c22);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a3 + k * 4L));
            c30 = x3.fma(b0, c30);
            c31 = x3.fma(b1, c31);
            c32 = x3.fma(b2, c32);
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c01.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c02.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c10.intoMemorySegment(w, c, ORDER);
        c11.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c12.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c20.intoMemorySegment(w, c, ORDER);
        c21.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c22.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c30.intoMemorySegment(w, c, ORDER);
        c31.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c32.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
    }

    private static void rows4x2(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        long c0 = c0Off << 2;
        long c0Next = c0Step << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c01 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c10 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c11 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c20 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c21 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        c0 += c0Next;
        FloatVector c30 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c31 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        long b = bOff << 2;
        long next = aStep << 2;
        long a0 = aOff << 2;
        long a1 = a0 + next;
        long a2 = a1 + next;
        long a3 = a2 + next;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector b1 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a0 + k * 4L));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a1 + k * 4L));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a2 + k * 4L));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a3 + k * 4L));
            c30 = x3.fma(b0, c30);
            c31 = x3.fma(b1, c31);
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c01.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c10.intoMemorySegment(w, c, ORDER);
        c11.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c20.intoMemorySegment(w, c, ORDER);
        c21.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c += ROW_BYTES;
        c30.intoMemorySegment(w, c, ORDER);
        c31.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
    }

    private static void rows4x1(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long c0Step, long cOff) {
        long c0 = c0Off << 2;
        long c0Next = c0Step << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        c0 += c0Next;
        FloatVector c10 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        c0 += c0Next;
        FloatVector c20 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        c0 += c0Next;
        FloatVector c30 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        long b = bOff << 2;
        long next = aStep << 2;
        long a0 = aOff << 2;
        long a1 = a0 + next;
        long a2 = a1 + next;
        long a3 = a2 + next;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a0 + k * 4L));
            c00 = x0.fma(b0, c00);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a1 + k * 4L));
            c10 = x1.fma(b0, c10);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a2 + k * 4L));
            c20 = x2.fma(b0, c20);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, a3 + k * 4L));
            c30 = x3.fma(b0, c30);
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c += ROW_BYTES;
        c10.intoMemorySegment(w, c, ORDER);
        c += ROW_BYTES;
        c20.intoMemorySegment(w, c, ORDER);
        c += ROW_BYTES;
        c30.intoMemorySegment(w, c, ORDER);
    }

    /** One row of A, all three vectors: what is left of m. */
    private static void single(MemorySegment a, long aOff, long aStep, MemorySegment w, long bOff, int kc,
            long c0Off, long cOff) {
        long c0 = c0Off << 2;
        FloatVector c00 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0, ORDER);
        FloatVector c01 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + VECTOR_BYTES, ORDER);
        FloatVector c02 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, c0 + 2 * VECTOR_BYTES, ORDER);
        long b = bOff << 2;
        long aNext = aOff << 2;
        long next = aStep << 2;
        for (int k = 0; k < kc; k++) {
            FloatVector b0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES, ORDER);
            FloatVector b1 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + VECTOR_BYTES, ORDER);
            FloatVector b2 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, b + k * ROW_BYTES + 2 * VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, a.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            c02 = x0.fma(b2, c02);
            aNext += next;
        }
        long c = cOff << 2;
        c00.intoMemorySegment(w, c, ORDER);
        c01.intoMemorySegment(w, c + VECTOR_BYTES, ORDER);
        c02.intoMemorySegment(w, c + 2 * VECTOR_BYTES, ORDER);
    }
}
