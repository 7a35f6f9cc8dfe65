package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Gradients of {@link Norm}, a row at a time. Mean and scale are computed again from x, which is cheaper than keeping
 * them: the row is in L1 by then. Gradients of weight and bias add to a partial sum that the caller owns, one for a fixed
 * block of rows, so that the order of the sums does not depend on threads.
 */
public final class NormBackward {
    private NormBackward() {}

    /**
     * Forward: y = x·s·weight, s = 1/√(mean(x²) + eps). With n = x·s and g = dY·weight: dX (+)= s·(g - n·mean(g·n)) and
     * dWeight += dY·n.
     *
     * @param dX [dim], not dY
     * @param accumulate whether dX is added to
     * @param dWeight [dim] from {@code dWeightOff} on, or null
     */
    public static void rms(MemorySegment x, long xOff, MemorySegment weight, MemorySegment dY, long dYOff,
            MemorySegment dX, long dXOff, boolean accumulate, MemorySegment dWeight, long dWeightOff, int dim,
            float eps) {
        float scale = (float) (1.0 / Math.sqrt(Norm.sumOfSquares(x, xOff, dim, 0f) / (double) dim + eps));
        float mean = dX == null ? 0f : product(x, xOff, 0f, scale, weight, dY, dYOff, dim) / dim;
        apply(x, xOff, 0f, scale, weight, dY, dYOff, 0f, mean, dX, dXOff, accumulate, dWeight, dWeightOff, dim);
    }

    /**
     * Forward: y = n·weight + bias, n = (x - mean(x))·s, s = 1/√(var(x) + eps). With g = dY·weight: dX (+)= s·(g -
     * mean(g) - n·mean(g·n)), dWeight += dY·n and dBias += dY.
     *
     * @param dX [dim], not dY
     * @param accumulate whether dX is added to
     * @param dWeight [dim] from {@code dWeightOff} on, or null
     * @param dBias [dim] from {@code dBiasOff} on, or null
     */
    public static void layer(MemorySegment x, long xOff, MemorySegment weight, MemorySegment dY, long dYOff,
            MemorySegment dX, long dXOff, boolean accumulate, MemorySegment dWeight, long dWeightOff,
            MemorySegment dBias, long dBiasOff, int dim, float eps) {
        float shift = (float) (Norm.sum(x, xOff, dim) / (double) dim);
        float scale = (float) (1.0 / Math.sqrt(Norm.sumOfSquares(x, xOff, dim, shift) / (double) dim + eps));
        float meanG = 0f;
        float meanGn = 0f;
        if (dX != null) {
            meanG = dot(weight, 0, dY, dYOff, dim) / dim;
            meanGn = product(x, xOff, shift, scale, weight, dY, dYOff, dim) / dim;
        }
        apply(x, xOff, shift, scale, weight, dY, dYOff, meanG, meanGn, dX, dXOff, accumulate, dWeight, dWeightOff,
                dim);
        if (dBias != null) {
            Elementwise.add(dBias, dBiasOff, dY, dYOff, dBias, dBiasOff, dim);
        }
    }

    /** Σ a·b over [n]. */
    static float dot(MemorySegment a, long aOff, MemorySegment b, long bOff, int n) {
        int lanes = Lanes.FLOATS;
        FloatVector sum0 = FloatVector.zero(Lanes.FLOAT);
        FloatVector sum1 = sum0;
        int i = 0;
        for (; i <= n - 2 * lanes; i += 2 * lanes) {
            sum0 = Floats.load(a, aOff + i).fma(Floats.load(b, bOff + i), sum0);
            sum1 = Floats.load(a, aOff + i + lanes).fma(Floats.load(b, bOff + i + lanes), sum1);
        }
        for (; i <= n - lanes; i += lanes) {
            sum0 = Floats.load(a, aOff + i).fma(Floats.load(b, bOff + i), sum0);
        }
        float sum = Floats.sum(sum0.add(sum1));
        for (; i < n; i++) {
            sum = Math.fma(Floats.get(a, aOff + i), Floats.get(b, bOff + i), sum);
        }
        return sum;
    }

    /** Σ (x - shift)·scale·weight·dY over [n]. */
    private static float product(MemorySegment x, long xOff, float shift, float scale, MemorySegment weight,
            MemorySegment dY, long dYOff, int n) {
        int lanes = Lanes.FLOATS;
        FloatVector sum0 = FloatVector.zero(Lanes.FLOAT);
        FloatVector sum1 = sum0;
        int i = 0;
        for (; i <= n - 2 * lanes; i += 2 * lanes) {
            FloatVector g0 = Floats.load(weight, i).mul(Floats.load(dY, dYOff + i));
            FloatVector g1 = Floats.load(weight, i + lanes).mul(Floats.load(dY, dYOff + i + lanes));
            sum0 = Floats.load(x, xOff + i).sub(shift).fma(g0, sum0);
            sum1 = Floats.load(x, xOff + i + lanes).sub(shift).fma(g1, sum1);
        }
        for (; i <= n - lanes; i += lanes) {
            FloatVector g0 = Floats.load(weight, i).mul(Floats.load(dY, dYOff + i));
            sum0 = Floats.load(x, xOff + i).sub(shift).fma(g0, sum0);
        }
        float sum = Floats.sum(sum0.add(sum1));
        for (; i < n; i++) {
            float g = Floats.get(weight, i) * Floats.get(dY, dYOff + i);
            sum = Math.fma(Floats.get(x, xOff + i) - shift, g, sum);
        }
        return sum * scale;
    }

    private static void apply(MemorySegment x, long xOff, float shift, float scale, MemorySegment weight,
            MemorySegment dY, long dYOff, float meanG, float meanGn, MemorySegment dX, long dXOff, boolean accumulate,
            MemorySegment dWeight, long dWeightOff, int dim) {
        if (dWeight != null) {
            weightGradient(x, xOff, shift, scale, dY, dYOff, dWeight, dWeightOff, dim);
        }
        if (dX == null) {
            return;
        }
        FloatVector factor = FloatVector.broadcast(Lanes.FLOAT, -meanGn);
        int i = 0;
        for (; i <= dim - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector g = Floats.load(weight, i).mul(Floats.load(dY, dYOff + i)).sub(meanG);
            FloatVector v = Floats.load(x, xOff + i).sub(shift).mul(scale).fma(factor, g).mul(scale);
            Floats.store(accumulate ? v.add(Floats.load(dX, dXOff + i)) : v, dX, dXOff + i);
        }
        for (; i < dim; i++) {
            float g = Floats.get(weight, i) * Floats.get(dY, dYOff + i) - meanG;
            float v = Math.fma((Floats.get(x, xOff + i) - shift) * scale, -meanGn, g) * scale;
            Floats.set(dX, dXOff + i, accumulate ? v + Floats.get(dX, dXOff + i) : v);
        }
    }

    private static void weightGradient(MemorySegment x, long xOff, float shift, float scale, MemorySegment dY,
            long dYOff, MemorySegment dWeight, long dWeightOff, int dim) {
        int i = 0;
        for (; i <= dim - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector n = Floats.load(x, xOff + i).sub(shift).mul(scale);
            FloatVector sum = n.fma(Floats.load(dY, dYOff + i), Floats.load(dWeight, dWeightOff + i));
            Floats.store(sum, dWeight, dWeightOff + i);
        }
        for (; i < dim; i++) {
            float n = (Floats.get(x, xOff + i) - shift) * scale;
            Floats.set(dWeight, dWeightOff + i, Math.fma(n, Floats.get(dY, dYOff + i),
                    Floats.get(dWeight, dWeightOff + i)));
        }
    }
}
