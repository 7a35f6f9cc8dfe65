package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.REVERSE_BYTES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * One row of codes of x by a panel of {@link CodePacking#FOUR}: whole numbers in 16-bit lanes.
 *
 * <p><b>No masks.</b> Let r be a lane with its bytes swapped, l and h its low and its high byte. Then lane = l + 256·h and r = h +
 * 256·l, and as 2^16 is 0, l = lane - 256·r and h = r - 256·lane. Of the four weights, r &gt;&gt; 12 is the second and lane &gt;&gt; 12 the
 * fourth; the first is l - 16·second, the third h - 16·fourth. So Σ weight·x is lane·(x0 - 256·x2) + (r &gt;&gt; 12)·(x1 - 16·x0) +
 * r·(x2 - 256·x0) + (lane &gt;&gt; 12)·(x3 - 16·x2): the multipliers are made once a row of x, and the lanes need no ands, 11
 * operations for 4 weights of 32 rows. Products overflow on the way and it does not matter: 16 bits are the integers modulo
 * 2^16, and {@link CodeForm} keeps the sum of a block within them.
 *
 * <p><b>Ports.</b> With 512 bits, Intel's cores seem to multiply and shift 16-bit lanes on one port only, and to add, swap and
 * compare on the other as well (inferred from rates, see docs/performance.md). A swap in place of a shift leaves six
 * operations of eleven to the first port, not seven.
 *
 * <p>Shifts by a vector of counts are one operation in 16-bit lanes with AVX-512, shifts by a number two.
 */
final class FourRow {
    private static final boolean TWO = CodePacking.PAIRS == 2;
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int HIGH = 0xFFFF0000;

    private FourRow() {}

    /** Coefficients for k {@code from} to {@code to}: those of a round in the order in which the kernel meets them. */
    static void expand(int[] codes, int from, int to, int[] x) {
        for (int k = from; k < to; k += 4) {
            int c0 = codes[k];
            int c1 = codes[k + 1];
            int c2 = codes[k + 2];
            int c3 = codes[k + 3];
            x[k] = (c0 - (c2 << 8) & 0xFFFF) * 0x10001;
            x[k + 1] = (c1 - (c0 << 4) & 0xFFFF) * 0x10001;
            x[k + 2] = (c2 - (c0 << 8) & 0xFFFF) * 0x10001;
            x[k + 3] = (c3 - (c2 << 4) & 0xFFFF) * 0x10001;
        }
    }

    /**
     * c [NR] = x · panel for one scale a block of 32.
     *
     * @param x coefficients of {@link #expand}
     * @param starts scales, centers: a block each, see {@link CodeForm}
     * @param w0 byte of the panel in the first stream of the first pair of vectors of rows, {@code w1} of the last pair; streams
     *     of a pair are {@code step} bytes apart
     * @param s0 byte of the first pair's scales, {@code s1} of the last pair's; {@code scaleStep} from block to block
     * @param rounds of 8 k
     * @param bits {@link NormalHalf#BITS}
     */
    static void halves(int[] x, int[] starts, float[] scales, float[] centers, MemorySegment w, long w0, long w1,
            long step, long s0, long s1, long scaleStep, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by12 = ShortVector.broadcast(SHORT, (short) 12);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        ShortVector a0 = IntVector.broadcast(INT, starts[0]).reinterpretAsShorts();
        ShortVector a1 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            int xk = 8 * i;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN) : p0;
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN) : p1;
            ShortVector v;
            v = IntVector.broadcast(INT, x[xk]).reinterpretAsShorts();
            a0 = p0.mul(v).add(a0);
            if (TWO) {
                a1 = q0.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 1]).reinterpretAsShorts();
            a0 = p0.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 2]).reinterpretAsShorts();
            a0 = p0.lanewise(REVERSE_BYTES).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(REVERSE_BYTES).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 3]).reinterpretAsShorts();
            a0 = p0.lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(LSHR, by12).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 4]).reinterpretAsShorts();
            a0 = p1.mul(v).add(a0);
            if (TWO) {
                a1 = q1.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 5]).reinterpretAsShorts();
            a0 = p1.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 6]).reinterpretAsShorts();
            a0 = p1.lanewise(REVERSE_BYTES).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(REVERSE_BYTES).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 7]).reinterpretAsShorts();
            a0 = p1.lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(LSHR, by12).mul(v).add(a1);
            }
            if ((i & 3) == 3) {
                int block = i >> 2;
                FloatVector f = FloatVector.broadcast(FLOAT, scales[block]);
                FloatVector e = FloatVector.broadcast(FLOAT, centers[block]);
                IntVector d = IntVector.fromMemorySegment(INT, w, s0 + block * scaleStep, LITTLE_ENDIAN);
                IntVector t = a0.reinterpretAsInts();
                y0 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(f, e)
                        .fma(d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y0);
                y1 = ((FloatVector) t.and(HIGH).convert(I2F, 0)).fma(f, e)
                        .fma(d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y1);
                if (TWO) {
                    d = IntVector.fromMemorySegment(INT, w, s1 + block * scaleStep, LITTLE_ENDIAN);
                    t = a1.reinterpretAsInts();
                    y2 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(f, e)
                            .fma(d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y2);
                    y3 = ((FloatVector) t.and(HIGH).convert(I2F, 0)).fma(f, e)
                            .fma(d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y3);
                }
                a0 = IntVector.broadcast(INT, starts[block + 1]).reinterpretAsShorts();
                a1 = a0;
            }
        }
        y0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (TWO) {
            y2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            y3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    /**
     * The same for super-blocks of 256 with a byte of scale for 32.
     *
     * @param scaleStep from super-block to super-block
     * @param subAt byte of the first scales in a super-block; behind its four vectors of them lie four of minima
     * @param sums Σx of blocks
     */
    static void supers(int[] x, int[] starts, float[] scales, float[] centers, float[] sums, MemorySegment w, long w0, long w1,
            long step, long s0, long s1, long scaleStep, long subAt, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by12 = ShortVector.broadcast(SHORT, (short) 12);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        FloatVector z0 = y0;
        FloatVector z1 = y0;
        FloatVector z2 = y0;
        FloatVector z3 = y0;
        FloatVector n0 = y0;
        FloatVector n1 = y0;
        FloatVector n2 = y0;
        FloatVector n3 = y0;
        ShortVector a0 = IntVector.broadcast(INT, starts[0]).reinterpretAsShorts();
        ShortVector a1 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            int xk = 8 * i;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN) : p0;
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN) : p1;
            ShortVector v;
            v = IntVector.broadcast(INT, x[xk]).reinterpretAsShorts();
            a0 = p0.mul(v).add(a0);
            if (TWO) {
                a1 = q0.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 1]).reinterpretAsShorts();
            a0 = p0.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 2]).reinterpretAsShorts();
            a0 = p0.lanewise(REVERSE_BYTES).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(REVERSE_BYTES).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 3]).reinterpretAsShorts();
            a0 = p0.lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(LSHR, by12).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 4]).reinterpretAsShorts();
            a0 = p1.mul(v).add(a0);
            if (TWO) {
                a1 = q1.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 5]).reinterpretAsShorts();
            a0 = p1.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(REVERSE_BYTES).lanewise(LSHR, by12).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 6]).reinterpretAsShorts();
            a0 = p1.lanewise(REVERSE_BYTES).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(REVERSE_BYTES).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 7]).reinterpretAsShorts();
            a0 = p1.lanewise(LSHR, by12).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(LSHR, by12).mul(v).add(a1);
            }
            if ((i & 3) == 3) {
                int block = i >> 2;
                FloatVector f = FloatVector.broadcast(FLOAT, scales[block]);
                FloatVector e = FloatVector.broadcast(FLOAT, centers[block]);
                FloatVector sum = FloatVector.broadcast(FLOAT, -sums[block]);
                IntVector low = IntVector.broadcast(INT, 24 - ((block & 1) << 3));
                IntVector high = IntVector.broadcast(INT, 8 - ((block & 1) << 3));
                IntVector u = IntVector.fromMemorySegment(INT, w,
                        s0 + (block >> 3) * scaleStep + subAt + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                IntVector t = a0.reinterpretAsInts();
                z0 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(f, e)
                        .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z0);
                z1 = ((FloatVector) t.and(HIGH).convert(I2F, 0)).fma(f, e)
                        .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z1);
                u = IntVector.fromMemorySegment(INT, w,
                        s0 + (block >> 3) * scaleStep + subAt + 4 * BYTES + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                n0 = ((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0)).fma(sum, n0);
                n1 = ((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0)).fma(sum, n1);
                if (TWO) {
                    u = IntVector.fromMemorySegment(INT, w,
                            s1 + (block >> 3) * scaleStep + subAt + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                    t = a1.reinterpretAsInts();
                    z2 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(f, e)
                            .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z2);
                    z3 = ((FloatVector) t.and(HIGH).convert(I2F, 0)).fma(f, e)
                            .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z3);
                    u = IntVector.fromMemorySegment(INT, w,
                            s1 + (block >> 3) * scaleStep + subAt + 4 * BYTES + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                    n2 = ((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0)).fma(sum, n2);
                    n3 = ((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0)).fma(sum, n3);
                }
                if ((block & 7) == 7) {
                    IntVector d = IntVector.fromMemorySegment(INT, w, s0 + (block >> 3) * scaleStep, LITTLE_ENDIAN);
                    y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z0, y0);
                    y1 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z1, y1);
                    d = IntVector.fromMemorySegment(INT, w, s0 + (block >> 3) * scaleStep + BYTES, LITTLE_ENDIAN);
                    y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(n0, y0);
                    y1 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(n1, y1);
                    z0 = FloatVector.zero(FLOAT);
                    z1 = z0;
                    n0 = z0;
                    n1 = z0;
                    if (TWO) {
                        d = IntVector.fromMemorySegment(INT, w, s1 + (block >> 3) * scaleStep, LITTLE_ENDIAN);
                        y2 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z2, y2);
                        y3 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z3, y3);
                        d = IntVector.fromMemorySegment(INT, w, s1 + (block >> 3) * scaleStep + BYTES, LITTLE_ENDIAN);
                        y2 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(n2, y2);
                        y3 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(n3, y3);
                        z2 = z0;
                        z3 = z0;
                        n2 = z0;
                        n3 = z0;
                    }
                }
                a0 = IntVector.broadcast(INT, starts[block + 1]).reinterpretAsShorts();
                a1 = a0;
            }
        }
        y0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (TWO) {
            y2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            y3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }
}
