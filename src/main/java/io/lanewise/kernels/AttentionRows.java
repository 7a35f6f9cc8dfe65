package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The microkernels of attention for few query rows, as in decoding, where reading keys and values is what takes time:
 * lanes hold positions (scores) or dims (output). They read the panels of a {@link KvBuffer} in place and in order, and
 * store only at their ends.
 *
 * <p>F16 is widened on the way: a shift and a mask move sign, exponent and mantissa of a half to their places in a
 * float, which is then 2^112 too small. The factor {@link #LIFT} that the caller puts on queries and probs, and
 * {@link #REST} on scores and outputs, make that good, so that widening costs no multiplication; all are powers of two
 * and exact. Inf and NaN do not survive this: a cache that holds any is widened by {@link HalfFloats} first.
 *
 * <p>Up to four queries meet an F16 vector while it is in a register: read again for each query, even from the
 * first-level cache, it would leave memory idle for as long as that takes. A panel is read line after line in one loop,
 * 8 KiB of it for heads of 64: with loops of 4 KiB memory had two thirds of its speed.
 *
 * <p>The text is written out, without helpers, and no method has more vectors going to and from memory than C1 can
 * take; see {@link AttentionTiles}.
 */
final class AttentionRows {
    /** What queries and probs are multiplied with where keys and values are F16. */
    static final float LIFT = 0x1p64f;
    /** What scores and outputs are to be multiplied with then. */
    static final float REST = 0x1p48f;
    /** Floats from one dim of the queries to the next. */
    static final int Q_STEP = Math.max(8, Lanes.FLOATS);

    private static final int MOVED = 0x8FFFE000;
    private static final int PANEL = KvBuffer.PANEL;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final long VECTOR_BYTES = Lanes.BITS / Byte.SIZE;
    private static final long HALF_BYTES = VECTOR_BYTES / 2;
    private static final int STEP = 4 * Lanes.FLOATS;
    private static final long Q_ROW = Q_STEP * (long) Float.BYTES;
    private static final long FLOAT_ROW = PANEL * (long) Float.BYTES;
    private static final long HALF_ROW = PANEL * (long) Short.BYTES;

    private AttentionRows() {}

    /**
     * scores [queries, PANEL] = qᵀ [headDim, qStep] · keys [headDim, PANEL], for up to 8 queries.
     *
     * @param w holds q and scores
     * @param qStep 1 for a single query, else {@link #Q_STEP}
     * @param half whether keys are F16, else F32
     * @param scoresStep floats from a query's scores to the next one's
     */
    static void scores(int queries, MemorySegment w, long qOff, int qStep, int headDim, MemorySegment keys,
            boolean half, long keysOff, long scoresOff, long scoresStep) {
        int some = half ? together(queries) : 1;
        for (int query = 0; query < queries; query += some) {
            int n = Math.min(some, queries - query);
            long to = scoresOff + query * scoresStep;
            for (int g = 0; g < PANEL; g += STEP) {
                if (half) {
                    scoresHalf(n, w, qOff + query, headDim, keys, keysOff + g, to + g, scoresStep);
                } else {
                    scores1(w, qOff + query, qStep, headDim, keys, keysOff + g, to + g);
                }
            }
        }
    }

    /** Queries that one pass over F16 keys or values takes: up to four, and halves of more. */
    static int together(int queries) {
        return queries <= 4 ? queries : (queries + 1) / 2;
    }

    private static void scoresHalf(int queries, MemorySegment w, long qOff, int headDim, MemorySegment keys,
            long keysOff, long scoresOff, long scoresStep) {
        switch (queries) {
            case 1 -> scoresHalf1(w, qOff, headDim, keys, keysOff, scoresOff);
            case 2 -> scoresHalf2(w, qOff, headDim, keys, keysOff, scoresOff, scoresStep);
            case 3 -> scoresHalf3(w, qOff, headDim, keys, keysOff, scoresOff, scoresStep);
            default -> scoresHalf4(w, qOff, headDim, keys, keysOff, scoresOff, scoresStep);
        }
    }

    /**
     * out [queries, dims] = probs [queries, count] · values [count, dims], for up to 8 queries and PANEL dims.
     *
     * @param w holds probs and out
     * @param probsStep floats from a query's probs to the next one's
     * @param half whether values are F16, else F32
     * @param outStep floats from a query's output to the next one's
     */
    static void weigh(int queries, MemorySegment w, long probsOff, long probsStep, int count, MemorySegment values,
            boolean half, long valuesOff, int dims, long outOff, long outStep) {
        int some = half ? together(queries) : 1;
        for (int query = 0; query < queries; query += some) {
            int n = Math.min(some, queries - query);
            long probs = probsOff + query * probsStep;
            long out = outOff + query * outStep;
            for (int d = 0; dims == PANEL && d < PANEL; d += STEP) {
                if (half) {
                    weighHalf(n, w, probs, probsStep, count, values, valuesOff + d, out + d, outStep);
                } else {
                    weigh1(w, probs, count, values, valuesOff + d, out + d);
                }
            }
            for (int i = 0; dims < PANEL && i < n; i++) {
                weighNarrow(w, probs + i * probsStep, count, values, half, valuesOff, dims, out + i * outStep);
            }
        }
    }

    private static void weighHalf(int queries, MemorySegment w, long probsOff, long probsStep, int count,
            MemorySegment values, long valuesOff, long outOff, long outStep) {
        switch (queries) {
            case 1 -> weighHalf1(w, probsOff, count, values, valuesOff, outOff);
            case 2 -> weighHalf2(w, probsOff, probsStep, count, values, valuesOff, outOff, outStep);
            case 3 -> weighHalf3(w, probsOff, probsStep, count, values, valuesOff, outOff, outStep);
            default -> weighHalf4(w, probsOff, probsStep, count, values, valuesOff, outOff, outStep);
        }
    }

    /** The last panel of a head whose dims are no multiple of PANEL: one vector, then one dim at a time. */
    private static void weighNarrow(MemorySegment w, long probsOff, int count, MemorySegment values, boolean half,
            long valuesOff, int dims, long outOff) {
        int d = 0;
        for (; d <= dims - Lanes.FLOATS; d += Lanes.FLOATS) {
            if (half) {
                weighHalfVector(w, probsOff, count, values, valuesOff + d, dims, outOff + d);
            } else {
                weighVector(w, probsOff, count, values, valuesOff + d, dims, outOff + d);
            }
        }
        for (; d < dims; d++) {
            float sum = 0;
            for (int i = 0; i < count; i++) {
                long at = valuesOff + d + (long) i * dims;
                float value = half ? HalfFloats.get(values, at) / (LIFT * REST) : Floats.get(values, at);
                sum = Math.fma(Floats.get(w, probsOff + i), value, sum);
            }
            Floats.set(w, outOff + d, sum);
        }
    }

    private static void scores1(MemorySegment w, long qOff, int qStep, int headDim, MemorySegment keys, long keysOff,
            long scoresOff) {
        long q = qOff << 2;
        long qNext = (long) qStep << 2;
        long key = keysOff << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < headDim; k++) {
            FloatVector y0 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys,
                    key + k * FLOAT_ROW, ORDER);
            FloatVector y1 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys,
                    key + k * FLOAT_ROW + VECTOR_BYTES, ORDER);
            FloatVector y2 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys,
                    key + k * FLOAT_ROW + 2 * VECTOR_BYTES, ORDER);
            FloatVector y3 = FloatVector.fromMemorySegment(Lanes.FLOAT, keys,
                    key + k * FLOAT_ROW + 3 * VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * qNext));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
        }
        long scores = scoresOff << 2;
        s00.intoMemorySegment(w, scores, ORDER);
        s01.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
    }

    private static void weigh1(MemorySegment w, long probsOff, int count, MemorySegment values,
            long valuesOff, long outOff) {
        long p0 = probsOff << 2;
        long value = valuesOff << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < count; k++) {
            FloatVector y0 = FloatVector.fromMemorySegment(Lanes.FLOAT, values,
                    value + k * FLOAT_ROW, ORDER);
            FloatVector y1 = FloatVector.fromMemorySegment(Lanes.FLOAT, values,
                    value + k * FLOAT_ROW + VECTOR_BYTES, ORDER);
            FloatVector y2 = FloatVector.fromMemorySegment(Lanes.FLOAT, values,
                    value + k * FLOAT_ROW + 2 * VECTOR_BYTES, ORDER);
            FloatVector y3 = FloatVector.fromMemorySegment(Lanes.FLOAT, values,
                    value + k * FLOAT_ROW + 3 * VECTOR_BYTES, ORDER);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + k * 4L));
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

    private static void scoresHalf1(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            long scoresOff) {
        long q = qOff << 2;
        long key = keysOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < headDim; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * 4L));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
        }
        long scores = scoresOff << 2;
        s00.intoMemorySegment(w, scores, ORDER);
        s01.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
    }

    private static void scoresHalf2(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            long scoresOff, long scoresStep) {
        long q = qOff << 2;
        long key = keysOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < headDim; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW + 4));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
        }
        long scores = scoresOff << 2;
        s00.intoMemorySegment(w, scores, ORDER);
        s01.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
        scores += scoresStep << 2;
        s10.intoMemorySegment(w, scores, ORDER);
        s11.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
    }

    private static void scoresHalf3(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            long scoresOff, long scoresStep) {
        long q = qOff << 2;
        long key = keysOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s20 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s21 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s22 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s23 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < headDim; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW + 4));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW + 8));
            s20 = x2.fma(y0, s20);
            s21 = x2.fma(y1, s21);
            s22 = x2.fma(y2, s22);
            s23 = x2.fma(y3, s23);
        }
        long scores = scoresOff << 2;
        s00.intoMemorySegment(w, scores, ORDER);
        s01.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
        scores += scoresStep << 2;
        s10.intoMemorySegment(w, scores, ORDER);
        s11.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
        scores += scoresStep << 2;
        s20.intoMemorySegment(w, scores, ORDER);
        s21.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s22.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s23.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
    }

    private static void scoresHalf4(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            long scoresOff, long scoresStep) {
        long q = qOff << 2;
        long key = keysOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s20 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s21 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s22 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s23 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s30 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s31 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s32 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s33 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < headDim; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, keys, key + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW + 4));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW + 8));
            s20 = x2.fma(y0, s20);
            s21 = x2.fma(y1, s21);
            s22 = x2.fma(y2, s22);
            s23 = x2.fma(y3, s23);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + k * Q_ROW + 12));
            s30 = x3.fma(y0, s30);
            s31 = x3.fma(y1, s31);
            s32 = x3.fma(y2, s32);
            s33 = x3.fma(y3, s33);
        }
        long scores = scoresOff << 2;
        s00.intoMemorySegment(w, scores, ORDER);
        s01.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
        scores += scoresStep << 2;
        s10.intoMemorySegment(w, scores, ORDER);
        s11.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s12.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s13.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
        scores += scoresStep << 2;
        s20.intoMemorySegment(w, scores, ORDER);
        s21.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s22.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s23.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
        scores += scoresStep << 2;
        s30.intoMemorySegment(w, scores, ORDER);
        s31.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s32.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s33.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
    }

    private static void weighHalf1(MemorySegment w, long probsOff, int count, MemorySegment values,
            long valuesOff, long outOff) {
        long p0 = probsOff << 2;
        long value = valuesOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < count; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + k * 4L));
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

    private static void weighHalf2(MemorySegment w, long probsOff, long probsStep, int count, MemorySegment values,
            long valuesOff, long outOff, long outStep) {
        long p0 = probsOff << 2;
        long p1 = p0 + (probsStep << 2);
        long value = valuesOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < count; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + k * 4L));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + k * 4L));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
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
    }

    private static void weighHalf3(MemorySegment w, long probsOff, long probsStep, int count, MemorySegment values,
            long valuesOff, long outOff, long outStep) {
        long p0 = probsOff << 2;
        long p1 = p0 + (probsStep << 2);
        long p2 = p1 + (probsStep << 2);
        long value = valuesOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s20 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s21 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s22 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s23 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < count; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + k * 4L));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + k * 4L));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p2 + k * 4L));
            s20 = x2.fma(y0, s20);
            s21 = x2.fma(y1, s21);
            s22 = x2.fma(y2, s22);
            s23 = x2.fma(y3, s23);
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
    }

    private static void weighHalf4(MemorySegment w, long probsOff, long probsStep, int count, MemorySegment values,
            long valuesOff, long outOff, long outStep) {
        long p0 = probsOff << 2;
        long p1 = p0 + (probsStep << 2);
        long p2 = p1 + (probsStep << 2);
        long p3 = p2 + (probsStep << 2);
        long value = valuesOff << 1;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s20 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s21 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s22 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s23 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s30 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s31 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s32 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s33 = FloatVector.zero(Lanes.FLOAT);
        for (int k = 0; k < count; k++) {
            FloatVector y0 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y1 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y2 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 2 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector y3 = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, value + k * HALF_ROW + 3 * HALF_BYTES, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + k * 4L));
            s00 = x0.fma(y0, s00);
            s01 = x0.fma(y1, s01);
            s02 = x0.fma(y2, s02);
            s03 = x0.fma(y3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + k * 4L));
            s10 = x1.fma(y0, s10);
            s11 = x1.fma(y1, s11);
            s12 = x1.fma(y2, s12);
            s13 = x1.fma(y3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p2 + k * 4L));
            s20 = x2.fma(y0, s20);
            s21 = x2.fma(y1, s21);
            s22 = x2.fma(y2, s22);
            s23 = x2.fma(y3, s23);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p3 + k * 4L));
            s30 = x3.fma(y0, s30);
            s31 = x3.fma(y1, s31);
            s32 = x3.fma(y2, s32);
            s33 = x3.fma(y3, s33);
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

    private static void weighVector(MemorySegment w, long probsOff, int count, MemorySegment values, long valuesOff,
            int stride, long outOff) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < count; i++) {
            FloatVector prob = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, probsOff + i << 2));
            FloatVector value = FloatVector.fromMemorySegment(Lanes.FLOAT, values,
                    valuesOff + (long) i * stride << 2, ORDER);
            sum = prob.fma(value, sum);
        }
        sum.intoMemorySegment(w, outOff << 2, ORDER);
    }

    private static void weighHalfVector(MemorySegment w, long probsOff, int count, MemorySegment values, long valuesOff,
            int stride, long outOff) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < count; i++) {
            FloatVector prob = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, probsOff + i << 2));
            FloatVector value = ((IntVector) ShortVector
                    .fromMemorySegment(HalfFloats.HALVES, values, valuesOff + (long) i * stride << 1, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13).and(MOVED)
                    .reinterpretAsFloats();
            sum = prob.fma(value, sum);
        }
        sum.intoMemorySegment(w, outOff << 2, ORDER);
    }
}
