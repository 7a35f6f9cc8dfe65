package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Transcendental functions, each as a scalar and as a loop over n floats. Both do the same operations in the same order
 * and so give the same bits: a value does not depend on whether it fell into a vector or into a tail, nor on the
 * vector width. Polynomials are minimax fits of our own (Lawson's iteration in double precision).
 *
 * <p>Error bounds, checked by the tests: {@code exp} 1.5e-7 relative for results above 2^-125, below them zero; {@code
 * tanh} 3e-7 relative; {@code sigmoid} and {@code silu} 4e-7 relative; both GELUs 2e-6 relative for x > -4 and 1e-7
 * absolute everywhere. NaN gives NaN; activations want finite x.
 *
 * <p>Loops write {@link #exp} out: where C2 does not inline a helper that takes and gives vectors (its queue was such that
 * the helper was compiled first, the call looked rare, or the graph had grown to 18,000 nodes), each vector becomes an
 * object. The Vector API's own methods are inlined always. The same eight lines stand wherever kernels need e^x.
 */
final class VectorMath {
    /** Below this, exp is zero: the scale 2^(n-1) would leave the normal numbers. */
    static final float EXP_LOWEST = -86.98f;
    /** From here on, exp is infinite; clamping keeps the exponent field from wrapping. */
    static final float EXP_HIGHEST = 89f;
    static final float LOG2_E = 1.4426950408889634f;
    /** Adding it rounds to an integer and leaves that integer, biased by 126, in the low bits. */
    static final float ROUND = 0x1.8p23f + 126;
    static final float LN2_HIGH = 0.6931471824645996f;
    static final float LN2_LOW = -1.904654299e-9f;
    /** e^r = 1 + r + r²·(C0 + C1·r + …) for |r| ≤ ln 2 / 2, relative error 3.2e-9. */
    static final float C0 = 5.000000096e-01f;
    static final float C1 = 1.666651860e-01f;
    static final float C2 = 4.166620484e-02f;
    static final float C3 = 8.368917868e-03f;
    static final float C4 = 1.395055265e-03f;

    /** From here on, tanh in float is 1. */
    private static final float TANH_ONE = 9.02f;
    static final float SQRT_2_OVER_PI = 0.7978845608028654f;
    static final float GELU_CUBIC = 0.044715f;

    /** erfc(a/√2)·e^(a²/2) = t·(G0 + G1·t + …), t = 1/(1 + 0.3·a), for 0 ≤ a ≤ 14, relative error 1.5e-7. */
    static final float G_SLOPE = 0.3f;
    static final float G0 = 2.392585981e-01f;
    static final float G1 = 2.415079106e-01f;
    static final float G2 = 1.998269536e-01f;
    static final float G3 = 2.571234947e-01f;
    static final float G4 = -1.073680198e-01f;
    static final float G5 = 4.127081040e-01f;
    static final float G6 = -3.144069638e-01f;
    static final float G7 = 7.134977678e-02f;

    private VectorMath() {}

    /** e^x = 2^n · e^r with n the integer nearest x / ln 2 and |r| ≤ ln 2 / 2. */
    static float exp(float x) {
        float clamped = x > EXP_HIGHEST ? EXP_HIGHEST : x;
        float t = Math.fma(clamped, LOG2_E, ROUND);
        float n = t - ROUND;
        float r = Math.fma(n, -LN2_HIGH, clamped);
        r = Math.fma(n, -LN2_LOW, r);
        float p = expm1(r) + 1f;
        float halfScale = Float.intBitsToFloat(Float.floatToRawIntBits(t) << 23);
        return x < EXP_LOWEST ? 0f : p * halfScale * 2f;
    }

    /** e^r - 1 for |r| ≤ ln 2 / 2. */
    private static float expm1(float r) {
        float c = Math.fma(r, C4, C3);
        c = Math.fma(c, r, C2);
        c = Math.fma(c, r, C1);
        c = Math.fma(c, r, C0);
        return Math.fma(c, r * r, r);
    }

    /** tanh x = m / (m + 2) with m = e^(2x) - 1 = s·(e^r - 1) + (s - 1), s = 2^n: no cancellation near zero. */
    static float tanh(float x) {
        float c = x > TANH_ONE ? TANH_ONE : x < -TANH_ONE ? -TANH_ONE : x;
        float x2 = c + c;
        float t = Math.fma(x2, LOG2_E, ROUND + 1);
        float n = t - (ROUND + 1);
        float r = Math.fma(n, -LN2_HIGH, x2);
        r = Math.fma(n, -LN2_LOW, r);
        float s = Float.intBitsToFloat(Float.floatToRawIntBits(t) << 23);
        float m = Math.fma(expm1(r), s, s - 1f);
        return m / (m + 2f);
    }

    /** 1 / (1 + e^-x). */
    static float sigmoid(float x) {
        return 1f / (exp(-x) + 1f);
    }

    /** y = 1 / (1 + e^-x). */
    static void sigmoid(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector u = v.neg();
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1)).fma(r, broadcast(FLOAT, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            broadcast(FLOAT, 1f).div(e.add(1f)).intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, sigmoid(Floats.get(x, xOff + i)));
        }
    }

    /** x / (1 + e^-x). */
    static float silu(float x) {
        return x / (exp(-x) + 1f);
    }

    /** y = x / (1 + e^-x). */
    static void silu(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector u = v.neg();
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1)).fma(r, broadcast(FLOAT, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            v.div(e.add(1f)).intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, silu(Floats.get(x, xOff + i)));
        }
    }

    /** x·(1 + tanh u) / 2 = x / (1 + e^(-2u)) with u = √(2/π)·(x + 0.044715·x³). */
    static float geluTanh(float x) {
        float cubic = Math.fma(x * x, GELU_CUBIC, 1f);
        return x / (exp(cubic * x * (-2 * SQRT_2_OVER_PI)) + 1f);
    }

    /** y = x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
    static void geluTanh(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector u = v.mul(v).fma(GELU_CUBIC, 1f).mul(v).mul(-2 * SQRT_2_OVER_PI);
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1)).fma(r, broadcast(FLOAT, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            v.div(e.add(1f)).intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, geluTanh(Floats.get(x, xOff + i)));
        }
    }

    /** x·(1 + erf(x/√2)) / 2 = max(x, 0) - |x|·erfc(|x|/√2) / 2. */
    static float geluErf(float x) {
        float a = Math.abs(x);
        return (x < 0f ? 0f : x) - normalTail(a, exp(a * a * -0.5f)) * a;
    }

    /** y = x·(1 + erf(x/√2)) / 2. */
    static void geluErf(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector a = v.abs();
            FloatVector u = a.mul(a).mul(-0.5f);
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1)).fma(r, broadcast(FLOAT, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            FloatVector one = broadcast(FLOAT, 1f);
            FloatVector w = one.div(a.fma(broadcast(FLOAT, G_SLOPE), one));
            FloatVector g = w.fma(G7, G6).fma(w, broadcast(FLOAT, G5)).fma(w, broadcast(FLOAT, G4));
            g = g.fma(w, broadcast(FLOAT, G3)).fma(w, broadcast(FLOAT, G2)).fma(w, broadcast(FLOAT, G1));
            FloatVector tail = g.fma(w, broadcast(FLOAT, G0)).mul(w).mul(e).mul(0.5f);
            v.blend(0f, v.lt(0f)).sub(tail.mul(a)).intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, geluErf(Floats.get(x, xOff + i)));
        }
    }

    /** erfc(a/√2) / 2, the share of the normal distribution above a, for a ≥ 0 and e = e^(-a²/2). */
    static float normalTail(float a, float e) {
        float t = 1f / Math.fma(a, G_SLOPE, 1f);
        float p = Math.fma(t, G7, G6);
        p = Math.fma(p, t, G5);
        p = Math.fma(p, t, G4);
        p = Math.fma(p, t, G3);
        p = Math.fma(p, t, G2);
        p = Math.fma(p, t, G1);
        p = Math.fma(p, t, G0);
        return p * t * e * 0.5f;
    }

    /** y = cap · tanh(unit · x). */
    static void softCap(MemorySegment x, long xOff, float unit, float cap, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).mul(unit);
            FloatVector c = v.blend(TANH_ONE, v.compare(GT, TANH_ONE)).blend(-TANH_ONE, v.lt(-TANH_ONE));
            FloatVector c2 = c.add(c);
            FloatVector t = c2.fma(LOG2_E, ROUND + 1);
            FloatVector k = t.sub(ROUND + 1);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c2));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1));
            p = p.fma(r, broadcast(FLOAT, C0)).fma(r.mul(r), r);
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector m = p.fma(s, s.sub(1f));
            m.div(m.add(2f)).mul(cap).intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, tanh(Floats.get(x, xOff + i) * unit) * cap);
        }
    }
}
