package io.lanewise.kernels;

import static io.lanewise.kernels.VectorMath.C0;
import static io.lanewise.kernels.VectorMath.C1;
import static io.lanewise.kernels.VectorMath.C2;
import static io.lanewise.kernels.VectorMath.C3;
import static io.lanewise.kernels.VectorMath.C4;
import static io.lanewise.kernels.VectorMath.EXP_HIGHEST;
import static io.lanewise.kernels.VectorMath.EXP_LOWEST;
import static io.lanewise.kernels.VectorMath.G0;
import static io.lanewise.kernels.VectorMath.G1;
import static io.lanewise.kernels.VectorMath.G2;
import static io.lanewise.kernels.VectorMath.G3;
import static io.lanewise.kernels.VectorMath.G4;
import static io.lanewise.kernels.VectorMath.G5;
import static io.lanewise.kernels.VectorMath.G6;
import static io.lanewise.kernels.VectorMath.G7;
import static io.lanewise.kernels.VectorMath.GELU_CUBIC;
import static io.lanewise.kernels.VectorMath.G_SLOPE;
import static io.lanewise.kernels.VectorMath.LN2_HIGH;
import static io.lanewise.kernels.VectorMath.LN2_LOW;
import static io.lanewise.kernels.VectorMath.LOG2_E;
import static io.lanewise.kernels.VectorMath.ROUND;
import static io.lanewise.kernels.VectorMath.SQRT_2_OVER_PI;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations on rows of n floats and their gradients; offsets count floats. dX may be dY at the same offset. A loop for
 * each activation: one that chose inside would outgrow what C2 inlines.
 */
public final class ActivationBackward {
    private static final VectorSpecies<Float> F = Lanes.FLOAT;
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

    /** dX = dY·act'(x). relu's gradient at 0 is 0. */
    public static void backward(Activation act, MemorySegment x, long xOff, MemorySegment dY, long dYOff,
            MemorySegment dX, long dXOff, int n) {
        switch (act) {
            case NONE -> Elementwise.copy(dY, dYOff, dX, dXOff, n);
            case RELU -> relu(x, xOff, dY, dYOff, dX, dXOff, n);
            case GELU_ERF -> geluErf(x, xOff, dY, dYOff, dX, dXOff, n);
            case GELU_TANH -> geluTanh(x, xOff, dY, dYOff, dX, dXOff, n);
            case SILU -> silu(x, xOff, dY, dYOff, dX, dXOff, n);
        }
    }

    /** y = act(gate)·up, both in x. */
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

    /**
     * Forward: y = act(gate)·up. dUp = dY·act(gate) and dGate = dY·up·act'(gate), both in dX. Short passes over a row that
     * is in L1.
     */
    public static void gatedBackward(Activation act, MemorySegment x, long gateOff, long upOff, MemorySegment dY,
            long dYOff, MemorySegment dX, long dGateOff, long dUpOff, int n) {
        if (act == Activation.SILU) {
            siluGated(x, gateOff, upOff, dY, dYOff, dX, dGateOff, dUpOff, n);
            return;
        }
        Elementwise.mul(dY, dYOff, x, upOff, dX, dGateOff, n);
        backward(act, x, gateOff, dX, dGateOff, dX, dGateOff, n);
        forward(act, x, gateOff, dX, dUpOff, n);
        Elementwise.mul(dX, dUpOff, dY, dYOff, dX, dUpOff, n);
    }

    /** Value and slope from one sigmoid s: silu = x·s, silu' = s + x·s·(1 - s). */
    private static void siluGated(MemorySegment x, long gateOff, long upOff, MemorySegment dY, long dYOff,
            MemorySegment dX, long dGateOff, long dUpOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector gate = FloatVector.fromMemorySegment(F, x, gateOff + i << 2, LITTLE_ENDIAN);
            FloatVector dy = FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN);
            FloatVector u = gate.neg();
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(F, -LN2_LOW), k.fma(broadcast(F, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(F, C2)).fma(r, broadcast(F, C1)).fma(r, broadcast(F, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            FloatVector g = broadcast(F, 1f).div(e.add(1f));
            FloatVector silu = gate.mul(g);
            dy.mul(silu).intoMemorySegment(dX, dUpOff + i << 2, LITTLE_ENDIAN);
            dy.mul(FloatVector.fromMemorySegment(F, x, upOff + i << 2, LITTLE_ENDIAN))
                    .mul(silu.fma(broadcast(F, 1f).sub(g), g))
                    .intoMemorySegment(dX, dGateOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float gate = Floats.get(x, gateOff + i);
            float dy = Floats.get(dY, dYOff + i);
            float s = VectorMath.sigmoid(gate);
            Floats.set(dX, dUpOff + i, dy * (gate * s));
            Floats.set(dX, dGateOff + i, dy * Floats.get(x, upOff + i) * Math.fma(gate * s, 1f - s, s));
        }
    }

    /** dX = dY where x > 0, else 0. From y = relu(x) in place of x it gives the same. */
    public static void relu(MemorySegment x, long xOff, MemorySegment dY, long dYOff, MemorySegment dX, long dXOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            VectorMask<Float> on = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN)
                    .compare(VectorOperators.GT, 0f);
            FloatVector dy = FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN);
            FloatVector.zero(F).blend(dy, on).intoMemorySegment(dX, dXOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(dX, dXOff + i, Floats.get(x, xOff + i) > 0f ? Floats.get(dY, dYOff + i) : 0f);
        }
    }

    /** s + x·s·(1 - s) with s = 1/(1 + e^-x). */
    private static void silu(MemorySegment x, long xOff, MemorySegment dY, long dYOff, MemorySegment dX, long dXOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector u = v.neg();
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(F, -LN2_LOW), k.fma(broadcast(F, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(F, C2)).fma(r, broadcast(F, C1)).fma(r, broadcast(F, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            FloatVector g = broadcast(F, 1f).div(e.add(1f));
            v.mul(g).fma(broadcast(F, 1f).sub(g), g)
                    .mul(FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN))
                    .intoMemorySegment(dX, dXOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float v = Floats.get(x, xOff + i);
            float s = VectorMath.sigmoid(v);
            Floats.set(dX, dXOff + i, Math.fma(v * s, 1f - s, s) * Floats.get(dY, dYOff + i));
        }
    }

    /** y = x·s with s = 1/(1 + e^-2u): s + x·s·(1 - s)·2u', u' = √(2/π)·(1 + 3·0.044715·x²). */
    private static void geluTanh(MemorySegment x, long xOff, MemorySegment dY, long dYOff, MemorySegment dX, long dXOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector v2 = v.mul(v);
            FloatVector u = v2.fma(GELU_CUBIC, 1f).mul(v).mul(-2 * SQRT_2_OVER_PI);
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(F, -LN2_LOW), k.fma(broadcast(F, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(F, C2)).fma(r, broadcast(F, C1)).fma(r, broadcast(F, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            FloatVector g = broadcast(F, 1f).div(e.add(1f));
            v.mul(g).mul(v2.fma(3 * GELU_CUBIC, 1f).mul(2 * SQRT_2_OVER_PI))
                    .fma(broadcast(F, 1f).sub(g), g)
                    .mul(FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN))
                    .intoMemorySegment(dX, dXOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float v = Floats.get(x, xOff + i);
            float v2 = v * v;
            float s = VectorMath.sigmoid(Math.fma(v2, GELU_CUBIC, 1f) * v * (2 * SQRT_2_OVER_PI));
            float slope2u = Math.fma(v2, 3 * GELU_CUBIC, 1f) * (2 * SQRT_2_OVER_PI);
            Floats.set(dX, dXOff + i, Math.fma(v * s * slope2u, 1f - s, s) * Floats.get(dY, dYOff + i));
        }
    }

    /** Φ(x) + x·φ(x), Φ and φ the normal distribution and its density. */
    private static void geluErf(MemorySegment x, long xOff, MemorySegment dY, long dYOff, MemorySegment dX, long dXOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN);
            FloatVector u = v.mul(v).mul(-0.5f);
            FloatVector c = u.blend(EXP_HIGHEST, u.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(F, -LN2_LOW), k.fma(broadcast(F, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(F, C2)).fma(r, broadcast(F, C1)).fma(r, broadcast(F, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, u.lt(EXP_LOWEST));
            FloatVector one = broadcast(F, 1f);
            FloatVector a = v.abs();
            FloatVector w = one.div(a.fma(broadcast(F, G_SLOPE), one));
            FloatVector g = w.fma(G7, G6).fma(w, broadcast(F, G5)).fma(w, broadcast(F, G4));
            g = g.fma(w, broadcast(F, G3)).fma(w, broadcast(F, G2)).fma(w, broadcast(F, G1));
            FloatVector tail = g.fma(w, broadcast(F, G0)).mul(w).mul(e).mul(0.5f);
            FloatVector phi = one.sub(tail).blend(tail, v.compare(VectorOperators.LT, 0f));
            v.fma(e.mul(INV_SQRT_2PI), phi).mul(FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN))
                    .intoMemorySegment(dX, dXOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float v = Floats.get(x, xOff + i);
            float e = VectorMath.exp(v * v * -0.5f);
            float tail = VectorMath.normalTail(Math.abs(v), e);
            Floats.set(dX, dXOff + i,
                    Math.fma(v, e * INV_SQRT_2PI, v < 0f ? tail : 1f - tail) * Floats.get(dY, dYOff + i));
        }
    }
}
