package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Keys and values of one layer for up to {@code capacity} positions, read in place by {@link Attention}.
 *
 * <p>Keys of a head lie in panels of {@link #PANEL} positions, [panels][headDim][PANEL]: a vector holds one dim of
 * neighbouring positions, so that the scores of one query need no sum across lanes, and the keys of one dim are
 * neighbours when many queries take them one by one. Values of a head lie in panels of {@link #PANEL} dims,
 * [dim panels][positions][PANEL], the last one narrower where vHeadDim is no multiple: a vector holds neighbouring dims
 * of one position. The kernels read panels from end to end, which is what makes the memory stream.
 *
 * <p>Numbers are F32, F16 or Q8_0: F16 halves the bytes that decoding reads and Q8_0 almost quarters them. In Q8_0 up to
 * 32 dims of a position share a scale, as in ggml's type of that name, but the bytes lie in the same panels and the
 * scales, as floats, beside them: [panels][blocks of dims][PANEL] for keys, [blocks of dims][positions] for values.
 *
 * <p>A buffer of latents ({@link #latents}) has one head, whose values are the first vHeadDim numbers of its keys and lie
 * nowhere else (DeepSeek-V2's latent attention in its absorbed form).
 *
 * <p>Different positions may be written by different threads at once. Positions that were never written are zero.
 */
public final class KvBuffer {
    /** Positions a panel of keys, dims a panel of values: two cache lines of F16, four vectors or more. */
    static final int PANEL = 64;
    /** Positions are compared as floats inside the kernels, which is exact up to here. */
    static final int MAX_POSITIONS = 1 << 24;

    private final DType dtype;
    private final int capacity;
    private final int nKvHeads;
    private final int headDim;
    private final int vHeadDim;
    private final boolean latents;
    /** The capacity in whole panels. */
    private final int positions;
    private final MemorySegment keys;
    private final MemorySegment values;
    private final MemorySegment keyScales;
    private final MemorySegment valueScales;
    /** Set by the first Inf or NaN of an F16 buffer, by whichever thread; a stage's barrier makes it known. */
    private boolean special;

    /**
     * A buffer of zeros.
     *
     * @param dtype how numbers are stored: F32, F16 or Q8_0
     * @param capacity positions that it can hold; memory is for whole panels of 64
     * @throws IllegalArgumentException for another type, or sizes that are not positive
     */
    public KvBuffer(Arena arena, DType dtype, int capacity, int nKvHeads, int headDim, int vHeadDim) {
        this(arena, dtype, capacity, nKvHeads, headDim, vHeadDim, false);
    }

    /**
     * A buffer of zeros for one head whose values are the first {@code vHeadDim} numbers of its keys [headDim].
     *
     * @throws IllegalArgumentException as the constructor, and if values are wider than keys
     */
    public static KvBuffer latents(Arena arena, DType dtype, int capacity, int headDim, int vHeadDim) {
        if (vHeadDim > headDim) {
            throw new IllegalArgumentException("KV cache of latents: expected values no wider than keys of " + headDim
                    + ", got " + vHeadDim);
        }
        return new KvBuffer(arena, dtype, capacity, 1, headDim, vHeadDim, true);
    }

    private KvBuffer(Arena arena, DType dtype, int capacity, int nKvHeads, int headDim, int vHeadDim, boolean latents) {
        if (dtype != DType.F32 && dtype != DType.F16 && dtype != DType.Q8_0) {
            throw new IllegalArgumentException("KV cache type: expected F32, F16 or Q8_0, got " + dtype);
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
        this.latents = latents;
        int ownValues = latents ? 0 : vHeadDim;
        this.positions = (capacity + PANEL - 1) / PANEL * PANEL;
        long vectors = (long) positions * nKvHeads;
        int bytes = dtype == DType.Q8_0 ? 1 : dtype.blockBytes();
        this.keys = arena.allocate(vectors * headDim * bytes, 64);
        this.values = arena.allocate(vectors * ownValues * bytes, 64);
        long scaleBytes = dtype == DType.Q8_0 ? Float.BYTES : 0;
        this.keyScales = arena.allocate(vectors * blocks(headDim) * scaleBytes, 64);
        this.valueScales = arena.allocate(vectors * blocks(ownValues) * scaleBytes, 64);
    }

    /** Blocks of dims that share a scale. */
    private static int blocks(int dims) {
        return (dims + AttentionBytes.BLOCK_DIMS - 1) / AttentionBytes.BLOCK_DIMS;
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

    /** Whether values are the first numbers of keys. */
    public boolean isLatents() {
        return latents;
    }

    /** Bytes of keys and values together. */
    public long byteSize() {
        return keys.byteSize() + values.byteSize() + keyScales.byteSize() + valueScales.byteSize();
    }

    /** Writes position {@code pos}: k [nKvHeads, headDim], v [nKvHeads, vHeadDim], both F32; v is not read for latents. */
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
            switch (dtype) {
                case F32 -> {
                    for (int d = 0; d < headDim; d++) {
                        Floats.set(keys, to + (long) d * PANEL, Floats.get(k, from + d));
                    }
                }
                case F16 -> {
                    for (int d = 0; d < headDim; d++) {
                        setHalf(keys, to + (long) d * PANEL, Floats.get(k, from + d));
                    }
                }
                default -> {
                    for (int d = 0; d < headDim; d += AttentionBytes.BLOCK_DIMS) {
                        int n = Math.min(AttentionBytes.BLOCK_DIMS, headDim - d);
                        float scale = quantise(k, from + d, n, keys, to + (long) d * PANEL, PANEL);
                        Floats.set(keyScales, keyScaleOffset(head, pos)
                                + d / AttentionBytes.BLOCK_DIMS * PANEL + pos % PANEL, scale);
                    }
                }
            }
        }
    }

    private void appendValues(int pos, MemorySegment v, long vOff) {
        for (int head = 0; head < nKvHeads && !latents; head++) {
            for (int panel = 0; panel < vHeadDim; panel += PANEL) {
                appendValues(head, panel, pos, v, vOff + (long) head * vHeadDim + panel);
            }
        }
    }

    private void appendValues(int head, int firstDim, int pos, MemorySegment v, long from) {
        long to = valueOffset(head, firstDim, pos);
        int dims = panelDims(firstDim);
        switch (dtype) {
            case F32 -> Elementwise.copy(v, from, values, to, dims);
            case F16 -> {
                for (int d = 0; d < dims; d++) {
                    setHalf(values, to + d, Floats.get(v, from + d));
                }
            }
            default -> {
                for (int d = 0; d < dims; d += AttentionBytes.BLOCK_DIMS) {
                    int n = Math.min(AttentionBytes.BLOCK_DIMS, dims - d);
                    float scale = quantise(v, from + d, n, values, to + d, 1);
                    Floats.set(valueScales, valueScaleOffset(head, firstDim + d, pos), scale);
                }
            }
        }
    }

    /**
     * Writes n floats as bytes that lie {@code step} apart and returns their scale, the largest magnitude / 127. With an
     * Inf or NaN among them the scale is NaN and so are all when they are read.
     */
    private static float quantise(MemorySegment x, long from, int n, MemorySegment bytes, long to, int step) {
        float largest = 0;
        for (int d = 0; d < n; d++) {
            largest = Math.max(largest, Math.abs(Floats.get(x, from + d)));
        }
        float scale = Float.isInfinite(largest) ? Float.NaN : largest / 127;
        float inverse = largest == 0 ? 0 : 127 / largest;
        for (int d = 0; d < n; d++) {
            int rounded = Math.round(Floats.get(x, from + d) * inverse);
            bytes.set(ValueLayout.JAVA_BYTE, to + (long) d * step, (byte) Math.clamp(rounded, -127, 127));
        }
        return scale;
    }

    /**
     * Reads a position back as floats: k [nKvHeads, headDim], v [nKvHeads, vHeadDim]. What {@link #append} writes of them
     * again is the same for F32 and F16, and within a rounding of the scale for Q8_0.
     */
    public void read(int pos, MemorySegment k, long kOff, MemorySegment v, long vOff) {
        Objects.checkIndex(pos, capacity);
        for (int head = 0; head < nKvHeads; head++) {
            for (int d = 0; d < headDim; d++) {
                float value = element(keys, keyOffset(head, pos) + (long) d * PANEL + pos % PANEL);
                long scale = keyScaleOffset(head, pos) + d / AttentionBytes.BLOCK_DIMS * PANEL + pos % PANEL;
                Floats.set(k, kOff + (long) head * headDim + d, value * scale(keyScales, scale));
            }
            for (int d = 0; d < vHeadDim; d++) {
                if (latents) {
                    Floats.set(v, vOff + d, Floats.get(k, kOff + d));
                    continue;
                }
                int panel = d / PANEL * PANEL;
                float value = element(values, valueOffset(head, panel, pos) + d - panel);
                float scale = scale(valueScales, valueScaleOffset(head, d, pos));
                Floats.set(v, vOff + (long) head * vHeadDim + d, value * scale);
            }
        }
    }

    private float element(MemorySegment x, long index) {
        return switch (dtype) {
            case F32 -> Floats.get(x, index);
            case F16 -> HalfFloats.get(x, index);
            default -> x.get(ValueLayout.JAVA_BYTE, index);
        };
    }

    private float scale(MemorySegment scales, long index) {
        return dtype == DType.Q8_0 ? Floats.get(scales, index) : 1;
    }

    /**
     * Copies {@code count} positions of a buffer of the same type and heads, or of this one, bit by bit: a common prefix,
     * or what follows positions that are dropped. Where both are one buffer, positions must move towards zero.
     *
     * @param from the first position to copy, in {@code source}
     * @param to where it goes in this buffer
     * @throws IllegalArgumentException for another type or other heads, or positions that would be overwritten unread
     * @throws IndexOutOfBoundsException if the positions leave a buffer
     */
    public void copy(KvBuffer source, int from, int to, int count) {
        if (source.dtype != dtype || source.nKvHeads != nKvHeads || source.headDim != headDim
                || source.vHeadDim != vHeadDim || source.latents != latents || source == this && to > from) {
            throw new IllegalArgumentException("KV cache: expected positions of " + this + " to move towards zero, got "
                    + from + " to " + to + " of " + source);
        }
        Objects.checkFromIndexSize(from, count, source.capacity);
        Objects.checkFromIndexSize(to, count, capacity);
        for (int i = 0; i < count; i++) {
            copyPosition(source, from + i, to + i);
        }
        special |= source.special;
    }

    private void copyPosition(KvBuffer source, int from, int to) {
        int ownValues = latents ? 0 : vHeadDim;
        int bytes = dtype == DType.Q8_0 ? 1 : dtype.blockBytes();
        for (int head = 0; head < nKvHeads; head++) {
            copyColumn(source.keys, source.keyOffset(head, from) + from % PANEL, keys, keyOffset(head, to) + to % PANEL,
                    headDim, bytes);
            for (int d = 0; d < ownValues; d += PANEL) {
                MemorySegment.copy(source.values, source.valueOffset(head, d, from) * bytes, values,
                        valueOffset(head, d, to) * bytes, (long) panelDims(d) * bytes);
            }
            if (dtype == DType.Q8_0) {
                copyColumn(source.keyScales, source.keyScaleOffset(head, from) + from % PANEL, keyScales,
                        keyScaleOffset(head, to) + to % PANEL, blocks(headDim), Float.BYTES);
                for (int d = 0; d < ownValues; d += AttentionBytes.BLOCK_DIMS) {
                    float scale = Floats.get(source.valueScales, source.valueScaleOffset(head, d, from));
                    Floats.set(valueScales, valueScaleOffset(head, d, to), scale);
                }
            }
        }
    }

    private static void copyColumn(MemorySegment src, long from, MemorySegment dst, long to, int n, int bytes) {
        for (int i = 0; i < n; i++) {
            long step = (long) i * PANEL;
            MemorySegment.copy(src, (from + step) * bytes, dst, (to + step) * bytes, bytes);
        }
    }

    /** As {@code Q8_0 [4096, 8, 64 + 64]}. */
    @Override
    public String toString() {
        return dtype + " [" + capacity + ", " + nKvHeads + ", " + headDim + " + " + vHeadDim + "]";
    }

    private void setHalf(MemorySegment x, long offset, float value) {
        if (!HalfFloats.set(x, offset, value)) {
            special = true;
        }
    }

    /** Takes note of Inf and NaN among {@code count} F16 numbers that come from elsewhere, at byte {@code at}. */
    void noteSpecials(MemorySegment halves, long at, int count) {
        for (int i = 0; i < count; i++) {
            short half = halves.get(KvPositions.SHORT, at + 2L * i);
            special |= !Float.isFinite(Float.float16ToFloat(half));
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

    MemorySegment keyScales() {
        return keyScales;
    }

    MemorySegment valueScales() {
        return valueScales;
    }

    /** Positions that there is memory for: floats from one block of dims to the next among the scales of values. */
    int positions() {
        return positions;
    }

    /** Where the scales of the panel with a position begin, [blocks of dims, PANEL]. */
    long keyScaleOffset(int head, int pos) {
        return ((long) head * positions + pos / PANEL * PANEL) * blocks(headDim);
    }

    /** Where the scale of a position's values of the block of dims with {@code dim} is; the next position's is next. */
    long valueScaleOffset(int head, int dim, int pos) {
        return ((long) head * blocks(vHeadDim) + dim / AttentionBytes.BLOCK_DIMS) * positions + pos;
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

    /** dst [headDim, PANEL] = the panel of keys with a position, as floats. */
    void readKeys(int head, int pos, MemorySegment dst, long dstOff) {
        long from = keyOffset(head, pos);
        switch (dtype) {
            case F32 -> Elementwise.copy(keys, from, dst, dstOff, headDim * PANEL);
            case F16 -> HalfFloats.widen(keys, from, dst, dstOff, headDim * PANEL);
            default -> AttentionBytes.widenKeys(keys, from, keyScales, keyScaleOffset(head, pos), headDim, dst, dstOff);
        }
    }

    /**
     * Reads keys of one head back as rows: dst [count, headDim], rows {@code dstStride} floats apart, for {@code count}
     * positions of one panel from {@code pos} on.
     *
     * @param scratch for {@link #panelFloats} floats from {@code scratchOff} on
     */
    public void readRows(int head, int pos, int count, MemorySegment dst, long dstOff, long dstStride,
            MemorySegment scratch, long scratchOff) {
        int first = pos % PANEL;
        if (first + count > PANEL || pos + count > capacity) {
            throw new IndexOutOfBoundsException("KV cache: positions [" + pos + ", " + (pos + count)
                    + ") are not of one panel");
        }
        readKeys(head, pos, scratch, scratchOff);
        FloatTranspose.copy(scratch, scratchOff + first, PANEL, headDim, count, 1f, dst, dstOff, dstStride, scratch,
                scratchOff + (long) headDim * PANEL);
    }

    /** Floats of scratch that {@link #readRows} needs. */
    public long panelFloats() {
        return (long) headDim * PANEL + FloatTranspose.SCRATCH;
    }

    /** The most positions that {@link #readRows} takes: those from a multiple of this on. */
    public static int panelPositions() {
        return PANEL;
    }

    /** dst [count, panelDims] = values of {@code count} positions from {@code pos} on, of one panel of dims. */
    void readValues(int head, int firstDim, int pos, int count, MemorySegment dst, long dstOff) {
        long from = valueOffset(head, firstDim, pos);
        int dims = panelDims(firstDim);
        switch (dtype) {
            case F32 -> Elementwise.copy(values, from, dst, dstOff, count * dims);
            case F16 -> HalfFloats.widen(values, from, dst, dstOff, count * dims);
            default -> AttentionBytes.widenValues(values, from, valueScales, valueScaleOffset(head, firstDim, pos),
                    positions, count, dims, dst, dstOff);
        }
    }
}
