package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static io.lanewise.kernels.VectorMath.C0;
import static io.lanewise.kernels.VectorMath.C1;
import static io.lanewise.kernels.VectorMath.C2;
import static io.lanewise.kernels.VectorMath.C3;
import static io.lanewise.kernels.VectorMath.C4;
import static io.lanewise.kernels.VectorMath.EXP_HIGHEST;
import static io.lanewise.kernels.VectorMath.EXP_LOWEST;
import static io.lanewise.kernels.VectorMath.LN2_HIGH;
import static io.lanewise.kernels.VectorMath.LN2_LOW;
import static io.lanewise.kernels.VectorMath.LOG2_E;
import static io.lanewise.kernels.VectorMath.ROUND;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Softmax and cross-entropy of one row of logits. Forward keeps two floats a row, the largest logit and the sum of e^(x -
 * max); backward makes the probabilities from them again, straight into the gradient. Their logarithm in one float would
 * do too, but its rounding would shift a whole row of probabilities by up to 2.4e-7 of themselves.
 */
public final class CrossEntropy {
    private CrossEntropy() {}

    /** Forward, first half: max and Σ e^(x - max) over x [n], to stats [2] from {@code statsOff} on. */
    public static void stats(MemorySegment x, long off, int n, MemorySegment stats, long statsOff) {
        float max = Softmax.max(x, off, n);
        Floats.set(stats, statsOff, max);
        Floats.set(stats, statsOff + 1, sumOfExp(x, off, n, max));
    }

    /** Σ e^(x - max) over x [n]. One exp a round: with three, the method outgrows what C2 inlines, and boxes. */
    private static float sumOfExp(MemorySegment x, long off, int n, float max) {
        FloatVector sums = FloatVector.zero(FLOAT);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN).sub(max);
            FloatVector c = v.blend(EXP_HIGHEST, v.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1)).fma(r, broadcast(FLOAT, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, v.lt(EXP_LOWEST));
            sums = sums.add(e);
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
            sum += VectorMath.exp(Floats.get(x, off + i) - max);
        }
        return sum;
    }

    /** Forward, second half: loss = max + log Σ e^(x - max) - x[target]. */
    public static double loss(MemorySegment x, long off, int target, MemorySegment stats, long statsOff) {
        return (double) Floats.get(stats, statsOff) - Floats.get(x, off + target)
                + Math.log(Floats.get(stats, statsOff + 1));
    }

    /** dX = (e^(x - max) / sum - [i = target])·dLoss, or += where {@code accumulate}; x and dX [n]. */
    public static void backward(MemorySegment x, long off, int target, MemorySegment stats, long statsOff, float dLoss,
            MemorySegment dX, long dXOff, int n, boolean accumulate) {
        float factor = dLoss / Floats.get(stats, statsOff + 1);
        scaledExp(x, off, Floats.get(stats, statsOff), factor, dX, dXOff, n, accumulate);
        Floats.set(dX, dXOff + target, Floats.get(dX, dXOff + target) - dLoss);
    }

    /** y = e^(x - shift)·factor over [n], or += where {@code accumulate}. */
    static void scaledExp(MemorySegment x, long off, float shift, float factor, MemorySegment y, long yOff, int n,
            boolean accumulate) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN).sub(shift);
            FloatVector c = v.blend(EXP_HIGHEST, v.compare(GT, EXP_HIGHEST));
            FloatVector t = c.fma(LOG2_E, ROUND);
            FloatVector k = t.sub(ROUND);
            FloatVector r = k.fma(broadcast(FLOAT, -LN2_LOW), k.fma(broadcast(FLOAT, -LN2_HIGH), c));
            FloatVector p = r.fma(C4, C3).fma(r, broadcast(FLOAT, C2)).fma(r, broadcast(FLOAT, C1)).fma(r, broadcast(FLOAT, C0));
            FloatVector s = t.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
            FloatVector e = p.fma(r.mul(r), r).add(1f).mul(s).mul(2f).blend(0f, v.lt(EXP_LOWEST));
            e = e.mul(factor);
            e = accumulate ? e.add(fromMemorySegment(FLOAT, y, yOff + i << 2, LITTLE_ENDIAN)) : e;
            e.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float v = VectorMath.exp(Floats.get(x, off + i) - shift) * factor;
            Floats.set(y, yOff + i, accumulate ? v + Floats.get(y, yOff + i) : v);
        }
    }

    /** Log-softmax: y = x - log Σ e^x over x [n]. */
    public static void logSoftmax(MemorySegment x, long off, MemorySegment y, long yOff, int n) {
        float max = Softmax.max(x, off, n);
        float logSumExp = max + (float) Math.log(sumOfExp(x, off, n, max));
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN).sub(logSumExp)
                    .intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            Floats.set(y, yOff + i, Floats.get(x, off + i) - logSumExp);
        }
    }

    /** Gradient of {@link #logSoftmax} from its result: dX (+)= dY - e^y·Σ dY. */
    public static void logSoftmaxBackward(MemorySegment y, long yOff, MemorySegment dY, long dYOff, MemorySegment dX,
            long dXOff, int n, boolean accumulate) {
        float sum = Norm.sum(dY, dYOff, n);
        if (accumulate) {
            Elementwise.add(dX, dXOff, dY, dYOff, dX, dXOff, n);
        } else {
            Elementwise.copy(dY, dYOff, dX, dXOff, n);
        }
        scaledExp(y, yOff, 0f, -sum, dX, dXOff, n, true);
    }

    /** Gradient of {@link Softmax#row} from its result: dX (+)= y·(dY - Σ y·dY). */
    public static void softmaxBackward(MemorySegment y, long yOff, MemorySegment dY, long dYOff, MemorySegment dX,
            long dXOff, int n, boolean accumulate) {
        float mean = NormTraining.dot(y, yOff, dY, dYOff, n);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, dY, dYOff + i << 2, LITTLE_ENDIAN).sub(mean)
                    .mul(fromMemorySegment(FLOAT, y, yOff + i << 2, LITTLE_ENDIAN));
            v = accumulate ? v.add(fromMemorySegment(FLOAT, dX, dXOff + i << 2, LITTLE_ENDIAN)) : v;
            v.intoMemorySegment(dX, dXOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float v = (Floats.get(dY, dYOff + i) - mean) * Floats.get(y, yOff + i);
            Floats.set(dX, dXOff + i, accumulate ? v + Floats.get(dX, dXOff + i) : v);
        }
    }
}
