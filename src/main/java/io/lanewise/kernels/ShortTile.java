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
 * The microkernel of 4-bit weights: {@link #MR} rows of {@link Codes} by a tile of weights in 16-bit lanes. A multiply and
 * an add do twice as many lanes as a multiply-add of floats, and 32 k fit in 16 bits; then the sums are widened, scaled
 * and added to c.
 *
 * <p>Both are methods of their own, with whole numbers in an array between them: in one, the graph outgrows C2. An array,
 * since after a store to a segment C2 checks every segment anew. The loop over 32 k is a method too: as a branch at the end
 * of every 32nd round of one long loop, C2 took it for two loops and neither for one that it can count, and checked every
 * access (230 Gop/s on one core where this has 280, scaling counted). Twelve rows ran at 205: their addresses do not fit.
 */
final class ShortTile {
    /** Rows of a tile: with two vectors of shorts beside each other 12 sums, 2 weights and a code. */
    static final int MR = 6;
    /** Most blocks of 32 k a call. */
    static final int MOST_BLOCKS = 32;
    /** Ints of the sums of a row and a block. */
    private static final int SUM = FloatTile.NR / 2;
    /** Ints of the sums between the two halves of the work. */
    static final int SUMS = MOST_BLOCKS * MR * SUM;

    private static final boolean TWO = CodedPanels.PAIRS == 2;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    /** Bytes of a k in the tile of weights. */
    private static final long STEP = (long) CodedPanels.PAIRS * BYTES;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private ShortTile() {}

    /**
     * c [rows, NR] = (c +) codes · weights, scaled.
     *
     * @param rows 1 to {@link #MR}
     * @param x0 byte of the first row's first code
     * @param xScales byte of the first row's first scale
     * @param xStride bytes from one row of codes to the next
     * @param tile shorts [32·blocks, NR] from byte {@code w0} on
     * @param scales floats [blocks, NR] from byte {@code s0} on
     * @param sums scratch of {@link #SUMS} ints
     * @param add whether c holds sums to go on from
     * @param c0 byte of c
     * @param cStride bytes from one row of c to the next
     */
    static void multiply(int rows, MemorySegment x, long x0, long xScales, long xStride, MemorySegment tile, long w0,
            MemorySegment scales, long s0, int blocks, int[] sums, boolean add, MemorySegment c, long c0,
            long cStride) {
        int last = rows - 1;
        long x1 = x0 + Math.min(1, last) * xStride;
        long x2 = x0 + Math.min(2, last) * xStride;
        long x3 = x0 + Math.min(3, last) * xStride;
        long x4 = x0 + Math.min(4, last) * xStride;
        long x5 = x0 + Math.min(5, last) * xStride;
        for (int b = 0; b < blocks; b++) {
            long xb = 4L * Codes.BLOCK * b;
            sum(x, x0 + xb, x1 + xb, x2 + xb, x3 + xb, x4 + xb, x5 + xb, tile, w0 + b * Codes.BLOCK * STEP, sums,
                    b * MR * SUM);
        }
        for (int row = 0; row < rows; row++) {
            scale(sums, row * SUM, x, xScales + row * xStride, scales, s0, blocks, add, c, c0 + row * cStride);
        }
    }

    /** sums [MR, NR] of shorts for one block, from int {@code to} on. */
    private static void sum(MemorySegment x, long x0, long x1, long x2, long x3, long x4, long x5,
            MemorySegment tile, long w0, int[] sums, int to) {
        ShortVector a00 = ShortVector.zero(SHORT);
        ShortVector a01 = ShortVector.zero(SHORT);
        ShortVector a10 = ShortVector.zero(SHORT);
        ShortVector a11 = ShortVector.zero(SHORT);
        ShortVector a20 = ShortVector.zero(SHORT);
        ShortVector a21 = ShortVector.zero(SHORT);
        ShortVector a30 = ShortVector.zero(SHORT);
        ShortVector a31 = ShortVector.zero(SHORT);
        ShortVector a40 = ShortVector.zero(SHORT);
        ShortVector a41 = ShortVector.zero(SHORT);
        ShortVector a50 = ShortVector.zero(SHORT);
        ShortVector a51 = ShortVector.zero(SHORT);
        for (int k = 0; k < Codes.BLOCK; k++) {
            long xk = (long) k << 2;
            ShortVector b0 = ShortVector.fromMemorySegment(SHORT, tile, w0 + k * STEP, LITTLE_ENDIAN);
            ShortVector b1 = TWO ? ShortVector.fromMemorySegment(SHORT, tile, w0 + k * STEP + BYTES, LITTLE_ENDIAN) : b0;
            ShortVector v0 = IntVector.broadcast(INT, x.get(I32, x0 + xk)).reinterpretAsShorts();
            a00 = v0.mul(b0).add(a00);
            if (TWO) {
                a01 = v0.mul(b1).add(a01);
            }
            ShortVector v1 = IntVector.broadcast(INT, x.get(I32, x1 + xk)).reinterpretAsShorts();
            a10 = v1.mul(b0).add(a10);
            if (TWO) {
                a11 = v1.mul(b1).add(a11);
            }
            ShortVector v2 = IntVector.broadcast(INT, x.get(I32, x2 + xk)).reinterpretAsShorts();
            a20 = v2.mul(b0).add(a20);
            if (TWO) {
                a21 = v2.mul(b1).add(a21);
            }
            ShortVector v3 = IntVector.broadcast(INT, x.get(I32, x3 + xk)).reinterpretAsShorts();
            a30 = v3.mul(b0).add(a30);
            if (TWO) {
                a31 = v3.mul(b1).add(a31);
            }
            ShortVector v4 = IntVector.broadcast(INT, x.get(I32, x4 + xk)).reinterpretAsShorts();
            a40 = v4.mul(b0).add(a40);
            if (TWO) {
                a41 = v4.mul(b1).add(a41);
            }
            ShortVector v5 = IntVector.broadcast(INT, x.get(I32, x5 + xk)).reinterpretAsShorts();
            a50 = v5.mul(b0).add(a50);
            if (TWO) {
                a51 = v5.mul(b1).add(a51);
            }
        }
        a00.reinterpretAsInts().intoArray(sums, to);
        if (TWO) {
            a01.reinterpretAsInts().intoArray(sums, to + LANES);
        }
        a10.reinterpretAsInts().intoArray(sums, to + 1 * SUM);
        if (TWO) {
            a11.reinterpretAsInts().intoArray(sums, to + 1 * SUM + LANES);
        }
        a20.reinterpretAsInts().intoArray(sums, to + 2 * SUM);
        if (TWO) {
            a21.reinterpretAsInts().intoArray(sums, to + 2 * SUM + LANES);
        }
        a30.reinterpretAsInts().intoArray(sums, to + 3 * SUM);
        if (TWO) {
            a31.reinterpretAsInts().intoArray(sums, to + 3 * SUM + LANES);
        }
        a40.reinterpretAsInts().intoArray(sums, to + 4 * SUM);
        if (TWO) {
            a41.reinterpretAsInts().intoArray(sums, to + 4 * SUM + LANES);
        }
        a50.reinterpretAsInts().intoArray(sums, to + 5 * SUM);
        if (TWO) {
            a51.reinterpretAsInts().intoArray(sums, to + 5 * SUM + LANES);
        }
    }

    /** One row of c [NR] = (c +) Σ over blocks of sum · scale of x · scale of weights. */
    private static void scale(int[] sums, int from, MemorySegment x, long xScales, MemorySegment scales, long s0,
            int blocks, boolean add, MemorySegment c, long c0) {
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = FloatVector.zero(FLOAT);
        FloatVector y2 = FloatVector.zero(FLOAT);
        FloatVector y3 = FloatVector.zero(FLOAT);
        if (add) {
            y0 = FloatVector.fromMemorySegment(FLOAT, c, c0, LITTLE_ENDIAN);
            y1 = FloatVector.fromMemorySegment(FLOAT, c, c0 + BYTES, LITTLE_ENDIAN);
            if (TWO) {
                y2 = FloatVector.fromMemorySegment(FLOAT, c, c0 + 2 * BYTES, LITTLE_ENDIAN);
                y3 = FloatVector.fromMemorySegment(FLOAT, c, c0 + 3 * BYTES, LITTLE_ENDIAN);
            }
        }
        for (int b = 0; b < blocks; b++) {
            long sb = s0 + 2 * b * STEP;
            FloatVector v = FloatVector.broadcast(FLOAT, x.get(F32, xScales + 4L * b));
            IntVector t = IntVector.fromArray(INT, sums, from + b * MR * SUM);
            y0 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                    .convert(VectorOperators.I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, sb, LITTLE_ENDIAN).mul(v), y0);
            y1 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, sb + BYTES, LITTLE_ENDIAN).mul(v), y1);
            if (TWO) {
                IntVector u = IntVector.fromArray(INT, sums, from + b * MR * SUM + LANES);
                y2 = ((FloatVector) u.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                        .convert(VectorOperators.I2F, 0))
                        .fma(FloatVector.fromMemorySegment(FLOAT, scales, sb + 2 * BYTES, LITTLE_ENDIAN).mul(v), y2);
                y3 = ((FloatVector) u.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                        .fma(FloatVector.fromMemorySegment(FLOAT, scales, sb + 3 * BYTES, LITTLE_ENDIAN).mul(v), y3);
            }
        }
        y0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (TWO) {
            y2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            y3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }
}
