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
 * {@link FloatTile#VECTORS} strips, one after the other, each of as many rows as a vector has lanes:
 *
 * <pre>
 *   64 k of a strip:  an int vector of scales             | 16 int vectors of weights
 *   lane l of each:   F16 of k to k + 31, of k + 32 to 63 | 4 consecutive k of row l
 * </pre>
 *
 * <p>Scales stand between the weights that they belong to, so that a strip is one stream: with all of them in front,
 * the hardware's prefetch lost the second stream and decoding ran at half the speed of memory.
 *
 * <p>One row: a byte that is moved to the top of its lane, over zeros, is 2^24 times its value as an int and exact as a
 * float: a shift, an and, a conversion and a multiply-add for each vector of weights. Eight k are summed before they
 * meet their scale: 32 k in one body ran at two thirds of the speed, and with 16 C1 ran out of registers at times,
 * which leaves a method in boxing code for good. A mask that C2 knows to be constant is loaded again for every use,
 * where one that comes as an argument stays in a register.
 *
 * <p>A scale that is Inf or NaN, which no quantiser writes, counts as the finite number that follows from its bits.
 */
final class BytePanels extends PanelFormat {
    private static final int BLOCK = 32;
    private static final int RAW_BLOCK = 34;
    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    /** k that one round of {@link #unpackStrip} takes. */
    private static final int GROUP = 16;
    private static final long GROUP_BYTES = 4L * BYTES;
    /** Two blocks with their scales. */
    private static final long PAIR_BYTES = 17L * BYTES;
    private static final int TOP_BYTE = 0xFF000000;
    /** Sign, exponent and fraction of an F16 number in the top half of an int that was shifted right by 3. */
    private static final int HALF_BITS = 0x8FFFE000;
    /** Mends the bias of an F16 exponent; takes the 2^24 of the weights back. */
    private static final float SCALE = 0x1p88f;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @Override
    long panelBytes(int inDim) {
        return FloatTile.VECTORS * stripBytes(inDim);
    }

    /** An odd last block has its scales and no second half. */
    private static long stripBytes(int inDim) {
        return ((inDim / BLOCK + 1) / 2 + inDim / 4) * (long) BYTES;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        if (rows < NR) {
            panels.asSlice(at, panelBytes(inDim)).fill((byte) 0);
        }
        int blocks = inDim / BLOCK;
        for (int row = 0; row < rows; row++) {
            packRow(raw, (long) row * blocks * RAW_BLOCK, blocks, panels,
                    at + row / LANES * stripBytes(inDim) + row % LANES * 4L);
        }
    }

    private static void packRow(MemorySegment raw, long from, int blocks, MemorySegment panels, long to) {
        for (int block = 0; block < blocks; block++) {
            long at = from + (long) block * RAW_BLOCK;
            long pair = to + block / 2 * PAIR_BYTES;
            Bits.set16(panels, pair + block % 2 * 2, Bits.i16(raw, at));
            long codes = pair + BYTES + block % 2 * 2 * GROUP_BYTES;
            for (int quad = 0; quad < BLOCK / 4; quad++) {
                Bits.set32(panels, codes + (long) quad * BYTES, Bits.i32(raw, at + 2 + 4 * quad));
            }
        }
    }

    @Override
    void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile) {
        for (int strip = 0; strip < FloatTile.VECTORS; strip++) {
            unpackStrip(panels, at + strip * stripBytes(inDim), k0 / GROUP, depth / GROUP, tile, (long) strip * BYTES,
                    TOP_BYTE);
        }
    }

    private static void unpackStrip(MemorySegment w, long w0, int group0, int groups, MemorySegment tile, long to,
            int topByte) {
        IntVector top = IntVector.broadcast(INT, topByte);
        for (int i = 0; i < groups; i++) {
            int group = group0 + i;
            long pair = w0 + (group >> 2) * PAIR_BYTES;
            long wk = pair + BYTES + (group & 3) * GROUP_BYTES;
            FloatVector scale = IntVector.fromMemorySegment(INT, w, pair, LITTLE_ENDIAN)
                    .lanewise(LSHL, 16 - ((group & 2) << 3)).lanewise(ASHR, 3)
                    .and(HALF_BITS).reinterpretAsFloats().mul(SCALE);
            for (int quad = 0; quad < 4; quad++) {
                IntVector p = IntVector.fromMemorySegment(INT, w, wk + (long) quad * BYTES, LITTLE_ENDIAN);
                long t = to + (i * 4L + quad) * 4 * NR * Float.BYTES;
                ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).mul(scale)
                        .intoMemorySegment(tile, t, LITTLE_ENDIAN);
                ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).mul(scale)
                        .intoMemorySegment(tile, t + NR * 4L, LITTLE_ENDIAN);
                ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).mul(scale)
                        .intoMemorySegment(tile, t + NR * 8L, LITTLE_ENDIAN);
                ((FloatVector) p.and(top).convert(I2F, 0)).mul(scale)
                        .intoMemorySegment(tile, t + NR * 12L, LITTLE_ENDIAN);
            }
        }
    }

    @Override
    boolean takesRowsWhole() {
        return true;
    }

    @Override
    void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        for (int strip = 0; strip < FloatTile.VECTORS; strip++) {
            rowOfStrip(x, x0, panels, at + strip * stripBytes(inDim), k0 / 8, depth / 8, c,
                    c0 + (long) strip * BYTES, TOP_BYTE, HALF_BITS, SCALE);
        }
    }

    private static void rowOfStrip(MemorySegment x, long x0, MemorySegment w, long w0, int eight0, int eights,
            MemorySegment c, long c0, int topByte, int halfBits, float halfScale) {
        FloatVector sum = FloatVector.zero(FLOAT);
        IntVector top = IntVector.broadcast(INT, topByte);
        IntVector bits = IntVector.broadcast(INT, halfBits);
        FloatVector factor = FloatVector.broadcast(FLOAT, halfScale);
        for (int i = 0; i < eights; i++) {
            int eight = eight0 + i;
            long pair = w0 + (eight >> 3) * PAIR_BYTES;
            long wk = pair + BYTES + (eight & 7) * 2L * BYTES;
            long xk = x0 + i * 32L;
            IntVector p = IntVector.fromMemorySegment(INT, w, wk, LITTLE_ENDIAN);
            FloatVector a0 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0))
                    .mul(FloatVector.broadcast(FLOAT, x.get(F32, xk)));
            FloatVector a1 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0))
                    .mul(FloatVector.broadcast(FLOAT, x.get(F32, xk + 4)));
            a0 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 8)), a0);
            a1 = ((FloatVector) p.and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 12)), a1);
            IntVector q = IntVector.fromMemorySegment(INT, w, wk + BYTES, LITTLE_ENDIAN);
            a0 = ((FloatVector) q.lanewise(LSHL, 24).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 16)), a0);
            a1 = ((FloatVector) q.lanewise(LSHL, 16).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 20)), a1);
            a0 = ((FloatVector) q.lanewise(LSHL, 8).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 24)), a0);
            a1 = ((FloatVector) q.and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 28)), a1);
            FloatVector scale = IntVector.fromMemorySegment(INT, w, pair, LITTLE_ENDIAN)
                    .lanewise(LSHL, 16 - ((eight & 4) << 2)).lanewise(ASHR, 3)
                    .and(bits).reinterpretAsFloats().mul(factor);
            sum = a0.add(a1).fma(scale, sum);
        }
        sum.intoMemorySegment(c, c0, LITTLE_ENDIAN);
    }
}
