package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Attention over a Q8_0 cache: bytes that share a scale by blocks of {@link #BLOCK_DIMS} dims of a position. The
 * microkernels are those of {@link AttentionRows} for few queries: a byte becomes a float on its way, a key meets its
 * scale there too, and the scales of values are multiplied into the probabilities before.
 *
 * <p>They exist for vectors of 256 and 512 bits; there are no vectors of four bytes, so those of 128 widen
 * first.
 */
final class AttentionBytes {
    /** Dims of a position that share a scale; the last block of a head may be shorter. */
    static final int BLOCK_DIMS = 32;
    /** Whether there are microkernels for the vectors in use. */
    static final boolean AVAILABLE = Lanes.BITS >= 256;

    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, Lanes.BITS / 4)));
    private static final int PANEL = KvBuffer.PANEL;
    private static final int STEP = 4 * Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final long VECTOR_BYTES = Lanes.BITS / Byte.SIZE;
    private static final long Q_ROW = AttentionRows.Q_STEP * (long) Float.BYTES;
    private static final long SCALE_ROW = PANEL * (long) Float.BYTES;
    private static final int QUARTER = Lanes.FLOATS;

    private AttentionBytes() {}

    /** dst [headDim, PANEL] = keys [headDim, PANEL] · scales [blocks of dims, PANEL]. */
    static void widenKeys(MemorySegment keys, long keysOff, MemorySegment scales, long scalesOff, int headDim,
            MemorySegment dst, long dstOff) {
        for (int d = 0; d < headDim; d++) {
            long scale = scalesOff + d / BLOCK_DIMS * PANEL;
            long from = keysOff + (long) d * PANEL;
            long to = dstOff + (long) d * PANEL;
            for (int i = 0; !AVAILABLE && i < PANEL; i++) {
                Floats.set(dst, to + i, keys.get(ValueLayout.JAVA_BYTE, from + i) * Floats.get(scales, scale + i));
            }
            for (int i = 0; AVAILABLE && i < PANEL; i += Lanes.FLOATS) {
                FloatVector.fromMemorySegment(Lanes.FLOAT, scales, scale + i << 2, ORDER)
                        .mul(ByteVector.fromMemorySegment(BYTES, keys, from + i, ORDER)
                                .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                        .intoMemorySegment(dst, to + i << 2, ORDER);
            }
        }
    }

    /** dst [count, dims] = values [count, dims] · scales [blocks of dims, scalesStep], up to PANEL dims. */
    static void widenValues(MemorySegment values, long valuesOff, MemorySegment scales, long scalesOff, long scalesStep,
            int count, int dims, MemorySegment dst, long dstOff) {
        for (int i = 0; i < count; i++) {
            for (int block = 0; block * BLOCK_DIMS < dims; block++) {
                float scale = Floats.get(scales, scalesOff + block * scalesStep + i);
                long from = (long) i * dims + block * BLOCK_DIMS;
                widenRow(values, valuesOff + from, scale, Math.min(BLOCK_DIMS, dims - block * BLOCK_DIMS), dst,
                        dstOff + from);
            }
        }
    }

    private static void widenRow(MemorySegment values, long from, float scale, int n, MemorySegment dst, long to) {
        FloatVector scaled = FloatVector.broadcast(Lanes.FLOAT, scale);
        int d = 0;
        for (; AVAILABLE && d <= n - Lanes.FLOATS; d += Lanes.FLOATS) {
            scaled.mul(ByteVector.fromMemorySegment(BYTES, values, from + d, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0)).intoMemorySegment(dst, to + d << 2, ORDER);
        }
        for (; d < n; d++) {
            Floats.set(dst, to + d, values.get(ValueLayout.JAVA_BYTE, from + d) * scale);
        }
    }

    /**
     * scores [queries, PANEL] = qᵀ [headDim, qStep] · (keys [headDim, PANEL] · scales [blocks of dims, PANEL]), for up
     * to 8 queries; else as {@link AttentionRows#scores}.
     */
    static void scores(int queries, MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            MemorySegment scales, long scalesOff, long scoresOff, long scoresStep) {
        int some = AttentionRows.together(queries);
        for (int query = 0; query < queries; query += some) {
            long to = scoresOff + query * scoresStep;
            for (int g = 0; g < PANEL; g += STEP) {
                long from = keysOff + g;
                long scale = scalesOff + g;
                switch (Math.min(some, queries - query)) {
                    case 1 -> scores1(w, qOff + query, queries == 1 ? 1 : AttentionRows.Q_STEP, headDim, keys, from,
                            scales, scale, to + g);
                    case 2 -> scores2(w, qOff + query, headDim, keys, from, scales, scale, to + g, scoresStep);
                    case 3 -> scores3(w, qOff + query, headDim, keys, from, scales, scale, to + g, scoresStep);
                    default -> scores4(w, qOff + query, headDim, keys, from, scales, scale, to + g, scoresStep);
                }
            }
        }
    }

    /**
     * out [queries, PANEL] = Σ over positions of probs · values [count, PANEL], for up to 8 queries.
     *
     * @param probsOff probs times the scales of the values, [blocks of dims][queries][count]
     * @param blockStep floats from a block's probs to the next one's
     */
    static void weigh(int queries, MemorySegment w, long probsOff, long blockStep, long probsStep, int count,
            MemorySegment values, long valuesOff, long outOff, long outStep) {
        int some = AttentionRows.together(queries);
        for (int query = 0; query < queries; query += some) {
            for (int g = 0; g < PANEL; g += STEP) {
                long first = probsOff + query * probsStep + g / BLOCK_DIMS * blockStep;
                long second = probsOff + query * probsStep + (g + STEP / 2) / BLOCK_DIMS * blockStep;
                long from = valuesOff + g;
                long to = outOff + query * outStep + g;
                switch (Math.min(some, queries - query)) {
                    case 1 -> weigh1(w, first, second, count, values, from, to);
                    case 2 -> weigh2(w, first, second, probsStep, count, values, from, to, outStep);
                    case 3 -> weigh3(w, first, second, probsStep, count, values, from, to, outStep);
                    default -> weigh4(w, first, second, probsStep, count, values, from, to, outStep);
                }
            }
        }
    }

    private static void scores1(MemorySegment w, long qOff, int qStep, int headDim, MemorySegment keys, long keysOff,
            MemorySegment scales, long scalesOff, long scoresOff) {
        long q = qOff << 2;
        long qNext = (long) qStep << 2;
        long scale = scalesOff << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        for (int d = 0; d < headDim; d++) {
            long key = keysOff + d * (long) PANEL;
            long s = scale + d / BLOCK_DIMS * SCALE_ROW;
            FloatVector k0 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s, ORDER));
            FloatVector k1 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + VECTOR_BYTES, ORDER));
            FloatVector k2 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 2 * VECTOR_BYTES, ORDER));
            FloatVector k3 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 3 * VECTOR_BYTES, ORDER));
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * qNext));
            s00 = x0.fma(k0, s00);
            s01 = x0.fma(k1, s01);
            s02 = x0.fma(k2, s02);
            s03 = x0.fma(k3, s03);
        }
        long scores = scoresOff << 2;
        s00.intoMemorySegment(w, scores, ORDER);
        s01.intoMemorySegment(w, scores + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, scores + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, scores + 3 * VECTOR_BYTES, ORDER);
    }

    private static void scores2(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            MemorySegment scales, long scalesOff, long scoresOff, long scoresStep) {
        long q = qOff << 2;
        long scale = scalesOff << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        for (int d = 0; d < headDim; d++) {
            long key = keysOff + d * (long) PANEL;
            long s = scale + d / BLOCK_DIMS * SCALE_ROW;
            FloatVector k0 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s, ORDER));
            FloatVector k1 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + VECTOR_BYTES, ORDER));
            FloatVector k2 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 2 * VECTOR_BYTES, ORDER));
            FloatVector k3 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 3 * VECTOR_BYTES, ORDER));
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW));
            s00 = x0.fma(k0, s00);
            s01 = x0.fma(k1, s01);
            s02 = x0.fma(k2, s02);
            s03 = x0.fma(k3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW + 4));
            s10 = x1.fma(k0, s10);
            s11 = x1.fma(k1, s11);
            s12 = x1.fma(k2, s12);
            s13 = x1.fma(k3, s13);
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

    private static void scores3(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            MemorySegment scales, long scalesOff, long scoresOff, long scoresStep) {
        long q = qOff << 2;
        long scale = scalesOff << 2;
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
        for (int d = 0; d < headDim; d++) {
            long key = keysOff + d * (long) PANEL;
            long s = scale + d / BLOCK_DIMS * SCALE_ROW;
            FloatVector k0 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s, ORDER));
            FloatVector k1 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + VECTOR_BYTES, ORDER));
            FloatVector k2 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 2 * VECTOR_BYTES, ORDER));
            FloatVector k3 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 3 * VECTOR_BYTES, ORDER));
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW));
            s00 = x0.fma(k0, s00);
            s01 = x0.fma(k1, s01);
            s02 = x0.fma(k2, s02);
            s03 = x0.fma(k3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW + 4));
            s10 = x1.fma(k0, s10);
            s11 = x1.fma(k1, s11);
            s12 = x1.fma(k2, s12);
            s13 = x1.fma(k3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW + 8));
            s20 = x2.fma(k0, s20);
            s21 = x2.fma(k1, s21);
            s22 = x2.fma(k2, s22);
            s23 = x2.fma(k3, s23);
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

    private static void scores4(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            MemorySegment scales, long scalesOff, long scoresOff, long scoresStep) {
        long q = qOff << 2;
        long scale = scalesOff << 2;
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
        for (int d = 0; d < headDim; d++) {
            long key = keysOff + d * (long) PANEL;
            long s = scale + d / BLOCK_DIMS * SCALE_ROW;
            FloatVector k0 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s, ORDER));
            FloatVector k1 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + VECTOR_BYTES, ORDER));
            FloatVector k2 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 2 * VECTOR_BYTES, ORDER));
            FloatVector k3 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, keys, key + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.FLOAT, scales, s + 3 * VECTOR_BYTES, ORDER));
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW));
            s00 = x0.fma(k0, s00);
            s01 = x0.fma(k1, s01);
            s02 = x0.fma(k2, s02);
            s03 = x0.fma(k3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW + 4));
            s10 = x1.fma(k0, s10);
            s11 = x1.fma(k1, s11);
            s12 = x1.fma(k2, s12);
            s13 = x1.fma(k3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW + 8));
            s20 = x2.fma(k0, s20);
            s21 = x2.fma(k1, s21);
            s22 = x2.fma(k2, s22);
            s23 = x2.fma(k3, s23);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + d * Q_ROW + 12));
            s30 = x3.fma(k0, s30);
            s31 = x3.fma(k1, s31);
            s32 = x3.fma(k2, s32);
            s33 = x3.fma(k3, s33);
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

    private static void weigh1(MemorySegment w, long firstOff, long secondOff, int count,
            MemorySegment values, long valuesOff, long outOff) {
        long p0 = firstOff << 2;
        long r0 = secondOff << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < count; i++) {
            long value = valuesOff + i * (long) PANEL;
            FloatVector v0 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v1 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v2 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v3 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + i * 4L));
            s00 = x0.fma(v0, s00);
            s01 = x0.fma(v1, s01);
            FloatVector y0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r0 + i * 4L));
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
        s01.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
        s02.intoMemorySegment(w, out + 2 * VECTOR_BYTES, ORDER);
        s03.intoMemorySegment(w, out + 3 * VECTOR_BYTES, ORDER);
    }

    private static void weigh2(MemorySegment w, long firstOff, long secondOff, long probsStep, int count,
            MemorySegment values, long valuesOff, long outOff, long outStep) {
        long p0 = firstOff << 2;
        long r0 = secondOff << 2;
        long p1 = p0 + (probsStep << 2);
        long r1 = r0 + (probsStep << 2);
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s02 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s03 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s11 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s12 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s13 = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < count; i++) {
            long value = valuesOff + i * (long) PANEL;
            FloatVector v0 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v1 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v2 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v3 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + i * 4L));
            s00 = x0.fma(v0, s00);
            s01 = x0.fma(v1, s01);
            FloatVector y0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r0 + i * 4L));
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + i * 4L));
            s10 = x1.fma(v0, s10);
            s11 = x1.fma(v1, s11);
            FloatVector y1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r1 + i * 4L));
            s12 = y1.fma(v2, s12);
            s13 = y1.fma(v3, s13);
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

    private static void weigh3(MemorySegment w, long firstOff, long secondOff, long probsStep, int count,
            MemorySegment values, long valuesOff, long outOff, long outStep) {
        long p0 = firstOff << 2;
        long r0 = secondOff << 2;
        long p1 = p0 + (probsStep << 2);
        long r1 = r0 + (probsStep << 2);
        long p2 = p1 + (probsStep << 2);
        long r2 = r1 + (probsStep << 2);
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
        for (int i = 0; i < count; i++) {
            long value = valuesOff + i * (long) PANEL;
            FloatVector v0 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v1 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v2 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v3 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + i * 4L));
            s00 = x0.fma(v0, s00);
            s01 = x0.fma(v1, s01);
            FloatVector y0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r0 + i * 4L));
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + i * 4L));
            s10 = x1.fma(v0, s10);
            s11 = x1.fma(v1, s11);
            FloatVector y1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r1 + i * 4L));
            s12 = y1.fma(v2, s12);
            s13 = y1.fma(v3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p2 + i * 4L));
            s20 = x2.fma(v0, s20);
            s21 = x2.fma(v1, s21);
            FloatVector y2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r2 + i * 4L));
            s22 = y2.fma(v2, s22);
            s23 = y2.fma(v3, s23);
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

    private static void weigh4(MemorySegment w, long firstOff, long secondOff, long probsStep, int count,
            MemorySegment values, long valuesOff, long outOff, long outStep) {
        long p0 = firstOff << 2;
        long r0 = secondOff << 2;
        long p1 = p0 + (probsStep << 2);
        long r1 = r0 + (probsStep << 2);
        long p2 = p1 + (probsStep << 2);
        long r2 = r1 + (probsStep << 2);
        long p3 = p2 + (probsStep << 2);
        long r3 = r2 + (probsStep << 2);
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
        for (int i = 0; i < count; i++) {
            long value = valuesOff + i * (long) PANEL;
            FloatVector v0 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v1 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v2 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 2 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector v3 = (FloatVector) ByteVector.fromMemorySegment(BYTES, values, value + 3 * QUARTER, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.FLOAT, 0);
            FloatVector x0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + i * 4L));
            s00 = x0.fma(v0, s00);
            s01 = x0.fma(v1, s01);
            FloatVector y0 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r0 + i * 4L));
            s02 = y0.fma(v2, s02);
            s03 = y0.fma(v3, s03);
            FloatVector x1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p1 + i * 4L));
            s10 = x1.fma(v0, s10);
            s11 = x1.fma(v1, s11);
            FloatVector y1 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r1 + i * 4L));
            s12 = y1.fma(v2, s12);
            s13 = y1.fma(v3, s13);
            FloatVector x2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p2 + i * 4L));
            s20 = x2.fma(v0, s20);
            s21 = x2.fma(v1, s21);
            FloatVector y2 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r2 + i * 4L));
            s22 = y2.fma(v2, s22);
            s23 = y2.fma(v3, s23);
            FloatVector x3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p3 + i * 4L));
            s30 = x3.fma(v0, s30);
            s31 = x3.fma(v1, s31);
            FloatVector y3 = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, r3 + i * 4L));
            s32 = y3.fma(v2, s32);
            s33 = y3.fma(v3, s33);
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
}
