package io.lanewise.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Transcendental functions on vectors, each beside its scalar twin. The twin does the same operations in the same order
 * and so gives the same bits: a value does not depend on whether it fell into a vector or into a tail, nor on the
 * vector width. Polynomials are minimax fits of our own (Lawson's iteration in double precision).
 *
 * <p>Error bounds, checked by the tests: {@code exp} 1.5e-7 relative for results above 2^-125, below them zero; {@code
 * tanh} 3e-7 relative; {@code sigmoid} and {@code silu} 4e-7 relative; both GELUs 2e-6 relative for x > -4 and 1e-7
 * absolute everywhere. NaN gives NaN; activations want finite x.
 *
 * <p>C2 stops inlining ordinary methods once a graph has grown to 18,000 nodes, and a vector that then meets a call is
 * boxed; the Vector API's own methods are inlined always. So here each function calls another as early as it can, and
 * loops around them load and store by the Vector API's own methods.
 */
final class VectorMath {
    /** Below this, exp is zero: the scale 2^(n-1) would leave the normal numbers. */
    private static final float EXP_LOWEST = -86.98f;
    /** From here on, exp is infinite; clamping keeps the exponent field from wrapping. */
    private static final float EXP_HIGHEST = 89f;
    private static final float LOG2_E = 1.4426950408889634f;
    /** Adding it rounds to an integer and leaves that integer, biased by 126, in the low bits. */
    private static final float ROUND = 0x1.8p23f + 126;
    private static final float LN2_HIGH = 0.6931471824645996f;
    private static final float LN2_LOW = -1.904654299e-9f;
    /** e^r = 1 + r + r²·(C0 + C1·r + …) for |r| ≤ ln 2 / 2, relative error 3.2e-9. */
    private static final float C0 = 5.000000096e-01f;
    private static final float C1 = 1.666651860e-01f;
    private static final float C2 = 4.166620484e-02f;
    private static final float C3 = 8.368917868e-03f;
    private static final float C4 = 1.395055265e-03f;

    /** From here on, tanh in float is 1. */
    private static final float TANH_ONE = 9.02f;
    private static final float SQRT_2_OVER_PI = 0.7978845608028654f;
    private static final float GELU_CUBIC = 0.044715f;

    /** erfc(a/√2)·e^(a²/2) = t·(G0 + G1·t + …), t = 1/(1 + 0.3·a), for 0 ≤ a ≤ 14, relative error 1.5e-7. */
    private static final float G_SLOPE = 0.3f;
    private static final float G0 = 2.392585981e-01f;
    private static final float G1 = 2.415079106e-01f;
    private static final float G2 = 1.998269536e-01f;
    private static final float G3 = 2.571234947e-01f;
    private static final float G4 = -1.073680198e-01f;
    private static final float G5 = 4.127081040e-01f;
    private static final float G6 = -3.144069638e-01f;
    private static final float G7 = 7.134977678e-02f;

    private VectorMath() {}

    /** e^x = 2^n · e^r with n the integer nearest x / ln 2 and |r| ≤ ln 2 / 2. */
    static FloatVector exp(FloatVector x) {
        VectorMask<Float> tooLow = x.lt(EXP_LOWEST);
        FloatVector clamped = x.blend(EXP_HIGHEST, x.compare(VectorOperators.GT, EXP_HIGHEST));
        FloatVector t = clamped.fma(LOG2_E, ROUND);
        FloatVector n = t.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(Lanes.FLOAT, -LN2_HIGH), clamped);
        r = n.fma(FloatVector.broadcast(Lanes.FLOAT, -LN2_LOW), r);
        FloatVector c = r.fma(C4, C3);
        c = c.fma(r, FloatVector.broadcast(Lanes.FLOAT, C2));
        c = c.fma(r, FloatVector.broadcast(Lanes.FLOAT, C1));
        c = c.fma(r, FloatVector.broadcast(Lanes.FLOAT, C0));
        FloatVector p = c.fma(r.mul(r), r).add(1f);
        FloatVector halfScale = t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        return p.mul(halfScale).mul(2f).blend(0f, tooLow);
    }

    /** Scalar twin of {@link #exp(FloatVector)}. */
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
    static FloatVector tanh(FloatVector x) {
        FloatVector c = x.blend(TANH_ONE, x.compare(VectorOperators.GT, TANH_ONE)).blend(-TANH_ONE, x.lt(-TANH_ONE));
        FloatVector x2 = c.add(c);
        FloatVector t = x2.fma(LOG2_E, ROUND + 1);
        FloatVector n = t.sub(ROUND + 1);
        FloatVector r = n.fma(FloatVector.broadcast(Lanes.FLOAT, -LN2_HIGH), x2);
        r = n.fma(FloatVector.broadcast(Lanes.FLOAT, -LN2_LOW), r);
        FloatVector p = r.fma(C4, C3);
        p = p.fma(r, FloatVector.broadcast(Lanes.FLOAT, C2));
        p = p.fma(r, FloatVector.broadcast(Lanes.FLOAT, C1));
        p = p.fma(r, FloatVector.broadcast(Lanes.FLOAT, C0));
        p = p.fma(r.mul(r), r);
        FloatVector s = t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
        FloatVector m = p.fma(s, s.sub(1f));
        return m.div(m.add(2f));
    }

    /** Scalar twin of {@link #tanh(FloatVector)}. */
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
    static FloatVector sigmoid(FloatVector x) {
        return FloatVector.broadcast(Lanes.FLOAT, 1f).div(exp(x.neg()).add(1f));
    }

    static float sigmoid(float x) {
        return 1f / (exp(-x) + 1f);
    }

    /** x / (1 + e^-x). */
    static FloatVector silu(FloatVector x) {
        return x.div(exp(x.neg()).add(1f));
    }

    static float silu(float x) {
        return x / (exp(-x) + 1f);
    }

    /** x·(1 + tanh u) / 2 = x / (1 + e^(-2u)) with u = √(2/π)·(x + 0.044715·x³). */
    static FloatVector geluTanh(FloatVector x) {
        FloatVector cubic = x.mul(x).fma(GELU_CUBIC, 1f);
        FloatVector minus2u = cubic.mul(x).mul(-2 * SQRT_2_OVER_PI);
        return x.div(exp(minus2u).add(1f));
    }

    static float geluTanh(float x) {
        float cubic = Math.fma(x * x, GELU_CUBIC, 1f);
        return x / (exp(cubic * x * (-2 * SQRT_2_OVER_PI)) + 1f);
    }

    /** x·(1 + erf(x/√2)) / 2 = max(x, 0) - |x|·erfc(|x|/√2) / 2. */
    static FloatVector geluErf(FloatVector x) {
        FloatVector a = x.abs();
        return x.blend(0f, x.lt(0f)).sub(normalTail(a, exp(a.mul(a).mul(-0.5f))).mul(a));
    }

    static float geluErf(float x) {
        float a = Math.abs(x);
        return (x < 0f ? 0f : x) - normalTail(a, exp(a * a * -0.5f)) * a;
    }

    /** erfc(a/√2) / 2, the share of the normal distribution above a, for a ≥ 0 and e = e^(-a²/2). */
    static FloatVector normalTail(FloatVector a, FloatVector e) {
        FloatVector one = FloatVector.broadcast(Lanes.FLOAT, 1f);
        FloatVector t = one.div(a.fma(FloatVector.broadcast(Lanes.FLOAT, G_SLOPE), one));
        FloatVector p = t.fma(G7, G6);
        p = p.fma(t, FloatVector.broadcast(Lanes.FLOAT, G5));
        p = p.fma(t, FloatVector.broadcast(Lanes.FLOAT, G4));
        p = p.fma(t, FloatVector.broadcast(Lanes.FLOAT, G3));
        p = p.fma(t, FloatVector.broadcast(Lanes.FLOAT, G2));
        p = p.fma(t, FloatVector.broadcast(Lanes.FLOAT, G1));
        p = p.fma(t, FloatVector.broadcast(Lanes.FLOAT, G0));
        return p.mul(t).mul(e).mul(0.5f);
    }

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
}
