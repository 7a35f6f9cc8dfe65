package io.lanewise.kernels;

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
        FloatVector max0 = FloatVector.broadcast(Lanes.FLOAT, Float.NEGATIVE_INFINITY);
        FloatVector max1 = max0;
        FloatVector max2 = max0;
        FloatVector max3 = max0;
        int i = 0;
        for (; i <= n - 4 * lanes; i += 4 * lanes) {
            max0 = max0.max(Floats.load(x, off + i));
            max1 = max1.max(Floats.load(x, off + i + lanes));
            max2 = max2.max(Floats.load(x, off + i + 2 * lanes));
            max3 = max3.max(Floats.load(x, off + i + 3 * lanes));
        }
        for (; i <= n - lanes; i += lanes) {
            max0 = max0.max(Floats.load(x, off + i));
        }
        float max = max0.max(max1).max(max2.max(max3)).reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            max = Math.max(max, Floats.get(x, off + i));
        }
        return max;
    }

    /** x = e^(x - max) over x [n]; returns the sum. Two vectors a round: exp has enough work of its own to overlap. */
    private static float expInPlace(MemorySegment x, long off, int n, float max) {
        int lanes = Lanes.FLOATS;
        FloatVector sum0 = FloatVector.zero(Lanes.FLOAT);
        FloatVector sum1 = sum0;
        int i = 0;
        for (; i <= n - 2 * lanes; i += 2 * lanes) {
            FloatVector e0 = VectorMath.exp(Floats.load(x, off + i).sub(max));
            FloatVector e1 = VectorMath.exp(Floats.load(x, off + i + lanes).sub(max));
            Floats.store(e0, x, off + i);
            Floats.store(e1, x, off + i + lanes);
            sum0 = sum0.add(e0);
            sum1 = sum1.add(e1);
        }
        float sum = sum0.add(sum1).reduceLanes(VectorOperators.ADD);
        for (; i < n; i++) {
            float e = VectorMath.exp(Floats.get(x, off + i) - max);
            Floats.set(x, off + i, e);
            sum += e;
        }
        return sum;
    }
}
