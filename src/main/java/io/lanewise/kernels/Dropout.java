package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

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
            IntVector bits = mix(mix(lane.add((int) first + i).lanewise(VectorOperators.XOR, low)).add(high));
            VectorMask<Float> dropped =
                    bits.lanewise(VectorOperators.LSHR, 1).lt(threshold).cast(Lanes.FLOAT);
            FloatVector v = Floats.load(x, xOff + i).mul(scale).blend(0f, dropped);
            Floats.store(accumulate ? v.add(Floats.load(y, yOff + i)) : v, y, yOff + i);
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

    private static IntVector mix(IntVector x) {
        IntVector h = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16)).mul(MIX_1);
        h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 13)).mul(MIX_2);
        return h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16));
    }

    private static int mix(int x) {
        int h = (x ^ x >>> 16) * MIX_1;
        h = (h ^ h >>> 13) * MIX_2;
        return h ^ h >>> 16;
    }
}
