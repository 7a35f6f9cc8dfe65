package io.lanewise.kernels;

import static io.lanewise.kernels.Bits.f16;
import static io.lanewise.kernels.Bits.i32;
import static io.lanewise.kernels.Bits.i8;
import static io.lanewise.kernels.Bits.u8;

import java.lang.foreign.MemorySegment;

/**
 * Decoders of the types with blocks of 32: one scale, some with a minimum, and 32 codes. Where codes are nibbles, byte
 * j holds element j in its low half and element j + 16 in its high half.
 */
final class SmallBlocks {
    /** Values of the 4-bit codes of IQ4_NL and IQ4_XS: denser near zero, as weights are. */
    static final byte[] IQ4_VALUES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    /** Twice the values of the E2M1 floats that are the codes of MXFP4 and NVFP4. */
    static final byte[] E2M1_DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    private SmallBlocks() {}

    /** Block: F16 scale, 32 signed bytes. */
    static void decodeQ8_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 34, to += 32) {
            float scale = f16(src, at);
            for (int j = 0; j < 32; j++) {
                Floats.set(dst, to + j, scale * i8(src, at + 2 + j));
            }
        }
    }

    /** Block: F16 scale, 16 bytes of nibbles, 8 for zero. */
    static void decodeQ4_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 18, to += 32) {
            float scale = f16(src, at);
            for (int j = 0; j < 16; j++) {
                int codes = u8(src, at + 2 + j);
                Floats.set(dst, to + j, scale * ((codes & 0xF) - 8));
                Floats.set(dst, to + j + 16, scale * ((codes >> 4) - 8));
            }
        }
    }

    /** Block: F16 scale, F16 minimum, 16 bytes of nibbles. */
    static void decodeQ4_1(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 20, to += 32) {
            float scale = f16(src, at);
            float min = f16(src, at + 2);
            for (int j = 0; j < 16; j++) {
                int codes = u8(src, at + 4 + j);
                Floats.set(dst, to + j, scale * (codes & 0xF) + min);
                Floats.set(dst, to + j + 16, scale * (codes >> 4) + min);
            }
        }
    }

    /** Block: F16 scale, 32 fifth bits (bit j for element j), 16 bytes of nibbles, 16 for zero. */
    static void decodeQ5_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 22, to += 32) {
            float scale = f16(src, at);
            int fifth = i32(src, at + 2);
            for (int j = 0; j < 16; j++) {
                int codes = u8(src, at + 6 + j);
                int low = codes & 0xF | (fifth >>> j & 1) << 4;
                int high = codes >> 4 | (fifth >>> j + 16 & 1) << 4;
                Floats.set(dst, to + j, scale * (low - 16));
                Floats.set(dst, to + j + 16, scale * (high - 16));
            }
        }
    }

    /** Block: F16 scale, F16 minimum, 32 fifth bits, 16 bytes of nibbles. */
    static void decodeQ5_1(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 24, to += 32) {
            float scale = f16(src, at);
            float min = f16(src, at + 2);
            int fifth = i32(src, at + 4);
            for (int j = 0; j < 16; j++) {
                int codes = u8(src, at + 8 + j);
                int low = codes & 0xF | (fifth >>> j & 1) << 4;
                int high = codes >> 4 | (fifth >>> j + 16 & 1) << 4;
                Floats.set(dst, to + j, scale * low + min);
                Floats.set(dst, to + j + 16, scale * high + min);
            }
        }
    }

    /** Block: F16 scale, 16 bytes of nibbles that index {@link #IQ4_VALUES}. */
    static void decodeIQ4_NL(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 18, to += 32) {
            decodeNibbles(src, at + 2, f16(src, at), IQ4_VALUES, 16, dst, to);
        }
    }

    /** Block: one byte of exponent (E8M0), 16 bytes of E2M1 floats. */
    static void decodeMXFP4(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 17, to += 32) {
            decodeNibbles(src, at + 1, halfOfE8M0(u8(src, at)), E2M1_DOUBLED, 16, dst, to);
        }
    }

    /** Half the power of two 2^(e - 127) of the OCP microscaling formats; the smallest two are subnormal. */
    static float halfOfE8M0(int e) {
        return Float.intBitsToFloat(e < 2 ? 0x200000 << e : e - 1 << 23);
    }

    /** dst [2·count] = scale · values[code] for {@code count} bytes of nibbles, low halves first. */
    static void decodeNibbles(MemorySegment src, long at, float scale, byte[] values, int count, MemorySegment dst,
            long to) {
        for (int j = 0; j < count; j++) {
            int codes = u8(src, at + j);
            Floats.set(dst, to + j, scale * values[codes & 0xF]);
            Floats.set(dst, to + j + count, scale * values[codes >> 4]);
        }
    }
}
