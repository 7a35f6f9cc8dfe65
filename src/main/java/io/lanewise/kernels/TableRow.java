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
 * One row of x by a panel of 4-bit codes that stand for values of a book: of every k a table of the sixteen products as 16-bit
 * numbers, each twice over, which a vector of 32 codes looks up at once. A code comes with the bit above it, which picks the
 * first or the second copy. Vectors of 512 bits only.
 */
final class TableRow {
    private static final boolean TWO = CodePacking.PAIRS == 2;
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int HIGH = 0xFFFF0000;

    private TableRow() {}

    /** c [NR] = x · panel; parameters as those of {@link FourRow}, tables of {@link TableForm} in place of coefficients. */
    static void halves(MemorySegment tables, float[] scales, MemorySegment w, long w0, long w1, long step, long s0, long s1,
            long scaleStep, int rounds, int bits, MemorySegment c, long c0) {
        ShortVector by4 = ShortVector.broadcast(SHORT, (short) 4);
        ShortVector by8 = ShortVector.broadcast(SHORT, (short) 8);
        ShortVector by12 = ShortVector.broadcast(SHORT, (short) 12);
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector y2 = y0;
        FloatVector y3 = y0;
        ShortVector a0 = ShortVector.zero(SHORT);
        ShortVector a1 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            long tk = 8L * i * BYTES;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN);
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN);
            ShortVector t;
            t = ShortVector.fromMemorySegment(SHORT, tables, tk, LITTLE_ENDIAN);
            a0 = p0.selectFrom(t).add(a0);
            a1 = q0.selectFrom(t).add(a1);
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
            if ((i & 3) == 3) {
                int block = i >> 2;
                FloatVector f = FloatVector.broadcast(FLOAT, scales[block]);
                IntVector d = IntVector.fromMemorySegment(INT, w, s0 + block * scaleStep, LITTLE_ENDIAN);
                IntVector sums = a0.reinterpretAsInts();
                y0 = ((FloatVector) sums.lanewise(LSHL, 16).convert(I2F, 0)).mul(f)
                        .fma(d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y0);
                y1 = ((FloatVector) sums.and(HIGH).convert(I2F, 0)).mul(f)
                        .fma(d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y1);
                if (TWO) {
                    d = IntVector.fromMemorySegment(INT, w, s1 + block * scaleStep, LITTLE_ENDIAN);
                    sums = a1.reinterpretAsInts();
                    y2 = ((FloatVector) sums.lanewise(LSHL, 16).convert(I2F, 0)).mul(f)
                            .fma(d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y2);
                    y3 = ((FloatVector) sums.and(HIGH).convert(I2F, 0)).mul(f)
                            .fma(d.lanewise(ASHR, 3).and(bits).reinterpretAsFloats(), y3);
                }
                a0 = ShortVector.zero(SHORT);
                a1 = a0;
            }
        }
        y0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        y2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
        y3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
    }

    /** The same for super-blocks of 256 with a byte of scale for 32. */
    static void supers(MemorySegment tables, float[] scales, MemorySegment w, long w0, long w1, long step, long s0, long s1,
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
        ShortVector a0 = ShortVector.zero(SHORT);
        ShortVector a1 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            long tk = 8L * i * BYTES;
            ShortVector p0 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk, LITTLE_ENDIAN);
            ShortVector q0 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk, LITTLE_ENDIAN);
            ShortVector p1 = ShortVector.fromMemorySegment(SHORT, w, w0 + wk + step, LITTLE_ENDIAN);
            ShortVector q1 = ShortVector.fromMemorySegment(SHORT, w, w1 + wk + step, LITTLE_ENDIAN);
            ShortVector t;
            t = ShortVector.fromMemorySegment(SHORT, tables, tk, LITTLE_ENDIAN);
            a0 = p0.selectFrom(t).add(a0);
            a1 = q0.selectFrom(t).add(a1);
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
            if ((i & 3) == 3) {
                int block = i >> 2;
                FloatVector f = FloatVector.broadcast(FLOAT, scales[block]);
                IntVector low = IntVector.broadcast(INT, 24 - ((block & 1) << 3));
                IntVector high = IntVector.broadcast(INT, 8 - ((block & 1) << 3));
                IntVector u = IntVector.fromMemorySegment(INT, w,
                        s0 + (block >> 3) * scaleStep + subAt + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                IntVector sums = a0.reinterpretAsInts();
                z0 = ((FloatVector) sums.lanewise(LSHL, 16).convert(I2F, 0)).mul(f)
                        .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z0);
                z1 = ((FloatVector) sums.and(HIGH).convert(I2F, 0)).mul(f)
                        .fma((FloatVector) u.lanewise(LSHL, high).lanewise(ASHR, 24).convert(I2F, 0), z1);
                if (TWO) {
                    u = IntVector.fromMemorySegment(INT, w,
                            s1 + (block >> 3) * scaleStep + subAt + (block >> 1 & 3) * (long) BYTES, LITTLE_ENDIAN);
                    sums = a1.reinterpretAsInts();
                    z2 = ((FloatVector) sums.lanewise(LSHL, 16).convert(I2F, 0)).mul(f)
                            .fma((FloatVector) u.lanewise(LSHL, low).lanewise(ASHR, 24).convert(I2F, 0), z2);
                    z3 = ((FloatVector) sums.and(HIGH).convert(I2F, 0)).mul(f)
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
                a0 = ShortVector.zero(SHORT);
                a1 = a0;
            }
        }
        y0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        y1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        y2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
        y3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
    }
}
