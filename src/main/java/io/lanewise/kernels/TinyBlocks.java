package io.lanewise.kernels;

import static io.lanewise.kernels.Bits.f16;
import static io.lanewise.kernels.Bits.u8;

import java.lang.foreign.MemorySegment;

/** Decoders of types that are read only: binary, ternary and two-bit weights, and NVFP4. */
final class TinyBlocks {
    /** 3^n mod 256. */
    private static final int[] POWERS_OF_3 = {1, 3, 9, 27, 81};

    private TinyBlocks() {}

    /** Block of 128: F16 scale, 16 bytes of signs, set for plus. */
    static void decodeQ1_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 18, to += 128) {
            float scale = f16(src, at);
            for (int j = 0; j < 128; j++) {
                int sign = u8(src, at + 2 + (j >> 3)) >> (j & 7) & 1;
                Floats.set(dst, to + j, sign != 0 ? scale : -scale);
            }
        }
    }

    /** Block of 64: F16 scale, 16 bytes of four 2-bit codes each, 1 for zero. */
    static void decodeQ2_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 18, to += 64) {
            float scale = f16(src, at);
            for (int j = 0; j < 64; j++) {
                int code = u8(src, at + 2 + (j >> 2)) >> (j & 3) * 2 & 3;
                Floats.set(dst, to + j, scale * (code - 1));
            }
        }
    }

    /**
     * Super-block of 256: 48 bytes of five ternary digits each, 4 bytes of four, F16 scale. A byte is its number's
     * fraction of 3^5 in 256ths, so that digit n is the integer part of 3 · (byte · 3^n mod 256) / 256.
     */
    static void decodeTQ1_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 54, to += 256) {
            float scale = f16(src, at + 52);
            decodeTernary(src, at, 32, 5, scale, dst, to);
            decodeTernary(src, at + 32, 16, 5, scale, dst, to + 160);
            decodeTernary(src, at + 48, 4, 4, scale, dst, to + 240);
        }
    }

    private static void decodeTernary(MemorySegment src, long at, int bytes, int digits, float scale,
            MemorySegment dst, long to) {
        for (int n = 0; n < digits; n++) {
            for (int j = 0; j < bytes; j++) {
                int digit = (u8(src, at + j) * POWERS_OF_3[n] & 0xFF) * 3 >> 8;
                Floats.set(dst, to + n * bytes + j, scale * (digit - 1));
            }
        }
    }

    /** Super-block of 256: 64 bytes of 2-bit codes, 1 for zero, laid as in Q2_K; F16 scale. */
    static void decodeTQ2_0(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 66, to += 256) {
            float scale = f16(src, at + 64);
            for (int j = 0; j < 256; j++) {
                int code = u8(src, at + (j >> 7) * 32 + (j & 31)) >> (j >> 5 & 3) * 2 & 3;
                Floats.set(dst, to + j, scale * (code - 1));
            }
        }
    }

    /** Block of 64: four UE4M3 scales of 16 elements each, 32 bytes of E2M1 floats, 8 bytes a scale. */
    static void decodeNVFP4(MemorySegment src, long at, MemorySegment dst, long to, long blocks) {
        for (long block = 0; block < blocks; block++, at += 36, to += 64) {
            for (int sub = 0; sub < 4; sub++) {
                float halfScale = 0.5f * ofUE4M3(u8(src, at + sub));
                SmallBlocks.decodeNibbles(src, at + 4 + sub * 8, halfScale, SmallBlocks.E2M1_DOUBLED, 8, dst,
                        to + sub * 16);
            }
        }
    }

    /** Four bits of exponent (bias 7) and three of mantissa, without infinities; 0x7F is not a number. */
    private static float ofUE4M3(int bits) {
        int exponent = bits >> 3 & 0xF;
        int mantissa = bits & 7;
        if ((bits & 0x7F) == 0x7F) {
            return Float.NaN;
        }
        return exponent == 0 ? mantissa * 0x1p-9f : (8 + mantissa) * Float.intBitsToFloat(exponent + 117 << 23);
    }
}
