package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

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
}
