package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Positions of a {@link KvBuffer} out of it and back bit by bit, in a form of their own that does not depend on how the
 * buffer lies, for files. A position is, head by head, the elements of its keys and of its values (none of latents), then
 * in Q8_0 the scales of its keys and of its values as F32; all little-endian, without gaps.
 */
public final class KvPositions {
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);
    private static final int BLOCK = KvBuffer.BLOCK_DIMS;

    private KvPositions() {}

    /** Bytes of one position. */
    public static long bytes(KvBuffer kv) {
        long keys = (long) kv.headDim() * elementBytes(kv) + scales(kv, kv.headDim()) * (long) Float.BYTES;
        long values = (long) ownValues(kv) * elementBytes(kv) + scales(kv, ownValues(kv)) * (long) Float.BYTES;
        return kv.nKvHeads() * (keys + values);
    }

    private static int elementBytes(KvBuffer kv) {
        return kv.dtype() == DType.Q8_0 ? 1 : kv.dtype().blockBytes();
    }

    private static int ownValues(KvBuffer kv) {
        return kv.isLatents() ? 0 : kv.vHeadDim();
    }

    /** Scales of so many dims of a head. */
    private static int scales(KvBuffer kv, int dims) {
        return kv.dtype() == DType.Q8_0 ? (dims + BLOCK - 1) / BLOCK : 0;
    }

    /**
     * Writes position {@code pos} to {@code to}, from byte {@code at} on.
     *
     * @throws IndexOutOfBoundsException if the position leaves the buffer, or the segment is too short
     */
    public static void store(KvBuffer kv, int pos, MemorySegment to, long at) {
        Objects.checkIndex(pos, kv.capacity());
        move(kv, pos, to, at, false);
    }

    /** Makes a position what {@link #store} has written; errors likewise. */
    public static void restore(KvBuffer kv, int pos, MemorySegment from, long at) {
        Objects.checkIndex(pos, kv.capacity());
        move(kv, pos, from, at, true);
    }

    private static void move(KvBuffer kv, int pos, MemorySegment outside, long start, boolean inwards) {
        int size = elementBytes(kv);
        long at = start;
        for (int head = 0; head < kv.nKvHeads(); head++) {
            long first = at;
            for (int d = 0; d < kv.headDim(); d++, at += size) {
                move(kv.keys(), kv.keyNumberAt(head, pos, d), outside, at, size, inwards);
            }
            for (int d = 0; d < ownValues(kv); d++, at += size) {
                move(kv.values(), kv.valueNumberAt(head, pos, d), outside, at, size, inwards);
            }
            if (inwards && size == Short.BYTES) {
                kv.noteSpecials(outside, first, (int) (at - first) / size);
            }
            long keyScale = kv.keyScaleOffset(head, pos) + pos % KvBuffer.LINE;
            for (int block = 0; block < scales(kv, kv.headDim()); block++, at += Float.BYTES) {
                move(kv.keyScales(), keyScale + (long) block * KvBuffer.LINE << 2, outside, at, Float.BYTES, inwards);
            }
            for (int block = 0; block < scales(kv, ownValues(kv)); block++, at += Float.BYTES) {
                long valueScale = kv.valueScaleOffset(head, block * BLOCK, pos);
                move(kv.valueScales(), valueScale << 2, outside, at, Float.BYTES, inwards);
            }
        }
    }

    private static void move(MemorySegment inside, long in, MemorySegment outside, long out, int size, boolean inwards) {
        if (inwards) {
            moveElement(outside, out, inside, in, size);
        } else {
            moveElement(inside, in, outside, out, size);
        }
    }

    private static void moveElement(MemorySegment from, long a, MemorySegment to, long b, int size) {
        switch (size) {
            case 1 -> to.set(ValueLayout.JAVA_BYTE, b, from.get(ValueLayout.JAVA_BYTE, a));
            case 2 -> to.set(SHORT, b, from.get(SHORT, a));
            default -> to.set(INT, b, from.get(INT, a));
        }
    }
}
