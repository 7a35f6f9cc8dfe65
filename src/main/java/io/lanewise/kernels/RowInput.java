package io.lanewise.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One row of x: as floats, and in the form that a type's panels are multiplied with, which fills what it needs of the rest. */
final class RowInput {
    /** Where memory that must lie outside the heap comes from. */
    final Arena arena;
    private MemorySegment x;
    private long x0;

    /** Whole numbers, one a k, and what a type makes of them. */
    int[] codes = {};
    int[] coefficients = {};
    /** A block each, see {@link CodeForm}. */
    int[] starts = {};
    float[] scales = {};
    float[] centers = {};
    float[] sums = {};
    /** See {@link TableForm}. */
    MemorySegment tables = MemorySegment.NULL;

    RowInput(Arena arena) {
        this.arena = arena;
    }

    /** The row of floats from byte {@code x0} on. */
    RowInput of(MemorySegment x, long x0) {
        this.x = x;
        this.x0 = x0;
        return this;
    }

    static int[] atLeast(int length, int[] had) {
        return had.length >= length ? had : new int[length];
    }

    static float[] atLeast(int length, float[] had) {
        return had.length >= length ? had : new float[length];
    }

    MemorySegment x() {
        return x;
    }

    /** Byte of the row's first float. */
    long x0() {
        return x0;
    }
}
