package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** F16 numbers in native segments; offsets count elements and need no alignment. */
final class HalfFloats {
    /** As many shorts as there are floats in a vector. */
    static final VectorSpecies<Short> HALVES = VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));

    /** 2^112: what a float's exponent field is short of after a half's five bits were moved into it. */
    private static final float REBIAS = 0x1p112f;
    private static final int SIGN_AND_MAGNITUDE = 0x8FFFE000;
    private static final int MAGNITUDE = 0x0FFFE000;
    /** Inf of a half, moved; from here on the number is Inf or NaN. */
    private static final int MOVED_INFINITY = 0x1F << 23;
    private static final int HALF_INFINITY = 0x7C00;
    private static final int INFINITY = 0xFF << 23;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);

    private HalfFloats() {}

    /** Writes the half nearest to a float; false if that is Inf or NaN. */
    static boolean set(MemorySegment x, long offset, float value) {
        short half = Float.floatToFloat16(value);
        x.set(HALF, offset << 1, half);
        return (half & HALF_INFINITY) != HALF_INFINITY;
    }

    static float get(MemorySegment x, long offset) {
        return Float.float16ToFloat(x.get(HALF, offset << 1));
    }

    /**
     * dst [n] = src [n], F16 to F32, exactly: sign, exponent and mantissa move to their places in one shift, and one
     * multiplication by 2^112 mends the exponent of normal and subnormal numbers alike. Inf and NaN get their exponent
     * bits back.
     */
    static void widen(MemorySegment src, long srcOff, MemorySegment dst, long dstOff, int n) {
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            IntVector bits = ((IntVector) ShortVector.fromMemorySegment(HALVES, src, srcOff + i << 1, ORDER)
                    .convertShape(VectorOperators.S2I, Lanes.INT, 0)).lanewise(VectorOperators.LSHL, 13);
            FloatVector value = bits.and(SIGN_AND_MAGNITUDE).reinterpretAsFloats().mul(REBIAS);
            VectorMask<Integer> special = bits.and(MAGNITUDE).compare(VectorOperators.GE, MOVED_INFINITY);
            value.reinterpretAsInts().lanewise(VectorOperators.OR, INFINITY, special)
                    .intoMemorySegment(dst, dstOff + i << 2, ORDER);
        }
        for (; i < n; i++) {
            Floats.set(dst, dstOff + i, get(src, srcOff + i));
        }
    }
}
