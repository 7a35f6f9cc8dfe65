package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The online softmax of attention: what happens between scores and probs (Milakov and Gimelshein, "Online normalizer
 * calculation for softmax", 2018). Scores come multiplied by log2 e, so that probabilities are powers of two.
 *
 * <p>In the tile of many queries [keys, LANES] a lane is a query and the softmax runs down it; with few queries each
 * has a row [keys] of its own. Both keep a running max and a running sum a query, and multiply the output so far by
 * 2^(old - new) when the max rises. A max of -Inf means that the query saw no key yet.
 */
final class AttentionSoftmax {
    /** Adding it rounds to an integer and leaves that integer, in two's complement, in the low bits. */
    static final float ROUND = 0x1.8p23f;
    /** 2^f = 1 + f·(E1 + f·(E2 + …)) for |f| ≤ 1/2, relative error 9.2e-8 (1.7e-7 in float, checked by a test). */
    static final float E1 = 0.6931469775987165f;
    static final float E2 = 0.24022242084635181f;
    static final float E3 = 0.055507337435741766f;
    static final float E4 = 0.00967151268815055f;
    static final float E5 = 0.0013264727247123166f;
    /** Below this the result would be no normal number; it is zero. */
    static final float LOWEST = -125.5f;
    /** A max that rose by less than this stays: probabilities up to 2^8 lose nothing, and out need not be scaled. */
    private static final float SLACK = 8;
    private static final int STEP = AttentionTiles.LANES;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private AttentionSoftmax() {}

    /**
     * 2^x for x ≤ 127: relative error 1.7e-7 for x ≥ -125.5, zero below, NaN for NaN. 2^n comes from adding n to the
     * exponent field of 2^f, n being the integer nearest x and f = x - n. The vector loops do the same operations and
     * give the same bits; they are written out, because a helper that takes and gives vectors is inlined or not as the
     * compiler's queue has it, and where it is not, every vector is an object.
     */
    static float exp2(float x) {
        float t = x + ROUND;
        float f = x - (t - ROUND);
        float p = Math.fma(f, E5, E4);
        p = Math.fma(p, f, E3);
        p = Math.fma(p, f, E2);
        p = Math.fma(p, f, E1);
        p = Math.fma(p, f, 1f);
        int bits = Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(t) << 23);
        return x < LOWEST ? 0f : Float.intBitsToFloat(bits);
    }

    /**
     * Raises the running max [LANES] to that of the tile [keys, LANES] where it is above by more than {@link #SLACK};
     * there sum [LANES] and out [dims, LANES] are multiplied by 2^(old - new). {@code keys} is a multiple of four: a
     * tree over four keys takes the comparison's latency once for all of them. Comparing and blending is two
     * instructions, {@code max} with Java's NaN and zeros six; a NaN score is no max, and makes its probability NaN.
     *
     * @param spareOff room for [LANES]
     */
    static void raiseMax(MemorySegment w, long tileOff, int keys, int vectors, long maxOff, long spareOff,
            long sumOff, long outOff, int dims) {
        for (int v = 0; v < vectors * Lanes.FLOATS; v += Lanes.FLOATS) {
            FloatVector before = FloatVector.fromMemorySegment(Lanes.FLOAT, w, maxOff + v << 2, ORDER);
            FloatVector max = before;
            for (int key = 0; key < keys; key += 4) {
                long at = tileOff + v + (long) key * STEP;
                FloatVector s0 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, at << 2, ORDER);
                FloatVector s1 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, at + STEP << 2, ORDER);
                FloatVector s2 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, at + 2 * STEP << 2, ORDER);
                FloatVector s3 = FloatVector.fromMemorySegment(Lanes.FLOAT, w, at + 3 * STEP << 2, ORDER);
                s0 = s0.blend(s1, s1.compare(VectorOperators.GT, s0));
                s2 = s2.blend(s3, s3.compare(VectorOperators.GT, s2));
                s0 = s0.blend(s2, s2.compare(VectorOperators.GT, s0));
                max = max.blend(s0, s0.compare(VectorOperators.GT, max));
            }
            VectorMask<Float> rises = max.compare(VectorOperators.GT, before.add(SLACK));
            if (rises.anyTrue()) {
                before.blend(max, rises).intoMemorySegment(w, maxOff + v << 2, ORDER);
                before.intoMemorySegment(w, spareOff + v << 2, ORDER);
                rescale(w, maxOff + v, spareOff + v, sumOff + v, outOff + v, dims);
            }
        }
    }

    /** One vector of lanes: sum and out [dims, LANES] times 2^(before - max); lanes that did not rise get times one. */
    private static void rescale(MemorySegment w, long maxOff, long beforeOff, long sumOff, long outOff, int dims) {
        FloatVector x = FloatVector.fromMemorySegment(Lanes.FLOAT, w, beforeOff << 2, ORDER)
                .sub(FloatVector.fromMemorySegment(Lanes.FLOAT, w, maxOff << 2, ORDER));
        FloatVector t = x.add(ROUND);
        FloatVector f = x.sub(t.sub(ROUND));
        FloatVector p = f.mul(E5).add(E4).mul(f).add(E3).mul(f).add(E2).mul(f).add(E1).mul(f).add(1f);
        FloatVector factor = p.reinterpretAsInts()
                .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats()
                .blend(0f, x.compare(VectorOperators.LT, LOWEST))
                .blend(1f, x.compare(VectorOperators.EQ, 0f).or(x.test(VectorOperators.IS_NAN)));
        FloatVector.fromMemorySegment(Lanes.FLOAT, w, sumOff << 2, ORDER).mul(factor)
                .intoMemorySegment(w, sumOff << 2, ORDER);
        for (int d = 0; d < dims; d++) {
            long at = outOff + (long) d * STEP << 2;
            FloatVector.fromMemorySegment(Lanes.FLOAT, w, at, ORDER).mul(factor).intoMemorySegment(w, at, ORDER);
        }
    }

    /**
     * Scores → probs in the tile [keys, LANES]: 2^(score - max), added up to sum [LANES]. One vector a round: with two
     * the text is too much for C1 (see {@link AttentionTiles}).
     */
    static void probs(MemorySegment w, long tileOff, int keys, int vectors, long maxOff, long sumOff) {
        FloatVector e1 = FloatVector.broadcast(Lanes.FLOAT, E1);
        FloatVector e2 = FloatVector.broadcast(Lanes.FLOAT, E2);
        FloatVector e3 = FloatVector.broadcast(Lanes.FLOAT, E3);
        FloatVector e4 = FloatVector.broadcast(Lanes.FLOAT, E4);
        FloatVector e5 = FloatVector.broadcast(Lanes.FLOAT, E5);
        FloatVector one = FloatVector.broadcast(Lanes.FLOAT, 1f);
        for (int v = 0; v < vectors * Lanes.FLOATS; v += Lanes.FLOATS) {
            FloatVector max = FloatVector.fromMemorySegment(Lanes.FLOAT, w, maxOff + v << 2, ORDER);
            FloatVector reference = max.blend(0f, max.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
            FloatVector sum = FloatVector.fromMemorySegment(Lanes.FLOAT, w, sumOff + v << 2, ORDER);
            for (int key = 0; key < keys; key++) {
                long at = tileOff + v + (long) key * STEP << 2;
                FloatVector x = FloatVector.fromMemorySegment(Lanes.FLOAT, w, at, ORDER).sub(reference);
                FloatVector t = x.add(ROUND);
                FloatVector f = x.sub(t.sub(ROUND));
                FloatVector p = f.fma(e5, e4).fma(f, e3).fma(f, e2).fma(f, e1).fma(f, one);
                FloatVector prob = p.reinterpretAsInts()
                        .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats()
                        .blend(0f, x.compare(VectorOperators.LT, LOWEST));
                prob.intoMemorySegment(w, at, ORDER);
                sum = sum.add(prob);
            }
            sum.intoMemorySegment(w, sumOff + v << 2, ORDER);
        }
    }

    /** Scores of keys that a lane does not see become -Inf: those outside [first, end), both [LANES] as floats. */
    static void mask(MemorySegment w, long tileOff, int firstPos, int keys, int vectors, long firstOff, long endOff) {
        for (int v = 0; v < vectors * Lanes.FLOATS; v += Lanes.FLOATS) {
            FloatVector first = FloatVector.fromMemorySegment(Lanes.FLOAT, w, firstOff + v << 2, ORDER);
            FloatVector end = FloatVector.fromMemorySegment(Lanes.FLOAT, w, endOff + v << 2, ORDER);
            for (int key = 0; key < keys; key++) {
                long at = tileOff + v + (long) key * STEP << 2;
                float pos = firstPos + key;
                VectorMask<Float> hidden = first.compare(VectorOperators.GT, pos)
                        .or(end.compare(VectorOperators.LE, pos));
                FloatVector.fromMemorySegment(Lanes.FLOAT, w, at, ORDER).blend(Float.NEGATIVE_INFINITY, hidden)
                        .intoMemorySegment(w, at, ORDER);
            }
        }
    }

    /** s = cap · tanh(unit · s) over n scores, n a multiple of a vector. */
    static void softCap(MemorySegment w, long off, int n, float unit, float cap) {
        VectorMath.softCap(w, off, unit, cap, w, off, n);
    }

    /** The largest of n scores of one row, n a multiple of a vector; NaN is no max. */
    static float rowMax(MemorySegment w, long off, int n) {
        FloatVector max = FloatVector.broadcast(Lanes.FLOAT, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < n; i += Lanes.FLOATS) {
            FloatVector s = FloatVector.fromMemorySegment(Lanes.FLOAT, w, off + i << 2, ORDER);
            max = max.blend(s, s.compare(VectorOperators.GT, max));
        }
        return max.reduceLanes(VectorOperators.MAX);
    }

    /**
     * Scores → probs in one row of n scores, n a multiple of a vector: lift · 2^(unit · score - max); returns their sum.
     */
    static float rowProbs(MemorySegment w, long off, int n, float unit, float max, float lift) {
        FloatVector e1 = FloatVector.broadcast(Lanes.FLOAT, E1);
        FloatVector e2 = FloatVector.broadcast(Lanes.FLOAT, E2);
        FloatVector e3 = FloatVector.broadcast(Lanes.FLOAT, E3);
        FloatVector e4 = FloatVector.broadcast(Lanes.FLOAT, E4);
        FloatVector e5 = FloatVector.broadcast(Lanes.FLOAT, E5);
        FloatVector one = FloatVector.broadcast(Lanes.FLOAT, 1f);
        FloatVector units = FloatVector.broadcast(Lanes.FLOAT, unit);
        FloatVector reference = FloatVector.broadcast(Lanes.FLOAT, max == Float.NEGATIVE_INFINITY ? 0f : -max);
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < n; i += Lanes.FLOATS) {
            long at = off + i << 2;
            FloatVector x = FloatVector.fromMemorySegment(Lanes.FLOAT, w, at, ORDER).fma(units, reference);
            FloatVector t = x.add(ROUND);
            FloatVector f = x.sub(t.sub(ROUND));
            FloatVector p = f.fma(e5, e4).fma(f, e3).fma(f, e2).fma(f, e1).fma(f, one);
            FloatVector prob = p.reinterpretAsInts()
                    .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats()
                    .blend(0f, x.compare(VectorOperators.LT, LOWEST)).mul(lift);
            prob.intoMemorySegment(w, at, ORDER);
            sum = sum.add(prob);
        }
        if (Lanes.FLOATS == 16) {
            sum = sum.add(sum.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum = sum.add(sum.rearrange(Floats.FROM_4));
        }
        sum = sum.add(sum.rearrange(Floats.FROM_2));
        return sum.lane(0) + sum.lane(1);
    }
}
