package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** Little-endian floats in segments; offsets count floats and need no alignment. */
final class Floats {
    private static final ValueLayout.OfFloat LAYOUT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Floats() {}

    static float get(MemorySegment x, long offset) {
        return x.get(LAYOUT, offset << 2);
    }

    static void set(MemorySegment x, long offset, float value) {
        x.set(LAYOUT, offset << 2, value);
    }

    /** Not for loops with much arithmetic, where C2 may run out of nodes before it inlines this: see VectorMath. */
    static FloatVector load(MemorySegment x, long offset) {
        return FloatVector.fromMemorySegment(Lanes.FLOAT, x, offset << 2, ByteOrder.LITTLE_ENDIAN);
    }

    /** As {@link #load}. */
    static void store(FloatVector value, MemorySegment x, long offset) {
        value.intoMemorySegment(x, offset << 2, ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * The sum of all lanes: halves onto each other, until one lane is left. {@code reduceLanes(ADD)} leaves the order open,
     * and it differs between interpreted and compiled code: results would depend on how warm the code is.
     */
    static float sum(FloatVector x) {
        FloatVector v = x;
        if (Lanes.FLOATS == 16) {
            v = v.add(v.rearrange(UPPER_8));
        }
        if (Lanes.FLOATS >= 8) {
            v = v.add(v.rearrange(UPPER_4));
        }
        v = v.add(v.rearrange(UPPER_2));
        return v.lane(0) + v.lane(1);
    }

    private static final VectorShuffle<Float> UPPER_8 = upper(8);
    private static final VectorShuffle<Float> UPPER_4 = upper(4);
    private static final VectorShuffle<Float> UPPER_2 = upper(2);

    private static VectorShuffle<Float> upper(int lanes) {
        return VectorShuffle.fromOp(Lanes.FLOAT, lane -> (lane + lanes) % Lanes.FLOATS);
    }
}
