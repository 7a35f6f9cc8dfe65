package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The online softmax of attention: what happens between scores and probs (Milakov and Gimelshein, "Online normalizer
 * calculation for softmax", 2018). Scores come multiplied by log2 e, so that probabilities are powers of two.
 *
 * <p>In the tile of many rows [keys, LANES] a lane is a query row and the softmax runs down it; a row of few rows [keys]
 * has one query. Both keep a running max and a running sum a query, and multiply the output so far by 2^(old - new) when
 * the max rises. A max of -Inf means that the query saw no key yet.
 */
final class AttentionSoftmax {
    /** Adding it rounds to an integer and leaves that integer, in two's complement, in the low bits. */
    private static final float ROUND = 0x1.8p23f;
    /** 2^f = 1 + f·(E1 + f·(E2 + …)) for |f| ≤ 1/2, relative error 9.2e-8 (1.7e-7 in float, checked by a test). */
    private static final float E1 = 0.6931469775987165f;
    private static final float E2 = 0.24022242084635181f;
    private static final float E3 = 0.055507337435741766f;
    private static final float E4 = 0.00967151268815055f;
    private static final float E5 = 0.0013264727247123166f;
    /** Below this the result would be no normal number; it is zero. */
    private static final float LOWEST = -125.5f;
    private static final int STEP = AttentionTiles.LANES;

    private AttentionSoftmax() {}

    /**
     * 2^x for x ≤ 127: relative error 1.7e-7 for x ≥ -125.5, zero below, NaN for NaN. 2^n comes from adding n to the
     * exponent field of 2^f, n being the integer nearest x and f = x - n.
     */
    static FloatVector exp2(FloatVector x) {
        FloatVector t = x.add(ROUND);
        FloatVector f = x.sub(t.sub(ROUND));
        FloatVector p = f.fma(FloatVector.broadcast(Lanes.FLOAT, E5), FloatVector.broadcast(Lanes.FLOAT, E4));
        p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, E3));
        p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, E2));
        p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, E1));
        p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, 1f));
        return p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                .reinterpretAsFloats().blend(0f, x.compare(VectorOperators.LT, LOWEST));
    }

    /** Scalar twin of {@link #exp2(FloatVector)}: the same operations, the same bits. */
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
     * Raises the running max [LANES] to that of the tile [keys, LANES]; where it rises, sum [LANES] and out [dims,
     * LANES] are multiplied by 2^(old - new). {@code keys} is a multiple of four: a tree over four keys takes the
     * comparison's latency once for all of them. Comparing and blending is two instructions, {@code max} with Java's
     * NaN and zeros six; a NaN score is no max, and makes its probability NaN.
     */
    static void raiseMax(MemorySegment w, long tileOff, int keys, int vectors, long maxOff, long sumOff, long outOff,
            int dims) {
        for (int v = 0; v < vectors * Lanes.FLOATS; v += Lanes.FLOATS) {
            FloatVector before = Floats.load(w, maxOff + v);
            FloatVector max = before;
            for (int key = 0; key < keys; key += 4) {
                long at = tileOff + v + (long) key * STEP;
                FloatVector s0 = Floats.load(w, at);
                FloatVector s1 = Floats.load(w, at + STEP);
                FloatVector s2 = Floats.load(w, at + 2 * STEP);
                FloatVector s3 = Floats.load(w, at + 3 * STEP);
                s0 = s0.blend(s1, s1.compare(VectorOperators.GT, s0));
                s2 = s2.blend(s3, s3.compare(VectorOperators.GT, s2));
                s0 = s0.blend(s2, s2.compare(VectorOperators.GT, s0));
                max = max.blend(s0, s0.compare(VectorOperators.GT, max));
            }
            VectorMask<Float> rises = max.compare(VectorOperators.GT, before);
            if (rises.anyTrue()) {
                FloatVector factor = exp2(before.sub(max)).blend(1f, rises.not());
                Floats.store(max, w, maxOff + v);
                Floats.store(Floats.load(w, sumOff + v).mul(factor), w, sumOff + v);
                for (int d = 0; d < dims; d++) {
                    long at = outOff + v + (long) d * STEP;
                    Floats.store(Floats.load(w, at).mul(factor), w, at);
                }
            }
        }
    }

    /** Scores → probs in the tile [keys, LANES]: 2^(score - max), added up to sum [LANES]. */
    static void probs(MemorySegment w, long tileOff, int keys, int vectors, long maxOff, long sumOff) {
        for (int v = 0; v < vectors * Lanes.FLOATS; v += Lanes.FLOATS) {
            FloatVector max = Floats.load(w, maxOff + v);
            FloatVector reference = max.blend(0f, max.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
            FloatVector sum = Floats.load(w, sumOff + v);
            for (int key = 0; key < keys; key++) {
                long at = tileOff + v + (long) key * STEP;
                FloatVector prob = exp2(Floats.load(w, at).sub(reference));
                Floats.store(prob, w, at);
                sum = sum.add(prob);
            }
            Floats.store(sum, w, sumOff + v);
        }
    }

    /** Scores of keys that a lane does not see become -Inf: those outside [first, end), both [LANES] as floats. */
    static void mask(MemorySegment w, long tileOff, int firstPos, int keys, int vectors, long firstOff, long endOff) {
        for (int v = 0; v < vectors * Lanes.FLOATS; v += Lanes.FLOATS) {
            FloatVector first = Floats.load(w, firstOff + v);
            FloatVector end = Floats.load(w, endOff + v);
            for (int key = 0; key < keys; key++) {
                long at = tileOff + v + (long) key * STEP;
                float pos = firstPos + key;
                VectorMask<Float> hidden = first.compare(VectorOperators.GT, pos)
                        .or(end.compare(VectorOperators.LE, pos));
                Floats.store(Floats.load(w, at).blend(Float.NEGATIVE_INFINITY, hidden), w, at);
            }
        }
    }

    /** s = cap · log2 e · tanh(s) over n scores, n a multiple of a vector. */
    static void softCap(MemorySegment w, long off, int n, float cap) {
        for (int i = 0; i < n; i += Lanes.FLOATS) {
            Floats.store(VectorMath.tanh(Floats.load(w, off + i)).mul(cap), w, off + i);
        }
    }

    /** The largest of n scores of one row, n a multiple of a vector, or {@code max} if that is larger. */
    static float rowMax(MemorySegment w, long off, int n, float max) {
        FloatVector m = FloatVector.broadcast(Lanes.FLOAT, max);
        for (int i = 0; i < n; i += Lanes.FLOATS) {
            FloatVector s = Floats.load(w, off + i);
            m = m.blend(s, s.compare(VectorOperators.GT, m));
        }
        return m.reduceLanes(VectorOperators.MAX);
    }

    /**
     * Scores → probs in one row of n scores, n a multiple of a vector; returns their sum. {@link #exp2(FloatVector)} is
     * written out: once compiled by itself, C2 calls it from here instead of inlining it, and boxes every vector.
     */
    static float rowProbs(MemorySegment w, long off, int n, float max) {
        float reference = max == Float.NEGATIVE_INFINITY ? 0f : max;
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < n; i += Lanes.FLOATS) {
            FloatVector x = Floats.load(w, off + i).sub(reference);
            FloatVector t = x.add(ROUND);
            FloatVector f = x.sub(t.sub(ROUND));
            FloatVector p = f.fma(FloatVector.broadcast(Lanes.FLOAT, E5), FloatVector.broadcast(Lanes.FLOAT, E4));
            p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, E3));
            p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, E2));
            p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, E1));
            p = p.fma(f, FloatVector.broadcast(Lanes.FLOAT, 1f));
            FloatVector prob = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats().blend(0f, x.compare(VectorOperators.LT, LOWEST));
            Floats.store(prob, w, off + i);
            sum = sum.add(prob);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }
}
