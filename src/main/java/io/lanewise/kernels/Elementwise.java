package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Elementwise operations on n consecutive floats; y may be an input, at the same offset. One vector a round and a
 * scalar tail: these loops wait for memory, and C2 unrolls them where that helps. Activation functions and their error
 * bounds are those of {@link VectorMath}.
 */
public final class Elementwise {
    private Elementwise() {}

    /** y = a + b. */
    public static void add(MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment y, long yOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(Floats.load(a, aOff + i).add(Floats.load(b, bOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(a, aOff + i) + Floats.get(b, bOff + i));
        }
    }

    /** y = a · b. */
    public static void mul(MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment y, long yOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(Floats.load(a, aOff + i).mul(Floats.load(b, bOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(a, aOff + i) * Floats.get(b, bOff + i));
        }
    }

    /** y = factor · x. */
    public static void scale(MemorySegment x, long xOff, float factor, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(Floats.load(x, xOff + i).mul(factor), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(x, xOff + i) * factor);
        }
    }

    /** y = y + factor · x. */
    public static void addScaled(MemorySegment x, long xOff, float factor, MemorySegment y, long yOff, int n) {
        FloatVector factors = FloatVector.broadcast(Lanes.FLOAT, factor);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(Floats.load(x, xOff + i).fma(factors, Floats.load(y, yOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Math.fma(Floats.get(x, xOff + i), factor, Floats.get(y, yOff + i)));
        }
    }

    /** y = x. */
    public static void copy(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        MemorySegment.copy(x, xOff << 2, y, yOff << 2, (long) n << 2);
    }

    /** y = value. */
    public static void fill(MemorySegment y, long yOff, int n, float value) {
        FloatVector values = FloatVector.broadcast(Lanes.FLOAT, value);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(values, y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, value);
        }
    }

    /** y = max(x, 0); NaN stays. */
    public static void relu(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(Floats.load(x, xOff + i).max(0f), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Math.max(Floats.get(x, xOff + i), 0f));
        }
    }

    /** y = 1 / (1 + e^-x). */
    public static void sigmoid(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(VectorMath.sigmoid(Floats.load(x, xOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.sigmoid(Floats.get(x, xOff + i)));
        }
    }

    /** y = x / (1 + e^-x). */
    public static void silu(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(VectorMath.silu(Floats.load(x, xOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.silu(Floats.get(x, xOff + i)));
        }
    }

    /** y = x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
    public static void geluTanh(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(VectorMath.geluTanh(Floats.load(x, xOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.geluTanh(Floats.get(x, xOff + i)));
        }
    }

    /** y = x·(1 + erf(x/√2)) / 2. */
    public static void geluErf(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(VectorMath.geluErf(Floats.load(x, xOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.geluErf(Floats.get(x, xOff + i)));
        }
    }

    /** y = silu(gate) · up. */
    public static void siluMul(MemorySegment gate, long gateOff, MemorySegment up, long upOff,
            MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector activated = VectorMath.silu(Floats.load(gate, gateOff + i));
            Floats.store(activated.mul(Floats.load(up, upOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.silu(Floats.get(gate, gateOff + i)) * Floats.get(up, upOff + i));
        }
    }

    /** y = geluTanh(gate) · up. */
    public static void geluTanhMul(MemorySegment gate, long gateOff, MemorySegment up, long upOff,
            MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector activated = VectorMath.geluTanh(Floats.load(gate, gateOff + i));
            Floats.store(activated.mul(Floats.load(up, upOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.geluTanh(Floats.get(gate, gateOff + i)) * Floats.get(up, upOff + i));
        }
    }

    /** y = geluErf(gate) · up. */
    public static void geluErfMul(MemorySegment gate, long gateOff, MemorySegment up, long upOff,
            MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector activated = VectorMath.geluErf(Floats.load(gate, gateOff + i));
            Floats.store(activated.mul(Floats.load(up, upOff + i)), y, yOff + i);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, VectorMath.geluErf(Floats.get(gate, gateOff + i)) * Floats.get(up, upOff + i));
        }
    }

    /** Soft-cap in place: x = cap · tanh(x / cap). */
    public static void softCap(MemorySegment x, long off, int n, float cap) {
        float inverse = 1f / cap;
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(VectorMath.tanh(Floats.load(x, off + i).mul(inverse)).mul(cap), x, off + i);
        }
        for (; i < n; i++) {
            Floats.set(x, off + i, VectorMath.tanh(Floats.get(x, off + i) * inverse) * cap);
        }
    }
}
