package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Rows of x as whole numbers for sums in 16-bit lanes. A block of 16 or 32 has one scale, as fine as such a sum allows: with
 * weights of magnitude {@code reach} at most, Σ|weight·code| stays within 32,767 if Σ|code| stays within 32,767 / reach. So it
 * is the sum of magnitudes that sets the scale, not the largest: for weights of 4 bits a block of 32 equal numbers gets codes of
 * 127, as bytes would have, a block of normally distributed ones gets three times as fine a grid, and one with an outlier up to
 * thirty times.
 *
 * <p>Of a block: scales, what a code of 1 stands for times {@link #UNIT}; sums, Σx; starts, -center·Σcode in both halves of an int, from which lanes
 * that sum code·w start, so that they end at Σ code·(w - center); centers, center·Σx for weights that are no signed numbers. Both
 * come times {@link NormalHalf#HALF_SCALE}.
 */
final class CodeForm extends RowForm {
    /** Makes the multipliers of a kernel from the codes of some k. */
    @FunctionalInterface
    interface Expansion {
        void expand(int[] codes, int from, int to, int[] coefficients);
    }

    /** Adding it rounds to the nearest integer (ties to even) and leaves its two's complement in the low bits. */
    private static final float ROUND = 0x1.8p23f;
    /** Below this, limit / Σ|x| may overflow; such a block is zero. */
    private static final float SMALLEST = 0x1p-100f;
    private static final int LOW = 0xFFFF;
    /** What scales are multiplied by: kernels take sums from the upper half of an int, where they are 2^16 times what they are. */
    static final float UNIT = NormalHalf.HALF_SCALE * 0x1p-16f;

    private final int block;
    private final int center;
    private final boolean minima;
    private final int coefficientsOf16;
    private final Expansion expansion;
    /** Largest Σ|code| of a block, but for what rounding may add. */
    private final int limit;
    /** The scale of a block per its Σ|x|. */
    private final float unit;
    /** See {@link #vectors}; null where a vector does not hold sixteen numbers. */
    private final int[] vectors;

    /**
     * @param block k that share a scale: 16 or 32
     * @param center the weight that counts as 0
     * @param reach magnitude of the weight farthest from it
     * @param minima whether a weight of 0 stands for a minimum, so that center·scale has to be added for every k
     * @param coefficientsOf16 multipliers for 16 k
     */
    CodeForm(int block, int center, int reach, boolean minima, int coefficientsOf16, Expansion expansion) {
        this.block = block;
        this.center = center;
        this.minima = minima;
        this.coefficientsOf16 = coefficientsOf16;
        this.expansion = expansion;
        this.limit = 32_767 / reach - block / 2;
        this.unit = UNIT / limit;
        this.vectors = Lanes.FLOATS == 16 ? vectors(expansion, coefficientsOf16) : null;
    }

    int block() {
        return block;
    }

    int limit() {
        return limit;
    }

    private void allocate(RowInput row, int inDim) {
        int blocks = inDim / block;
        row.codes = RowInput.atLeast(inDim, row.codes);
        row.coefficients = RowInput.atLeast(inDim / 16 * coefficientsOf16, row.coefficients);
        row.starts = RowInput.atLeast(blocks + 1, row.starts);
        row.scales = RowInput.atLeast(blocks, row.scales);
        row.centers = RowInput.atLeast(blocks, row.centers);
        row.sums = RowInput.atLeast(blocks, row.sums);
    }

    /** NaN and infinities make their block's scale NaN or infinite, so that a product with it cannot pass for a number. */
    @Override
    void write(RowInput row, int inDim) {
        allocate(row, inDim);
        if (vectors != null) {
            writeVectors(row, inDim);
        } else {
            for (int k = 0; k < inDim; k += block) {
                long at = row.x0() + 4L * k;
                float magnitude = magnitude(row.x(), at, block);
                int sum = encode(row.x(), at, block, inverse(magnitude), row.codes, k);
                note(row, k / block, magnitude, sum, minima ? sum(row.x(), at, block) : 0);
            }
            expansion.expand(row.codes, 0, inDim, row.coefficients);
        }
    }

    private float inverse(float magnitude) {
        return magnitude < SMALLEST ? 0 : limit / magnitude;
    }

    private void note(RowInput row, int b, float magnitude, int codes, float sum) {
        row.scales[b] = magnitude < SMALLEST ? 0 : magnitude * unit;
        row.starts[b] = (-center * codes & LOW) * 0x10001;
        row.sums[b] = sum * NormalHalf.HALF_SCALE;
        row.centers[b] = center * row.sums[b];
    }

    /** The same with vectors of sixteen numbers, which also make the coefficients. */
    private void writeVectors(RowInput row, int inDim) {
        MemorySegment x = row.x();
        int[] coefficients = row.coefficients;
        IntVector plus = IntVector.fromArray(Lanes.INT, vectors, 0);
        IntVector plusShift = IntVector.fromArray(Lanes.INT, vectors, 16);
        IntVector minus = IntVector.fromArray(Lanes.INT, vectors, 32);
        IntVector minusShift = IntVector.fromArray(Lanes.INT, vectors, 48);
        IntVector lastPlus = IntVector.fromArray(Lanes.INT, vectors, 64);
        IntVector lastPlusShift = IntVector.fromArray(Lanes.INT, vectors, 80);
        IntVector lastMinus = IntVector.fromArray(Lanes.INT, vectors, 96);
        IntVector lastMinusShift = IntVector.fromArray(Lanes.INT, vectors, 112);
        int at = 0;
        for (int k = 0; k < inDim; k += block) {
            long x0 = row.x0() + 4L * k;
            float magnitude = magnitude(x, x0, block);
            float inverse = inverse(magnitude);
            IntVector sum = IntVector.zero(Lanes.INT);
            for (int i = 0; i < block; i += 16, at += coefficientsOf16) {
                IntVector codes = FloatVector.fromMemorySegment(Lanes.FLOAT, x, x0 + 4L * i, LITTLE_ENDIAN).mul(inverse)
                        .add(ROUND).reinterpretAsInts().lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
                codes.intoArray(row.codes, k + i);
                sum = sum.add(codes);
                IntVector v = plus.selectFrom(codes).lanewise(VectorOperators.LSHL, plusShift)
                        .sub(minus.selectFrom(codes).lanewise(VectorOperators.LSHL, minusShift));
                v.and(LOW).or(v.lanewise(VectorOperators.LSHL, 16)).intoArray(coefficients, at);
                if (coefficientsOf16 > 16) {
                    v = lastPlus.selectFrom(codes).lanewise(VectorOperators.LSHL, lastPlusShift)
                            .sub(lastMinus.selectFrom(codes).lanewise(VectorOperators.LSHL, lastMinusShift));
                    v.and(LOW).or(v.lanewise(VectorOperators.LSHL, 16)).intoArray(coefficients, at + coefficientsOf16 - 16);
                }
            }
            note(row, k / block, magnitude, sum.reduceLanes(VectorOperators.ADD), minima ? sum(x, x0, block) : 0);
        }
    }

    /**
     * How the coefficients of 16 k follow from their codes: each is code[plus] &lt;&lt; plusShift - code[minus] &lt;&lt; minusShift, modulo
     * 2^16, so that a shift of 16 is none. Four tables of 16 for the first sixteen coefficients, four for the last sixteen. Read
     * off the expansion of units.
     */
    private static int[] vectors(Expansion expansion, int coefficientsOf16) {
        int[] tables = new int[128];
        for (int i : new int[] {16, 48, 80, 112}) {
            Arrays.fill(tables, i, i + 16, 16);
        }
        for (int k = 0; k < 16; k++) {
            int[] codes = new int[16];
            int[] coefficients = new int[coefficientsOf16];
            codes[k] = 1;
            expansion.expand(codes, 0, 16, coefficients);
            for (int i = 0; i < coefficientsOf16; i++) {
                int value = coefficients[i] & LOW;
                boolean negative = Integer.bitCount(value) != 1;
                int shift = Integer.numberOfTrailingZeros(negative ? 0x10000 - value : value);
                int to = negative ? 32 : 0;
                if (value != 0 && i < 16) {
                    tables[to + i] = k;
                    tables[to + 16 + i] = shift;
                }
                if (value != 0 && i >= coefficientsOf16 - 16) {
                    tables[64 + to + i - coefficientsOf16 + 16] = k;
                    tables[80 + to + i - coefficientsOf16 + 16] = shift;
                }
            }
        }
        return tables;
    }

    /** Σ|x| of a block. */
    static float magnitude(MemorySegment x, long from, int block) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < block; i += Lanes.FLOATS) {
            sum = sum.add(FloatVector.fromMemorySegment(Lanes.FLOAT, x, from + 4L * i, LITTLE_ENDIAN).abs());
        }
        // Written out, in one order: see Floats.
        if (Lanes.FLOATS == 16) {
            sum = sum.add(sum.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum = sum.add(sum.rearrange(Floats.FROM_4));
        }
        sum = sum.add(sum.rearrange(Floats.FROM_2));
        return sum.lane(0) + sum.lane(1);
    }

    /** Σx of a block. */
    static float sum(MemorySegment x, long from, int block) {
        FloatVector sum = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < block; i += Lanes.FLOATS) {
            sum = sum.add(FloatVector.fromMemorySegment(Lanes.FLOAT, x, from + 4L * i, LITTLE_ENDIAN));
        }
        // Written out, in one order: see Floats.
        if (Lanes.FLOATS == 16) {
            sum = sum.add(sum.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            sum = sum.add(sum.rearrange(Floats.FROM_4));
        }
        sum = sum.add(sum.rearrange(Floats.FROM_2));
        return sum.lane(0) + sum.lane(1);
    }

    /** Codes of a block; returns their sum. */
    private static int encode(MemorySegment x, long from, int block, float inverse, int[] codes, int to) {
        IntVector sum = IntVector.zero(Lanes.INT);
        for (int i = 0; i < block; i += Lanes.FLOATS) {
            IntVector code = FloatVector.fromMemorySegment(Lanes.FLOAT, x, from + 4L * i, LITTLE_ENDIAN).mul(inverse).add(ROUND)
                    .reinterpretAsInts().lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
            code.intoArray(codes, to + i);
            sum = sum.add(code);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }
}
