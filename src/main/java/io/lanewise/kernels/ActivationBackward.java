package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Activations on rows of n floats and their gradients; offsets count floats. dX may be dY at the same offset, unless it
 * accumulates.
 */
public final class ActivationBackward {
    private static final float SQRT_2_OVER_PI = 0.7978845608028654f;
    private static final float GELU_CUBIC = 0.044715f;
    private static final float INV_SQRT_2PI = 0.3989422804014327f;

    private ActivationBackward() {}

    /** y = act(x). */
    public static void forward(Activation act, MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        switch (act) {
            case NONE -> Elementwise.copy(x, xOff, y, yOff, n);
            case RELU -> Elementwise.relu(x, xOff, y, yOff, n);
            case GELU_ERF -> Elementwise.geluErf(x, xOff, y, yOff, n);
            case GELU_TANH -> Elementwise.geluTanh(x, xOff, y, yOff, n);
            case SILU -> Elementwise.silu(x, xOff, y, yOff, n);
        }
    }

    /** y = act(gate)·up. */
    public static void gatedForward(Activation act, MemorySegment x, long gateOff, long upOff, MemorySegment y,
            long yOff, int n) {
        switch (act) {
            case GELU_ERF -> Elementwise.geluErfMul(x, gateOff, x, upOff, y, yOff, n);
            case GELU_TANH -> Elementwise.geluTanhMul(x, gateOff, x, upOff, y, yOff, n);
            case SILU -> Elementwise.siluMul(x, gateOff, x, upOff, y, yOff, n);
            default -> {
                forward(act, x, gateOff, y, yOff, n);
                Elementwise.mul(y, yOff, x, upOff, y, yOff, n);
            }
        }
    }

    /** dX = dY·act'(x), or dX += where {@code accumulate}. relu's gradient at 0 is 0. */
    public static void backward(Activation act, MemorySegment x, long xOff, MemorySegment dY, long dYOff,
            MemorySegment dX, long dXOff, int n, boolean accumulate) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = slope(act, Floats.load(x, xOff + i)).mul(Floats.load(dY, dYOff + i));
            Floats.store(accumulate ? v.add(Floats.load(dX, dXOff + i)) : v, dX, dXOff + i);
        }
        for (; i < n; i++) {
            float v = slope(act, Floats.get(x, xOff + i)) * Floats.get(dY, dYOff + i);
            Floats.set(dX, dXOff + i, accumulate ? v + Floats.get(dX, dXOff + i) : v);
        }
    }

    /** dY = 0 where y = relu(x) is 0, in place. */
    public static void reluMask(MemorySegment y, long yOff, MemorySegment dY, long dYOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            VectorMask<Float> off = Floats.load(y, yOff + i).compare(VectorOperators.LE, 0f);
            Floats.store(Floats.load(dY, dYOff + i).blend(0f, off), dY, dYOff + i);
        }
        for (; i < n; i++) {
            if (Floats.get(y, yOff + i) <= 0f) {
                Floats.set(dY, dYOff + i, 0f);
            }
        }
    }

    /**
     * Forward: y = act(gate)·up with gate and up in one row x. dGate = dY·up·act'(gate) and dUp = dY·act(gate), or +=
     * where {@code accumulate}.
     */
    public static void gatedBackward(Activation act, MemorySegment x, long gateOff, long upOff, MemorySegment dY,
            long dYOff, MemorySegment dX, long dGateOff, long dUpOff, int n, boolean accumulate) {
        if (act == Activation.SILU) {
            siluGatedBackward(x, gateOff, upOff, dY, dYOff, dX, dGateOff, dUpOff, n, accumulate);
            return;
        }
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector gate = Floats.load(x, gateOff + i);
            FloatVector dy = Floats.load(dY, dYOff + i);
            FloatVector dGate = dy.mul(Floats.load(x, upOff + i)).mul(slope(act, gate));
            FloatVector dUp = dy.mul(value(act, gate));
            Floats.store(accumulate ? dGate.add(Floats.load(dX, dGateOff + i)) : dGate, dX, dGateOff + i);
            Floats.store(accumulate ? dUp.add(Floats.load(dX, dUpOff + i)) : dUp, dX, dUpOff + i);
        }
        for (; i < n; i++) {
            float gate = Floats.get(x, gateOff + i);
            float dy = Floats.get(dY, dYOff + i);
            float dGate = dy * Floats.get(x, upOff + i) * slope(act, gate);
            float dUp = dy * value(act, gate);
            Floats.set(dX, dGateOff + i, accumulate ? dGate + Floats.get(dX, dGateOff + i) : dGate);
            Floats.set(dX, dUpOff + i, accumulate ? dUp + Floats.get(dX, dUpOff + i) : dUp);
        }
    }

    /** Value and slope from one sigmoid s: silu = x·s, silu' = s + x·s·(1 - s). Two would be too much for C2 to inline. */
    private static void siluGatedBackward(MemorySegment x, long gateOff, long upOff, MemorySegment dY, long dYOff,
            MemorySegment dX, long dGateOff, long dUpOff, int n, boolean accumulate) {
        FloatVector one = FloatVector.broadcast(Lanes.FLOAT, 1f);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector gate = Floats.load(x, gateOff + i);
            FloatVector dy = Floats.load(dY, dYOff + i);
            FloatVector s = VectorMath.sigmoid(gate);
            FloatVector silu = gate.mul(s);
            FloatVector dGate = dy.mul(Floats.load(x, upOff + i)).mul(silu.fma(one.sub(s), s));
            FloatVector dUp = dy.mul(silu);
            if (accumulate) {
                dGate = dGate.add(Floats.load(dX, dGateOff + i));
                dUp = dUp.add(Floats.load(dX, dUpOff + i));
            }
            Floats.store(dGate, dX, dGateOff + i);
            Floats.store(dUp, dX, dUpOff + i);
        }
        for (; i < n; i++) {
            float gate = Floats.get(x, gateOff + i);
            float dy = Floats.get(dY, dYOff + i);
            float s = VectorMath.sigmoid(gate);
            float dGate = dy * Floats.get(x, upOff + i) * Math.fma(gate * s, 1f - s, s);
            float dUp = dy * (gate * s);
            Floats.set(dX, dGateOff + i, accumulate ? dGate + Floats.get(dX, dGateOff + i) : dGate);
            Floats.set(dX, dUpOff + i, accumulate ? dUp + Floats.get(dX, dUpOff + i) : dUp);
        }
    }

    private static FloatVector value(Activation act, FloatVector x) {
        return switch (act) {
            case NONE -> x;
            case RELU -> x.max(0f);
            case GELU_ERF -> VectorMath.geluErf(x);
            case GELU_TANH -> VectorMath.geluTanh(x);
            case SILU -> VectorMath.silu(x);
        };
    }

    private static float value(Activation act, float x) {
        return switch (act) {
            case NONE -> x;
            case RELU -> Math.max(x, 0f);
            case GELU_ERF -> VectorMath.geluErf(x);
            case GELU_TANH -> VectorMath.geluTanh(x);
            case SILU -> VectorMath.silu(x);
        };
    }

    private static FloatVector slope(Activation act, FloatVector x) {
        return switch (act) {
            case NONE -> FloatVector.broadcast(Lanes.FLOAT, 1f);
            case RELU -> FloatVector.zero(Lanes.FLOAT).blend(1f, x.compare(VectorOperators.GT, 0f));
            case GELU_ERF -> geluErfSlope(x);
            case GELU_TANH -> geluTanhSlope(x);
            case SILU -> siluSlope(x);
        };
    }

    private static float slope(Activation act, float x) {
        return switch (act) {
            case NONE -> 1f;
            case RELU -> x > 0f ? 1f : 0f;
            case GELU_ERF -> geluErfSlope(x);
            case GELU_TANH -> geluTanhSlope(x);
            case SILU -> siluSlope(x);
        };
    }

    /** s + x·s·(1 - s) with s = 1/(1 + e^-x). */
    private static FloatVector siluSlope(FloatVector x) {
        FloatVector s = VectorMath.sigmoid(x);
        return x.mul(s).fma(FloatVector.broadcast(Lanes.FLOAT, 1f).sub(s), s);
    }

    private static float siluSlope(float x) {
        float s = VectorMath.sigmoid(x);
        return Math.fma(x * s, 1f - s, s);
    }

    /** y = x·s with s = 1/(1 + e^-2u): y' = s + x·s·(1 - s)·2u', u' = √(2/π)·(1 + 3·0.044715·x²). */
    private static FloatVector geluTanhSlope(FloatVector x) {
        FloatVector x2 = x.mul(x);
        FloatVector s = VectorMath.sigmoid(x2.fma(GELU_CUBIC, 1f).mul(x).mul(2 * SQRT_2_OVER_PI));
        FloatVector slope2u = x2.fma(3 * GELU_CUBIC, 1f).mul(2 * SQRT_2_OVER_PI);
        return x.mul(s).mul(slope2u).fma(FloatVector.broadcast(Lanes.FLOAT, 1f).sub(s), s);
    }

    private static float geluTanhSlope(float x) {
        float x2 = x * x;
        float s = VectorMath.sigmoid(Math.fma(x2, GELU_CUBIC, 1f) * x * (2 * SQRT_2_OVER_PI));
        float slope2u = Math.fma(x2, 3 * GELU_CUBIC, 1f) * (2 * SQRT_2_OVER_PI);
        return Math.fma(x * s * slope2u, 1f - s, s);
    }

    /** Φ(x) + x·φ(x). */
    private static FloatVector geluErfSlope(FloatVector x) {
        FloatVector tail = VectorMath.normalTail(x.abs());
        FloatVector phi = FloatVector.broadcast(Lanes.FLOAT, 1f).sub(tail).blend(tail, x.lt(0f));
        FloatVector density = VectorMath.exp(x.mul(x).mul(-0.5f)).mul(INV_SQRT_2PI);
        return x.fma(density, phi);
    }

    private static float geluErfSlope(float x) {
        float tail = VectorMath.normalTail(Math.abs(x));
        float phi = x < 0f ? tail : 1f - tail;
        return Math.fma(x, VectorMath.exp(x * x * -0.5f) * INV_SQRT_2PI, phi);
    }
}
