package io.lanewise.kernels;

import static io.lanewise.kernels.Bits.f16;
import static io.lanewise.kernels.Bits.i16;
import static io.lanewise.kernels.Bits.i8;
import static io.lanewise.kernels.Bits.u8;

import java.lang.foreign.MemorySegment;

/**
 * Decoders of the types with super-blocks of 256: one F16 scale (and one for the minima), small integers as scales of
 * sub-blocks of 16 or 32 elements, and 256 codes.
 */
final class SuperBlocks {
    private SuperBlocks() {}

    /**
     * Super-block: 16 bytes of scale (low nibble) and minimum (high nibble) for 16 elements each; 64 bytes of 2-bit
     * codes; F16 scale of the scales; F16 scale of the minima. Of each 32 bytes, bits 0-1 hold 32 elements, bits 2-3
     * the next 32, and so on.
     */
    static void decodeQ2_K(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 84, to += 256) {
            float d = f16(src, at + 80);
            float dMin = f16(src, at + 82);
            for (int sub = 0; sub < 16; sub++) {
                int packed = u8(src, at + sub);
                float scale = d * (packed & 0xF);
                float min = dMin * (packed >> 4);
                long codes = at + 16 + (sub >> 3) * 32 + (sub & 1) * 16;
                int shift = (sub >> 1 & 3) * 2;
                for (int j = 0; j < 16; j++) {
                    Floats.set(dst, to + sub * 16 + j, scale * (u8(src, codes + j) >> shift & 3) - min);
                }
            }
        }
    }

    /**
     * Super-block: 32 bytes of third bits (bit b of byte j for element 32·b + j); 64 bytes of 2-bit codes, laid as in
     * Q2_K; 12 bytes of 6-bit scales for 16 elements each, 32 for zero; F16 scale of the scales.
     */
    static void decodeQ3_K(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 110, to += 256) {
            float d = f16(src, at + 108);
            for (int sub = 0; sub < 16; sub++) {
                float scale = d * (scaleOfQ3_K(src, at + 96, sub) - 32);
                long thirds = at + (sub & 1) * 16;
                long codes = at + 32 + (sub >> 3) * 32 + (sub & 1) * 16;
                int shift = (sub >> 1 & 3) * 2;
                int third = sub >> 1;
                for (int j = 0; j < 16; j++) {
                    int code = u8(src, codes + j) >> shift & 3 | (u8(src, thirds + j) >> third & 1) << 2;
                    Floats.set(dst, to + sub * 16 + j, scale * (code - 4));
                }
            }
        }
    }

    /** Low four bits of 16 scales in 8 bytes of nibbles, then their high two bits in 4 bytes. */
    static int scaleOfQ3_K(MemorySegment src, long scales, int sub) {
        int low = u8(src, scales + (sub & 7)) >> (sub >> 3) * 4 & 0xF;
        int high = u8(src, scales + 8 + (sub & 3)) >> (sub >> 2) * 2 & 3;
        return low | high << 4;
    }

    /**
     * Super-block: F16 scale of the scales; F16 scale of the minima; 12 bytes of 6-bit scales and minima for 32
     * elements each; 128 bytes of nibbles. Of each 32 bytes, the low halves hold 32 elements and the high halves the
     * next 32.
     */
    static void decodeQ4_K(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 144, to += 256) {
            float d = f16(src, at);
            float dMin = f16(src, at + 2);
            for (int sub = 0; sub < 8; sub++) {
                float scale = d * scaleOfQ4_K(src, at + 4, sub);
                float min = dMin * minOfQ4_K(src, at + 4, sub);
                long codes = at + 16 + (sub >> 1) * 32;
                int shift = (sub & 1) * 4;
                for (int j = 0; j < 32; j++) {
                    Floats.set(dst, to + sub * 32 + j, scale * (u8(src, codes + j) >> shift & 0xF) - min);
                }
            }
        }
    }

    /** Scales 0-3 in the low six bits of bytes 0-3; 4-7 in the low nibbles of bytes 8-11 and the top bits of 0-3. */
    static int scaleOfQ4_K(MemorySegment src, long packed, int sub) {
        return sub < 4
                ? u8(src, packed + sub) & 63
                : u8(src, packed + sub + 4) & 0xF | u8(src, packed + sub - 4) >> 6 << 4;
    }

    /** Minima 0-3 in the low six bits of bytes 4-7; 4-7 in the high nibbles of bytes 8-11 and the top bits of 4-7. */
    static int minOfQ4_K(MemorySegment src, long packed, int sub) {
        return sub < 4
                ? u8(src, packed + sub + 4) & 63
                : u8(src, packed + sub + 4) >> 4 | u8(src, packed + sub) >> 6 << 4;
    }

    /** As Q4_K, with 32 bytes of fifth bits (bit b of byte j for element 32·b + j) between scales and nibbles. */
    static void decodeQ5_K(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 176, to += 256) {
            float d = f16(src, at);
            float dMin = f16(src, at + 2);
            for (int sub = 0; sub < 8; sub++) {
                float scale = d * scaleOfQ4_K(src, at + 4, sub);
                float min = dMin * minOfQ4_K(src, at + 4, sub);
                long fifths = at + 16;
                long codes = at + 48 + (sub >> 1) * 32;
                int shift = (sub & 1) * 4;
                for (int j = 0; j < 32; j++) {
                    int code = u8(src, codes + j) >> shift & 0xF | (u8(src, fifths + j) >> sub & 1) << 4;
                    Floats.set(dst, to + sub * 32 + j, scale * code - min);
                }
            }
        }
    }

    /**
     * Super-block: 128 bytes with the low four bits, 64 bytes with the high two bits of 6-bit codes, 32 for zero; 16
     * signed bytes of scales for 16 elements each; F16 scale of the scales. Each half of the super-block (128 elements)
     * has 64 bytes of low bits (elements 0-63 in low nibbles, 64-127 in high nibbles) and 32 bytes of high bits
     * (elements 0-31 in bits 0-1, 32-63 in bits 2-3, and so on).
     */
    static void decodeQ6_K(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 210, to += 256) {
            float d = f16(src, at + 208);
            for (int sub = 0; sub < 16; sub++) {
                float scale = d * i8(src, at + 192 + sub);
                int half = sub >> 3;
                long low = at + half * 64 + (sub & 3) * 16;
                int lowShift = (sub >> 2 & 1) * 4;
                long high = at + 128 + half * 32 + (sub & 1) * 16;
                int highShift = (sub >> 1 & 3) * 2;
                for (int j = 0; j < 16; j++) {
                    int code = u8(src, low + j) >> lowShift & 0xF | (u8(src, high + j) >> highShift & 3) << 4;
                    Floats.set(dst, to + sub * 16 + j, scale * (code - 32));
                }
            }
        }
    }

    /**
     * Super-block: F16 scale of the scales; high two bits of eight 6-bit scales (32 for zero) in 16 bits; their low
     * four bits in 4 bytes of nibbles; 128 bytes of nibbles that index {@link SmallBlocks#IQ4_VALUES}, 32 elements in
     * 16 bytes.
     */
    static void decodeIQ4_XS(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 136, to += 256) {
            float d = f16(src, at);
            for (int sub = 0; sub < 8; sub++) {
                SmallBlocks.decodeNibbles(src, at + 8 + sub * 16, d * (scaleOfIQ4_XS(src, at, sub) - 32),
                        SmallBlocks.IQ4_VALUES, 16, dst, to + sub * 32);
            }
        }
    }

    static int scaleOfIQ4_XS(MemorySegment src, long at, int sub) {
        int low = u8(src, at + 4 + (sub >> 1)) >> (sub & 1) * 4 & 0xF;
        return low | (i16(src, at + 2) >> 2 * sub & 3) << 4;
    }
}
