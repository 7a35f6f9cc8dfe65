package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of one layer for up to {@code capacity} positions, read in place by {@link Attention}.
 *
 * <p>Keys of a head lie in panels of {@link #PANEL} positions, [panels][headDim][PANEL]: a vector holds one dim of
 * neighbouring positions, so that the scores of one query need no sum across lanes, and the keys of one dim are
 * neighbours when many queries take them one by one. Values of a head lie in panels of {@link #PANEL} dims,
 * [dim panels][positions][PANEL], the last one narrower where vHeadDim is no multiple: a vector holds neighbouring dims
 * of one position. The kernels read panels from end to end, which is what makes the memory stream. Numbers are F32 or
 * F16; F16 halves the bytes that decoding reads.
 *
 * <p>Different positions may be written by different threads at once. Positions that were never written are zero.
 */
public final class KvBuffer {
    /** Positions a panel of keys, dims a panel of values: two cache lines of F16, four vectors or more. */
    static final int PANEL = 64;
    /** Positions come in whole blocks of so many. */
    static final int BLOCK = PANEL;
    /** Positions are compared as floats inside the kernels, which is exact up to here. */
    static final int MAX_POSITIONS = 1 << 24;

    private final DType dtype;
    private final int capacity;
    private final int nKvHeads;
    private final int headDim;
    private final int vHeadDim;
    /** The capacity in whole blocks. */
    private final int positions;
    private final MemorySegment keys;
    private final MemorySegment values;
    /** Set by the first Inf or NaN of an F16 buffer, by whichever thread; a stage's barrier makes it known. */
    private boolean special;

    /**
     * A buffer of zeros.
     *
     * @param dtype how numbers are stored: F32 or F16
     * @param capacity positions that it can hold; memory is for whole blocks of 64
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
        this.positions = (capacity + BLOCK - 1) / BLOCK * BLOCK;
        long vectors = (long) positions * nKvHeads;
        this.keys = arena.allocate(dtype.byteSize(vectors * headDim), 64);
        this.values = arena.allocate(dtype.byteSize(vectors * vHeadDim), 64);
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
                    setHalf(keys, to + (long) d * PANEL, Floats.get(k, from + d));
                }
            }
        }
    }

    private void appendValues(int pos, MemorySegment v, long vOff) {
        for (int head = 0; head < nKvHeads; head++) {
            for (int panel = 0; panel < vHeadDim; panel += PANEL) {
                long to = valueOffset(head, panel, pos);
                long from = vOff + (long) head * vHeadDim + panel;
                int dims = panelDims(panel);
                if (dtype == DType.F32) {
                    Elementwise.copy(v, from, values, to, dims);
                } else {
                    for (int d = 0; d < dims; d++) {
                        setHalf(values, to + d, Floats.get(v, from + d));
                    }
                }
            }
        }
    }

    private void setHalf(MemorySegment x, long offset, float value) {
        if (!HalfFloats.set(x, offset, value)) {
            special = true;
        }
    }

    /** Whether no Inf or NaN was ever written to an F16 buffer: it can be widened the short way. */
    boolean isFinite() {
        return !special;
    }

    MemorySegment keys() {
        return keys;
    }

    MemorySegment values() {
        return values;
    }

    /** Where the panel with a position begins among the keys, in elements; a head's panels follow each other. */
    long keyOffset(int head, int pos) {
        return ((long) head * positions + pos / PANEL * PANEL) * headDim;
    }

    /** Where a position's values of the panel that begins at a dim begin, in elements. */
    long valueOffset(int head, int firstDim, int pos) {
        return ((long) head * vHeadDim + firstDim) * positions + (long) pos * panelDims(firstDim);
    }

    /** Dims of the panel of values that begins at a dim. */
    int panelDims(int firstDim) {
        return Math.min(PANEL, vHeadDim - firstDim);
    }

    /** dst [panels][headDim][PANEL] = the panels of keys with {@code count} positions from a panel's first one on. */
    void readKeys(int head, int pos, int count, MemorySegment dst, long dstOff) {
        read(keys, keyOffset(head, pos), (count + PANEL - 1) / PANEL * headDim * PANEL, dst, dstOff);
    }

    /** dst [count, panelDims] = values of {@code count} positions from {@code pos} on, of one panel of dims. */
    void readValues(int head, int firstDim, int pos, int count, MemorySegment dst, long dstOff) {
        read(values, valueOffset(head, firstDim, pos), count * panelDims(firstDim), dst, dstOff);
    }

    private void read(MemorySegment src, long from, int n, MemorySegment dst, long dstOff) {
        if (dtype == DType.F32) {
            Elementwise.copy(src, from, dst, dstOff, n);
        } else {
            HalfFloats.widen(src, from, dst, dstOff, n);
        }
    }
}
