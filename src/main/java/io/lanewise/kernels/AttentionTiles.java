package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * The microkernels of attention: C [MR, LANES] = C0 [MR, LANES] + A [MR, K] · B [K, LANES], a lane being a query row.
 * Scores are K · Qᵀ (MR keys at a time) and attnOut is Vᵀ · probs (MR dims at a time), so keys and values are only ever
 * broadcast, the softmax runs down a lane, and nothing is summed across lanes.
 *
 * <p>B, C0 and C have rows of {@link #LANES} floats, of which the first one, two or three vectors are computed. A lies
 * k by k with the MR elements of a k side by side: a panel of keys, or rows of values. All are in a worker's scratch.
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
     * C [m, LANES] = C0 + A · B for any m: m keys and K = headDim for scores, m dims and K keys for the output.
     *
     * @param w holds A, B, C0 and C
     * @param aStep floats from a k to the next
     * @param vectors vectors of a row that are wanted, 1 to 3
     * @param c0Step floats from a row of C0 to the next: {@link #LANES}, or 0 where one row serves all
     */
    static void multiply(int m, int vectors, MemorySegment w, long aOff, long aStep, long bOff, int kc, long c0Off,
            long c0Step, long cOff) {
        int i = 0;
        for (; i <= m - MR; i += MR) {
            long c0 = c0Off + i * c0Step;
            long c = cOff + (long) i * LANES;
            switch (vectors) {
                case 1 -> tile4x1(w, aOff + i, aStep, bOff, kc, c0, c0Step, c);
                case 2 -> tile4x2(w, aOff + i, aStep, bOff, kc, c0, c0Step, c);
                default -> tile4x3(w, aOff + i, aStep, bOff, kc, c0, c0Step, c);
            }
        }
        for (; i < m; i++) {
            single(w, aOff + i, aStep, bOff, kc, c0Off + i * c0Step, cOff + (long) i * LANES);
        }
    }

    private static void tile4x3(MemorySegment w, long aOff, long aStep, long bOff, int kc, long c0Off, long c0Step,
            long cOff) {
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
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            c02 = x0.fma(b2, c02);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 4));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            c12 = x1.fma(b2, c12);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 8));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            c22 = x2.fma(b2, c22);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 12));
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

    private static void tile4x2(MemorySegment w, long aOff, long aStep, long bOff, int kc, long c0Off, long c0Step,
            long cOff) {
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
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 4));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 8));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 12));
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

    private static void tile4x1(MemorySegment w, long aOff, long aStep, long bOff, int kc, long c0Off, long c0Step,
            long cOff) {
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
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext));
            c00 = x0.fma(b0, c00);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 4));
            c10 = x1.fma(b0, c10);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 8));
            c20 = x2.fma(b0, c20);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext + 12));
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

    /** One row of A, all three vectors: what is left of m. */
    private static void single(MemorySegment w, long aOff, long aStep, long bOff, int kc, long c0Off, long cOff) {
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
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, aNext));
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
