package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_1: an F16 scale, an F16 minimum and 32 weights of 4 bits, in as many bytes as the file has. Scales of a pair: two int
 * vectors a block, in each half of a lane an F16, the scale and the minimum. A weight w stands for scale·(w - 8) + (minimum
 * + 8·scale).
 *
 * <p>Inf and NaN, which no quantiser writes, count as the finite numbers that follow from their bits.
 */
final class Q4_1Panels extends CodedPanels {
    private static final int RAW_BLOCK = 20;
    private static final boolean TWO = PAIRS == 2;
    /** Bytes of a block in the scales. */
    private static final long SCALES = 2L * BYTES;
    /** Sign, exponent and fraction of an F16 number in the top half of an int that was shifted right by 3. */
    private static final int HALF_BITS = 0x8FFFE000;
    /** Mends the bias of an F16 exponent, exactly. */
    private static final float HALF_SCALE = 0x1p112f;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @Override
    long scaleBytes(int inDim) {
        return inDim / BLOCK * SCALES;
    }

    @Override
    long rawRowBytes(int inDim) {
        return inDim / BLOCK * (long) RAW_BLOCK;
    }

    @Override
    boolean hasOffsets() {
        return true;
    }

    @Override
    int four(MemorySegment raw, long row, int block, int k) {
        return Nibbles.four(raw, row + (long) block * RAW_BLOCK + 4, k);
    }

    @Override
    void packScales(MemorySegment raw, long row, int inDim, MemorySegment panels, long to) {
        for (int block = 0; block < inDim / BLOCK; block++) {
            long from = row + (long) block * RAW_BLOCK;
            Bits.set16(panels, to + block * SCALES, Bits.i16(raw, from));
            Bits.set16(panels, to + block * SCALES + BYTES, Bits.i16(raw, from + 2));
        }
    }

    @Override
    void scaleRow(int[] sums, MemorySegment codes, long xScales, long xSums, MemorySegment panels, long s0, long s1,
            int block0, int blocks, boolean add, MemorySegment c, long c0) {
        scale(sums, 0, codes, xScales, xSums, panels, s0 + block0 * SCALES, blocks, add, c, c0);
        if (TWO) {
            scale(sums, LANES, codes, xScales, xSums, panels, s1 + block0 * SCALES, blocks, add, c, c0 + 2 * BYTES);
        }
    }

    /** One pair: y += scale·(Σ code·w·scale of x + 8·Σx) + minimum·Σx. */
    private static void scale(int[] sums, int from, MemorySegment x, long xScales, long xSums, MemorySegment w,
            long s0, int blocks, boolean add, MemorySegment c, long c0) {
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        if (add) {
            y0 = FloatVector.fromMemorySegment(FLOAT, c, c0, LITTLE_ENDIAN);
            y1 = FloatVector.fromMemorySegment(FLOAT, c, c0 + BYTES, LITTLE_ENDIAN);
        }
        for (int b = 0; b < blocks; b++) {
            FloatVector sum = FloatVector.broadcast(FLOAT, x.get(F32, xSums + 4L * b));
            FloatVector eight = FloatVector.broadcast(FLOAT, 8 * x.get(F32, xSums + 4L * b));
            FloatVector scale = FloatVector.broadcast(FLOAT, x.get(F32, xScales + 4L * b));
            IntVector t = IntVector.fromArray(INT, sums, from + b * NibbleRow.STEP);
            IntVector h = IntVector.fromMemorySegment(INT, w, s0 + b * SCALES, LITTLE_ENDIAN);
            IntVector m = IntVector.fromMemorySegment(INT, w, s0 + b * SCALES + BYTES, LITTLE_ENDIAN);
            y0 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                    .convert(VectorOperators.I2F, 0)).fma(scale, eight)
                    .fma(h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE), y0);
            y0 = m.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE).fma(sum, y0);
            y1 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0)).fma(scale, eight)
                    .fma(h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE), y1);
            y1 = m.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE).fma(sum, y1);
        }
        y0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
    }

    @Override
    void unpackScales(MemorySegment panels, long s0, int block0, int blocks, MemorySegment scales, MemorySegment offsets,
            long to) {
        for (int b = 0; b < blocks; b++) {
            long from = s0 + (block0 + b) * SCALES;
            IntVector h = IntVector.fromMemorySegment(INT, panels, from, LITTLE_ENDIAN);
            IntVector m = IntVector.fromMemorySegment(INT, panels, from + BYTES, LITTLE_ENDIAN);
            long t = to + b * NR * 4L;
            FloatVector low = h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE);
            FloatVector high = h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE);
            low.intoMemorySegment(scales, t, LITTLE_ENDIAN);
            high.intoMemorySegment(scales, t + BYTES, LITTLE_ENDIAN);
            m.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE).add(low.mul(8)).intoMemorySegment(offsets, t, LITTLE_ENDIAN);
            m.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE)
                    .add(high.mul(8)).intoMemorySegment(offsets, t + BYTES, LITTLE_ENDIAN);
        }
    }
}
