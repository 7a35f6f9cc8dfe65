package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Numbers of a {@link KvBuffer} as floats in rows, exactly, where many queries share the work. Offsets into the buffer count
 * bytes, into floats floats.
 *
 * <p>Half to float: sign, exponent and mantissa move to their places by shifts, and one multiplication by 2^112 mends the
 * exponent of normal and subnormal numbers alike; Inf and NaN get their exponent bits back. Byte to float: at the top of an
 * int over zeros a byte counts 2^24 times as much, which the scale takes back.
 */
final class KvWidening {
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final int LINE = KvBuffer.LINE;
    private static final int L = Lanes.FLOATS;
    /** Sign, exponent and mantissa of a half when moved. */
    private static final int MOVED = 0x8FFFE000;
    private static final int MAGNITUDE = 0x0FFFE000;
    private static final float REBIAS = 0x1p112f;
    /** Inf of a half, moved; from here on the number is Inf or NaN. */
    private static final int MOVED_INFINITY = 0x1F << 23;
    private static final int INFINITY = 0xFF << 23;
    private static final int TOP = 0xFF000000;
    private static final float UNIT = 0x1p-24f;

    private KvWidening() {}

    /**
     * dst [dims, LINE] = a panel of keys, rows {@code width} floats apart; columns beyond the width go on {@code next} floats
     * later.
     */
    static void keys32(MemorySegment keys, long from, int dims, MemorySegment dst, long dstOff, int width, long next) {
        for (int i = 0; i < LINE; i += L) {
            long column = dstOff + i / width * next + i % width;
            for (int d = 0; d < dims; d++) {
                FloatVector.fromMemorySegment(Lanes.FLOAT, keys, from + (d * LINE + i) * 4L, ORDER)
                        .intoMemorySegment(dst, column + (long) d * width << 2, ORDER);
            }
        }
    }

    /** The same of pairs of dims. */
    static void keys16(MemorySegment keys, long from, int dims, MemorySegment dst, long dstOff, int width, long next) {
        for (int i = 0; i < LINE; i += L) {
            long column = dstOff + i / width * next + i % width;
            for (int d = 0; d < dims; d += 2) {
                IntVector two = IntVector.fromMemorySegment(Lanes.INT, keys, from + (d / 2 * LINE + i) * 4L, ORDER);
                IntVector low = two.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3);
                VectorMask<Integer> lowSpecial = low.and(MAGNITUDE).compare(VectorOperators.GE, MOVED_INFINITY);
                long to = column + (long) d * width;
                low.and(MOVED).reinterpretAsFloats().mul(REBIAS).reinterpretAsInts()
                        .lanewise(VectorOperators.OR, INFINITY, lowSpecial).intoMemorySegment(dst, to << 2, ORDER);
                if (d + 1 < dims) {
                    IntVector high = two.lanewise(VectorOperators.ASHR, 3);
                    VectorMask<Integer> highSpecial = high.and(MAGNITUDE).compare(VectorOperators.GE, MOVED_INFINITY);
                    high.and(MOVED).reinterpretAsFloats().mul(REBIAS).reinterpretAsInts()
                            .lanewise(VectorOperators.OR, INFINITY, highSpecial).intoMemorySegment(dst, to + width << 2, ORDER);
                }
            }
        }
    }

    /** The same of four dims an int, times scales [blocks of dims, LINE]. */
    static void keys8(MemorySegment keys, long from, MemorySegment scales, long scalesOff, int dims, MemorySegment dst,
            long dstOff, int width, long next) {
        for (int i = 0; i < LINE; i += L) {
            long column = dstOff + i / width * next + i % width;
            for (int d = 0; d < dims; d++) {
                long scale = scalesOff + d / KvBuffer.BLOCK_DIMS * LINE + i;
                FloatVector unit = FloatVector.fromMemorySegment(Lanes.FLOAT, scales, scale << 2, ORDER).mul(UNIT);
                IntVector four = IntVector.fromMemorySegment(Lanes.INT, keys, from + (d / 4 * LINE + i) * 4L, ORDER);
                ((FloatVector) four.lanewise(VectorOperators.LSHL, 24 - 8 * (d & 3)).and(TOP)
                        .convert(VectorOperators.I2F, 0)).mul(unit)
                        .intoMemorySegment(dst, column + (long) d * width << 2, ORDER);
            }
        }
    }

    /** dst [count, dims] = values of a panel, the first of {@code pitch} dims that a row of ints has. */
    static void values32(MemorySegment values, long from, int pitch, int dims, int count, MemorySegment dst, long dstOff,
            long dstStride) {
        for (int pos = 0; pos < count; pos++) {
            for (int d = 0; d < dims; d += L) {
                FloatVector.fromMemorySegment(Lanes.FLOAT, values, from + ((long) pos * pitch + d) * 4, ORDER)
                        .intoMemorySegment(dst, dstOff + pos * dstStride + d << 2, ORDER);
            }
        }
    }

    /** The same of pairs of positions. */
    static void values16(MemorySegment values, long from, int pitch, int dims, int count, MemorySegment dst, long dstOff,
            long dstStride) {
        for (int pos = 0; pos < count; pos += 2) {
            for (int d = 0; d < dims; d += L) {
                IntVector two = IntVector.fromMemorySegment(Lanes.INT, values, from + ((long) pos / 2 * pitch + d) * 4, ORDER);
                IntVector low = two.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3);
                IntVector high = two.lanewise(VectorOperators.ASHR, 3);
                VectorMask<Integer> lowSpecial = low.and(MAGNITUDE).compare(VectorOperators.GE, MOVED_INFINITY);
                VectorMask<Integer> highSpecial = high.and(MAGNITUDE).compare(VectorOperators.GE, MOVED_INFINITY);
                long to = dstOff + pos * dstStride + d;
                low.and(MOVED).reinterpretAsFloats().mul(REBIAS).reinterpretAsInts()
                        .lanewise(VectorOperators.OR, INFINITY, lowSpecial).intoMemorySegment(dst, to << 2, ORDER);
                high.and(MOVED).reinterpretAsFloats().mul(REBIAS).reinterpretAsInts()
                        .lanewise(VectorOperators.OR, INFINITY, highSpecial).intoMemorySegment(dst, to + dstStride << 2, ORDER);
            }
        }
    }

    /** The same of four positions an int, times scales [positions]. */
    static void values8(MemorySegment values, long from, int pitch, MemorySegment scales, long scalesOff, int dims, int count,
            MemorySegment dst, long dstOff, long dstStride) {
        for (int pos = 0; pos < count; pos++) {
            float unit = Floats.get(scales, scalesOff + pos) * UNIT;
            for (int d = 0; d < dims; d += L) {
                IntVector four = IntVector.fromMemorySegment(Lanes.INT, values, from + ((long) (pos / 4) * pitch + d) * 4, ORDER);
                ((FloatVector) four.lanewise(VectorOperators.LSHL, 24 - 8 * (pos & 3)).and(TOP)
                        .convert(VectorOperators.I2F, 0)).mul(unit)
                        .intoMemorySegment(dst, dstOff + pos * dstStride + d << 2, ORDER);
            }
        }
    }
}
