package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_K: super-blocks of 256 with an F16 scale d and an F16 scale of minima dMin, and 8 blocks of 32 weights of 4 bits with
 * a scale and a minimum of 6 bits. A weight w of a block stands for d·scale·w - dMin·minimum. Scales of a pair: ten int
 * vectors a super-block,
 *
 * <pre>
 *   d: in each half of a lane an F16 | dMin: the same | 8 blocks: in each half of a lane the scale and, above, the minimum
 * </pre>
 *
 * <p>148 bytes where the file has 144, since the six bits have eight here.
 *
 * <p>Inf and NaN, which no quantiser writes, count as the finite numbers that follow from their bits.
 */
final class Q4_KPanels extends CodedPanels {
    private static final int RAW_SUPER = 144;
    private static final int SUPER = 256;
    /** Bytes of a super-block in the scales. */
    private static final long SCALES = 10L * BYTES;
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
        return inDim / SUPER * SCALES;
    }

    @Override
    long rawRowBytes(int inDim) {
        return inDim / SUPER * (long) RAW_SUPER;
    }

    @Override
    boolean hasOffsets() {
        return true;
    }

    @Override
    int four(MemorySegment raw, long row, int block, int k) {
        int sub = block & 7;
        int bytes = Bits.i32(raw, row + (long) (block >> 3) * RAW_SUPER + 16 + (sub >> 1) * 32 + k) >>> (sub & 1) * 4;
        return bytes & 0xF | bytes >>> 4 & 0xF0 | bytes >>> 8 & 0xF00 | bytes >>> 12 & 0xF000;
    }

    @Override
    void packScales(MemorySegment raw, long row, int inDim, MemorySegment panels, long to) {
        for (int superBlock = 0; superBlock < inDim / SUPER; superBlock++) {
            long from = row + (long) superBlock * RAW_SUPER;
            long at = to + superBlock * SCALES;
            Bits.set16(panels, at, Bits.i16(raw, from));
            Bits.set16(panels, at + BYTES, Bits.i16(raw, from + 2));
            for (int sub = 0; sub < 8; sub++) {
                Bits.set16(panels, at + (2 + sub) * (long) BYTES, SuperBlocks.scaleOfQ4_K(raw, from + 4, sub)
                        | SuperBlocks.minOfQ4_K(raw, from + 4, sub) << 8);
            }
        }
    }

    @Override
    void scaleRow(int[] sums, MemorySegment codes, long xScales, long xSums, MemorySegment panels, long s0, long s1,
            int block0, int blocks, boolean add, MemorySegment c, long c0) {
        long from = block0 / 8 * SCALES;
        scale(sums, 0, codes, xScales, xSums, panels, s0 + from, blocks, add, c, c0);
        if (TWO) {
            scale(sums, LANES, codes, xScales, xSums, panels, s1 + from, blocks, add, c, c0 + 2 * BYTES);
        }
    }

    /** One pair: y += d·Σ scale·(Σ code·w·scale of x + 8·Σx) - dMin·Σ minimum·Σx, the outer sums over a super-block. */
    private static void scale(int[] sums, int from, MemorySegment x, long xScales, long xSums, MemorySegment w,
            long s0, int blocks, boolean add, MemorySegment c, long c0) {
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector z0 = y0;
        FloatVector z1 = y0;
        FloatVector n0 = y0;
        FloatVector n1 = y0;
        if (add) {
            y0 = FloatVector.fromMemorySegment(FLOAT, c, c0, LITTLE_ENDIAN);
            y1 = FloatVector.fromMemorySegment(FLOAT, c, c0 + BYTES, LITTLE_ENDIAN);
        }
        for (int b = 0; b < blocks; b++) {
            long at = s0 + (b >> 3) * SCALES;
            FloatVector sum = FloatVector.broadcast(FLOAT, x.get(F32, xSums + 4L * b));
            FloatVector eight = FloatVector.broadcast(FLOAT, 8 * x.get(F32, xSums + 4L * b));
            FloatVector scale = FloatVector.broadcast(FLOAT, x.get(F32, xScales + 4L * b));
            IntVector t = IntVector.fromArray(INT, sums, from + b * NibbleRow.STEP);
            IntVector p = IntVector.fromMemorySegment(INT, w, at + (2 + (b & 7)) * (long) BYTES, LITTLE_ENDIAN);
            z0 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                    .convert(VectorOperators.I2F, 0)).fma(scale, eight)
                    .fma((FloatVector) p.and(0xFF).convert(VectorOperators.I2F, 0), z0);
            n0 = ((FloatVector) p.lanewise(VectorOperators.LSHR, 8).and(0xFF).convert(VectorOperators.I2F, 0)).fma(sum, n0);
            z1 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0)).fma(scale, eight)
                    .fma((FloatVector) p.lanewise(VectorOperators.LSHR, 16).and(0xFF).convert(VectorOperators.I2F, 0), z1);
            n1 = ((FloatVector) p.lanewise(VectorOperators.LSHR, 24).convert(VectorOperators.I2F, 0)).fma(sum, n1);
            if ((b & 7) == 7) {
                IntVector h = IntVector.fromMemorySegment(INT, w, at, LITTLE_ENDIAN);
                IntVector m = IntVector.fromMemorySegment(INT, w, at + BYTES, LITTLE_ENDIAN);
                y0 = h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                        .mul(HALF_SCALE).fma(z0, y0);
                y0 = m.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                        .mul(-HALF_SCALE).fma(n0, y0);
                y1 = h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE).fma(z1, y1);
                y1 = m.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(-HALF_SCALE).fma(n1, y1);
                z0 = FloatVector.zero(FLOAT);
                z1 = z0;
                n0 = z0;
                n1 = z0;
            }
        }
        y0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
    }

    @Override
    void unpackScales(MemorySegment panels, long s0, int block0, int blocks, MemorySegment scales, MemorySegment offsets,
            long to) {
        for (int b = 0; b < blocks; b++) {
            int block = block0 + b;
            long at = s0 + (block >> 3) * SCALES;
            IntVector h = IntVector.fromMemorySegment(INT, panels, at, LITTLE_ENDIAN);
            IntVector m = IntVector.fromMemorySegment(INT, panels, at + BYTES, LITTLE_ENDIAN);
            IntVector p = IntVector.fromMemorySegment(INT, panels, at + (2 + (block & 7)) * (long) BYTES, LITTLE_ENDIAN);
            long t = to + b * NR * 4L;
            FloatVector low = h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE).mul((FloatVector) p.and(0xFF).convert(VectorOperators.I2F, 0));
            FloatVector high = h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(HALF_SCALE)
                    .mul((FloatVector) p.lanewise(VectorOperators.LSHR, 16).and(0xFF).convert(VectorOperators.I2F, 0));
            low.intoMemorySegment(scales, t, LITTLE_ENDIAN);
            high.intoMemorySegment(scales, t + BYTES, LITTLE_ENDIAN);
            m.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(-HALF_SCALE)
                    .fma((FloatVector) p.lanewise(VectorOperators.LSHR, 8).and(0xFF).convert(VectorOperators.I2F, 0),
                            low.mul(8)).intoMemorySegment(offsets, t, LITTLE_ENDIAN);
            m.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(-HALF_SCALE)
                    .fma((FloatVector) p.lanewise(VectorOperators.LSHR, 24).convert(VectorOperators.I2F, 0), high.mul(8))
                    .intoMemorySegment(offsets, t + BYTES, LITTLE_ENDIAN);
        }
    }
}
