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
}
