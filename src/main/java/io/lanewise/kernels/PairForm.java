package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of x for {@link PairRow}: tables of sixteen sums as 16-bit numbers, twice over, that codes of 4 bits pick from. For every 16 k
 *
 * <pre>
 *   8 tables   of two k each: c0·x0 + c1·x1 for codes c of 2 bits
 *   4 tables   of four k each, for weights of 3 bits: Σ (4·b - 4)·x for their third bits b, so that a code of 4 counts as 0
 *   1 table    for weights with minima: m·Σx of the 16 k, for minima m of 4 bits
 * </pre>
 *
 * <p>A super-block of 256 has one scale, such that the sums of its blocks of 16 fit in 16 bits, and one for all of its minima.
 */
final class PairForm extends RowForm {
    private static final int BLOCK = 16;
    private static final int SUPER = 256;
    private static final int BYTES = Lanes.BITS / 8;
    private static final float ROUND = 0x1.8p23f;
    /** Below this, a limit over it may overflow; such a super-block is zero. */
    private static final float SMALLEST = 0x1p-100f;
    /** Sums of 16 bits, but for what rounding may add. */
    private static final float LIMIT = 32_767 - BLOCK;
    private static final VectorSpecies<Short> HALVES = VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.BITS / 2));
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    /** What the k of a pair and of a four count for in each entry of their table, and what a minimum does. */
    private static final float[][] PAIR = {entries(0, 2, 1), entries(2, 2, 1)};
    private static final float[][] FOUR = {thirds(0), thirds(1), thirds(2), thirds(3)};
    private static final float[] ALL = entries(0, 4, 1);

    private final boolean thirdBits;

    /** @param thirdBits whether weights have 3 bits; then they have no minima, and otherwise they have */
    PairForm(boolean thirdBits) {
        this.thirdBits = thirdBits;
    }

    private static float[] entries(int shift, int bits, int times) {
        float[] entries = new float[Math.max(16, Lanes.FLOATS)];
        for (int i = 0; i < 16; i++) {
            entries[i] = times * (i >> shift & (1 << bits) - 1);
        }
        return entries;
    }

    private static float[] thirds(int bit) {
        float[] entries = entries(bit, 1, 4);
        for (int i = 0; i < 16; i++) {
            entries[i] -= 4;
        }
        return entries;
    }

    /** Bytes of the tables of 16 k. */
    private long step() {
        return (thirdBits ? 12L : 9L) * BYTES;
    }

    private void allocate(RowInput row, int inDim) {
        row.scales = RowInput.atLeast(inDim / SUPER, row.scales);
        row.sums = RowInput.atLeast(inDim / SUPER, row.sums);
        long bytes = inDim / BLOCK * step();
        if (row.tables.byteSize() < bytes) {
            row.tables = row.arena.allocate(bytes, BYTES);
        }
    }

    @Override
    void write(RowInput row, int inDim) {
        allocate(row, inDim);
        for (int k = 0; k < inDim; k += SUPER) {
            long from = row.x0() + 4L * k;
            float most = 0;
            float sums = 0;
            for (int i = 0; i < SUPER; i += BLOCK) {
                most = Math.max(most, CodeForm.magnitude(row.x(), from + 4L * i, BLOCK));
                sums += Math.abs(CodeForm.sum(row.x(), from + 4L * i, BLOCK));
            }
            float unit = most * ((thirdBits ? 4 : 3) / LIMIT);
            float unitOfMinima = sums * (15 / LIMIT);
            float inverse = most < SMALLEST ? 0 : 1 / unit;
            float inverseOfMinima = sums < SMALLEST ? 0 : 1 / unitOfMinima;
            row.scales[k / SUPER] = most < SMALLEST ? 0 : unit * CodeForm.UNIT;
            row.sums[k / SUPER] = sums < SMALLEST ? 0 : unitOfMinima * CodeForm.UNIT;
            for (int i = 0; i < SUPER; i += BLOCK) {
                long at = from + 4L * i;
                long to = (k + i) / BLOCK * step();
                pairs(row.x(), at, inverse, PAIR[0], PAIR[1], row.tables, to);
                if (thirdBits) {
                    fours(row.x(), at, inverse, row.tables, to + 8L * BYTES);
                } else {
                    one(CodeForm.sum(row.x(), at, BLOCK) * inverseOfMinima, ALL, row.tables, to + 8L * BYTES);
                }
            }
        }
    }

    private static void pairs(MemorySegment x, long from, float inverse, float[] first, float[] second, MemorySegment tables,
            long to) {
        FloatVector c0 = FloatVector.fromArray(Lanes.FLOAT, first, 0).mul(inverse);
        FloatVector c1 = FloatVector.fromArray(Lanes.FLOAT, second, 0).mul(inverse);
        for (int i = 0; i < BLOCK / 2; i++) {
            IntVector sums = c0.mul(x.get(F32, from + 8L * i)).add(c1.mul(x.get(F32, from + 8L * i + 4))).add(ROUND)
                    .reinterpretAsInts();
            ShortVector half = (ShortVector) sums.convertShape(VectorOperators.I2S, HALVES, 0);
            half.intoMemorySegment(tables, to + (long) i * BYTES, LITTLE_ENDIAN);
            half.intoMemorySegment(tables, to + (long) i * BYTES + BYTES / 2, LITTLE_ENDIAN);
        }
    }

    private static void fours(MemorySegment x, long from, float inverse, MemorySegment tables, long to) {
        FloatVector c0 = FloatVector.fromArray(Lanes.FLOAT, FOUR[0], 0).mul(inverse);
        FloatVector c1 = FloatVector.fromArray(Lanes.FLOAT, FOUR[1], 0).mul(inverse);
        FloatVector c2 = FloatVector.fromArray(Lanes.FLOAT, FOUR[2], 0).mul(inverse);
        FloatVector c3 = FloatVector.fromArray(Lanes.FLOAT, FOUR[3], 0).mul(inverse);
        for (int i = 0; i < BLOCK / 4; i++) {
            long at = from + 16L * i;
            IntVector sums = c0.mul(x.get(F32, at)).add(c1.mul(x.get(F32, at + 4))).add(c2.mul(x.get(F32, at + 8)))
                    .add(c3.mul(x.get(F32, at + 12))).add(ROUND).reinterpretAsInts();
            ShortVector half = (ShortVector) sums.convertShape(VectorOperators.I2S, HALVES, 0);
            half.intoMemorySegment(tables, to + (long) i * BYTES, LITTLE_ENDIAN);
            half.intoMemorySegment(tables, to + (long) i * BYTES + BYTES / 2, LITTLE_ENDIAN);
        }
    }

    private static void one(float sum, float[] factors, MemorySegment tables, long to) {
        IntVector products = FloatVector.fromArray(Lanes.FLOAT, factors, 0).mul(sum).add(ROUND).reinterpretAsInts();
        ShortVector half = (ShortVector) products.convertShape(VectorOperators.I2S, HALVES, 0);
        half.intoMemorySegment(tables, to, LITTLE_ENDIAN);
        half.intoMemorySegment(tables, to + BYTES / 2, LITTLE_ENDIAN);
    }
}
