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
 * One row of x by a panel of codes of 2 or 3 bits: four bits at a time, two codes or the third bits of four, pick a sum from a table
 * of {@link PairForm}, as codes do in {@link TableRow}; half the work of a product a code, and on another port of the
 * processor. Vectors of 512 bits only.
 */
final class PairRow {
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int HIGH = 0xFFFF0000;

    private PairRow() {}

    /**
     * c [NR] = x · panel of {@link CodePacking#TWO}; parameters as those of {@link FourRow}, tables in place of coefficients, rounds
     * of 16 k, a byte for each: the low half is its scale, the high half its minimum.
     */
    static void two(MemorySegment tables, float[] scales, float[] sums, MemorySegment w, long w0, long w1, long step, long s0,
            long s1, long scaleStep, long subAt, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by4 = ShortVector.broadcast(SHORT, (short) 4);
        ShortVector by8 = ShortVector.broadcast(SHORT, (short) 8);
        ShortVector by12 = ShortVector.broadcast(SHORT, (short) 12);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        FloatVector z0 = y0;
        FloatVector z1 = y0;
        FloatVector z2 = y0;
        FloatVector z3 = y0;
        ShortVector n0 = ShortVector.zero(SHORT);
        ShortVector n1 = n0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            long tk = 9L * i * BYTES;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN);
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN);
            ShortVector t;
            t = ShortVector.fromMemorySegment(SHORT, tables, tk, LITTLE_ENDIAN);
            ShortVector a0 = p0.selectFrom(t);
            ShortVector a1 = q0.selectFrom(t);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 1 * BYTES, LITTLE_ENDIAN);
            a0 = p0.lanewise(LSHR, by4).selectFrom(t).add(a0);
            a1 = q0.lanewise(LSHR, by4).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 2 * BYTES, LITTLE_ENDIAN);
            a0 = p0.lanewise(LSHR, by8).selectFrom(t).add(a0);
            a1 = q0.lanewise(LSHR, by8).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 3 * BYTES, LITTLE_ENDIAN);
            a0 = p0.lanewise(LSHR, by12).selectFrom(t).add(a0);
            a1 = q0.lanewise(LSHR, by12).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 4 * BYTES, LITTLE_ENDIAN);
            a0 = p1.selectFrom(t).add(a0);
            a1 = q1.selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 5 * BYTES, LITTLE_ENDIAN);
            a0 = p1.lanewise(LSHR, by4).selectFrom(t).add(a0);
            a1 = q1.lanewise(LSHR, by4).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 6 * BYTES, LITTLE_ENDIAN);
            a0 = p1.lanewise(LSHR, by8).selectFrom(t).add(a0);
            a1 = q1.lanewise(LSHR, by8).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 7 * BYTES, LITTLE_ENDIAN);
            a0 = p1.lanewise(LSHR, by12).selectFrom(t).add(a0);
            a1 = q1.lanewise(LSHR, by12).selectFrom(t).add(a1);
            long sub = (i >> 4) * scaleStep + subAt + (i >> 1 & 7) * (long) BYTES;
            IntVector low = IntVector.broadcast(INT, (i & 1) << 3);
            IntVector high = IntVector.broadcast(INT, 16 + ((i & 1) << 3));
            ShortVector minimum = ShortVector.broadcast(SHORT, (short) (4 + ((i & 1) << 3)));
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 8 * BYTES, LITTLE_ENDIAN);
            IntVector u = IntVector.fromMemorySegment(INT, w, s0 + sub, LITTLE_ENDIAN);
            IntVector a = a0.reinterpretAsInts();
            z0 = ((FloatVector) a.lanewise(LSHL, 16).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHR, low).and(0xF).convert(I2F, 0), z0);
            z1 = ((FloatVector) a.and(HIGH).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHR, high).and(0xF).convert(I2F, 0), z1);
            n0 = u.reinterpretAsShorts().lanewise(LSHR, minimum).selectFrom(t).add(n0);
            u = IntVector.fromMemorySegment(INT, w, s1 + sub, LITTLE_ENDIAN);
            a = a1.reinterpretAsInts();
            z2 = ((FloatVector) a.lanewise(LSHL, 16).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHR, low).and(0xF).convert(I2F, 0), z2);
            z3 = ((FloatVector) a.and(HIGH).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHR, high).and(0xF).convert(I2F, 0), z3);
            n1 = u.reinterpretAsShorts().lanewise(LSHR, minimum).selectFrom(t).add(n1);
            if ((i & 15) == 15) {
                FloatVector f = FloatVector.broadcast(FLOAT, scales[i >> 4]);
                FloatVector g = FloatVector.broadcast(FLOAT, -sums[i >> 4]);
                long s = (i >> 4) * scaleStep;
                IntVector d = IntVector.fromMemorySegment(INT, w, s0 + s, LITTLE_ENDIAN);
                y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z0.mul(f), y0);
                y1 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z1.mul(f), y1);
                d = IntVector.fromMemorySegment(INT, w, s0 + s + BYTES, LITTLE_ENDIAN);
                a = n0.reinterpretAsInts();
                y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats()
                        .fma(((FloatVector) a.lanewise(LSHL, 16).convert(I2F, 0)).mul(g), y0);
                y1 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats()
                        .fma(((FloatVector) a.and(HIGH).convert(I2F, 0)).mul(g), y1);
                d = IntVector.fromMemorySegment(INT, w, s1 + s, LITTLE_ENDIAN);
                y2 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z2.mul(f), y2);
                y3 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z3.mul(f), y3);
                d = IntVector.fromMemorySegment(INT, w, s1 + s + BYTES, LITTLE_ENDIAN);
                a = n1.reinterpretAsInts();
                y2 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats()
                        .fma(((FloatVector) a.lanewise(LSHL, 16).convert(I2F, 0)).mul(g), y2);
                y3 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats()
                        .fma(((FloatVector) a.and(HIGH).convert(I2F, 0)).mul(g), y3);
                z0 = FloatVector.zero(FLOAT);
                z1 = z0;
                z2 = z0;
                z3 = z0;
                n0 = ShortVector.zero(SHORT);
                n1 = n0;
            }
        }
        y0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        y2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
        y3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
    }

    /** The same of {@link CodePacking#PLANES}, a signed byte of scale for 16 k and no minima. */
    static void three(MemorySegment tables, float[] scales, MemorySegment w, long w0, long w1, long step, long s0, long s1,
            long scaleStep, long subAt, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by4 = ShortVector.broadcast(SHORT, (short) 4);
        ShortVector by8 = ShortVector.broadcast(SHORT, (short) 8);
        ShortVector by12 = ShortVector.broadcast(SHORT, (short) 12);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        FloatVector z0 = y0;
        FloatVector z1 = y0;
        FloatVector z2 = y0;
        FloatVector z3 = y0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            long tk = 12L * i * BYTES;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN);
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN);
            ShortVector p2 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + 2 * step, LITTLE_ENDIAN);
            ShortVector q2 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk + 2 * step, LITTLE_ENDIAN);
            ShortVector t;
            t = ShortVector.fromMemorySegment(SHORT, tables, tk, LITTLE_ENDIAN);
            ShortVector a0 = p0.selectFrom(t);
            ShortVector a1 = q0.selectFrom(t);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 1 * BYTES, LITTLE_ENDIAN);
            a0 = p0.lanewise(LSHR, by4).selectFrom(t).add(a0);
            a1 = q0.lanewise(LSHR, by4).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 2 * BYTES, LITTLE_ENDIAN);
            a0 = p0.lanewise(LSHR, by8).selectFrom(t).add(a0);
            a1 = q0.lanewise(LSHR, by8).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 3 * BYTES, LITTLE_ENDIAN);
            a0 = p0.lanewise(LSHR, by12).selectFrom(t).add(a0);
            a1 = q0.lanewise(LSHR, by12).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 4 * BYTES, LITTLE_ENDIAN);
            a0 = p1.selectFrom(t).add(a0);
            a1 = q1.selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 5 * BYTES, LITTLE_ENDIAN);
            a0 = p1.lanewise(LSHR, by4).selectFrom(t).add(a0);
            a1 = q1.lanewise(LSHR, by4).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 6 * BYTES, LITTLE_ENDIAN);
            a0 = p1.lanewise(LSHR, by8).selectFrom(t).add(a0);
            a1 = q1.lanewise(LSHR, by8).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 7 * BYTES, LITTLE_ENDIAN);
            a0 = p1.lanewise(LSHR, by12).selectFrom(t).add(a0);
            a1 = q1.lanewise(LSHR, by12).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 8 * BYTES, LITTLE_ENDIAN);
            a0 = p2.selectFrom(t).add(a0);
            a1 = q2.selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 9 * BYTES, LITTLE_ENDIAN);
            a0 = p2.lanewise(LSHR, by4).selectFrom(t).add(a0);
            a1 = q2.lanewise(LSHR, by4).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 10 * BYTES, LITTLE_ENDIAN);
            a0 = p2.lanewise(LSHR, by8).selectFrom(t).add(a0);
            a1 = q2.lanewise(LSHR, by8).selectFrom(t).add(a1);
            t = ShortVector.fromMemorySegment(SHORT, tables, tk + 11 * BYTES, LITTLE_ENDIAN);
            a0 = p2.lanewise(LSHR, by12).selectFrom(t).add(a0);
            a1 = q2.lanewise(LSHR, by12).selectFrom(t).add(a1);
            long sub = (i >> 4) * scaleStep + subAt + (i >> 1 & 7) * (long) BYTES;
            IntVector low = IntVector.broadcast(INT, 24 - ((i & 1) << 3));
            IntVector high = IntVector.broadcast(INT, 8 - ((i & 1) << 3));
            IntVector u = IntVector.fromMemorySegment(INT, w, s0 + sub, LITTLE_ENDIAN);
            IntVector a = a0.reinterpretAsInts();
            z0 = ((FloatVector) a.lanewise(LSHL, 16).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z0);
            z1 = ((FloatVector) a.and(HIGH).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z1);
            u = IntVector.fromMemorySegment(INT, w, s1 + sub, LITTLE_ENDIAN);
            a = a1.reinterpretAsInts();
            z2 = ((FloatVector) a.lanewise(LSHL, 16).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z2);
            z3 = ((FloatVector) a.and(HIGH).convert(I2F, 0))
                    .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z3);
            if ((i & 15) == 15) {
                FloatVector f = FloatVector.broadcast(FLOAT, scales[i >> 4]);
                long s = (i >> 4) * scaleStep;
                IntVector d = IntVector.fromMemorySegment(INT, w, s0 + s, LITTLE_ENDIAN);
                y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z0.mul(f), y0);
                y1 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z1.mul(f), y1);
                d = IntVector.fromMemorySegment(INT, w, s1 + s, LITTLE_ENDIAN);
                y2 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z2.mul(f), y2);
                y3 = d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats().fma(z3.mul(f), y3);
                z0 = FloatVector.zero(FLOAT);
                z1 = z0;
                z2 = z0;
                z3 = z0;
            }
        }
        y0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        y2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
        y3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
    }
}
