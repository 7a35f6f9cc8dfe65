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
 * Q8_0: a byte a weight and a scale for 32 of a row. Scales are widened when they are packed, for 36 bytes a block
 * where the file has 34: widening them in the loop outgrew what C2 inlines. A block of 32 k of a panel is
 *
 * <pre>
 *   NR scales (F32, by row) | 32·NR bytes: vectors of ints whose lanes hold four bytes each
 * </pre>
 *
 * <p>Byte j of lane l of int vector i is the weight of vector slot 4i + j, and slot s is rows (s mod VECTORS)·L + l of
 * k = s / VECTORS, with L lanes a vector: two shifts and a conversion widen it, and no shuffle. Scale times weight is
 * exact in a float (11 and 7 bits), so one row and many give the sums of the decoded floats, bit for bit.
 */
final class BytePanels extends PanelFormat {
    private static final int BLOCK = 32;
    private static final int RAW_BLOCK = 34;
    private static final int NR = FloatTile.NR;
    private static final int VECTORS = FloatTile.VECTORS;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final boolean FOUR = VECTORS == 4;
    private static final long SCALES = 4L * NR;
    private static final long PANEL_BLOCK = SCALES + (long) BLOCK * NR;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @Override
    long panelBytes(int inDim) {
        return inDim / BLOCK * PANEL_BLOCK;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        int blocks = inDim / BLOCK;
        for (int block = 0; block < blocks; block++) {
            long to = at + block * PANEL_BLOCK;
            for (int row = 0; row < rows; row++) {
                long from = ((long) row * blocks + block) * RAW_BLOCK;
                Bits.set32(panels, to + 4L * row, Float.floatToRawIntBits(Bits.f16(raw, from)));
                for (int k = 0; k < BLOCK; k++) {
                    Bits.set8(panels, to + SCALES + place(row, k), Bits.i8(raw, from + 2 + k));
                }
            }
            for (int row = rows; row < NR; row++) {
                Bits.set32(panels, to + 4L * row, 0);
                for (int k = 0; k < BLOCK; k++) {
                    Bits.set8(panels, to + SCALES + place(row, k), 0);
                }
            }
        }
    }

    /** Byte of a weight within its block. */
    private static long place(int row, int k) {
        int slot = k * VECTORS + row / LANES;
        return slot / 4 * (long) BYTES + row % LANES * 4L + slot % 4;
    }

    @Override
    void unpack(MemorySegment panels, long at, int k0, int depth, MemorySegment tile) {
        for (int block = 0; block < depth / BLOCK; block++) {
            unpackBlock(panels, at + (k0 / BLOCK + block) * PANEL_BLOCK, tile, 4L * block * BLOCK * NR);
        }
    }

    private static void unpackBlock(MemorySegment w, long w0, MemorySegment tile, long to) {
        FloatVector s0 = FloatVector.fromMemorySegment(FLOAT, w, w0, LITTLE_ENDIAN);
        FloatVector s1 = FloatVector.fromMemorySegment(FLOAT, w, w0 + BYTES, LITTLE_ENDIAN);
        FloatVector s2 = FOUR ? FloatVector.fromMemorySegment(FLOAT, w, w0 + 2 * BYTES, LITTLE_ENDIAN) : s0;
        FloatVector s3 = FOUR ? FloatVector.fromMemorySegment(FLOAT, w, w0 + 3 * BYTES, LITTLE_ENDIAN) : s1;
        for (int i = 0; i < BLOCK * VECTORS / 4; i++) {
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + SCALES + (long) i * BYTES, LITTLE_ENDIAN);
            long t = to + 4L * i * BYTES;
            FloatVector f0 = (FloatVector) p.lanewise(LSHL, 24).lanewise(ASHR, 24).convert(I2F, 0);
            FloatVector f1 = (FloatVector) p.lanewise(LSHL, 16).lanewise(ASHR, 24).convert(I2F, 0);
            FloatVector f2 = (FloatVector) p.lanewise(LSHL, 8).lanewise(ASHR, 24).convert(I2F, 0);
            FloatVector f3 = (FloatVector) p.lanewise(ASHR, 24).convert(I2F, 0);
            f0.mul(s0).intoMemorySegment(tile, t, LITTLE_ENDIAN);
            f1.mul(s1).intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
            f2.mul(s2).intoMemorySegment(tile, t + 2 * BYTES, LITTLE_ENDIAN);
            f3.mul(s3).intoMemorySegment(tile, t + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    @Override
    void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        long w0 = at + k0 / BLOCK * PANEL_BLOCK;
        if (FOUR) {
            rowOfFour(x, x0, panels, w0, depth / BLOCK, c, c0);
        } else {
            rowOfTwo(x, x0, panels, w0, depth / BLOCK, c, c0);
        }
    }

    /** One chain of multiply-adds over k a row, as {@link FloatTile} has it: the same bits come out. */
    private static void rowOfFour(MemorySegment x, long x0, MemorySegment w, long w0, int blocks,
            MemorySegment c, long c0) {
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = FloatVector.zero(FLOAT);
        FloatVector a2 = FloatVector.zero(FLOAT);
        FloatVector a3 = FloatVector.zero(FLOAT);
        for (int block = 0; block < blocks; block++) {
            long wb = w0 + block * PANEL_BLOCK;
            long xb = x0 + 4L * BLOCK * block;
            FloatVector s0 = FloatVector.fromMemorySegment(FLOAT, w, wb, LITTLE_ENDIAN);
            FloatVector s1 = FloatVector.fromMemorySegment(FLOAT, w, wb + BYTES, LITTLE_ENDIAN);
            FloatVector s2 = FloatVector.fromMemorySegment(FLOAT, w, wb + 2 * BYTES, LITTLE_ENDIAN);
            FloatVector s3 = FloatVector.fromMemorySegment(FLOAT, w, wb + 3 * BYTES, LITTLE_ENDIAN);
            for (int k = 0; k < BLOCK; k++) {
                IntVector p = IntVector.fromMemorySegment(INT, w, wb + SCALES + (long) k * BYTES, LITTLE_ENDIAN);
                FloatVector v = FloatVector.broadcast(FLOAT, x.get(F32, xb + ((long) k << 2)));
                FloatVector f0 = (FloatVector) p.lanewise(LSHL, 24).lanewise(ASHR, 24).convert(I2F, 0);
                FloatVector f1 = (FloatVector) p.lanewise(LSHL, 16).lanewise(ASHR, 24).convert(I2F, 0);
                FloatVector f2 = (FloatVector) p.lanewise(LSHL, 8).lanewise(ASHR, 24).convert(I2F, 0);
                FloatVector f3 = (FloatVector) p.lanewise(ASHR, 24).convert(I2F, 0);
                a0 = f0.mul(s0).fma(v, a0);
                a1 = f1.mul(s1).fma(v, a1);
                a2 = f2.mul(s2).fma(v, a2);
                a3 = f3.mul(s3).fma(v, a3);
            }
        }
        a0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        a2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
        a3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
    }

    /** As {@link #rowOfFour} where a panel is two vectors wide: an int vector holds two k. */
    private static void rowOfTwo(MemorySegment x, long x0, MemorySegment w, long w0, int blocks,
            MemorySegment c, long c0) {
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = FloatVector.zero(FLOAT);
        for (int block = 0; block < blocks; block++) {
            long wb = w0 + block * PANEL_BLOCK;
            long xb = x0 + 4L * BLOCK * block;
            FloatVector s0 = FloatVector.fromMemorySegment(FLOAT, w, wb, LITTLE_ENDIAN);
            FloatVector s1 = FloatVector.fromMemorySegment(FLOAT, w, wb + BYTES, LITTLE_ENDIAN);
            for (int pair = 0; pair < BLOCK / 2; pair++) {
                IntVector p = IntVector.fromMemorySegment(INT, w, wb + SCALES + (long) pair * BYTES, LITTLE_ENDIAN);
                FloatVector v = FloatVector.broadcast(FLOAT, x.get(F32, xb + 8L * pair));
                FloatVector next = FloatVector.broadcast(FLOAT, x.get(F32, xb + 8L * pair + 4));
                FloatVector f0 = (FloatVector) p.lanewise(LSHL, 24).lanewise(ASHR, 24).convert(I2F, 0);
                FloatVector f1 = (FloatVector) p.lanewise(LSHL, 16).lanewise(ASHR, 24).convert(I2F, 0);
                FloatVector f2 = (FloatVector) p.lanewise(LSHL, 8).lanewise(ASHR, 24).convert(I2F, 0);
                FloatVector f3 = (FloatVector) p.lanewise(ASHR, 24).convert(I2F, 0);
                a0 = f0.mul(s0).fma(v, a0);
                a1 = f1.mul(s1).fma(v, a1);
                a0 = f2.mul(s0).fma(next, a0);
                a1 = f3.mul(s1).fma(next, a1);
            }
        }
        a0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
    }
}
