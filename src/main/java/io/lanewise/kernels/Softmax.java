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
import jdk.incubator.vector.VectorOperators;

/** Softmax over a row of scores. */
public final class Softmax {
    private Softmax() {}

    /**
     * scores → probs in place: x = e^(x - max) / Σ e^(x - max) over x [n]. Where every score is -Inf (nothing to attend
     * to) all probabilities are zero; a NaN or +Inf makes the row NaN.
     */
    public static void row(MemorySegment x, long off, int n) {
        float max = max(x, off, n);
        if (max == Float.NEGATIVE_INFINITY) {
            Elementwise.fill(x, off, n, 0f);
            return;
        }
        float sum = expInPlace(x, off, n, max);
        Elementwise.scale(x, off, 1f / sum, x, off, n);
    }

    /** The largest of x [n]; NaN if there is one; -Inf if n is 0. Four accumulators hide the latency of max. */
    static float max(MemorySegment x, long off, int n) {
        int lanes = Lanes.FLOATS;
        FloatVector max0 = broadcast(FLOAT, Float.NEGATIVE_INFINITY);
        FloatVector max1 = max0;
        FloatVector max2 = max0;
        FloatVector max3 = max0;
        int i = 0;
        for (; i <= n - 4 * lanes; i += 4 * lanes) {
            max0 = max0.max(fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN));
            max1 = max1.max(fromMemorySegment(FLOAT, x, off + i + lanes << 2, LITTLE_ENDIAN));
            max2 = max2.max(fromMemorySegment(FLOAT, x, off + i + 2 * lanes << 2, LITTLE_ENDIAN));
            max3 = max3.max(fromMemorySegment(FLOAT, x, off + i + 3 * lanes << 2, LITTLE_ENDIAN));
        }
        for (; i <= n - lanes; i += lanes) {
            max0 = max0.max(fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN));
        }
        float max = max0.max(max1).max(max2.max(max3)).reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            max = Math.max(max, Floats.get(x, off + i));
        }
        return max;
    }

    /** x = e^(x - max) over x [n]; returns the sum. Not unrolled: one exp is work enough to hide the addition. */
    private static float expInPlace(MemorySegment x, long off, int n, float max) {
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
            e.intoMemorySegment(x, off + i << 2, LITTLE_ENDIAN);
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
            float e = VectorMath.exp(Floats.get(x, off + i) - max);
            Floats.set(x, off + i, e);
            sum += e;
        }
        return sum;
    }
}
