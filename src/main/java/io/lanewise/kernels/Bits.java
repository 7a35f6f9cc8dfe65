package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Little-endian fields of weight blocks; offsets count bytes and need no alignment. */
final class Bits {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Bits() {}

    /** An unsigned byte. */
    static int u8(MemorySegment block, long at) {
        return block.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }

    /** A signed byte. */
    static int i8(MemorySegment block, long at) {
        return block.get(ValueLayout.JAVA_BYTE, at);
    }

    static short i16(MemorySegment block, long at) {
        return block.get(SHORT, at);
    }

    static int i32(MemorySegment block, long at) {
        return block.get(INT, at);
    }

    /** A half-precision number. */
    static float f16(MemorySegment block, long at) {
        return Float.float16ToFloat(block.get(SHORT, at));
    }

    static void set8(MemorySegment block, long at, int value) {
        block.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }

    static void set16(MemorySegment block, long at, int value) {
        block.set(SHORT, at, (short) value);
    }

    static void set32(MemorySegment block, long at, int value) {
        block.set(INT, at, value);
    }
}
