package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Copies of rows into columns for packing; all offsets and steps count bytes. */
final class Transpose {
    /** Columns done at a time, so that the lines written to stay in the first-level cache until they are full. */
    static final int BLOCK = 64;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Transpose() {}

    /** Copies the bits of {@code count} consecutive floats to places that lie {@code step} apart. */
    static void scatterFloats(MemorySegment from, long at, int count, MemorySegment to, long start, long step) {
        for (int i = 0; i < count; i++) {
            to.set(INT, start + i * step, from.get(INT, at + 4L * i));
        }
    }

    static void scatterZeroInts(int count, MemorySegment to, long start, long step) {
        for (int i = 0; i < count; i++) {
            to.set(INT, start + i * step, 0);
        }
    }

    /** Copies {@code count} numbers of 16 bits that lie {@code stride} apart to places that lie {@code step} apart. */
    static void scatterHalves(MemorySegment from, long at, long stride, int count, MemorySegment to, long start, long step) {
        for (int i = 0; i < count; i++) {
            to.set(SHORT, start + i * step, from.get(SHORT, at + i * stride));
        }
    }

    static void scatterZeroHalves(int count, MemorySegment to, long start, long step) {
        for (int i = 0; i < count; i++) {
            to.set(SHORT, start + i * step, (short) 0);
        }
    }
}
