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
 * <p>Both are methods of their own, with {@link #SUMS} between them: in one, the graph outgrows C2. Both are one loop
 * without another inside: entering an inner loop of 32 rounds costs C2's code as much as a third of them, for its checks
 * of ranges.
 */
final class ShortTile {
    /** Rows of a tile: with two vectors of shorts beside each other 12 sums, 2 weights and a code. */
    static final int MR = 6;
    /** Most blocks of 32 k a call. */
    static final int MOST_BLOCKS = 32;
    /** Bytes of the sums between the two halves of the work. */
    static final long SUMS = (long) MOST_BLOCKS * MR * FloatTile.NR * Short.BYTES;

    private static final boolean TWO = CodedPanels.PAIRS == 2;
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
     * @param sums scratch of {@link #SUMS} bytes
     * @param add whether c holds sums to go on from
     * @param c0 byte of c
     * @param cStride bytes from one row of c to the next
     */
    static void multiply(int rows, MemorySegment x, long x0, long xScales, long xStride, MemorySegment tile, long w0,
            MemorySegment scales, long s0, int blocks, MemorySegment sums, boolean add, MemorySegment c, long c0,
            long cStride) {
        int last = rows - 1;
        sum(x, x0, x0 + Math.min(1, last) * xStride, x0 + Math.min(2, last) * xStride, x0 + Math.min(3, last) * xStride,
                x0 + Math.min(4, last) * xStride, x0 + Math.min(5, last) * xStride, tile, w0, 32 * blocks, sums);
        for (int row = 0; row < rows; row++) {
            scale(sums, row * STEP, x, xScales + row * xStride, scales, s0, blocks, add, c, c0 + row * cStride);
        }
    }

    /** sums [k / 32, MR, NR] of shorts. */
    private static void sum(MemorySegment x, long x0, long x1, long x2, long x3, long x4, long x5, MemorySegment tile,
            long w0, int depth, MemorySegment sums) {
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
        for (int k = 0; k < depth; k++) {
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
            if ((k & 31) == 31) {
                long to = (k >> 5) * MR * STEP;
                a00.intoMemorySegment(sums, to, LITTLE_ENDIAN);
                a00 = ShortVector.zero(SHORT);
                if (TWO) {
                    a01.intoMemorySegment(sums, to + BYTES, LITTLE_ENDIAN);
                    a01 = ShortVector.zero(SHORT);
                }
                a10.intoMemorySegment(sums, to + 1 * STEP, LITTLE_ENDIAN);
                a10 = ShortVector.zero(SHORT);
                if (TWO) {
                    a11.intoMemorySegment(sums, to + 1 * STEP + BYTES, LITTLE_ENDIAN);
                    a11 = ShortVector.zero(SHORT);
                }
                a20.intoMemorySegment(sums, to + 2 * STEP, LITTLE_ENDIAN);
                a20 = ShortVector.zero(SHORT);
                if (TWO) {
                    a21.intoMemorySegment(sums, to + 2 * STEP + BYTES, LITTLE_ENDIAN);
                    a21 = ShortVector.zero(SHORT);
                }
                a30.intoMemorySegment(sums, to + 3 * STEP, LITTLE_ENDIAN);
                a30 = ShortVector.zero(SHORT);
                if (TWO) {
                    a31.intoMemorySegment(sums, to + 3 * STEP + BYTES, LITTLE_ENDIAN);
                    a31 = ShortVector.zero(SHORT);
                }
                a40.intoMemorySegment(sums, to + 4 * STEP, LITTLE_ENDIAN);
                a40 = ShortVector.zero(SHORT);
                if (TWO) {
                    a41.intoMemorySegment(sums, to + 4 * STEP + BYTES, LITTLE_ENDIAN);
                    a41 = ShortVector.zero(SHORT);
                }
                a50.intoMemorySegment(sums, to + 5 * STEP, LITTLE_ENDIAN);
                a50 = ShortVector.zero(SHORT);
                if (TWO) {
                    a51.intoMemorySegment(sums, to + 5 * STEP + BYTES, LITTLE_ENDIAN);
                    a51 = ShortVector.zero(SHORT);
                }
            }
        }
    }

    /** One row of c [NR] = (c +) Σ over blocks of sum · scale of x · scale of weights. */
    private static void scale(MemorySegment sums, long from, MemorySegment x, long xScales, MemorySegment scales, long s0,
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
            IntVector t = IntVector.fromMemorySegment(INT, sums, from + b * MR * STEP, LITTLE_ENDIAN);
            y0 = ((FloatVector) t.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                    .convert(VectorOperators.I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, sb, LITTLE_ENDIAN).mul(v), y0);
            y1 = ((FloatVector) t.lanewise(VectorOperators.ASHR, 16).convert(VectorOperators.I2F, 0))
                    .fma(FloatVector.fromMemorySegment(FLOAT, scales, sb + BYTES, LITTLE_ENDIAN).mul(v), y1);
            if (TWO) {
                IntVector u = IntVector.fromMemorySegment(INT, sums, from + b * MR * STEP + BYTES, LITTLE_ENDIAN);
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
