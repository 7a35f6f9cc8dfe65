package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The index of the largest value. */
public final class Argmax {
    private Argmax() {}

    /**
     * The first index of the largest of x [n]; NaN never wins. -1 if n is 0 or all are NaN.
     *
     * <p>Two passes, one for the value and one for its place: the second stops at the first match, and neither carries
     * indices in lanes.
     */
    public static int of(MemorySegment x, long off, int n) {
        float max = maxIgnoringNaN(x, off, n);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            VectorMask<Float> equal = Floats.load(x, off + i).eq(max);
            if (equal.anyTrue()) {
                return i + equal.firstTrue();
            }
        }
        for (; i < n; i++) {
            if (Floats.get(x, off + i) == max) {
                return i;
            }
        }
        return -1;
    }

    private static float maxIgnoringNaN(MemorySegment x, long off, int n) {
        int lanes = Lanes.FLOATS;
        FloatVector max0 = FloatVector.broadcast(Lanes.FLOAT, Float.NEGATIVE_INFINITY);
        FloatVector max1 = max0;
        FloatVector max2 = max0;
        FloatVector max3 = max0;
        int i = 0;
        for (; i <= n - 4 * lanes; i += 4 * lanes) {
            max0 = larger(max0, Floats.load(x, off + i));
            max1 = larger(max1, Floats.load(x, off + i + lanes));
            max2 = larger(max2, Floats.load(x, off + i + 2 * lanes));
            max3 = larger(max3, Floats.load(x, off + i + 3 * lanes));
        }
        for (; i <= n - lanes; i += lanes) {
            max0 = larger(max0, Floats.load(x, off + i));
        }
        float max = max0.max(max1).max(max2.max(max3)).reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            float v = Floats.get(x, off + i);
            max = v > max ? v : max;
        }
        return max;
    }

    private static FloatVector larger(FloatVector max, FloatVector v) {
        return max.blend(v, v.compare(VectorOperators.GT, max));
    }
}
