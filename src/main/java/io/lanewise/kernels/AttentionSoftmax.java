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
 * <p>A query has a row of scores, a max and a sum of its probabilities, and its output so far is multiplied by 2^(old - new)
 * when the max rises. A max of -Inf means that the query saw no key yet.
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
    /**
     * Below this the result is zero: beside a probability of at least 2^-8 it is lost in a sum over any number of keys, and
     * as it is no smaller its products with values are normal numbers. Subnormal sums cost 150 cycles each.
     */
    static final float LOWEST = -64.5f;
    /** A max that rose by less than this stays: probabilities up to 2^8 lose nothing, and out need not be scaled. */
    private static final float SLACK = 8;
    private static final int L = Lanes.FLOATS;
    private static final int ROW_SHIFT = 3;
    /** Vectors of scores a query has in a block of keys. */
    private static final int ROW_VECTORS = 1 << ROW_SHIFT;
    /** Keys of a block where there are many queries. */
    static final int KEYS = ROW_VECTORS * Lanes.FLOATS;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private AttentionSoftmax() {}

    /**
     * 2^x for x ≤ 127: relative error 1.7e-7 for x ≥ -64.5, zero below, NaN for NaN. 2^n comes from adding n to the
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
     * Rows [KEYS] of scores in an array: where one is above the row's max by more than {@link #SLACK}, max rises to the largest
     * of the row, and shift, what scores are taken relative to, with it (0 until there is a max); what was added up before,
     * sums [rows, a vector] and out [panels, ..., rows, NR], is multiplied with 2^(old - new). A NaN score is no max, and makes its
     * probability NaN. Eight comparisons a row are cheaper than the max itself, which hardly ever rises.
     *
     * @param outPanel floats from a panel of outputs to the next
     */
    static void raise(float[] a, int scores, int rows, int max, int shift, int sums, int out, int panels, int outPanel) {
        for (int row = 0; row < rows; row++) {
            int at = scores + row * KEYS;
            FloatVector limit = FloatVector.broadcast(Lanes.FLOAT, a[max + row] + SLACK);
            VectorMask<Float> above = FloatVector.fromArray(Lanes.FLOAT, a, at).compare(VectorOperators.GT, limit)
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + L).compare(VectorOperators.GT, limit))
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + 2 * L).compare(VectorOperators.GT, limit))
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + 3 * L).compare(VectorOperators.GT, limit))
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + 4 * L).compare(VectorOperators.GT, limit))
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + 5 * L).compare(VectorOperators.GT, limit))
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + 6 * L).compare(VectorOperators.GT, limit))
                    .or(FloatVector.fromArray(Lanes.FLOAT, a, at + 7 * L).compare(VectorOperators.GT, limit));
            if (above.anyTrue()) {
                FloatVector largest = FloatVector.broadcast(Lanes.FLOAT, Float.NEGATIVE_INFINITY);
                for (int i = at; i < at + KEYS; i += L) {
                    FloatVector x = FloatVector.fromArray(Lanes.FLOAT, a, i);
                    largest = largest.blend(x, x.compare(VectorOperators.GT, largest));
                }
                rise(a, row, largest.reduceLanes(VectorOperators.MAX), max, shift, sums, out, panels, outPanel);
            }
        }
    }

    /** A row's max rises. */
    private static void rise(float[] a, int row, float largest, int max, int shift, int sums, int out, int panels, int outPanel) {
        float before = a[max + row];
        a[max + row] = largest;
        a[shift + row] = largest;
        if (before > Float.NEGATIVE_INFINITY) {
            float factor = exp2(before - largest);
            scale(a, sums + row * L, L, factor);
            for (int panel = 0; panel < panels; panel++) {
                scale(a, out + panel * outPanel + row * FloatTile.NR, FloatTile.NR, factor);
            }
        }
    }

    /** a [n] = factor · a. */
    static void scale(float[] a, int from, int n, float factor) {
        for (int i = from; i < from + n; i++) {
            a[i] *= factor;
        }
    }

    /** Scores → probs in rows [KEYS] of an array: 2^(score - shift), added up lane by lane to sums [rows, a vector]. */
    static void probs(float[] a, int scores, int rows, int shift, int sums) {
        FloatVector e1 = FloatVector.broadcast(Lanes.FLOAT, E1);
        FloatVector e2 = FloatVector.broadcast(Lanes.FLOAT, E2);
        FloatVector e3 = FloatVector.broadcast(Lanes.FLOAT, E3);
        FloatVector e4 = FloatVector.broadcast(Lanes.FLOAT, E4);
        FloatVector e5 = FloatVector.broadcast(Lanes.FLOAT, E5);
        FloatVector one = FloatVector.broadcast(Lanes.FLOAT, 1f);
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < rows * ROW_VECTORS; i++) {
            int row = i >> ROW_SHIFT;
            int at = scores + i * L;
            FloatVector x = FloatVector.fromArray(Lanes.FLOAT, a, at).sub(a[shift + row]);
            FloatVector t = x.add(ROUND);
            FloatVector f = x.sub(t.sub(ROUND));
            FloatVector p = f.fma(e5, e4).fma(f, e3).fma(f, e2).fma(f, e1).fma(f, one);
            FloatVector prob = p.reinterpretAsInts()
                    .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats()
                    .blend(0f, x.compare(VectorOperators.LT, LOWEST));
            prob.intoArray(a, at);
            sum = sum.add(prob);
            if ((i & ROW_VECTORS - 1) == ROW_VECTORS - 1) {
                FloatVector.fromArray(Lanes.FLOAT, a, sums + row * L).add(sum).intoArray(a, sums + row * L);
                sum = FloatVector.zero(Lanes.FLOAT);
            }
        }
    }

    /** The sum of a vector's lanes, halves onto each other; the lanes are used up. */
    static float lanesSum(float[] a, int at) {
        for (int n = L / 2; n > 0; n /= 2) {
            for (int i = at; i < at + n; i++) {
                a[i] += a[i + n];
            }
        }
        return a[at];
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
