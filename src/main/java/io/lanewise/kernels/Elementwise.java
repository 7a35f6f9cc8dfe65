package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

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
            FloatVector v = fromMemorySegment(FLOAT, b, bOff + i << 2, LITTLE_ENDIAN);
            v = fromMemorySegment(FLOAT, a, aOff + i << 2, LITTLE_ENDIAN).add(v);
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
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
            FloatVector v = fromMemorySegment(FLOAT, b, bOff + i << 2, LITTLE_ENDIAN);
            v = fromMemorySegment(FLOAT, a, aOff + i << 2, LITTLE_ENDIAN).mul(v);
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(a, aOff + i) * Floats.get(b, bOff + i));
        }
    }

    /** y = factor · x. */
    public static void scale(MemorySegment x, long xOff, float factor, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).mul(factor);
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(x, xOff + i) * factor);
        }
    }

    /** y = y + factor · x. */
    public static void addScaled(MemorySegment x, long xOff, float factor, MemorySegment y, long yOff, int n) {
        FloatVector factors = FloatVector.broadcast(FLOAT, factor);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, y, yOff + i << 2, LITTLE_ENDIAN);
            v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).fma(factors, v);
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Math.fma(Floats.get(x, xOff + i), factor, Floats.get(y, yOff + i)));
        }
    }

    /** y = y + a · b. */
    public static void addProduct(MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment y, long yOff,
            int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, y, yOff + i << 2, LITTLE_ENDIAN);
            v = fromMemorySegment(FLOAT, a, aOff + i << 2, LITTLE_ENDIAN)
                    .fma(fromMemorySegment(FLOAT, b, bOff + i << 2, LITTLE_ENDIAN), v);
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Math.fma(Floats.get(a, aOff + i), Floats.get(b, bOff + i), Floats.get(y, yOff + i)));
        }
    }

    /** y [columns, rows] = x [rows, columns]ᵀ, rows {@code xStride} and {@code yStride} floats apart; for set-up. */
    public static void transpose(MemorySegment x, long xOff, long xStride, int rows, int columns, MemorySegment y,
            long yOff, long yStride) {
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                Floats.set(y, yOff + column * yStride + row, Floats.get(x, xOff + row * xStride + column));
            }
        }
    }

    /** y = x. */
    public static void copy(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        MemorySegment.copy(x, xOff << 2, y, yOff << 2, (long) n << 2);
    }

    /** y = value. */
    public static void fill(MemorySegment y, long yOff, int n, float value) {
        FloatVector values = FloatVector.broadcast(FLOAT, value);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            values.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, value);
        }
    }

    /** y = max(x, 0); NaN stays. */
    public static void relu(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).max(0f);
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Math.max(Floats.get(x, xOff + i), 0f));
        }
    }

    /** y = 1 / (1 + e^-x). */
    public static void sigmoid(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        VectorMath.sigmoid(x, xOff, y, yOff, n);
    }

    /** y = x / (1 + e^-x). */
    public static void silu(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        VectorMath.silu(x, xOff, y, yOff, n);
    }

    /** y = x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
    public static void geluTanh(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        VectorMath.geluTanh(x, xOff, y, yOff, n);
    }

    /** y = x·(1 + erf(x/√2)) / 2. */
    public static void geluErf(MemorySegment x, long xOff, MemorySegment y, long yOff, int n) {
        VectorMath.geluErf(x, xOff, y, yOff, n);
    }

    /** y = silu(gate) · up; y may be gate, and must not be up. */
    public static void siluMul(MemorySegment gate, long gateOff, MemorySegment up, long upOff,
            MemorySegment y, long yOff, int n) {
        VectorMath.silu(gate, gateOff, y, yOff, n);
        mul(y, yOff, up, upOff, y, yOff, n);
    }

    /** y = geluTanh(gate) · up; y may be gate, and must not be up. */
    public static void geluTanhMul(MemorySegment gate, long gateOff, MemorySegment up, long upOff,
            MemorySegment y, long yOff, int n) {
        VectorMath.geluTanh(gate, gateOff, y, yOff, n);
        mul(y, yOff, up, upOff, y, yOff, n);
    }

    /** y = geluErf(gate) · up; y may be gate, and must not be up. */
    public static void geluErfMul(MemorySegment gate, long gateOff, MemorySegment up, long upOff,
            MemorySegment y, long yOff, int n) {
        VectorMath.geluErf(gate, gateOff, y, yOff, n);
        mul(y, yOff, up, upOff, y, yOff, n);
    }

    /** Soft-cap in place: x = cap · tanh(x / cap). */
    public static void softCap(MemorySegment x, long off, int n, float cap) {
        VectorMath.softCap(x, off, 1f / cap, cap, x, off, n);
    }
}
