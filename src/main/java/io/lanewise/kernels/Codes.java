package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Rows of x as whole numbers for products with 4-bit weights in 16-bit lanes. A block of 32 has one scale, as fine as
 * the sums of such lanes allow: with weights of magnitude 8 at most, Σ|w·code| stays within 32,760 if Σ|code| stays
 * within 4,095. So it is the sum of magnitudes that sets the scale, not the largest: a block of 32 equal numbers gets
 * codes of 127, as bytes would have, a block of normally distributed ones gets three times as fine a grid, and one with
 * an outlier up to thirty times.
 *
 * <p>A row lies as
 *
 * <pre>
 *   inDim ints: the code in both halves | a block each: starts | scales | sums
 * </pre>
 *
 * <p>starts: −8·Σcode, in both halves of an int, from which lanes that sum code·(w + 8) start, so that they end at
 * Σ code·w. sums: Σx in floats, what a weight block's minimum multiplies.
 */
final class Codes {
    /** Numbers that share a scale. */
    static final int BLOCK = 32;
    /** Largest Σ|code| of a block, but for 16 that rounding may add. */
    static final int LIMIT = 4095 - BLOCK / 2;

    /** Adding it rounds to the nearest integer (ties to even) and leaves its two's complement in the low bits. */
    private static final float ROUND = 0x1.8p23f;
    /** Below this, LIMIT / Σ|x| may overflow; such a block is zero. */
    private static final float SMALLEST = 0x1p-110f;
    private static final int LOW = 0xFFFF;

    private Codes() {}

    /** Bytes of a row. */
    static long rowBytes(int inDim) {
        return 4L * inDim + 12L * (inDim / BLOCK) + 63 & -64L;
    }

    /** Byte of a row at which its starts begin. */
    static long starts(int inDim) {
        return 4L * inDim;
    }

    /** Byte of a row at which its scales begin. */
    static long scales(int inDim) {
        return 4L * inDim + 4L * (inDim / BLOCK);
    }

    /** Byte of a row at which its sums begin. */
    static long sums(int inDim) {
        return 4L * inDim + 8L * (inDim / BLOCK);
    }

    /**
     * Writes one row. NaN and infinities make the block's scale NaN or infinite, so that a product with it cannot pass for
     * a number.
     *
     * @param x floats [inDim] from byte {@code x0} on, inDim a multiple of 32
     * @param to where the row starts in {@code codes}, in bytes
     */
    static void row(MemorySegment x, long x0, int inDim, MemorySegment codes, long to) {
        int blocks = inDim / BLOCK;
        long starts = to + starts(inDim);
        long scales = to + scales(inDim);
        long sums = to + sums(inDim);
        for (int block = 0; block < blocks; block++) {
            long from = x0 + 4L * BLOCK * block;
            float magnitude = magnitude(x, from);
            boolean zero = magnitude < SMALLEST;
            float start = -8 * encode(x, from, zero ? 0f : LIMIT / magnitude, codes, to + 4L * BLOCK * block);
            Bits.set32(codes, starts + 4L * block, ((int) start & LOW) * 0x10001);
            Bits.set32(codes, scales + 4L * block, Float.floatToRawIntBits(zero ? 0f : magnitude / LIMIT));
            Bits.set32(codes, sums + 4L * block, Float.floatToRawIntBits(sum(x, from)));
        }
    }

    /** Σ|x| of a block. */
    private static float magnitude(MemorySegment x, long from) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < BLOCK; i += Lanes.FLOATS) {
            sum = sum.add(FloatVector.fromMemorySegment(Lanes.FLOAT, x, from + 4L * i, LITTLE_ENDIAN).abs());
        }
        // Written out, in one order: see Floats.
        if (Lanes.FLOATS == 16) {
            sum = sum.add(sum.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum = sum.add(sum.rearrange(Floats.FROM_4));
        }
        sum = sum.add(sum.rearrange(Floats.FROM_2));
        return sum.lane(0) + sum.lane(1);
    }

    private static float sum(MemorySegment x, long from) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < BLOCK; i += Lanes.FLOATS) {
            sum = sum.add(FloatVector.fromMemorySegment(Lanes.FLOAT, x, from + 4L * i, LITTLE_ENDIAN));
        }
        // Written out, in one order: see Floats.
        if (Lanes.FLOATS == 16) {
            sum = sum.add(sum.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum = sum.add(sum.rearrange(Floats.FROM_4));
        }
        sum = sum.add(sum.rearrange(Floats.FROM_2));
        return sum.lane(0) + sum.lane(1);
    }

    /** Writes a block's codes and returns their sum, exact in any order. */
    private static float encode(MemorySegment x, long from, float inverse, MemorySegment codes, long to) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < BLOCK; i += Lanes.FLOATS) {
            FloatVector rounded = FloatVector.fromMemorySegment(Lanes.FLOAT, x, from + 4L * i, LITTLE_ENDIAN)
                    .mul(inverse).add(ROUND);
            sum = sum.add(rounded.sub(ROUND));
            IntVector bits = rounded.reinterpretAsInts();
            bits.and(LOW).or(bits.lanewise(VectorOperators.LSHL, 16))
                    .intoMemorySegment(codes, to + 4L * i, LITTLE_ENDIAN);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }
}
