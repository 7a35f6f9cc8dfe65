package io.lanewise.kernels;

import static io.lanewise.kernels.Bits.set16;
import static io.lanewise.kernels.Bits.set32;
import static io.lanewise.kernels.Bits.set8;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;

/** Encoders of the types with blocks of 32; layouts stand with the decoders in {@link SmallBlocks}. */
final class SmallEncoders {
    /** The largest exponent whose greatest code, 6 · 2^(e - 127), is a finite float. */
    private static final int LARGEST_E8M0 = 252;

    private SmallEncoders() {}

    /** Scale = largest magnitude / 127, then plain rounding: with 255 levels a search finds nothing more. */
    static void encodeQ8_0(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 34) {
            fit.load(src, from, 32, DType.Q8_0);
            short d = fit.half(Math.abs(fit.extreme(0, 32)) / 127);
            fit.codes(0, 32, fit.ofHalf(d), 0, -127, 127, q);
            set16(dst, at, d);
            for (int j = 0; j < 32; j++) {
                set8(dst, at + 2 + j, q[j]);
            }
        }
    }

    static void encodeQ4_0(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 18) {
            fit.load(src, from, 32, DType.Q4_0);
            short d = symmetricScale(fit, -8, 7);
            fit.codes(0, 32, fit.ofHalf(d), 0, -8, 7, q);
            set16(dst, at, d);
            setNibbles(dst, at + 2, q, 0, 8);
        }
    }

    static void encodeQ5_0(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 22) {
            fit.load(src, from, 32, DType.Q5_0);
            short d = symmetricScale(fit, -16, 15);
            fit.codes(0, 32, fit.ofHalf(d), 0, -16, 15, q);
            set16(dst, at, d);
            set32(dst, at + 2, fifthBits(q, 16));
            setNibbles(dst, at + 6, q, 0, 16);
        }
    }

    /** The fitted scale, or the one that puts the extreme at the end of the range if that is no worse as stored. */
    private static short symmetricScale(BlockFit fit, int low, int high) {
        fit.fitScale(0, 32, low, high);
        short fitted = fit.half(fit.scale);
        short plain = fit.half(fit.extreme(0, 32) / low);
        double fittedError = fit.error(0, 32, fit.ofHalf(fitted), 0, low, high);
        double plainError = fit.error(0, 32, fit.ofHalf(plain), 0, low, high);
        return plainError <= fittedError ? plain : fitted;
    }

    static void encodeQ4_1(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 20) {
            fit.load(src, from, 32, DType.Q4_1);
            affineCodes(fit, 15, q, dst, at);
            setNibbles(dst, at + 4, q, 0, 0);
        }
    }

    static void encodeQ5_1(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 24) {
            fit.load(src, from, 32, DType.Q5_1);
            affineCodes(fit, 31, q, dst, at);
            set32(dst, at + 4, fifthBits(q, 0));
            setNibbles(dst, at + 8, q, 0, 0);
        }
    }

    /** Writes scale and minimum: the fitted ones, or least and (most - least) / high if no worse as stored. */
    private static void affineCodes(BlockFit fit, int high, byte[] q, MemorySegment dst, long at) {
        float least = fit.x[0];
        float most = fit.x[0];
        for (int i = 1; i < 32; i++) {
            least = Math.min(least, fit.x[i]);
            most = Math.max(most, fit.x[i]);
        }
        short d = fit.half((most - least) / high);
        short m = fit.half(least);
        double plainError = fit.error(0, 32, fit.ofHalf(d), fit.ofHalf(m), 0, high);
        fit.fitScaleAndMin(0, 32, high, false);
        short fittedD = fit.half(fit.scale);
        short fittedM = fit.half(fit.min);
        if (fit.error(0, 32, fit.ofHalf(fittedD), fit.ofHalf(fittedM), 0, high) < plainError) {
            d = fittedD;
            m = fittedM;
        }
        fit.codes(0, 32, fit.ofHalf(d), fit.ofHalf(m), 0, high, q);
        set16(dst, at, d);
        set16(dst, at + 2, m);
    }

    static void encodeIQ4_NL(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 18) {
            fit.load(src, from, 32, DType.IQ4_NL);
            fit.fitTable(0, 32, Codebook.IQ4);
            short fitted = fit.half(fit.scale);
            short plain = fit.half(fit.extreme(0, 32) / Codebook.IQ4.least());
            double fittedError = fit.error(0, 32, fit.ofHalf(fitted), Codebook.IQ4);
            short d = fit.error(0, 32, fit.ofHalf(plain), Codebook.IQ4) <= fittedError ? plain : fitted;
            fit.codes(0, 32, fit.ofHalf(d), Codebook.IQ4, q);
            set16(dst, at, d);
            setNibbles(dst, at + 2, q, 0, 0);
        }
    }

    /**
     * The largest code is 6 · 2^e: tries the e that puts the largest magnitude between 4 and 8, which may clip it, and
     * the e above. Exponents are clamped so that all codes are finite; what lies below 2^-129 becomes zero.
     */
    static void encodeMXFP4(MemorySegment src, long from, MemorySegment dst, long at, long blocks) {
        BlockFit fit = new BlockFit();
        byte[] q = new byte[32];
        for (long block = 0; block < blocks; block++, from += 32, at += 17) {
            boolean zeros = !fit.load(src, from, 32, DType.MXFP4);
            // The block's largest lies in [0.5, 1) · 2^exponent; codes are doubled values.
            int biased = Math.clamp(fit.exponent() - 3 + 127, 0, LARGEST_E8M0);
            double best = Double.POSITIVE_INFINITY;
            int e = 0;
            for (int tried = biased; !zeros && tried <= Math.min(biased + 1, LARGEST_E8M0); tried++) {
                double error = fit.error(0, 32, unitsOfE8M0(fit, tried), Codebook.E2M1);
                if (error < best) {
                    best = error;
                    e = tried;
                }
            }
            fit.codes(0, 32, zeros ? 0 : unitsOfE8M0(fit, e), Codebook.E2M1, q);
            set8(dst, at, e);
            setNibbles(dst, at + 1, q, 0, 0);
        }
    }

    /** Half of 2^(e - 127) in units of the block. */
    private static float unitsOfE8M0(BlockFit fit, int e) {
        return (float) Math.scalb(1.0, e - 128 - fit.exponent());
    }

    /** Sixteen bytes of nibbles, code + bias mod 16: 32 codes from {@code first} on, the first 16 in the low halves. */
    static void setNibbles(MemorySegment dst, long at, byte[] q, int first, int bias) {
        for (int j = 0; j < 16; j++) {
            int low = q[first + j] + bias & 0xF;
            int high = q[first + j + 16] + bias & 0xF;
            set8(dst, at + j, low | high << 4);
        }
    }

    private static int fifthBits(byte[] q, int bias) {
        int bits = 0;
        for (int j = 0; j < 32; j++) {
            bits |= (q[j] + bias >> 4 & 1) << j;
        }
        return bits;
    }
}
