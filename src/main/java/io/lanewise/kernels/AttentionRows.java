package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The microkernels of attention for few query rows over an F32 or F16 cache, as in decoding, where reading keys and
 * values is what takes time: lanes hold positions (scores) or dims (output). They read the panels of a {@link KvBuffer}
 * in place.
 *
 * <p>Memory wants to be read in four places at once, a few lines of each in turn: the processor fetches ahead in each,
 * and one place alone had 0.6 of the speed that four have (0.9 of a plain read). Scores therefore go through four
 * panels side by side, from the four quarters of a run of positions, and outputs take the four quarters' values in
 * turn.
 *
 * <p>F16 is widened on the way: shifts and a mask move sign, exponent and mantissa of a half to their places in a
 * float, which is then 2^112 too small. The factor {@link #LIFT} that the caller puts on queries and probs, and {@link
 * #REST} on scores and outputs, make that good, so that widening costs no multiplication; all are powers of two and
 * exact. Subnormal halves make subnormal floats, which cost a multiply-add nothing as long as the sum is none. Inf and
 * NaN do not survive this: a cache that holds any is read by the kernels for many queries.
 *
 * <p>In F16 there is a kernel for one query, one for four, and {@link AttentionSix}, since widening costs as much as two
 * multiply-adds; two or three take the second, as memory takes its time anyway.
 * The text is written out, without helpers that take vectors; see {@link FloatTile}.
 */
final class AttentionRows {
    /** What queries and probs are multiplied with where keys and values are F16. */
    static final float LIFT = 0x1p64f;
    /** What scores and outputs are to be multiplied with then. */
    static final float REST = 0x1p48f;
    /** Floats from one dim of the queries to the next, where there are several. */
    static final int Q_STEP = 8;

    /** Sign, exponent and mantissa of a half when moved. */
    static final int MOVED = 0x8FFFE000;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final long VECTOR_BYTES = Lanes.BITS / Byte.SIZE;
    private static final long LINE = KvBuffer.LINE_BYTES;
    private static final long Q_ROW = Q_STEP * (long) Float.BYTES;
    /** Dims of the panels of values that {@link #weigh} has a kernel for. */
    private static final int PANEL_DIMS = 64;
    private static final long ROW = PANEL_DIMS * (long) Integer.BYTES;

    private AttentionRows() {}

    /** How many of some queries a kernel takes together. */
    static int together(int queries, boolean half) {
        return !half ? 1 : AttentionSix.FITS && queries == AttentionSix.ROWS ? AttentionSix.ROWS : 4;
    }

    /**
     * Scores for four panels of positions, {@code stream} bytes apart: scores [4, 16] each.
     *
     * @param queries 1, or up to what {@link #together} says
     * @param w holds q [dims, qStep] and the scores
     * @param qStep floats from a dim of q to the next: {@link #Q_STEP} for more than one query
     * @param half whether keys are F16, else F32
     * @param lines of a panel
     * @param scoresStream floats from a panel's scores to the next one's
     * @param scoresStep floats from a query's scores to the next one's
     */
    static void scores(int queries, MemorySegment w, long qOff, int qStep, boolean half, int lines, MemorySegment keys,
            long at, long stream, long scoresOff, long scoresStream, long scoresStep) {
        for (int v = 0; v < KvBuffer.LINE; v += Lanes.FLOATS) {
            long from = at + v * (long) Integer.BYTES;
            long to = scoresOff + v;
            if (queries > 4) {
                AttentionSix.multiply(w, qOff << 2, Q_ROW, Float.BYTES, 2 * lines, keys, from, 0, LINE, stream, to << 2,
                        scoresStep << 2, scoresStream << 2);
            } else if (queries > 1) {
                scoresHalf4(w, qOff, lines, keys, from, stream, to, scoresStream, scoresStep);
            } else if (half) {
                scoresHalf1(w, qOff, qStep, lines, keys, from, stream, to, scoresStream);
            } else {
                scoresFloat1(w, qOff, qStep, lines, keys, from, stream, to, scoresStream);
            }
        }
    }

    /**
     * out [queries, dims] = probs [queries, positions] · values [positions, dims], for a panel of up to 64 dims.
     *
     * @param queries 1, or up to what {@link #together} says
     * @param w holds probs and out
     * @param probsStep floats from a query's probs to the next one's
     * @param half whether values are F16, so that a step is two positions, else F32
     * @param steps rows of ints
     * @param outStep floats from a query's output to the next one's
     */
    static void weigh(int queries, MemorySegment w, long probsOff, long probsStep, boolean half, int steps,
            MemorySegment values, long at, int dims, long outOff, long outStep) {
        for (int d = 0; dims == PANEL_DIMS && d < PANEL_DIMS; d += 4 * Lanes.FLOATS) {
            long from = at + d * (long) Integer.BYTES;
            if (queries > 4) {
                AttentionSix.multiply(w, probsOff << 2, Float.BYTES, probsStep << 2, 2 * steps, values, from, steps >> 2, ROW,
                        VECTOR_BYTES, outOff + d << 2, outStep << 2, VECTOR_BYTES);
            } else if (queries > 1) {
                weighHalf4(w, probsOff, probsStep, steps, values, from, outOff + d, outStep);
            } else if (half) {
                weighHalf1(w, probsOff, steps, values, from, outOff + d);
            } else {
                weighFloat1(w, probsOff, steps, values, from, outOff + d);
            }
        }
        for (int query = 0; dims < PANEL_DIMS && query < queries; query++) {
            weighNarrow(w, probsOff + query * probsStep, half, steps, values, at, dims, outOff + query * outStep);
        }
    }

    /** The last panel of a head whose dims are no multiple of 64: a vector of dims at a time. */
    private static void weighNarrow(MemorySegment w, long probsOff, boolean half, int steps, MemorySegment values,
            long at,
            int dims, long outOff) {
        long row = dims * (long) Integer.BYTES;
        for (int d = 0; d < dims; d += Lanes.FLOATS) {
            if (half) {
                weighHalfVector(w, probsOff, steps, values, at + d * (long) Integer.BYTES, row, outOff + d);
            } else {
                weighFloatVector(w, probsOff, steps, values, at + d * (long) Integer.BYTES, row, outOff + d);
            }
        }
    }

    private static void scoresFloat1(MemorySegment w, long qOff, int qStep, int lines, MemorySegment keys, long at,
            long stream, long scoresOff, long scoresStream) {
        long q = qOff << 2;
        long qNext = (long) qStep << 2;
        long at1 = at + stream;
        long at2 = at1 + stream;
        long at3 = at2 + stream;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = s00;
        FloatVector s20 = s00;
        FloatVector s30 = s00;
        for (int line = 0; line < lines; line++) {
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * qNext));
            FloatVector y0 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys, at + line * LINE, ORDER);
            s00 = x0.fma(y0, s00);
            FloatVector y1 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys, at1 + line * LINE, ORDER);
            s10 = x0.fma(y1, s10);
            FloatVector y2 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys, at2 + line * LINE, ORDER);
            s20 = x0.fma(y2, s20);
            FloatVector y3 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys, at3 + line * LINE, ORDER);
            s30 = x0.fma(y3, s30);
        }
        long to = scoresOff << 2;
        long next = scoresStream << 2;
        s00.intoMemorySegment(w, to, ORDER);
        s10.intoMemorySegment(w, to + next, ORDER);
        s20.intoMemorySegment(w, to + 2 * next, ORDER);
        s30.intoMemorySegment(w, to + 3 * next, ORDER);
    }

    private static void scoresHalf1(MemorySegment w, long qOff, int qStep, int lines, MemorySegment keys, long at,
            long stream, long scoresOff, long scoresStream) {
        long q = qOff << 2;
        long qNext = (long) qStep << 2;
        long at1 = at + stream;
        long at2 = at1 + stream;
        long at3 = at2 + stream;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = s00;
        FloatVector s20 = s00;
        FloatVector s30 = s00;
        for (int line = 0; line < lines; line++) {
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * qNext)));
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * qNext) + qNext));
            IntVector two0 = IntVector.fromMemorySegment(Lanes.INT, keys, at + line * LINE, ORDER);
            FloatVector y0a = two0.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s00 = x0a.fma(y0a, s00);
            FloatVector y0b = two0.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s00 = x0b.fma(y0b, s00);
            IntVector two1 = IntVector.fromMemorySegment(Lanes.INT, keys, at1 + line * LINE, ORDER);
            FloatVector y1a = two1.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s10 = x0a.fma(y1a, s10);
            FloatVector y1b = two1.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s10 = x0b.fma(y1b, s10);
            IntVector two2 = IntVector.fromMemorySegment(Lanes.INT, keys, at2 + line * LINE, ORDER);
            FloatVector y2a = two2.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s20 = x0a.fma(y2a, s20);
            FloatVector y2b = two2.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s20 = x0b.fma(y2b, s20);
            IntVector two3 = IntVector.fromMemorySegment(Lanes.INT, keys, at3 + line * LINE, ORDER);
            FloatVector y3a = two3.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s30 = x0a.fma(y3a, s30);
            FloatVector y3b = two3.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s30 = x0b.fma(y3b, s30);
        }
        long to = scoresOff << 2;
        long next = scoresStream << 2;
        s00.intoMemorySegment(w, to, ORDER);
        s10.intoMemorySegment(w, to + next, ORDER);
        s20.intoMemorySegment(w, to + 2 * next, ORDER);
        s30.intoMemorySegment(w, to + 3 * next, ORDER);
    }

    private static void scoresHalf4(MemorySegment w, long qOff, int lines, MemorySegment keys, long at, long stream,
            long scoresOff, long scoresStream, long scoresStep) {
        long q = qOff << 2;
        long at1 = at + stream;
        long at2 = at1 + stream;
        long at3 = at2 + stream;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = s00;
        FloatVector s20 = s00;
        FloatVector s30 = s00;
        FloatVector s01 = s00;
        FloatVector s11 = s00;
        FloatVector s21 = s00;
        FloatVector s31 = s00;
        FloatVector s02 = s00;
        FloatVector s12 = s00;
        FloatVector s22 = s00;
        FloatVector s32 = s00;
        FloatVector s03 = s00;
        FloatVector s13 = s00;
        FloatVector s23 = s00;
        FloatVector s33 = s00;
        for (int line = 0; line < lines; line++) {
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW)));
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + Q_ROW));
            FloatVector x1a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + 4));
            FloatVector x1b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + Q_ROW + 4));
            FloatVector x2a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + 8));
            FloatVector x2b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + Q_ROW + 8));
            FloatVector x3a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + 12));
            FloatVector x3b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (2 * Q_ROW) + Q_ROW + 12));
            IntVector two0 = IntVector.fromMemorySegment(Lanes.INT, keys, at + line * LINE, ORDER);
            FloatVector y0a = two0.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s00 = x0a.fma(y0a, s00);
            s01 = x1a.fma(y0a, s01);
            s02 = x2a.fma(y0a, s02);
            s03 = x3a.fma(y0a, s03);
            FloatVector y0b = two0.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s00 = x0b.fma(y0b, s00);
            s01 = x1b.fma(y0b, s01);
            s02 = x2b.fma(y0b, s02);
            s03 = x3b.fma(y0b, s03);
            IntVector two1 = IntVector.fromMemorySegment(Lanes.INT, keys, at1 + line * LINE, ORDER);
            FloatVector y1a = two1.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s10 = x0a.fma(y1a, s10);
            s11 = x1a.fma(y1a, s11);
            s12 = x2a.fma(y1a, s12);
            s13 = x3a.fma(y1a, s13);
            FloatVector y1b = two1.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s10 = x0b.fma(y1b, s10);
            s11 = x1b.fma(y1b, s11);
            s12 = x2b.fma(y1b, s12);
            s13 = x3b.fma(y1b, s13);
            IntVector two2 = IntVector.fromMemorySegment(Lanes.INT, keys, at2 + line * LINE, ORDER);
            FloatVector y2a = two2.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s20 = x0a.fma(y2a, s20);
            s21 = x1a.fma(y2a, s21);
            s22 = x2a.fma(y2a, s22);
            s23 = x3a.fma(y2a, s23);
            FloatVector y2b = two2.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s20 = x0b.fma(y2b, s20);
            s21 = x1b.fma(y2b, s21);
            s22 = x2b.fma(y2b, s22);
            s23 = x3b.fma(y2b, s23);
            IntVector two3 = IntVector.fromMemorySegment(Lanes.INT, keys, at3 + line * LINE, ORDER);
            FloatVector y3a = two3.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            s30 = x0a.fma(y3a, s30);
            s31 = x1a.fma(y3a, s31);
            s32 = x2a.fma(y3a, s32);
            s33 = x3a.fma(y3a, s33);
            FloatVector y3b = two3.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            s30 = x0b.fma(y3b, s30);
            s31 = x1b.fma(y3b, s31);
            s32 = x2b.fma(y3b, s32);
            s33 = x3b.fma(y3b, s33);
        }
        long to = scoresOff << 2;
        long next = scoresStream << 2;
        s00.intoMemorySegment(w, to, ORDER);
        s10.intoMemorySegment(w, to + next, ORDER);
        s20.intoMemorySegment(w, to + 2 * next, ORDER);
        s30.intoMemorySegment(w, to + 3 * next, ORDER);
        to += scoresStep << 2;
        s01.intoMemorySegment(w, to, ORDER);
        s11.intoMemorySegment(w, to + next, ORDER);
        s21.intoMemorySegment(w, to + 2 * next, ORDER);
        s31.intoMemorySegment(w, to + 3 * next, ORDER);
        to += scoresStep << 2;
        s02.intoMemorySegment(w, to, ORDER);
        s12.intoMemorySegment(w, to + next, ORDER);
        s22.intoMemorySegment(w, to + 2 * next, ORDER);
        s32.intoMemorySegment(w, to + 3 * next, ORDER);
        to += scoresStep << 2;
        s03.intoMemorySegment(w, to, ORDER);
        s13.intoMemorySegment(w, to + next, ORDER);
        s23.intoMemorySegment(w, to + 2 * next, ORDER);
        s33.intoMemorySegment(w, to + 3 * next, ORDER);
    }

    private static void weighFloat1(MemorySegment w, long probsOff, int steps, MemorySegment values, long at,
            long outOff) {
        long p0 = probsOff << 2;
        int quarter = steps >> 2;
        int whole = quarter << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * ROW;
            FloatVector y0 = FloatVector.fromMemorySegment(Lanes.FLOAT, values, from, ORDER);
            FloatVector y1 = FloatVector.fromMemorySegment(Lanes.FLOAT, values, from + VECTOR_BYTES, ORDER);
            FloatVector y2 = FloatVector.fromMemorySegment(Lanes.FLOAT, values, from + 2 * VECTOR_BYTES, ORDER);
            FloatVector y3 = FloatVector.fromMemorySegment(Lanes.FLOAT, values, from + 3 * VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 4L));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
        s01.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
    }

    private static void weighHalf1(MemorySegment w, long probsOff, int steps, MemorySegment values, long at,
            long outOff) {
        long p0 = probsOff << 2;
        int quarter = steps >> 2;
        int whole = quarter << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * ROW;
            IntVector two0 = IntVector.fromMemorySegment(Lanes.INT, values, from, ORDER);
            FloatVector y0a = two0.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y0b = two0.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            IntVector two1 = IntVector.fromMemorySegment(Lanes.INT, values, from + VECTOR_BYTES, ORDER);
            FloatVector y1a = two1.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1b = two1.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            IntVector two2 = IntVector.fromMemorySegment(Lanes.INT, values, from + 2 * VECTOR_BYTES, ORDER);
            FloatVector y2a = two2.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2b = two2.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            IntVector two3 = IntVector.fromMemorySegment(Lanes.INT, values, from + 3 * VECTOR_BYTES, ORDER);
            FloatVector y3a = two3.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3b = two3.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 8L));
            s00 = x0a.fma(y0a, s00);
            s01 = x0a.fma(y1a, s01);
            s02 = x0a.fma(y2a, s02);
            s03 = x0a.fma(y3a, s03);
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 8L + 4));
            s00 = x0b.fma(y0b, s00);
            s01 = x0b.fma(y1b, s01);
            s02 = x0b.fma(y2b, s02);
            s03 = x0b.fma(y3b, s03);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
        s01.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
    }

    private static void weighHalf4(MemorySegment w, long probsOff, long probsStep, int steps, MemorySegment values,
            long at,
            long outOff, long outStep) {
        long p0 = probsOff << 2;
        long p1 = p0 + (probsStep << 2);
        long p2 = p1 + (probsStep << 2);
        long p3 = p2 + (probsStep << 2);
        int quarter = steps >> 2;
        int whole = quarter << 2;
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
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * ROW;
            IntVector two0 = IntVector.fromMemorySegment(Lanes.INT, values, from, ORDER);
            FloatVector y0a = two0.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y0b = two0.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            IntVector two1 = IntVector.fromMemorySegment(Lanes.INT, values, from + VECTOR_BYTES, ORDER);
            FloatVector y1a = two1.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1b = two1.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            IntVector two2 = IntVector.fromMemorySegment(Lanes.INT, values, from + 2 * VECTOR_BYTES, ORDER);
            FloatVector y2a = two2.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2b = two2.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            IntVector two3 = IntVector.fromMemorySegment(Lanes.INT, values, from + 3 * VECTOR_BYTES, ORDER);
            FloatVector y3a = two3.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3b = two3.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 8L));
            s00 = x0a.fma(y0a, s00);
            s01 = x0a.fma(y1a, s01);
            s02 = x0a.fma(y2a, s02);
            s03 = x0a.fma(y3a, s03);
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 8L + 4));
            s00 = x0b.fma(y0b, s00);
            s01 = x0b.fma(y1b, s01);
            s02 = x0b.fma(y2b, s02);
            s03 = x0b.fma(y3b, s03);
            FloatVector x1a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + step * 8L));
            s10 = x1a.fma(y0a, s10);
            s11 = x1a.fma(y1a, s11);
            s12 = x1a.fma(y2a, s12);
            s13 = x1a.fma(y3a, s13);
            FloatVector x1b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + step * 8L + 4));
            s10 = x1b.fma(y0b, s10);
            s11 = x1b.fma(y1b, s11);
            s12 = x1b.fma(y2b, s12);
            s13 = x1b.fma(y3b, s13);
            FloatVector x2a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p2 + step * 8L));
            s20 = x2a.fma(y0a, s20);
            s21 = x2a.fma(y1a, s21);
            s22 = x2a.fma(y2a, s22);
            s23 = x2a.fma(y3a, s23);
            FloatVector x2b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p2 + step * 8L + 4));
            s20 = x2b.fma(y0b, s20);
            s21 = x2b.fma(y1b, s21);
            s22 = x2b.fma(y2b, s22);
            s23 = x2b.fma(y3b, s23);
            FloatVector x3a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p3 + step * 8L));
            s30 = x3a.fma(y0a, s30);
            s31 = x3a.fma(y1a, s31);
            s32 = x3a.fma(y2a, s32);
            s33 = x3a.fma(y3a, s33);
            FloatVector x3b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p3 + step * 8L + 4));
            s30 = x3b.fma(y0b, s30);
            s31 = x3b.fma(y1b, s31);
            s32 = x3b.fma(y2b, s32);
            s33 = x3b.fma(y3b, s33);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
        s01.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
        out += outStep << 2;
        s10.intoMemorySegment(w, out, ORDER);
        s11.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
        out += outStep << 2;
        s20.intoMemorySegment(w, out, ORDER);
        s21.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s22.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s23.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
        out += outStep << 2;
        s30.intoMemorySegment(w, out, ORDER);
        s31.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s32.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s33.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
    }

    private static void weighFloatVector(MemorySegment w, long probsOff, int steps, MemorySegment values, long at,
            long row,
            long outOff) {
        long p0 = probsOff << 2;
        int quarter = steps >> 2;
        int whole = quarter << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * row;
            FloatVector y0 = FloatVector.fromMemorySegment(Lanes.FLOAT, values, from, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 4L));
            s00 = x0.fma(y0, s00);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
    }

    private static void weighHalfVector(MemorySegment w, long probsOff, int steps, MemorySegment values, long at,
            long row,
            long outOff) {
        long p0 = probsOff << 2;
        int quarter = steps >> 2;
        int whole = quarter << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * row;
            IntVector two0 = IntVector.fromMemorySegment(Lanes.INT, values, from, ORDER);
            FloatVector y0a = two0.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y0b = two0.lanewise(VectorOperators.ASHR, 3).and(MOVED).reinterpretAsFloats();
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 8L));
            s00 = x0a.fma(y0a, s00);
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 8L + 4));
            s00 = x0b.fma(y0b, s00);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
    }
}
