package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * Dropout by a counter-based generator: whether element i is kept depends on the seed and i alone, so forward and
 * backward, any thread count and any vector width agree and no mask is stored. The bits are i mixed with two halves of
 * the seed through the 32-bit finaliser of MurmurHash3 (Appleby), twice.
 */
public final class Dropout {
    private static final int MIX_1 = 0x85ebca6b;
    private static final int MIX_2 = 0xc2b2ae35;

    private Dropout() {}

    /**
     * y = x / (1 - p) where element first + i is kept and 0 elsewhere; in place allowed. Its own gradient: dX = drop(dY).
     *
     * @param first number of the first of the n elements
     * @param accumulate whether y is added to
     */
    public static void apply(long seed, float p, long first, MemorySegment x, long xOff, MemorySegment y, long yOff,
            int n, boolean accumulate) {
        int low = (int) seed;
        int high = (int) (seed >>> 32) + (int) (first >>> 32) * MIX_1;
        int threshold = threshold(p);
        float scale = 1f / (1f - p);
        IntVector lane = IntVector.zero(Lanes.INT).addIndex(1);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            IntVector h = lane.add((int) first + i).lanewise(XOR, low);
            h = h.lanewise(XOR, h.lanewise(LSHR, 16)).mul(MIX_1);
            h = h.lanewise(XOR, h.lanewise(LSHR, 13)).mul(MIX_2);
            h = h.lanewise(XOR, h.lanewise(LSHR, 16)).add(high);
            h = h.lanewise(XOR, h.lanewise(LSHR, 16)).mul(MIX_1);
            h = h.lanewise(XOR, h.lanewise(LSHR, 13)).mul(MIX_2);
            h = h.lanewise(XOR, h.lanewise(LSHR, 16));
            VectorMask<Float> dropped = h.lanewise(LSHR, 1).lt(threshold).cast(FLOAT);
            FloatVector v = fromMemorySegment(FLOAT, x, xOff + i << 2, LITTLE_ENDIAN).mul(scale).blend(0f, dropped);
            v = accumulate ? v.add(fromMemorySegment(FLOAT, y, yOff + i << 2, LITTLE_ENDIAN)) : v;
            v.intoMemorySegment(y, yOff + i << 2, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            int bits = mix(mix(((int) first + i) ^ low) + high);
            float v = bits >>> 1 < threshold ? 0f : Floats.get(x, xOff + i) * scale;
            Floats.set(y, yOff + i, accumulate ? v + Floats.get(y, yOff + i) : v);
        }
    }

    /** p as a share of 2^31. */
    private static int threshold(float p) {
        if (!(p >= 0 && p < 1)) {
            throw new IllegalArgumentException("dropout: expected 0 <= p < 1, got " + p);
        }
        return (int) (p * 0x1p31);
    }

    private static int mix(int x) {
        int h = (x ^ x >>> 16) * MIX_1;
        h = (h ^ h >>> 13) * MIX_2;
        return h ^ h >>> 16;
    }
}
