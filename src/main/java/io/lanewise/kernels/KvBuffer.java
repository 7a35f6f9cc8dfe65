package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one layer for up to {@code capacity} positions, read in place by {@link Attention}.
 *
 * <p>Keys of a head lie in panels of {@link #PANEL} positions, [panels][headDim][PANEL]: a vector holds one dim of
 * neighbouring positions, so that the scores of one query need no sum across lanes, and the keys of one dim are
 * neighbours when many queries take them one by one. Values of a head lie as they come, [positions][vHeadDim]: a vector
 * holds neighbouring dims of one position. Numbers are F32 or F16; F16 halves the bytes that decoding reads.
 *
 * <p>Different positions may be written by different threads at once. Positions that were never written are zero.
 */
public final class KvBuffer {
    /** Positions a panel of keys; a whole number of vectors of every width. */
    static final int PANEL = 64;
    /** Positions are compared as floats inside the kernels, which is exact up to here. */
    static final int MAX_POSITIONS = 1 << 24;

    private final DType dtype;
    private final int capacity;
    private final int nKvHeads;
    private final int headDim;
    private final int vHeadDim;
    private final int panels;
    private final MemorySegment keys;
    private final MemorySegment values;

    /**
     * A buffer of zeros.
     *
     * @param dtype how numbers are stored: F32 or F16
     * @param capacity positions that it can hold; memory is for whole panels of 64
     * @throws IllegalArgumentException for another type, or sizes that are not positive
     */
    public KvBuffer(Arena arena, DType dtype, int capacity, int nKvHeads, int headDim, int vHeadDim) {
        if (dtype != DType.F32 && dtype != DType.F16) {
            throw new IllegalArgumentException("KV cache type: expected F32 or F16, got " + dtype);
        }
        if (capacity < 1 || capacity > MAX_POSITIONS || nKvHeads < 1 || headDim < 1 || vHeadDim < 1) {
            throw new IllegalArgumentException("KV cache: expected 1 to " + MAX_POSITIONS
                    + " positions and positive sizes, got capacity " + capacity + ", nKvHeads " + nKvHeads
                    + ", headDim " + headDim + ", vHeadDim " + vHeadDim);
        }
        this.dtype = dtype;
        this.capacity = capacity;
        this.nKvHeads = nKvHeads;
        this.headDim = headDim;
        this.vHeadDim = vHeadDim;
        this.panels = (capacity + PANEL - 1) / PANEL;
        long positions = (long) panels * PANEL * nKvHeads;
        this.keys = arena.allocate(dtype.byteSize(positions * headDim), 64);
        this.values = arena.allocate(dtype.byteSize(positions * vHeadDim), 64);
    }

    /** How numbers are stored. */
    public DType dtype() {
        return dtype;
    }

    /** Positions that it can hold. */
    public int capacity() {
        return capacity;
    }

    public int nKvHeads() {
        return nKvHeads;
    }

    public int headDim() {
        return headDim;
    }

    public int vHeadDim() {
        return vHeadDim;
    }

    /** Bytes of keys and values together. */
    public long byteSize() {
        return keys.byteSize() + values.byteSize();
    }

    /** Writes position {@code pos}: k [nKvHeads, headDim], v [nKvHeads, vHeadDim], both F32. */
    public void append(int pos, MemorySegment k, long kOff, MemorySegment v, long vOff) {
        append(pos, 1, k, kOff, 0, v, vOff, 0);
    }

    /**
     * Writes {@code count} positions from {@code pos} on: k [count, nKvHeads, headDim], v [count, nKvHeads, vHeadDim],
     * both F32, with {@code kStride} and {@code vStride} floats from one position to the next.
     *
     * @throws IndexOutOfBoundsException if the positions leave the buffer or the segments are too short
     */
    public void append(int pos, int count, MemorySegment k, long kOff, long kStride, MemorySegment v, long vOff,
            long vStride) {
        if (pos < 0 || count < 0 || pos > capacity - count) {
            throw new IndexOutOfBoundsException("KV cache: positions [" + pos + ", " + ((long) pos + count)
                    + ") of a capacity of " + capacity);
        }
        for (int i = 0; i < count; i++) {
            appendKeys(pos + i, k, kOff + i * kStride);
            appendValues(pos + i, v, vOff + i * vStride);
        }
    }

    private void appendKeys(int pos, MemorySegment k, long kOff) {
        for (int head = 0; head < nKvHeads; head++) {
            long to = keyOffset(head, pos) + pos % PANEL;
            long from = kOff + (long) head * headDim;
            if (dtype == DType.F32) {
                for (int d = 0; d < headDim; d++) {
                    Floats.set(keys, to + (long) d * PANEL, Floats.get(k, from + d));
                }
            } else {
                for (int d = 0; d < headDim; d++) {
                    HalfFloats.set(keys, to + (long) d * PANEL, Floats.get(k, from + d));
                }
            }
        }
    }

    private void appendValues(int pos, MemorySegment v, long vOff) {
        for (int head = 0; head < nKvHeads; head++) {
            long to = valueOffset(head, pos);
            long from = vOff + (long) head * vHeadDim;
            if (dtype == DType.F32) {
                Elementwise.copy(v, from, values, to, vHeadDim);
            } else {
                for (int d = 0; d < vHeadDim; d++) {
                    HalfFloats.set(values, to + d, Floats.get(v, from + d));
                }
            }
        }
    }

    MemorySegment keys() {
        return keys;
    }

    MemorySegment values() {
        return values;
    }

    /** Where the panel with a position begins among the keys, in elements; a dim's positions are neighbours. */
    long keyOffset(int head, int pos) {
        return ((long) head * panels + pos / PANEL) * headDim * PANEL;
    }

    /** Where a position's values begin, in elements. */
    long valueOffset(int head, int pos) {
        return ((long) head * panels * PANEL + pos) * vHeadDim;
    }

    /** dst [headDim, PANEL] = the panel of keys with a position, as floats. */
    void widenKeys(int head, int pos, MemorySegment dst, long dstOff) {
        HalfFloats.widen(keys, keyOffset(head, pos), dst, dstOff, (long) headDim * PANEL);
    }

    /** dst [count, vHeadDim] = values of {@code count} positions from {@code pos} on, as floats. */
    void widenValues(int head, int pos, int count, MemorySegment dst, long dstOff) {
        HalfFloats.widen(values, valueOffset(head, pos), dst, dstOff, (long) count * vHeadDim);
    }
}
