package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * LayerNorm and RMSNorm of one row for training, forward and backward side by side. With n = (x - mean)·scale, where
 * scale = 1/√(var + eps), or for RMSNorm mean = 0 and scale = 1/√(mean(x²) + eps):
 *
 * <pre>
 * forward   y = n·weight + bias
 * backward  g = dY·weight: dX = scale·(g - mean(g) - n·mean(g·n)), dWeight += dY·n, dBias += dY
 * </pre>
 *
 * <p>RMSNorm's dX leaves out mean(g). Forward keeps mean and scale. Gradients of weight and bias add to partial sums that
 * the caller owns, one for a fixed block of rows, so that the order of sums does not depend on threads.
 */
public final class NormTraining {
    private static final VectorSpecies<Float> F = Lanes.FLOAT;

    private NormTraining() {}

    /**
     * Forward.
     *
     * @param centred LayerNorm rather than RMSNorm
     * @param bias [dim] or null
     * @param stats [2] from {@code statsOff} on: mean and scale
     */
    public static void forward(boolean centred, MemorySegment x, long xOff, MemorySegment weight, MemorySegment bias,
            MemorySegment y, long yOff, MemorySegment stats, long statsOff, int dim, float eps) {
        float mean = centred ? (float) (Norm.sum(x, xOff, dim) / (double) dim) : 0f;
        float scale = (float) (1.0 / Math.sqrt(Norm.sumOfSquares(x, xOff, dim, mean) / (double) dim + eps));
        Floats.set(stats, statsOff, mean);
        Floats.set(stats, statsOff + 1, scale);
        int i = 0;
        for (; i <= dim - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN).sub(mean).mul(scale)
                    .mul(FloatVector.fromMemorySegment(F, weight, (long) i << 2, LITTLE_ENDIAN));
            v = bias == null ? v : v.add(FloatVector.fromMemorySegment(F, bias, (long) i << 2, LITTLE_ENDIAN));
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            float v = (Floats.get(x, xOff + i) - mean) * scale * Floats.get(weight, i);
            Floats.set(y, yOff + i, bias == null ? v : v + Floats.get(bias, i));
        }
    }

    /**
     * Backward.
     *
     * @param dX [dim], not dY
     * @param accumulate whether dX is added to
     * @param sums dWeight [dim] and then dBias [dim] from {@code sumsOff} on, both added to
     */
    public static void backward(boolean centred, MemorySegment x, long xOff, MemorySegment weight, MemorySegment stats,
            long statsOff, MemorySegment dY, long dYOff, MemorySegment dX, long dXOff, boolean accumulate,
            MemorySegment sums, long sumsOff, int dim) {
        float mean = Floats.get(stats, statsOff);
        float scale = Floats.get(stats, statsOff + 1);
        float meanG = centred ? dot(weight, 0, dY, dYOff, dim) / dim : 0f;
        float meanGn = dotCentred(x, xOff, mean, weight, dY, dYOff, dim) * scale / dim;
        apply(x, xOff, mean, scale, weight, dY, dYOff, meanG, meanGn, dX, dXOff, accumulate, sums, sumsOff, dim);
    }

    /** Σ a·b over [n]. */
    static float dot(MemorySegment a, long aOff, MemorySegment b, long bOff, int n) {
        FloatVector sums = FloatVector.zero(F);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            sums = FloatVector.fromMemorySegment(F, a, aOff + i << 2, LITTLE_ENDIAN)
                    .fma(FloatVector.fromMemorySegment(F, b, bOff + i << 2, LITTLE_ENDIAN), sums);
        }
        if (Lanes.FLOATS == 16) {
            sums = sums.add(sums.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sums = sums.add(sums.rearrange(Floats.FROM_4));
        }
        sums = sums.add(sums.rearrange(Floats.FROM_2));
        float sum = sums.lane(0) + sums.lane(1);
        for (; i < n; i++) {
            sum = Math.fma(Floats.get(a, aOff + i), Floats.get(b, bOff + i), sum);
        }
        return sum;
    }

    /** Σ (x - mean)·weight·dY over [n]. */
    private static float dotCentred(MemorySegment x, long xOff, float mean, MemorySegment weight, MemorySegment dY,
            long dYOff, int n) {
        FloatVector sums = FloatVector.zero(F);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector g = FloatVector.fromMemorySegment(F, weight, (long) i << 2, LITTLE_ENDIAN)
                    .mul(FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN));
            sums = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN).sub(mean).fma(g, sums);
        }
        if (Lanes.FLOATS == 16) {
            sums = sums.add(sums.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sums = sums.add(sums.rearrange(Floats.FROM_4));
        }
        sums = sums.add(sums.rearrange(Floats.FROM_2));
        float sum = sums.lane(0) + sums.lane(1);
        for (; i < n; i++) {
            float g = Floats.get(weight, i) * Floats.get(dY, dYOff + i);
            sum = Math.fma(Floats.get(x, xOff + i) - mean, g, sum);
        }
        return sum;
    }

    private static void apply(MemorySegment x, long xOff, float mean, float scale, MemorySegment weight,
            MemorySegment dY, long dYOff, float meanG, float meanGn, MemorySegment dX, long dXOff, boolean accumulate,
            MemorySegment sums, long sumsOff, int dim) {
        int i = 0;
        for (; i <= dim - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector n = FloatVector.fromMemorySegment(F, x, xOff + i << 2, LITTLE_ENDIAN).sub(mean).mul(scale);
            FloatVector dy = FloatVector.fromMemorySegment(F, dY, dYOff + i << 2, LITTLE_ENDIAN);
            long dWeight = sumsOff + i << 2;
            n.fma(dy, FloatVector.fromMemorySegment(F, sums, dWeight, LITTLE_ENDIAN))
                    .intoMemorySegment(sums, dWeight, LITTLE_ENDIAN);
            long dBias = sumsOff + dim + i << 2;
            dy.add(FloatVector.fromMemorySegment(F, sums, dBias, LITTLE_ENDIAN)).intoMemorySegment(sums, dBias, LITTLE_ENDIAN);
            FloatVector g = dy.mul(FloatVector.fromMemorySegment(F, weight, (long) i << 2, LITTLE_ENDIAN)).sub(meanG);
            FloatVector v = n.fma(FloatVector.broadcast(F, -meanGn), g).mul(scale);
            v = accumulate ? v.add(FloatVector.fromMemorySegment(F, dX, dXOff + i << 2, LITTLE_ENDIAN)) : v;
            v.intoMemorySegment(dX, dXOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            float n = (Floats.get(x, xOff + i) - mean) * scale;
            float dy = Floats.get(dY, dYOff + i);
            Floats.set(sums, sumsOff + i, Math.fma(n, dy, Floats.get(sums, sumsOff + i)));
            Floats.set(sums, sumsOff + dim + i, dy + Floats.get(sums, sumsOff + dim + i));
            float v = Math.fma(n, -meanGn, dy * Floats.get(weight, i) - meanG) * scale;
            Floats.set(dX, dXOff + i, accumulate ? v + Floats.get(dX, dXOff + i) : v);
        }
    }
}
