package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The microkernel of attention for six query rows that share an F16 cache: scores and outputs alike are
 * c [6, 4 vectors] = x [6, n] · y [n, 4 vectors], where a line of y's ints holds the halves of two neighbouring n. So six rows
 * go over the cache once; by fours they would go twice, and the second time costs as much arithmetic as the first.
 *
 * <p>24 sums, a line of y and what widens it fill 32 vector registers; where there are 16, fours are taken. Widening is that of
 * {@link AttentionRows}. A round is one n, low and high halves of a line in turn by a count of 16 or 0. That, sums that share
 * one zero, and a mask and counts that are vectors already keep the text within what C1 and C2 take in one piece: with 24
 * zeros C1 ran out of virtual registers, with an int as the mask C2 left a call in the loop.
 */
final class AttentionSix {
    /** Whether the machine has registers enough. */
    static final boolean FITS = FloatTile.VECTORS == 4;
    static final int ROWS = 6;

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private AttentionSix() {}

    /**
     * c = x · y. All offsets and distances count bytes.
     *
     * @param w holds x and c
     * @param xNext from one n of x to the next, {@code xStep} from one row to the next
     * @param n an even number
     * @param quarter lines of y after which the next of four places begins that are read in turn, 0 for one after the other
     * @param yNext from one line of y, two n, to the next; {@code yStream} from one vector of it to the next
     * @param cStep from one row of c to the next, {@code cStream} from one vector of it to the next
     */
    static void multiply(MemorySegment w, long x, long xNext, long xStep, int n, MemorySegment y, long at, int quarter,
            long yNext, long yStream, long c, long cStep, long cStream) {
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s12 = s00;
        FloatVector s13 = s00;
        FloatVector s20 = s00;
        FloatVector s21 = s00;
        FloatVector s22 = s00;
        FloatVector s23 = s00;
        FloatVector s30 = s00;
        FloatVector s31 = s00;
        FloatVector s32 = s00;
        FloatVector s33 = s00;
        FloatVector s40 = s00;
        FloatVector s41 = s00;
        FloatVector s42 = s00;
        FloatVector s43 = s00;
        FloatVector s50 = s00;
        FloatVector s51 = s00;
        FloatVector s52 = s00;
        FloatVector s53 = s00;
        IntVector moved = IntVector.broadcast(Lanes.INT, AttentionRows.MOVED);
        int inTurn = quarter << 3;
        for (int i = 0; i < n; i++) {
            int high = i & 1;
            IntVector left = IntVector.broadcast(Lanes.INT, 16 - (high << 4));
            int line = i < inTurn ? (i >> 1 & 3) * quarter + (i >> 3) : i >> 1;
            long from = at + line * yNext;
            long xi = x + (2L * line + high) * xNext;
            FloatVector y0 = IntVector.fromMemorySegment(Lanes.INT, y, from, ORDER)
                    .lanewise(VectorOperators.LSHL, left).lanewise(VectorOperators.ASHR, 3).and(moved)
                    .reinterpretAsFloats();
            FloatVector y1 = IntVector.fromMemorySegment(Lanes.INT, y, from + yStream, ORDER)
                    .lanewise(VectorOperators.LSHL, left).lanewise(VectorOperators.ASHR, 3).and(moved)
                    .reinterpretAsFloats();
            FloatVector y2 = IntVector.fromMemorySegment(Lanes.INT, y, from + 2 * yStream, ORDER)
                    .lanewise(VectorOperators.LSHL, left).lanewise(VectorOperators.ASHR, 3).and(moved)
                    .reinterpretAsFloats();
            FloatVector y3 = IntVector.fromMemorySegment(Lanes.INT, y, from + 3 * yStream, ORDER)
                    .lanewise(VectorOperators.LSHL, left).lanewise(VectorOperators.ASHR, 3).and(moved)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, xi));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, xi + xStep));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, xi + 2 * xStep));
            s20 = x2.fma(y0, s20);
            s21 = x2.fma(y1, s21);
            s22 = x2.fma(y2, s22);
            s23 = x2.fma(y3, s23);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, xi + 3 * xStep));
            s30 = x3.fma(y0, s30);
            s31 = x3.fma(y1, s31);
            s32 = x3.fma(y2, s32);
            s33 = x3.fma(y3, s33);
            FloatVector x4 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, xi + 4 * xStep));
            s40 = x4.fma(y0, s40);
            s41 = x4.fma(y1, s41);
            s42 = x4.fma(y2, s42);
            s43 = x4.fma(y3, s43);
            FloatVector x5 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, xi + 5 * xStep));
            s50 = x5.fma(y0, s50);
            s51 = x5.fma(y1, s51);
            s52 = x5.fma(y2, s52);
            s53 = x5.fma(y3, s53);
        }
        s00.intoMemorySegment(w, c, ORDER);
        s01.intoMemorySegment(w, c + cStream, ORDER);
        s02.intoMemorySegment(w, c + 2 * cStream, ORDER);
        s03.intoMemorySegment(w, c + 3 * cStream, ORDER);
        c += cStep;
        s10.intoMemorySegment(w, c, ORDER);
        s11.intoMemorySegment(w, c + cStream, ORDER);
        s12.intoMemorySegment(w, c + 2 * cStream, ORDER);
        s13.intoMemorySegment(w, c + 3 * cStream, ORDER);
        c += cStep;
        s20.intoMemorySegment(w, c, ORDER);
        s21.intoMemorySegment(w, c + cStream, ORDER);
        s22.intoMemorySegment(w, c + 2 * cStream, ORDER);
        s23.intoMemorySegment(w, c + 3 * cStream, ORDER);
        c += cStep;
        s30.intoMemorySegment(w, c, ORDER);
        s31.intoMemorySegment(w, c + cStream, ORDER);
        s32.intoMemorySegment(w, c + 2 * cStream, ORDER);
        s33.intoMemorySegment(w, c + 3 * cStream, ORDER);
        c += cStep;
        s40.intoMemorySegment(w, c, ORDER);
        s41.intoMemorySegment(w, c + cStream, ORDER);
        s42.intoMemorySegment(w, c + 2 * cStream, ORDER);
        s43.intoMemorySegment(w, c + 3 * cStream, ORDER);
        c += cStep;
        s50.intoMemorySegment(w, c, ORDER);
        s51.intoMemorySegment(w, c + cStream, ORDER);
        s52.intoMemorySegment(w, c + 2 * cStream, ORDER);
        s53.intoMemorySegment(w, c + 3 * cStream, ORDER);
    }
}
