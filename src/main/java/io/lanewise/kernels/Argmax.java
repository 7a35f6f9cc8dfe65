package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

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
            VectorMask<Float> equal = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN).eq(max);
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
        FloatVector max0 = FloatVector.broadcast(FLOAT, Float.NEGATIVE_INFINITY);
        FloatVector max1 = max0;
        int i = 0;
        for (; i <= n - 2 * Lanes.FLOATS; i += 2 * Lanes.FLOATS) {
            FloatVector v0 = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN);
            FloatVector v1 = fromMemorySegment(FLOAT, x, off + i + Lanes.FLOATS << 2, LITTLE_ENDIAN);
            max0 = max0.blend(v0, v0.compare(VectorOperators.GT, max0));
            max1 = max1.blend(v1, v1.compare(VectorOperators.GT, max1));
        }
        float max = max0.max(max1).reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            float v = Floats.get(x, off + i);
            max = v > max ? v : max;
        }
        return max;
    }
}
