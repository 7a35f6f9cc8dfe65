package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * One row of codes of x by a panel of {@link CodePacking#FIVE}, as {@link FourRow} does it. What a lane's last bit adds is added
 * where the lane, as a signed number, is below zero: a comparison, which leaves the port of shifts and products free.
 */
final class FiveRow {
    private static final boolean TWO = CodePacking.PAIRS == 2;
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int HIGH = 0xFFFF0000;
    private static final short ZERO = 0;

    private FiveRow() {}

    /** Twenty coefficients for each 16 k from {@code from} to {@code to}, as {@link FourRow} explains them. */
    static void expand(int[] codes, int from, int to, int[] x) {
        int at = from / 16 * 20;
        for (int k = from; k < to; k += 16) {
            int last = codes[k + 15];
            for (int lane = 0; lane < 5; lane++, at += 4) {
                int c0 = codes[k + 3 * lane];
                int c1 = codes[k + 3 * lane + 1];
                int c2 = codes[k + 3 * lane + 2];
                x[at] = (c0 & 0xFFFF) * 0x10001;
                x[at + 1] = (c1 - (c0 << 5) & 0xFFFF) * 0x10001;
                x[at + 2] = (c2 - (c1 << 5) & 0xFFFF) * 0x10001;
                x[at + 3] = ((last << lane) - (c2 << 5) & 0xFFFF) * 0x10001;
            }
        }
    }

    /** c [NR] = x · panel; parameters as those of {@link FourRow}, rounds of 16 k, a scale for 32. */
    static void halves(int[] x, int[] starts, float[] scales, float[] centers, MemorySegment w, long w0, long w1, long step,
            long s0, long s1, long scaleStep, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by5 = ShortVector.broadcast(SHORT, (short) 5);
        ShortVector by10 = ShortVector.broadcast(SHORT, (short) 10);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        ShortVector a0 = IntVector.broadcast(INT, starts[0]).reinterpretAsShorts();
        ShortVector a1 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            int xk = 20 * i;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN) : p0;
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN) : p1;
            ShortVector p2 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 2 * step, LITTLE_ENDIAN);
            ShortVector q2 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 2 * step, LITTLE_ENDIAN) : p2;
            ShortVector p3 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 3 * step, LITTLE_ENDIAN);
            ShortVector q3 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 3 * step, LITTLE_ENDIAN) : p3;
            ShortVector p4 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 4 * step, LITTLE_ENDIAN);
            ShortVector q4 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 4 * step, LITTLE_ENDIAN) : p4;
            ShortVector v;
            v = IntVector.broadcast(INT, x[xk]).reinterpretAsShorts();
            a0 = p0.mul(v).add(a0);
            if (TWO) {
                a1 = q0.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 1]).reinterpretAsShorts();
            a0 = p0.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 2]).reinterpretAsShorts();
            a0 = p0.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 3]).reinterpretAsShorts();
            a0 = a0.add(v, p0.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q0.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 4]).reinterpretAsShorts();
            a0 = p1.mul(v).add(a0);
            if (TWO) {
                a1 = q1.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 5]).reinterpretAsShorts();
            a0 = p1.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 6]).reinterpretAsShorts();
            a0 = p1.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 7]).reinterpretAsShorts();
            a0 = a0.add(v, p1.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q1.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 8]).reinterpretAsShorts();
            a0 = p2.mul(v).add(a0);
            if (TWO) {
                a1 = q2.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 9]).reinterpretAsShorts();
            a0 = p2.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q2.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 10]).reinterpretAsShorts();
            a0 = p2.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q2.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 11]).reinterpretAsShorts();
            a0 = a0.add(v, p2.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q2.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 12]).reinterpretAsShorts();
            a0 = p3.mul(v).add(a0);
            if (TWO) {
                a1 = q3.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 13]).reinterpretAsShorts();
            a0 = p3.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q3.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 14]).reinterpretAsShorts();
            a0 = p3.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q3.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 15]).reinterpretAsShorts();
            a0 = a0.add(v, p3.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q3.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 16]).reinterpretAsShorts();
            a0 = p4.mul(v).add(a0);
            if (TWO) {
                a1 = q4.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 17]).reinterpretAsShorts();
            a0 = p4.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q4.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 18]).reinterpretAsShorts();
            a0 = p4.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q4.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 19]).reinterpretAsShorts();
            a0 = a0.add(v, p4.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q4.lt(ZERO));
            }
            if ((i & 1) == 1) {
                int block = i >> 1;
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

    /** The same for super-blocks of 256 with a byte of scale for 32. */
    static void supers(int[] x, int[] starts, float[] scales, float[] centers, MemorySegment w, long w0, long w1, long step,
            long s0, long s1, long scaleStep, long subAt, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by5 = ShortVector.broadcast(SHORT, (short) 5);
        ShortVector by10 = ShortVector.broadcast(SHORT, (short) 10);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        FloatVector z0 = y0;
        FloatVector z1 = y0;
        FloatVector z2 = y0;
        FloatVector z3 = y0;
        ShortVector a0 = IntVector.broadcast(INT, starts[0]).reinterpretAsShorts();
        ShortVector a1 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            int xk = 20 * i;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN) : p0;
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN) : p1;
            ShortVector p2 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 2 * step, LITTLE_ENDIAN);
            ShortVector q2 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 2 * step, LITTLE_ENDIAN) : p2;
            ShortVector p3 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 3 * step, LITTLE_ENDIAN);
            ShortVector q3 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 3 * step, LITTLE_ENDIAN) : p3;
            ShortVector p4 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 4 * step, LITTLE_ENDIAN);
            ShortVector q4 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 4 * step, LITTLE_ENDIAN) : p4;
            ShortVector v;
            v = IntVector.broadcast(INT, x[xk]).reinterpretAsShorts();
            a0 = p0.mul(v).add(a0);
            if (TWO) {
                a1 = q0.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 1]).reinterpretAsShorts();
            a0 = p0.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 2]).reinterpretAsShorts();
            a0 = p0.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q0.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 3]).reinterpretAsShorts();
            a0 = a0.add(v, p0.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q0.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 4]).reinterpretAsShorts();
            a0 = p1.mul(v).add(a0);
            if (TWO) {
                a1 = q1.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 5]).reinterpretAsShorts();
            a0 = p1.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 6]).reinterpretAsShorts();
            a0 = p1.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q1.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 7]).reinterpretAsShorts();
            a0 = a0.add(v, p1.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q1.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 8]).reinterpretAsShorts();
            a0 = p2.mul(v).add(a0);
            if (TWO) {
                a1 = q2.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 9]).reinterpretAsShorts();
            a0 = p2.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q2.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 10]).reinterpretAsShorts();
            a0 = p2.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q2.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 11]).reinterpretAsShorts();
            a0 = a0.add(v, p2.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q2.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 12]).reinterpretAsShorts();
            a0 = p3.mul(v).add(a0);
            if (TWO) {
                a1 = q3.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 13]).reinterpretAsShorts();
            a0 = p3.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q3.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 14]).reinterpretAsShorts();
            a0 = p3.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q3.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 15]).reinterpretAsShorts();
            a0 = a0.add(v, p3.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q3.lt(ZERO));
            }
            v = IntVector.broadcast(INT, x[xk + 16]).reinterpretAsShorts();
            a0 = p4.mul(v).add(a0);
            if (TWO) {
                a1 = q4.mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 17]).reinterpretAsShorts();
            a0 = p4.lanewise(LSHR, by5).mul(v).add(a0);
            if (TWO) {
                a1 = q4.lanewise(LSHR, by5).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 18]).reinterpretAsShorts();
            a0 = p4.lanewise(LSHR, by10).mul(v).add(a0);
            if (TWO) {
                a1 = q4.lanewise(LSHR, by10).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x[xk + 19]).reinterpretAsShorts();
            a0 = a0.add(v, p4.lt(ZERO));
            if (TWO) {
                a1 = a1.add(v, q4.lt(ZERO));
            }
            if ((i & 1) == 1) {
                int block = i >> 1;
                FloatVector f = FloatVector.broadcast(FLOAT, scales[block]);
                FloatVector e = FloatVector.broadcast(FLOAT, centers[block]);
                IntVector low = IntVector.broadcast(INT, 24 - ((block & 1) << 3));
                IntVector high = IntVector.broadcast(INT, 8 - ((block & 1) << 3));
                IntVector u = IntVector.fromMemorySegment(INT, w,
                        s0 + (block >> 3) * scaleStep + subAt + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                IntVector t = a0.reinterpretAsInts();
                z0 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(f, e)
                        .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z0);
                z1 = ((FloatVector) t.and(HIGH).convert(I2F, 0)).fma(f, e)
                        .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z1);
                if (TWO) {
                    u = IntVector.fromMemorySegment(INT, w,
                            s1 + (block >> 3) * scaleStep + subAt + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                    t = a1.reinterpretAsInts();
                    z2 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(f, e)
                            .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z2);
                    z3 = ((FloatVector) t.and(HIGH).convert(I2F, 0)).fma(f, e)
                            .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z3);
                }
                if ((block & 7) == 7) {
                    IntVector d = IntVector.fromMemorySegment(INT, w, s0 + (block >> 3) * scaleStep, LITTLE_ENDIAN);
                    y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z0, y0);
                    y1 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z1, y1);
                    z0 = FloatVector.zero(FLOAT);
                    z1 = z0;
                    if (TWO) {
                        d = IntVector.fromMemorySegment(INT, w, s1 + (block >> 3) * scaleStep, LITTLE_ENDIAN);
                        y2 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z2, y2);
                        y3 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z3, y3);
                        z2 = z0;
                        z3 = z0;
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
