package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Rows of activations as signed bytes in blocks of 32 with an F32 scale, for integer dot products. */
public final class ActivationQuant {
    /** Elements that share a scale. */
    public static final int BLOCK = 32;

    /** Adding it rounds to the nearest integer (ties to even) and leaves its two's complement in the low byte. */
    private static final float ROUND = 0x1.8p23f;
    /** Below this, 127 / largest may overflow; such a block is zero. */
    private static final float SMALLEST = 0x1p-115f;
    /** As many bytes as there are floats in a vector; 128-bit vectors fill half of the smallest byte vector. */
    private static final VectorSpecies<Byte> BYTES =
            Lanes.FLOATS == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

    private ActivationQuant() {}

    /**
     * For each block of x [n]: scale = largest magnitude / 127 and q = round(x / scale), ties to even. A last block of
     * fewer than 32 elements is filled up with zeros. NaN and infinities make the block's scale NaN or infinite, so
     * that a product with it cannot pass for a number; blocks below 2^-115 become zero.
     *
     * @param q bytes [n rounded up to 32] from byte {@code qOff} on
     * @param scales floats [blocks] from float {@code scalesOff} on
     * @param sums floats [blocks] from {@code scalesOff} on: scale · Σq, what a weight block's minimum multiplies; or
     *     null for none
     */
    public static void row(MemorySegment x, long xOff, int n, MemorySegment q, long qOff, MemorySegment scales,
            MemorySegment sums, long scalesOff) {
        int blocks = n / BLOCK;
        for (int block = 0; block < blocks; block++) {
            long from = xOff + (long) block * BLOCK;
            float largest = largest(x, from);
            float inverse = largest < SMALLEST ? 0f : 127f / largest;
            float scale = largest < SMALLEST ? 0f : largest / 127f;
            float sum = codes(x, from, inverse, q, qOff + (long) block * BLOCK);
            Floats.set(scales, scalesOff + block, scale);
            if (sums != null) {
                Floats.set(sums, scalesOff + block, scale * sum);
            }
        }
        int done = blocks * BLOCK;
        if (done < n) {
            shortBlock(x, xOff + done, n - done, q, qOff + done, scales, sums, scalesOff + blocks);
        }
    }

    /** Largest magnitude of a block; NaN if it has one. */
    private static float largest(MemorySegment x, long from) {
        FloatVector max0 = fromMemorySegment(FLOAT, x, from << 2, LITTLE_ENDIAN).abs();
        FloatVector max1 = fromMemorySegment(FLOAT, x, from + Lanes.FLOATS << 2, LITTLE_ENDIAN).abs();
        for (int i = 2 * Lanes.FLOATS; i < BLOCK; i += 2 * Lanes.FLOATS) {
            max0 = max0.max(fromMemorySegment(FLOAT, x, from + i << 2, LITTLE_ENDIAN).abs());
            max1 = max1.max(fromMemorySegment(FLOAT, x, from + i + Lanes.FLOATS << 2, LITTLE_ENDIAN).abs());
        }
        return max0.max(max1).reduceLanes(VectorOperators.MAX);
    }

    /** Writes a block's codes and returns their sum, which is exact in any order. */
    private static float codes(MemorySegment x, long from, float inverse, MemorySegment q, long qOff) {
        FloatVector sum = FloatVector.zero(FLOAT);
        for (int i = 0; i < BLOCK; i += Lanes.FLOATS) {
            FloatVector rounded = fromMemorySegment(FLOAT, x, from + i << 2, LITTLE_ENDIAN).mul(inverse).add(ROUND);
            sum = sum.add(rounded.sub(ROUND));
            IntVector bits = rounded.reinterpretAsInts();
            ByteVector bytes = (ByteVector) bits.convertShape(VectorOperators.I2B, BYTES, 0);
            if (Lanes.FLOATS == 4) {
                Bits.set32(q, qOff + i, bytes.reinterpretAsInts().lane(0));
            } else {
                bytes.intoMemorySegment(q, qOff + i, LITTLE_ENDIAN);
            }
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    private static void shortBlock(MemorySegment x, long from, int n, MemorySegment q, long qOff, MemorySegment scales,
            MemorySegment sums, long at) {
        float largest = 0;
        for (int i = 0; i < n; i++) {
            largest = Math.max(largest, Math.abs(Floats.get(x, from + i)));
        }
        float inverse = largest < SMALLEST ? 0f : 127f / largest;
        float scale = largest < SMALLEST ? 0f : largest / 127f;
        float sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            float code = i < n ? Floats.get(x, from + i) * inverse + ROUND - ROUND : 0;
            sum += code;
            Bits.set8(q, qOff + i, (int) code);
        }
        Floats.set(scales, at, scale);
        if (sums != null) {
            Floats.set(sums, at, scale * sum);
        }
    }
}
