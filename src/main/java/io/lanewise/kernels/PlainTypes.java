package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Codecs of the types without blocks. */
final class PlainTypes {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private PlainTypes() {}

    static void decodeF32(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        MemorySegment.copy(src, at, dst, to << 2, count << 2);
    }

    static void decodeF16(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        for (long i = 0; i < count; i++) {
            Floats.set(dst, to + i, Float.float16ToFloat(src.get(SHORT, at + 2 * i)));
        }
    }

    static void decodeBF16(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        for (long i = 0; i < count; i++) {
            Floats.set(dst, to + i, Float.intBitsToFloat(src.get(SHORT, at + 2 * i) << 16));
        }
    }
}
