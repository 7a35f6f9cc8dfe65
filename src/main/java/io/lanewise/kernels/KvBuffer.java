package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Keys and values of one layer for up to {@code capacity} positions, read in place by {@link Attention}.
 *
 * <p>Numbers are F32, F16 or Q8_0: F16 halves the bytes that decoding reads and Q8_0 almost quarters them. They lie in
 * ints, one, two or four in each, low bits first, and 16 ints are a cache line:
 *
 * <pre>
 *   keys of a head     [panels of 16 positions][dims / 1, 2, 4][16 positions] ints of 1, 2, 4 dims
 *   values of a head   [panels of up to 64 dims][positions / 1, 2, 4][dims]   ints of 1, 2, 4 positions
 * </pre>
 *
 * A vector of ints thus holds neighbouring positions of keys, so that scores need no sum across lanes, or neighbouring
 * dims of values, and what the int has more is added to the same sums: a decode step that takes a line from each of four
 * places in turn, which is what memory likes, has few sums to hold. Dims of values are padded to whole lines.
 *
 * <p>In Q8_0 up to 32 dims of a position share a scale, as in ggml's type of that name, but the scales, as floats, lie
 * beside the bytes: [panels of positions][blocks of dims][16] for keys, [blocks of dims][positions] for values.
 *
 * <p>A buffer of latents ({@link #latents}) has one head, whose values are the first vHeadDim numbers of its keys and lie
 * nowhere else (DeepSeek-V2's latent attention in its absorbed form).
 *
 * <p>Different positions may be written by different threads at once: each number has its own byte or bytes.
 * Positions that were never written are zero.
 */
public final class KvBuffer {
    /** Positions a panel of keys, and dims a line of values: the ints of a cache line. */
    static final int LINE = 16;
    /** Bytes of that. */
    static final int LINE_BYTES = LINE * Integer.BYTES;
    /** Dims that share a scale in Q8_0; the last block of a head may be shorter. */
    static final int BLOCK_DIMS = 32;
    /** Positions are compared as floats inside the kernels, which is exact up to here. */
    static final int MAX_POSITIONS = 1 << 24;
    /** The capacity is in whole ones of these. */
    private static final int POSITIONS = 64;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int HALF_INFINITY = 0x7C00;
    private static final float LEAST_NORMAL_HALF = 0x1p-14f;
    /** Halves of this size and more are rounded by up to 2^-16, a quarter of the least normal half. */
    private static final float LARGE = 0x1p-4f;

    private final DType dtype;
    private final int capacity;
    private final int nKvHeads;
    private final int headDim;
    private final int vHeadDim;
    private final boolean latents;
    /** Numbers in an int. */
    private final int pack;
    /** Dims a panel of values: 64, of bytes those that share a scale. */
    private final int panelDims;
    /** vHeadDim in whole lines. */
    private final int paddedValues;
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
        this.pack = dtype == DType.F32 ? 1 : dtype == DType.F16 ? 2 : 4;
        this.panelDims = dtype == DType.Q8_0 ? BLOCK_DIMS : 64;
        this.paddedValues = latents ? 0 : (vHeadDim + LINE - 1) / LINE * LINE;
        this.positions = (capacity + POSITIONS - 1) / POSITIONS * POSITIONS;
        this.keys = arena.allocate((long) nKvHeads * positions * keyLines() * Integer.BYTES, 64);
        this.values = arena.allocate((long) nKvHeads * positions * paddedValues * Integer.BYTES / pack, 64);
        long scales = dtype == DType.Q8_0 ? (long) nKvHeads * positions * Float.BYTES : 0;
        this.keyScales = arena.allocate(scales * blocks(headDim), 64);
        this.valueScales = arena.allocate(latents ? 0 : scales * blocks(vHeadDim), 64);
    }

    /** Blocks of dims that share a scale. */
    private static int blocks(int dims) {
        return (dims + BLOCK_DIMS - 1) / BLOCK_DIMS;
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
            long to = keyAt(head, pos) + pos % LINE * Integer.BYTES;
            long from = kOff + (long) head * headDim;
            switch (dtype) {
                case F32 -> {
                    for (int d = 0; d < headDim; d++) {
                        keys.set(FLOAT, to + (long) d * LINE_BYTES, Floats.get(k, from + d));
                    }
                }
                case F16 -> {
                    float least = leastHalf(k, from, headDim);
                    for (int d = 0; d < headDim; d++) {
                        long at = to + (d >> 1) * (long) LINE_BYTES + (d & 1) * Short.BYTES;
                        setHalf(keys, at, Floats.get(k, from + d), least);
                    }
                }
                default -> {
                    for (int d = 0; d < headDim; d += BLOCK_DIMS) {
                        int n = Math.min(BLOCK_DIMS, headDim - d);
                        float largest = largest(k, from + d, n);
                        float inverse = inverse(largest);
                        for (int i = 0; i < n; i++) {
                            long at = to + (d + i >> 2) * (long) LINE_BYTES + (i & 3);
                            setByte(keys, at, Floats.get(k, from + d + i), inverse);
                        }
                        Floats.set(keyScales, keyScaleOffset(head, pos) + d / BLOCK_DIMS * LINE + pos % LINE,
                                scale(largest));
                    }
                }
            }
        }
    }

    private void appendValues(int pos, MemorySegment v, long vOff) {
        for (int head = 0; head < nKvHeads && !latents; head++) {
            for (int panel = 0; panel < vHeadDim; panel += panelDims) {
                appendValues(head, panel, pos, v, vOff + (long) head * vHeadDim + panel);
            }
        }
    }

    private void appendValues(int head, int firstDim, int pos, MemorySegment v, long from) {
        long to = valueAt(head, firstDim, pos) + pos % pack * (Integer.BYTES / pack);
        int n = Math.min(panelDims, vHeadDim - firstDim);
        switch (dtype) {
            case F32 -> Elementwise.copy(v, from, values, to >> 2, n);
            case F16 -> {
                float least = leastHalf(v, from, n);
                for (int d = 0; d < n; d++) {
                    setHalf(values, to + (long) d * Integer.BYTES, Floats.get(v, from + d), least);
                }
            }
            default -> {
                float largest = largest(v, from, n);
                float inverse = inverse(largest);
                for (int d = 0; d < n; d++) {
                    setByte(values, to + (long) d * Integer.BYTES, Floats.get(v, from + d), inverse);
                }
                Floats.set(valueScales, valueScaleOffset(head, firstDim, pos), scale(largest));
            }
        }
    }

    /** The scale of bytes; NaN where there is an Inf or NaN among the numbers, which makes all NaN. */
    private static float scale(float largest) {
        return Float.isInfinite(largest) ? Float.NaN : largest / 127;
    }

    private static float inverse(float largest) {
        return largest == 0 ? 0 : 127 / largest;
    }

    private static float largest(MemorySegment x, long from, int n) {
        float largest = 0;
        for (int d = 0; d < n; d++) {
            largest = Math.max(largest, Math.abs(Floats.get(x, from + d)));
        }
        return largest;
    }

    /**
     * What is smaller than this becomes zero in F16: subnormal halves, which cost a multiply-add 150 cycles each on Intel's
     * processors, beside a number so large that they add less to an error than its rounding does. Numbers that are small
     * together stay what they are.
     */
    private static float leastHalf(MemorySegment x, long from, int n) {
        return largest(x, from, n) >= LARGE ? LEAST_NORMAL_HALF : 0;
    }

    private void setHalf(MemorySegment x, long at, float value, float least) {
        short half = Math.abs(value) < least ? 0 : Float.floatToFloat16(value);
        x.set(HALF, at, half);
        special |= (half & HALF_INFINITY) == HALF_INFINITY;
    }

    private static void setByte(MemorySegment x, long at, float value, float inverse) {
        x.set(ValueLayout.JAVA_BYTE, at, (byte) Math.clamp(Math.round(value * inverse), -127, 127));
    }

    /**
     * Reads a position back as floats: k [nKvHeads, headDim], v [nKvHeads, vHeadDim]. What {@link #append} writes of them
     * again is the same for F32 and F16, and within a rounding of the scale for Q8_0.
     */
    public void read(int pos, MemorySegment k, long kOff, MemorySegment v, long vOff) {
        Objects.checkIndex(pos, capacity);
        for (int head = 0; head < nKvHeads; head++) {
            for (int d = 0; d < headDim; d++) {
                float scale = scaleOf(keyScales, keyScaleOffset(head, pos) + d / BLOCK_DIMS * LINE + pos % LINE);
                Floats.set(k, kOff + (long) head * headDim + d, number(keys, keyNumberAt(head, pos, d)) * scale);
            }
            for (int d = 0; d < vHeadDim; d++) {
                if (latents) {
                    Floats.set(v, vOff + d, Floats.get(k, kOff + d));
                } else {
                    float scale = scaleOf(valueScales, valueScaleOffset(head, d, pos));
                    Floats.set(v, vOff + (long) head * vHeadDim + d, number(values, valueNumberAt(head, pos, d)) * scale);
                }
            }
        }
    }

    private float number(MemorySegment x, long at) {
        return switch (dtype) {
            case F32 -> x.get(FLOAT, at);
            case F16 -> Float.float16ToFloat(x.get(HALF, at));
            default -> x.get(ValueLayout.JAVA_BYTE, at);
        };
    }

    private float scaleOf(MemorySegment scales, long index) {
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
            for (int head = 0; head < nKvHeads; head++) {
                copyKeys(source, head, from + i, to + i);
                copyValues(source, head, from + i, to + i);
            }
        }
        special |= source.special;
    }

    private void copyKeys(KvBuffer source, int head, int from, int to) {
        for (int d = 0; d < headDim; d++) {
            copyNumber(source.keys, source.keyNumberAt(head, from, d), keys, keyNumberAt(head, to, d));
        }
        for (int block = 0; dtype == DType.Q8_0 && block < blocks(headDim); block++) {
            float scale = Floats.get(source.keyScales, source.keyScaleOffset(head, from) + block * LINE + from % LINE);
            Floats.set(keyScales, keyScaleOffset(head, to) + block * LINE + to % LINE, scale);
        }
    }

    private void copyValues(KvBuffer source, int head, int from, int to) {
        if (latents) {
            return;
        }
        for (int d = 0; d < vHeadDim; d++) {
            copyNumber(source.values, source.valueNumberAt(head, from, d), values, valueNumberAt(head, to, d));
        }
        for (int d = 0; dtype == DType.Q8_0 && d < vHeadDim; d += BLOCK_DIMS) {
            float scale = Floats.get(source.valueScales, source.valueScaleOffset(head, d, from));
            Floats.set(valueScales, valueScaleOffset(head, d, to), scale);
        }
    }

    private void copyNumber(MemorySegment src, long from, MemorySegment dst, long to) {
        switch (dtype) {
            case F32 -> dst.set(FLOAT, to, src.get(FLOAT, from));
            case F16 -> dst.set(HALF, to, src.get(HALF, from));
            default -> dst.set(ValueLayout.JAVA_BYTE, to, src.get(ValueLayout.JAVA_BYTE, from));
        }
    }

    /** As {@code Q8_0 [4096, 8, 64 + 64]}. */
    @Override
    public String toString() {
        return dtype + " [" + capacity + ", " + nKvHeads + ", " + headDim + " + " + vHeadDim + "]";
    }

    /** Takes note of Inf and NaN among {@code count} F16 numbers that come from elsewhere, at byte {@code at}. */
    void noteSpecials(MemorySegment halves, long at, int count) {
        for (int i = 0; i < count; i++) {
            special |= (halves.get(HALF, at + 2L * i) & HALF_INFINITY) == HALF_INFINITY;
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

    /** Numbers that lie in an int: dims of keys, positions of values. */
    int pack() {
        return pack;
    }

    /** Lines of a panel of keys, each of {@link #pack} dims; the last one's missing dims are zero. */
    int keyLines() {
        return (headDim + pack - 1) / pack;
    }

    /** Dims a panel of values at most. */
    int panelDims() {
        return panelDims;
    }

    /** Dims of the panel of values that begins at a dim, in whole lines. */
    int panelDims(int firstDim) {
        return Math.min(panelDims, paddedValues - firstDim);
    }

    /** Positions that there is memory for: floats from one block of dims to the next among the scales of values. */
    int positions() {
        return positions;
    }

    /** Where the panel with a position begins among the keys, in bytes; a head's panels follow each other. */
    long keyAt(int head, int pos) {
        return ((long) head * positions + pos / LINE * LINE) * keyLines() * Integer.BYTES;
    }

    /** Where a number of a key is, in bytes. */
    long keyNumberAt(int head, int pos, int dim) {
        return keyAt(head, pos) + dim / pack * (long) LINE_BYTES + pos % LINE * Integer.BYTES
                + dim % pack * (Integer.BYTES / pack);
    }

    /** Where the ints with a position begin in the panel of values that begins at a dim, in bytes. */
    long valueAt(int head, int firstDim, int pos) {
        long before = ((long) head * paddedValues + firstDim) * positions / pack;
        return (before + (long) pos / pack * panelDims(firstDim)) * Integer.BYTES;
    }

    /** Where a number of a value is, in bytes. */
    long valueNumberAt(int head, int pos, int dim) {
        int panel = dim / panelDims * panelDims;
        return valueAt(head, panel, pos) + (long) (dim - panel) * Integer.BYTES + pos % pack * (Integer.BYTES / pack);
    }

    /** Where the scales of the panel with a position begin, [blocks of dims, LINE]. */
    long keyScaleOffset(int head, int pos) {
        return ((long) head * positions + pos / LINE * LINE) * blocks(headDim);
    }

    /** Where the scale of a position's values of the block of dims with {@code dim} is; the next position's is next. */
    long valueScaleOffset(int head, int dim, int pos) {
        return ((long) head * blocks(vHeadDim) + dim / BLOCK_DIMS) * positions + pos;
    }

    /**
     * dst [headDim, LINE] = the panel of keys with a position, as floats, rows {@code width} floats apart. Where that is less
     * than LINE, the columns go on {@code next} floats later, after every {@code width} of them.
     */
    void readKeys(int head, int pos, MemorySegment dst, long dstOff, int width, long next) {
        long from = keyAt(head, pos);
        switch (dtype) {
            case F32 -> KvWidening.keys32(keys, from, headDim, dst, dstOff, width, next);
            case F16 -> KvWidening.keys16(keys, from, headDim, dst, dstOff, width, next);
            default -> KvWidening.keys8(keys, from, keyScales, keyScaleOffset(head, pos), headDim, dst, dstOff, width, next);
        }
    }

    /**
     * dst [count, dims] = values of {@code count} positions from {@code pos} on, a multiple of {@link #LINE}, as floats, rows
     * {@code dstStride} floats apart. Whole vectors of dims are written, and all positions of a pair.
     *
     * @param firstDim a multiple of a vector
     */
    void readValues(int head, int firstDim, int dims, int pos, int count, MemorySegment dst, long dstOff, long dstStride) {
        for (int d = firstDim; d < firstDim + dims; ) {
            int panel = d / panelDims * panelDims;
            int pitch = panelDims(panel);
            int n = Math.min(panel + pitch, firstDim + dims) - d;
            long from = valueAt(head, panel, pos) + (d - panel) * (long) Integer.BYTES;
            long to = dstOff + d - firstDim;
            switch (dtype) {
                case F32 -> KvWidening.values32(values, from, pitch, n, count, dst, to, dstStride);
                case F16 -> KvWidening.values16(values, from, pitch, n, count, dst, to, dstStride);
                default -> KvWidening.values8(values, from, pitch, valueScales, valueScaleOffset(head, d, pos), n, count, dst,
                        to, dstStride);
            }
            d += n;
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
        int first = pos % LINE;
        if (first + count > LINE || pos + count > capacity) {
            throw new IndexOutOfBoundsException("KV cache: positions [" + pos + ", " + (pos + count)
                    + ") are not of one panel");
        }
        readKeys(head, pos, scratch, scratchOff, LINE, 0);
        FloatTranspose.copy(scratch, scratchOff + first, LINE, headDim, count, 1f, dst, dstOff, dstStride, scratch,
                scratchOff + (long) headDim * LINE);
    }

    /** Floats of scratch that {@link #readRows} needs. */
    public long panelFloats() {
        return (long) headDim * LINE + FloatTranspose.SCRATCH;
    }

    /** The most positions that {@link #readRows} takes: those from a multiple of this on. */
    public static int panelPositions() {
        return LINE;
    }
}
