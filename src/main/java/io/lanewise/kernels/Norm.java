package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

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
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).mul(scale);
            v = v.mul(fromMemorySegment(FLOAT, weight, (long) i << 2, LITTLE_ENDIAN));
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
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
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).sub(mean).mul(scale);
            v = weight == null ? v : v.mul(fromMemorySegment(FLOAT, weight, (long) i << 2, LITTLE_ENDIAN));
            v = bias == null ? v : v.add(fromMemorySegment(FLOAT, bias, (long) i << 2, LITTLE_ENDIAN));
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
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
        FloatVector sum0 = FloatVector.zero(FLOAT);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        int i = 0;
        for (; i <= n - 4 * lanes; i += 4 * lanes) {
            sum0 = sum0.add(fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN));
            sum1 = sum1.add(fromMemorySegment(FLOAT, x, off + i + lanes << 2, LITTLE_ENDIAN));
            sum2 = sum2.add(fromMemorySegment(FLOAT, x, off + i + 2 * lanes << 2, LITTLE_ENDIAN));
            sum3 = sum3.add(fromMemorySegment(FLOAT, x, off + i + 3 * lanes << 2, LITTLE_ENDIAN));
        }
        for (; i <= n - lanes; i += lanes) {
            sum0 = sum0.add(fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN));
        }
        sum0 = sum0.add(sum1).add(sum2.add(sum3));
        if (Lanes.FLOATS == 16) {
            sum0 = sum0.add(sum0.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum0 = sum0.add(sum0.rearrange(Floats.FROM_4));
        }
        sum0 = sum0.add(sum0.rearrange(Floats.FROM_2));
        float sum = sum0.lane(0) + sum0.lane(1);
        for (; i < n; i++) {
            sum += Floats.get(x, off + i);
        }
        return sum;
    }

    /** Σ (x - shift)² over x [n]. Two chains: with four, the graph outgrows C2's limit and the last call boxes a vector. */
    static float sumOfSquares(MemorySegment x, long off, int n, float shift) {
        int lanes = Lanes.FLOATS;
        FloatVector sum0 = FloatVector.zero(FLOAT);
        FloatVector sum1 = sum0;
        int i = 0;
        for (; i <= n - 2 * lanes; i += 2 * lanes) {
            FloatVector v0 = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN).sub(shift);
            FloatVector v1 = fromMemorySegment(FLOAT, x, off + i + lanes << 2, LITTLE_ENDIAN).sub(shift);
            sum0 = v0.fma(v0, sum0);
            sum1 = v1.fma(v1, sum1);
        }
        for (; i <= n - lanes; i += lanes) {
            FloatVector v0 = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN).sub(shift);
            sum0 = v0.fma(v0, sum0);
        }
        sum0 = sum0.add(sum1);
        if (Lanes.FLOATS == 16) {
            sum0 = sum0.add(sum0.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum0 = sum0.add(sum0.rearrange(Floats.FROM_4));
        }
        sum0 = sum0.add(sum0.rearrange(Floats.FROM_2));
        float sum = sum0.lane(0) + sum0.lane(1);
        for (; i < n; i++) {
            float v = Floats.get(x, off + i) - shift;
            sum = Math.fma(v, v, sum);
        }
        return sum;
    }
}
