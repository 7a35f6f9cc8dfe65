package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q8_0: a byte a weight and an F16 scale for 32 of a row, in as many bytes as the file has. A panel is
 * {@link FloatTile#VECTORS} strips, each a stream of its own, of as many rows as a vector has lanes; the scales of all strips
 * follow in one more:
 *
 * <pre>
 *   lane l of a stream's int vector:  4 consecutive k of row l
 *   lane l of a vector of scales:     {@link NormalHalf} of 32 k | of the next 32 k, in the high half; a vector a strip in turn
 * </pre>
 *
 * <p>One row: a byte that is moved to the top of its lane, over zeros, is 2^24 times its value as an int and exact as a
 * float: a shift, an and, a conversion and a multiply-add for each vector of weights. The sums of 32 k meet their scale in a
 * branch of the one loop: an inner loop takes longer to enter than to run. A mask that C2 knows to be constant is loaded again
 * for every use, where one that comes as an argument stays in a register.
 */
final class BytePanels extends PanelFormat {
    private static final int BLOCK = 32;
    private static final int RAW_BLOCK = 34;
    private static final int NR = FloatTile.NR;
    private static final int STRIPS = FloatTile.VECTORS;
    private static final boolean FOUR = STRIPS == 4;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final int TOP_BYTE = 0xFF000000;
    /** Mends a {@link NormalHalf} and takes the 2^24 of the weights back. */
    private static final float SCALE = NormalHalf.SCALE * 0x1p-24f;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    /** Bytes of a panel in a stream of weights. */
    private static long run(int inDim) {
        return inDim / 4 * (long) BYTES;
    }

    /** Bytes of a panel's scales. */
    private static long scaleBytes(int inDim) {
        return (inDim / BLOCK + 1) / 2 * (long) STRIPS * BYTES;
    }

    private static long at(PackedMatrix w, int panel, int strip) {
        return ((long) strip * w.panels() + panel) * run(w.inDim());
    }

    private static long scalesAt(PackedMatrix w, int panel) {
        return STRIPS * w.panels() * run(w.inDim()) + panel * scaleBytes(w.inDim());
    }

    @Override
    long bytes(int inDim, int panels) {
        return panels * (STRIPS * run(inDim) + scaleBytes(inDim));
    }

    @Override
    boolean pack(MemorySegment raw, int rows, PackedMatrix to, int panel, MemorySegment scratch) {
        int blocks = to.inDim() / BLOCK;
        MemorySegment memory = to.memory();
        int scales = 0;
        for (int row = 0; row < NR; row++) {
            int strip = row / LANES;
            long lane = row % LANES * 4L;
            long codes = at(to, panel, strip) + lane;
            long scale = scalesAt(to, panel) + strip * (long) BYTES + lane;
            if (row < rows) {
                scales |= packRow(raw, (long) row * blocks * RAW_BLOCK, blocks, memory, codes, scale);
            } else {
                Transpose.scatterZeroInts(to.inDim() / 4, memory, codes, BYTES);
                Transpose.scatterZeroInts((blocks + 1) / 2, memory, scale, (long) STRIPS * BYTES);
            }
        }
        return scales >= 0;
    }

    /** Returns a negative number if a scale is no {@link NormalHalf}. */
    private static int packRow(MemorySegment raw, long from, int blocks, MemorySegment memory, long codes, long scale) {
        int all = 0;
        for (int block = 0; block < blocks; block++, from += RAW_BLOCK) {
            int half = NormalHalf.of(Bits.i16(raw, from));
            all |= half;
            long pair = scale + (block >> 1) * (long) STRIPS * BYTES;
            if ((block & 1) == 0) {
                Bits.set32(memory, pair, half & 0xFFFF);
            } else {
                Bits.set16(memory, pair + 2, half);
            }
            for (int quad = 0; quad < BLOCK / 4; quad++) {
                Bits.set32(memory, codes, Bits.i32(raw, from + 2 + 4 * quad));
                codes += BYTES;
            }
        }
        return all;
    }

    @Override
    void unpack(PackedMatrix w, int panel, int k0, int depth, MemorySegment tile, UnpackScratch scratch) {
        for (int strip = 0; strip < STRIPS; strip++) {
            unpackStrip(w.memory(), at(w, panel, strip) + k0 / 4 * (long) BYTES,
                    scalesAt(w, panel) + strip * (long) BYTES, k0 / BLOCK, depth / 4, tile, (long) strip * BYTES, TOP_BYTE);
        }
    }

    private static void unpackStrip(MemorySegment w, long w0, long s0, int block0, int quads, MemorySegment tile, long to,
            int topByte) {
        IntVector top = IntVector.broadcast(INT, topByte);
        for (int i = 0; i < quads; i++) {
            int block = block0 + (i >> 3);
            FloatVector scale = IntVector.fromMemorySegment(INT, w, s0 + (block >> 1) * (long) STRIPS * BYTES, LITTLE_ENDIAN)
                    .lanewise(LSHL, 16 - ((block & 1) << 4)).lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats()
                    .mul(SCALE);
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN);
            long t = to + 16L * i * NR;
            ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).mul(scale).intoMemorySegment(tile, t, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + NR * 4L, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + NR * 8L, LITTLE_ENDIAN);
            ((FloatVector) p.and(top).convert(I2F, 0)).mul(scale).intoMemorySegment(tile, t + NR * 12L, LITTLE_ENDIAN);
        }
    }

    @Override
    int fewRows() {
        return CodedPanels.FEW_ROWS;
    }

    @Override
    boolean takesRowsWhole() {
        return true;
    }

    @Override
    void multiplyRow(RowInput x, PackedMatrix w, int panel, int k0, int depth, MemorySegment c, long c0) {
        long step = w.panels() * run(w.inDim());
        row(x.x(), x.x0(), w.memory(), at(w, panel, 0), step, scalesAt(w, panel), w.inDim() / 4, TOP_BYTE, NormalHalf.BITS,
                SCALE, c, c0);
    }

    /** {@code step} bytes lie between the streams. */
    private static void row(MemorySegment x, long x0, MemorySegment w, long w0, long step, long s0, int quads, int topByte,
            int bits, float factor, MemorySegment c, long c0) {
        IntVector top = IntVector.broadcast(INT, topByte);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        FloatVector a0 = y0;
        FloatVector a1 = y0;
        FloatVector a2 = y0;
        FloatVector a3 = y0;
        for (int i = 0; i < quads; i++) {
            long wk = w0 + (long) i * BYTES;
            long xk = x0 + i * 16L;
            FloatVector v0 = FloatVector.broadcast(FLOAT, x.get(F32, xk));
            FloatVector v1 = FloatVector.broadcast(FLOAT, x.get(F32, xk + 4));
            FloatVector v2 = FloatVector.broadcast(FLOAT, x.get(F32, xk + 8));
            FloatVector v3 = FloatVector.broadcast(FLOAT, x.get(F32, xk + 12));
            IntVector p = IntVector.fromMemorySegment(INT, w, wk, LITTLE_ENDIAN);
            a0 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).fma(v0, a0);
            a0 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).fma(v1, a0);
            a0 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).fma(v2, a0);
            a0 = ((FloatVector) p.and(top).convert(I2F, 0)).fma(v3, a0);
            p = IntVector.fromMemorySegment(INT, w, wk + step, LITTLE_ENDIAN);
            a1 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).fma(v0, a1);
            a1 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).fma(v1, a1);
            a1 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).fma(v2, a1);
            a1 = ((FloatVector) p.and(top).convert(I2F, 0)).fma(v3, a1);
            if (FOUR) {
                p = IntVector.fromMemorySegment(INT, w, wk + 2 * step, LITTLE_ENDIAN);
                a2 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).fma(v0, a2);
                a2 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).fma(v1, a2);
                a2 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).fma(v2, a2);
                a2 = ((FloatVector) p.and(top).convert(I2F, 0)).fma(v3, a2);
                p = IntVector.fromMemorySegment(INT, w, wk + 3 * step, LITTLE_ENDIAN);
                a3 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).fma(v0, a3);
                a3 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).fma(v1, a3);
                a3 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).fma(v2, a3);
                a3 = ((FloatVector) p.and(top).convert(I2F, 0)).fma(v3, a3);
            }
            if ((i & 7) == 7) {
                long s = s0 + (i >> 4) * (long) STRIPS * BYTES;
                int shift = 16 - ((i & 8) << 1);
                y0 = IntVector.fromMemorySegment(INT, w, s, LITTLE_ENDIAN).lanewise(LSHL, shift).lanewise(ASHR, 3).and(bits)
                        .reinterpretAsFloats().mul(factor).fma(a0, y0);
                y1 = IntVector.fromMemorySegment(INT, w, s + BYTES, LITTLE_ENDIAN).lanewise(LSHL, shift).lanewise(ASHR, 3)
                        .and(bits).reinterpretAsFloats().mul(factor).fma(a1, y1);
                a0 = FloatVector.zero(FLOAT);
                a1 = a0;
                if (FOUR) {
                    y2 = IntVector.fromMemorySegment(INT, w, s + 2 * BYTES, LITTLE_ENDIAN).lanewise(LSHL, shift)
                            .lanewise(ASHR, 3).and(bits).reinterpretAsFloats().mul(factor).fma(a2, y2);
                    y3 = IntVector.fromMemorySegment(INT, w, s + 3 * BYTES, LITTLE_ENDIAN).lanewise(LSHL, shift)
                            .lanewise(ASHR, 3).and(bits).reinterpretAsFloats().mul(factor).fma(a3, y3);
                    a2 = a0;
                    a3 = a0;
                }
            }
        }
        y0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (FOUR) {
            y2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            y3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }
}
