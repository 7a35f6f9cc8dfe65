package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/** Codecs of the types without blocks. */
final class PlainTypes {
    private PlainTypes() {}

    static void decodeF32(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        MemorySegment.copy(src, at, dst, to << 2, count << 2);
    }

    static void decodeF16(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        for (long i = 0; i < count; i++) {
            Floats.set(dst, to + i, Bits.f16(src, at + 2 * i));
        }
    }

    static void decodeBF16(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        for (long i = 0; i < count; i++) {
            Floats.set(dst, to + i, Float.intBitsToFloat(Bits.i16(src, at + 2 * i) << 16));
        }
    }

    static void encodeF32(MemorySegment src, long from, MemorySegment dst, long at, long count) {
        MemorySegment.copy(src, from << 2, dst, at, count << 2);
    }

    static void encodeF16(MemorySegment src, long from, MemorySegment dst, long at, long count) {
        for (long i = 0; i < count; i++) {
            Bits.set16(dst, at + 2 * i, Float.floatToFloat16(Floats.get(src, from + i)));
        }
    }

    /** The upper half of the float, rounded to nearest even; a NaN keeps its sign and stays one. */
    static void encodeBF16(MemorySegment src, long from, MemorySegment dst, long at, long count) {
        for (long i = 0; i < count; i++) {
            int bits = Float.floatToRawIntBits(Floats.get(src, from + i));
            int rounded = bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
            boolean isNaN = (bits & 0x7FFFFFFF) > 0x7F800000;
            Bits.set16(dst, at + 2 * i, isNaN ? bits >>> 16 | 0x40 : rounded);
        }
    }
}
