package io.lanewise.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** A row of floats for tests at an odd offset of its segment, between guards that nobody may write. */
final class FloatRow {
    private static final int GUARDS = 35;
    private static final float GUARD = 12345.678f;

    final MemorySegment segment;
    final long off;
    final int length;

    FloatRow(Arena arena, int misalignment, float... values) {
        this.length = values.length;
        this.off = 16 + misalignment;
        this.segment = arena.allocate(4L * (length + GUARDS), 64);
        for (int i = 0; i < length + GUARDS; i++) {
            Floats.set(segment, i, GUARD);
        }
        for (int i = 0; i < length; i++) {
            Floats.set(segment, off + i, values[i]);
        }
    }

    /** The same values as float bits start somewhere else than on a float's address. */
    MemorySegment shiftedByOneByte(Arena arena) {
        MemorySegment shifted = arena.allocate(segment.byteSize() + 1, 64).asSlice(1);
        MemorySegment.copy(segment, 0, shifted, 0, segment.byteSize());
        return shifted;
    }

    float[] values() {
        for (int i = 0; i < length + GUARDS; i++) {
            if ((i < off || i >= off + length) && Floats.get(segment, i) != GUARD) {
                throw new AssertionError("float " + (i - off) + " of a row of " + length + " was written");
            }
        }
        return valuesOf(segment, off, length);
    }

    static float[] valuesOf(MemorySegment segment, long off, int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = Floats.get(segment, off + i);
        }
        return values;
    }

    static float[] random(RandomGenerator random, int n) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Every length below two unrolled rounds of the vector in use, and some longer ones. */
    static int[] lengths() {
        int[] lengths = new int[8 * Lanes.FLOATS + 4];
        Arrays.setAll(lengths, i -> i);
        lengths[lengths.length - 3] = 257;
        lengths[lengths.length - 2] = 1024;
        lengths[lengths.length - 1] = 1531;
        return lengths;
    }
}
