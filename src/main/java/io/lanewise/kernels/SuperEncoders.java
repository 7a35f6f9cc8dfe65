package io.lanewise.kernels;

import static io.lanewise.kernels.Bits.set16;
import static io.lanewise.kernels.Bits.set8;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;

/** Encoders of the types with super-blocks of 256; layouts stand with the decoders in {@link SuperBlocks}. */
final class SuperEncoders {
    private SuperEncoders() {}

    static void encodeQ2_K(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        SuperFit fit = new SuperFit();
        for (long block = 0; block < blocks; block++, from += 256, at += 84) {
            fit.load(src, from, DType.Q2_K);
            fit.affine(16, 3, 15);
            for (int sub = 0; sub < 16; sub++) {
                set8(dst, at + sub, fit.scales[sub] | fit.mins[sub] << 4);
            }
            setPairsOfBits(dst, at + 16, fit.q, 0);
            set16(dst, at + 80, fit.d);
            set16(dst, at + 82, fit.dMin);
        }
    }

    static void encodeQ3_K(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        SuperFit fit = new SuperFit();
        for (long block = 0; block < blocks; block++, from += 256, at += 110) {
            fit.load(src, from, DType.Q3_K);
            fit.symmetric(-4, 3, -32, 31);
            for (int j = 0; j < 32; j++) {
                set8(dst, at + j, columnOfBits(fit.q, j, 2, 4));
            }
            setPairsOfBits(dst, at + 32, fit.q, 4);
            for (int j = 0; j < 8; j++) {
                set8(dst, at + 96 + j, fit.scales[j] + 32 & 0xF | (fit.scales[j + 8] + 32 & 0xF) << 4);
            }
            for (int j = 0; j < 4; j++) {
                int highs = 0;
                for (int part = 0; part < 4; part++) {
                    highs |= (fit.scales[j + 4 * part] + 32 >> 4) << 2 * part;
                }
                set8(dst, at + 104 + j, highs);
            }
            set16(dst, at + 108, fit.d);
        }
    }

    static void encodeQ4_K(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        SuperFit fit = new SuperFit();
        for (long block = 0; block < blocks; block++, from += 256, at += 144) {
            fit.load(src, from, DType.Q4_K);
            fit.affine(32, 15, 63);
            setScalesAndMins(dst, at, fit);
            setNibblePairs(dst, at + 16, fit.q);
        }
    }

    static void encodeQ5_K(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        SuperFit fit = new SuperFit();
        for (long block = 0; block < blocks; block++, from += 256, at += 176) {
            fit.load(src, from, DType.Q5_K);
            fit.affine(32, 31, 63);
            setScalesAndMins(dst, at, fit);
            for (int j = 0; j < 32; j++) {
                set8(dst, at + 16 + j, columnOfBits(fit.q, j, 4, 0));
            }
            setNibblePairs(dst, at + 48, fit.q);
        }
    }

    static void encodeQ6_K(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        SuperFit fit = new SuperFit();
        for (long block = 0; block < blocks; block++, from += 256, at += 210) {
            fit.load(src, from, DType.Q6_K);
            fit.symmetric(-32, 31, -128, 127);
            for (int half = 0; half < 2; half++) {
                for (int j = 0; j < 64; j++) {
                    int low = fit.q[half * 128 + j] + 32;
                    int high = fit.q[half * 128 + 64 + j] + 32;
                    set8(dst, at + half * 64 + j, low & 0xF | (high & 0xF) << 4);
                }
                for (int j = 0; j < 32; j++) {
                    int highs = 0;
                    for (int part = 0; part < 4; part++) {
                        highs |= (fit.q[half * 128 + part * 32 + j] + 32 >> 4) << 2 * part;
                    }
                    set8(dst, at + 128 + half * 32 + j, highs);
                }
            }
            for (int sub = 0; sub < 16; sub++) {
                set8(dst, at + 192 + sub, fit.scales[sub]);
            }
            set16(dst, at + 208, fit.d);
        }
    }

    static void encodeIQ4_XS(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        SuperFit fit = new SuperFit();
        for (long block = 0; block < blocks; block++, from += 256, at += 136) {
            fit.load(src, from, DType.IQ4_XS);
            fit.table(Codebook.IQ4, -32, 31);
            set16(dst, at, fit.d);
            int highs = 0;
            for (int sub = 0; sub < 8; sub++) {
                highs |= (fit.scales[sub] + 32 >> 4) << 2 * sub;
                SmallEncoders.setNibbles(dst, at + 8 + sub * 16, fit.q, sub * 32, 0);
            }
            set16(dst, at + 2, highs);
            for (int j = 0; j < 4; j++) {
                set8(dst, at + 4 + j, fit.scales[2 * j] + 32 & 0xF | (fit.scales[2 * j + 1] + 32 & 0xF) << 4);
            }
        }
    }

    /** The first 16 bytes of Q4_K and Q5_K. */
    private static void setScalesAndMins(MemorySegment dst, long at, SuperFit fit) {
        set16(dst, at, fit.d);
        set16(dst, at + 2, fit.dMin);
        for (int j = 0; j < 4; j++) {
            int scale = fit.scales[j + 4];
            int min = fit.mins[j + 4];
            set8(dst, at + 4 + j, fit.scales[j] | scale >> 4 << 6);
            set8(dst, at + 8 + j, fit.mins[j] | min >> 4 << 6);
            set8(dst, at + 12 + j, scale & 0xF | (min & 0xF) << 4);
        }
    }

    /** 128 bytes of low four bits: of each 64 codes the first 32 in the low halves. */
    private static void setNibblePairs(MemorySegment dst, long at, byte[] q) {
        for (int j = 0; j < 128; j++) {
            int element = (j >> 5) * 64 + (j & 31);
            set8(dst, at + j, q[element] & 0xF | (q[element + 32] & 0xF) << 4);
        }
    }

    /** 64 bytes of low two bits of code + bias: of each 128 codes the first 32 in bits 0-1. */
    private static void setPairsOfBits(MemorySegment dst, long at, byte[] q, int bias) {
        for (int j = 0; j < 64; j++) {
            int element = (j >> 5) * 128 + (j & 31);
            int bits = 0;
            for (int part = 0; part < 4; part++) {
                bits |= (q[element + part * 32] + bias & 3) << 2 * part;
            }
            set8(dst, at + j, bits);
        }
    }

    /** Bit {@code bit} of code + bias of elements j, j + 32, j + 64, … */
    private static int columnOfBits(byte[] q, int j, int bit, int bias) {
        int bits = 0;
        for (int part = 0; part < 8; part++) {
            bits |= (q[j + 32 * part] + bias >> bit & 1) << part;
        }
        return bits;
    }
}
