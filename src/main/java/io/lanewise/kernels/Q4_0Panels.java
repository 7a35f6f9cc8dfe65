package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_0: an F16 scale and 32 weights of 4 bits, 8 for zero, in as many bytes as the file has. Streams, for each pair of
 * vectors of rows:
 *
 * <pre>
 *   k 0-3 of every 8 | k 4-7 of every 8     an int vector for 4 k: in each half of a lane four weights, the first lowest
 *   scales                                  an int vector a block: in each half of a lane an F16
 * </pre>
 *
 * <p>A scale that is Inf or NaN, which no quantiser writes, counts as the finite number that follows from its bits.
 */
final class Q4_0Panels extends CodedPanels {
    private static final int RAW_BLOCK = 18;
    private static final boolean TWO = PAIRS == 2;
    /** Bytes of a block in a stream of weights, and in a stream of scales. */
    private static final long WEIGHTS = 4L * BYTES;
    private static final long SCALES = BYTES;
    private static final int NIBBLES = 0x000F000F;
    /** Sign, exponent and fraction of an F16 number in the top half of an int that was shifted right by 3. */
    private static final int HALF_BITS = 0x8FFFE000;
    /** Mends the bias of an F16 exponent, exactly. */
    private static final float HALF_SCALE = 0x1p112f;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @Override
    long panelBytes(int inDim) {
        return PAIRS * (2 * WEIGHTS + SCALES) * (inDim / BLOCK);
    }

    /** Where the weights of a panel start in the stream of a pair and a half of every 8 k. */
    private static long weights(int panels, int panel, int blocks, int pair, int half) {
        return ((2L * pair + half) * panels + panel) * blocks * WEIGHTS;
    }

    private static long scales(int panels, int panel, int blocks, int pair) {
        return (2L * PAIRS * WEIGHTS * panels + (pair * (long) panels + panel) * SCALES) * blocks;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        int count = panelsOf(panels, inDim);
        int panel = panelAt(at, inDim);
        int blocks = inDim / BLOCK;
        for (int row = 0; row < NR; row++) {
            int pair = row / (2 * LANES);
            long lane = row % LANES * 4L + row / LANES % 2 * 2L;
            long first = weights(count, panel, blocks, pair, 0) + lane;
            long second = weights(count, panel, blocks, pair, 1) + lane;
            long scales = scales(count, panel, blocks, pair) + lane;
            for (int block = 0; block < blocks; block++) {
                long from = ((long) row * blocks + block) * RAW_BLOCK;
                Bits.set16(panels, scales + block * SCALES, row < rows ? Bits.i16(raw, from) : 0);
                for (int k = 0; k < BLOCK; k += 8) {
                    long to = block * WEIGHTS + k / 8 * BYTES;
                    Bits.set16(panels, first + to, row < rows ? Nibbles.four(raw, from + 2, k) : 0);
                    Bits.set16(panels, second + to, row < rows ? Nibbles.four(raw, from + 2, k + 4) : 0);
                }
            }
        }
    }

    @Override
    void multiplyRow(MemorySegment codes, long x0, MemorySegment panels, long at, int inDim, MemorySegment c, long c0) {
        int count = panelsOf(panels, inDim);
        int panel = panelAt(at, inDim);
        int blocks = inDim / BLOCK;
        row(codes, x0, x0 + Codes.starts(inDim), x0 + Codes.scales(inDim), panels,
                weights(count, panel, blocks, 0, 0), weights(count, panel, blocks, 0, 1),
                weights(count, panel, blocks, PAIRS - 1, 0), weights(count, panel, blocks, PAIRS - 1, 1),
                scales(count, panel, blocks, 0), scales(count, panel, blocks, PAIRS - 1), 4 * blocks, NIBBLES, c, c0);
    }

    /**
     * One loop over 8 k a round, with the end of a block as a branch in it; an inner loop over a block of its own took more
     * time to enter than to run. The mask comes as an argument: one that C2 knows to be constant is loaded again for every
     * use.
     */
    private static void row(MemorySegment x, long x0, long starts, long scales, MemorySegment w, long w00, long w01,
            long w10, long w11, long s0, long s1, int groups, int nibbles, MemorySegment c, long c0) {
        ShortVector m = IntVector.broadcast(INT, nibbles).reinterpretAsShorts();
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = FloatVector.zero(FLOAT);
        FloatVector y2 = FloatVector.zero(FLOAT);
        FloatVector y3 = FloatVector.zero(FLOAT);
        ShortVector a0 = IntVector.broadcast(INT, x.get(I32, starts)).reinterpretAsShorts();
        ShortVector a1 = a0;
        for (int g = 0; g < groups; g++) {
            long wk = g * (long) BYTES;
            long xk = x0 + g * 32L;
            ShortVector v;
            ShortVector p00 = ShortVector.fromMemorySegment(SHORT, w, w00 + wk, LITTLE_ENDIAN);
            ShortVector p10 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w10 + wk, LITTLE_ENDIAN) : p00;
            v = IntVector.broadcast(INT, x.get(I32, xk)).reinterpretAsShorts();
            a0 = p00.and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p10.and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 4)).reinterpretAsShorts();
            a0 = p00.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p10.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 8)).reinterpretAsShorts();
            a0 = p00.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p10.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 12)).reinterpretAsShorts();
            a0 = p00.lanewise(VectorOperators.LSHR, 12).mul(v).add(a0);
            if (TWO) {
                a1 = p10.lanewise(VectorOperators.LSHR, 12).mul(v).add(a1);
            }
            ShortVector p01 = ShortVector.fromMemorySegment(SHORT, w, w01 + wk, LITTLE_ENDIAN);
            ShortVector p11 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w11 + wk, LITTLE_ENDIAN) : p01;
            v = IntVector.broadcast(INT, x.get(I32, xk + 16)).reinterpretAsShorts();
            a0 = p01.and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p11.and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 20)).reinterpretAsShorts();
            a0 = p01.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p11.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 24)).reinterpretAsShorts();
            a0 = p01.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p11.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 28)).reinterpretAsShorts();
            a0 = p01.lanewise(VectorOperators.LSHR, 12).mul(v).add(a0);
            if (TWO) {
                a1 = p11.lanewise(VectorOperators.LSHR, 12).mul(v).add(a1);
            }
            if ((g & 3) == 3) {
                long block = g >> 2;
                FloatVector scale = FloatVector.broadcast(FLOAT, x.get(F32, scales + 4 * block) * HALF_SCALE);
                IntVector h = IntVector.fromMemorySegment(INT, w, s0 + block * SCALES, LITTLE_ENDIAN);
                IntVector t = a0.reinterpretAsInts();
                y0 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                        .convert(VectorOperators.I2F, 0)).fma(h.lanewise(VectorOperators.LSHL, 16)
                        .lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y0);
                y1 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                        .fma(h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y1);
                if (TWO) {
                    h = IntVector.fromMemorySegment(INT, w, s1 + block * SCALES, LITTLE_ENDIAN);
                    t = a1.reinterpretAsInts();
                    y2 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                            .convert(VectorOperators.I2F, 0)).fma(h.lanewise(VectorOperators.LSHL, 16)
                            .lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y2);
                    y3 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                            .fma(h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats().mul(scale), y3);
                }
                // After the last block this reads its first scale, and nothing uses it.
                a0 = IntVector.broadcast(INT, x.get(I32, starts + 4 * block + 4)).reinterpretAsShorts();
                a1 = a0;
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
    void unpack(MemorySegment panels, long at, int inDim, int block0, int blocks, MemorySegment tile,
            MemorySegment scales, MemorySegment offsets) {
        int count = panelsOf(panels, inDim);
        int panel = panelAt(at, inDim);
        int all = inDim / BLOCK;
        for (int pair = 0; pair < PAIRS; pair++) {
            for (int half = 0; half < 2; half++) {
                Nibbles.unpack(panels, weights(count, panel, all, pair, half) + block0 * WEIGHTS, 4 * blocks, tile,
                        (4L * half * PAIRS + pair) * BYTES, NIBBLES);
            }
            unpackScales(panels, scales(count, panel, all, pair) + block0 * SCALES, blocks, scales, 2L * pair * BYTES);
        }
    }

    private static void unpackScales(MemorySegment w, long s0, int blocks, MemorySegment scales, long to) {
        for (int block = 0; block < blocks; block++) {
            IntVector h = IntVector.fromMemorySegment(INT, w, s0 + block * SCALES, LITTLE_ENDIAN);
            long t = to + block * NR * 4L;
            h.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE).intoMemorySegment(scales, t, LITTLE_ENDIAN);
            h.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS).reinterpretAsFloats()
                    .mul(HALF_SCALE).intoMemorySegment(scales, t + BYTES, LITTLE_ENDIAN);
        }
    }
}
