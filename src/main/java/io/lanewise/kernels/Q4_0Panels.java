package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_0: an F16 scale and 32 weights of 4 bits, 8 for zero, in as many bytes as the file has. Scales of a pair: an int
 * vector a block, in each half of a lane an F16.
 *
 * <p>A scale that is Inf or NaN, which no quantiser writes, counts as the finite number that follows from its bits.
 */
final class Q4_0Panels extends CodedPanels {
    private static final int RAW_BLOCK = 18;
    private static final boolean TWO = PAIRS == 2;
    /** Sign, exponent and fraction of an F16 number in the top half of an int that was shifted right by 3. */
    private static final int HALF_BITS = 0x8FFFE000;
    /** Mends the bias of an F16 exponent, exactly. */
    private static final float HALF_SCALE = 0x1p112f;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @Override
    long scaleBytes(int inDim) {
        return inDim / BLOCK * (long) BYTES;
    }

    @Override
    long rawRowBytes(int inDim) {
        return inDim / BLOCK * (long) RAW_BLOCK;
    }

    @Override
    int four(MemorySegment raw, long row, int block, int k) {
        return Nibbles.four(raw, row + (long) block * RAW_BLOCK + 2, k);
    }

    @Override
    void packScales(MemorySegment raw, long row, int inDim, MemorySegment panels, long to) {
        for (int block = 0; block < inDim / BLOCK; block++) {
            Bits.set16(panels, to + (long) block * BYTES, Bits.i16(raw, row + (long) block * RAW_BLOCK));
        }
    }

    @Override
    void scaleRow(int[] sums, MemorySegment codes, long xScales, long xSums, MemorySegment panels, long s0, long s1,
            int block0, int blocks, boolean add, MemorySegment c, long c0) {
        scale(sums, codes, xScales, panels, s0 + (long) block0 * BYTES, s1 + (long) block0 * BYTES, blocks, add, c, c0);
    }

    private static void scale(int[] sums, MemorySegment x, long xScales, MemorySegment w, long s0, long s1,
            int blocks, boolean add, MemorySegment c, long c0) {
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        if (add) {
            y0 = FloatVector.fromMemorySegment(FLOAT, c, c0, LITTLE_ENDIAN);
            y1 = FloatVector.fromMemorySegment(FLOAT, c, c0 + BYTES, LITTLE_ENDIAN);
            if (TWO) {
                y2 = FloatVector.fromMemorySegment(FLOAT, c, c0 + 2 * BYTES, LITTLE_ENDIAN);
                y3 = FloatVector.fromMemorySegment(FLOAT, c, c0 + 3 * BYTES, LITTLE_ENDIAN);
            }
        }
        for (int b = 0; b < blocks; b++) {
            FloatVector scale = FloatVector.broadcast(FLOAT, x.get(F32, xScales + 4L * b) * HALF_SCALE);
            IntVector t = IntVector.fromArray(INT, sums, b * NibbleRow.STEP);
            IntVector h = IntVector.fromMemorySegment(INT, w, s0 + (long) b * BYTES, LITTLE_ENDIAN);
            y0 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                    .convert(VectorOperators.I2F, 0))
                    .fma(h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y0);
            y1 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                    .fma(h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y1);
            if (TWO) {
                t = IntVector.fromArray(INT, sums, b * NibbleRow.STEP + LANES);
                h = IntVector.fromMemorySegment(INT, w, s1 + (long) b * BYTES, LITTLE_ENDIAN);
                y2 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                        .convert(VectorOperators.I2F, 0))
                        .fma(h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y2);
                y3 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                        .fma(h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y3);
            }
        }
        y0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (TWO) {
            y2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            y3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    @Override
    void unpackScales(MemorySegment panels, long s0, int block0, int blocks, MemorySegment scales, MemorySegment offsets,
            long to) {
        for (int b = 0; b < blocks; b++) {
            IntVector h = IntVector.fromMemorySegment(INT, panels, s0 + (long) (block0 + b) * BYTES, LITTLE_ENDIAN);
            long t = to + b * NR * 4L;
            h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE).intoMemorySegment(scales, t, LITTLE_ENDIAN);
            h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE)
                    .intoMemorySegment(scales, t + BYTES, LITTLE_ENDIAN);
        }
    }
}
