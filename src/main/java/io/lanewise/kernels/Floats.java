package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
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

    /** Copies {@code count} floats of a segment to an array. */
    static void copy(MemorySegment x, long offset, float[] y, int at, int count) {
        MemorySegment.copy(x, LAYOUT, offset << 2, y, at, count);
    }

    /** Copies {@code count} floats of an array to a segment. */
    static void copy(float[] x, int at, MemorySegment y, long offset, int count) {
        MemorySegment.copy(x, at, y, LAYOUT, offset << 2, count);
    }

    // The sum of a vector's lanes is taken in one order everywhere, halves onto each other until two lanes are left:
    // reduceLanes(ADD) leaves the order open, and interpreted and compiled code differ, so that results would depend on
    // how warm the code is. Like all that handles vectors it is written out where it is needed, never a method that C2
    // may or may not inline:
    //
    //     if (Lanes.FLOATS == 16) { v = v.add(v.rearrange(Floats.FROM_8)); }
    //     if (Lanes.FLOATS >= 8) { v = v.add(v.rearrange(Floats.FROM_4)); }
    //     v = v.add(v.rearrange(Floats.FROM_2));
    //     float sum = v.lane(0) + v.lane(1);

    /** Lanes 8 to 15 first. */
    static final VectorShuffle<Float> FROM_8 = from(8);
    /** Lanes 4 and following first. */
    static final VectorShuffle<Float> FROM_4 = from(4);
    /** Lanes 2 and following first. */
    static final VectorShuffle<Float> FROM_2 = from(2);

    private static VectorShuffle<Float> from(int first) {
        return VectorShuffle.fromOp(Lanes.FLOAT, lane -> (lane + first) % Lanes.FLOATS);
    }
}
