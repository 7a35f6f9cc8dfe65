package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Normalisation of one row. x and y may be the same row. Sums run in four vectors of partial sums, which hides the four
 * cycles of an FMA and keeps rounding errors of long rows small.
 */
public final class Norm {
    private Norm() {}

    /**
     * RMSNorm (Zhang and Sennrich 2019): y = x / √(mean(x²) + eps) · weight.
     *
     * @param weight [dim] from its first float on, or null for none
     */
    public static void rms(MemorySegment x, long xOff, MemorySegment weight, MemorySegment y, long yOff, int dim,
            float eps) {
        float scale = (float) (1.0 / Math.sqrt(sumOfSquares(x, xOff, dim, 0f) / (double) dim + eps));
        if (weight == null) {
            Elementwise.scale(x, xOff, scale, y, yOff, dim);
            return;
        }
        int i = 0;
        for (; i <= dim - Lanes.FLOATS; i += Lanes.FLOATS) {
            Floats.store(Floats.load(x, xOff + i).mul(scale).mul(Floats.load(weight, i)), y, yOff + i);
        }
        for (; i < dim; i++) {
            Floats.set(y, yOff + i, Floats.get(x, xOff + i) * scale * Floats.get(weight, i));
        }
    }

    /**
     * LayerNorm (Ba, Kiros and Hinton 2016): y = (x - mean) / √(var + eps) · weight + bias.
     *
     * @param weight [dim] or null for none
     * @param bias [dim] or null for none
     */
    public static void layer(MemorySegment x, long xOff, MemorySegment weight, MemorySegment bias, MemorySegment y,
            long yOff, int dim, float eps) {
        float mean = (float) (sum(x, xOff, dim) / (double) dim);
        float scale = (float) (1.0 / Math.sqrt(sumOfSquares(x, xOff, dim, mean) / (double) dim + eps));
        int i = 0;
        for (; i <= dim - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = Floats.load(x, xOff + i).sub(mean).mul(scale);
            v = weight == null ? v : v.mul(Floats.load(weight, i));
            v = bias == null ? v : v.add(Floats.load(bias, i));
            Floats.store(v, y, yOff + i);
        }
        for (; i < dim; i++) {
            float v = (Floats.get(x, xOff + i) - mean) * scale;
            v = weight == null ? v : v * Floats.get(weight, i);
            v = bias == null ? v : v + Floats.get(bias, i);
            Floats.set(y, yOff + i, v);
        }
    }

    /** Σ x over x [n]. */
    static float sum(MemorySegment x, long off, int n) {
        int lanes = Lanes.FLOATS;
        FloatVector sum0 = FloatVector.zero(Lanes.FLOAT);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        int i = 0;
        for (; i <= n - 4 * lanes; i += 4 * lanes) {
            sum0 = sum0.add(Floats.load(x, off + i));
            sum1 = sum1.add(Floats.load(x, off + i + lanes));
            sum2 = sum2.add(Floats.load(x, off + i + 2 * lanes));
            sum3 = sum3.add(Floats.load(x, off + i + 3 * lanes));
        }
        for (; i <= n - lanes; i += lanes) {
            sum0 = sum0.add(Floats.load(x, off + i));
        }
        float sum = sum0.add(sum1).add(sum2.add(sum3)).reduceLanes(VectorOperators.ADD);
        for (; i < n; i++) {
            sum += Floats.get(x, off + i);
        }
        return sum;
    }

    /** Σ (x - shift)² over x [n]. */
    static float sumOfSquares(MemorySegment x, long off, int n, float shift) {
        int lanes = Lanes.FLOATS;
        FloatVector sum0 = FloatVector.zero(Lanes.FLOAT);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        int i = 0;
        for (; i <= n - 4 * lanes; i += 4 * lanes) {
            FloatVector v0 = Floats.load(x, off + i).sub(shift);
            FloatVector v1 = Floats.load(x, off + i + lanes).sub(shift);
            FloatVector v2 = Floats.load(x, off + i + 2 * lanes).sub(shift);
            FloatVector v3 = Floats.load(x, off + i + 3 * lanes).sub(shift);
            sum0 = v0.fma(v0, sum0);
            sum1 = v1.fma(v1, sum1);
            sum2 = v2.fma(v2, sum2);
            sum3 = v3.fma(v3, sum3);
        }
        for (; i <= n - lanes; i += lanes) {
            FloatVector v0 = Floats.load(x, off + i).sub(shift);
            sum0 = v0.fma(v0, sum0);
        }
        float sum = sum0.add(sum1).add(sum2.add(sum3)).reduceLanes(VectorOperators.ADD);
        for (; i < n; i++) {
            float v = Floats.get(x, off + i) - shift;
            sum = Math.fma(v, v, sum);
        }
        return sum;
    }
}
