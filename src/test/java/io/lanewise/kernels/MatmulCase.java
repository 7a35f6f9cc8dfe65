package io.lanewise.kernels;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** One product for tests: x, weights as stored, the same decoded, and the answer in double precision. */
final class MatmulCase {
    static final float GUARD = 12345.678f;

    final DType dtype;
    final int rows;
    final int out;
    final int in;
    final Tensor stored;
    final float[] w;
    final float[] up;
    final Tensor storedUp;
    final float[] bias;
    final MemorySegment biasSegment;
    final MemorySegment x;
    private final RowInput[] pairInputs;
    private final double[] coded;
    private final float[][] tableScales;
    final int xOff = 3;
    final int xStride;
    final int yOff = 5;
    final int yStride;

    MatmulCase(Arena arena, DType dtype, int rows, int out, int in, long seed) {
        Random random = new Random(seed);
        this.dtype = dtype;
        this.rows = rows;
        this.out = out;
        this.in = in;
        this.xStride = in + 3;
        this.yStride = out + 2;
        this.stored = randomWeights(arena, dtype, out, in, random);
        this.w = decode(arena, stored);
        this.storedUp = randomWeights(arena, dtype, out, in, random);
        this.up = decode(arena, storedUp);
        this.bias = FloatRow.random(random, out);
        this.biasSegment = arena.allocate(Math.max(4L, 4L * out), 4);
        for (int i = 0; i < out; i++) {
            Floats.set(biasSegment, i, bias[i]);
        }
        this.x = arena.allocate(4L * (xOff + (long) rows * xStride) + 1).asSlice(1);
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < in; k++) {
                Floats.set(x, xOff + (long) row * xStride + k, (float) random.nextGaussian());
            }
        }
        PanelFormat format = PanelFormat.of(dtype).orElseThrow();
        boolean oneByOne = rows <= format.fewRows();
        this.coded = oneByOne && format.rowForm() instanceof CodeForm form ? codes(arena, form) : null;
        this.tableScales = oneByOne && format.rowForm() instanceof TableForm form ? tableScales(arena, form) : null;
        this.pairInputs = oneByOne && format.rowForm() instanceof PairForm form ? pairInputs(arena, form) : null;
    }

    private RowInput input(Arena arena, RowForm form, int row) {
        RowInput input = new RowInput(arena).of(x, (xOff + (long) row * xStride) << 2);
        form.write(input, in);
        return input;
    }

    /** x as {@link CodeForm} has it, read back; what codes are is tested by itself. */
    private double[] codes(Arena arena, CodeForm form) {
        double[] values = new double[rows * in];
        for (int i = 0; i < rows; i++) {
            RowInput input = input(arena, form, i);
            for (int k = 0; k < in; k++) {
                float scale = input.scales[k / form.block()] / CodeForm.UNIT;
                values[i * in + k] = (double) scale * input.codes[k];
            }
        }
        return values;
    }

    private RowInput[] pairInputs(Arena arena, PairForm form) {
        RowInput[] inputs = new RowInput[rows];
        for (int i = 0; i < rows; i++) {
            inputs[i] = input(arena, form, i);
        }
        return inputs;
    }

    /** What 1 stands for in the tables of each row and each 32 k. */
    private float[][] tableScales(Arena arena, TableForm form) {
        float[][] scales = new float[rows][];
        for (int i = 0; i < rows; i++) {
            scales[i] = input(arena, form, i).scales;
        }
        return scales;
    }

    static Tensor randomWeights(Arena arena, DType dtype, int out, int in, Random random) {
        Tensor tensor = Tensor.allocate(arena, dtype, Shape.of(out, in));
        MemorySegment bytes = tensor.segment();
        for (long i = 0; i < (long) out * in; i++) {
            float value = (float) random.nextGaussian();
            switch (dtype) {
                case F32 -> Floats.set(bytes, i, value);
                case F16 -> Bits.set16(bytes, 2 * i, Float.floatToFloat16(value));
                case BF16 -> Bits.set16(bytes, 2 * i, Float.floatToRawIntBits(value) >>> 16);
                default -> { }
            }
        }
        if (dtype.isQuantised()) {
            MemorySegment floats = arena.allocate(4L * out * in, 64);
            for (long i = 0; i < (long) out * in; i++) {
                Floats.set(floats, i, (float) random.nextGaussian());
            }
            WeightCodec.require(dtype).encode(floats, 0, bytes, 0, (long) out * in);
        }
        return tensor;
    }

    static float[] decode(Arena arena, Tensor stored) {
        long elements = stored.shape().elements();
        MemorySegment floats = arena.allocate(Math.max(4, 4 * elements), 64);
        WeightCodec.require(stored.dtype()).decode(stored.segment(), 0, floats, 0, elements);
        return FloatRow.valuesOf(floats, 0, (int) elements);
    }

    /** x as the kernel of this type sees it: whole numbers times a scale where few rows meet coded weights. */
    double x(int row, int k) {
        return coded == null ? given(row, k) : coded[row * in + k];
    }

    float given(int row, int k) {
        return Floats.get(x, xOff + (long) row * xStride + k);
    }

    /** x · w of one element in double precision. */
    double sum(float[] weights, int row, int column) {
        double sum = 0;
        for (int k = 0; k < in; k++) {
            sum += x(row, k) * weights[column * in + k];
        }
        return sum;
    }

    /** Σ |x·w|, to which the rounding error is in proportion. */
    double magnitude(float[] weights, int row, int column) {
        double sum = 0;
        for (int k = 0; k < in; k++) {
            sum += Math.abs(x(row, k) * weights[column * in + k]);
        }
        return sum;
    }

    static double activate(Activation activation, double v) {
        return switch (activation) {
            case NONE -> v;
            case RELU -> Math.max(v, 0);
            case GELU_ERF -> 0.5 * v * (1 + erf(v / Math.sqrt(2)));
            case GELU_TANH -> 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
            case SILU -> v / (1 + Math.exp(-v));
        };
    }

    /** By its Taylor series, or by the continued fraction of erfc where that converges fast. */
    static double erf(double v) {
        double a = Math.abs(v);
        if (a > 3) {
            double fraction = 0;
            for (int n = 60; n > 0; n--) {
                fraction = n / 2.0 / (a + fraction);
            }
            return Math.signum(v) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
        }
        double term = v;
        double sum = v;
        for (int n = 1; n < 80; n++) {
            term *= -v * v / n;
            sum += term / (2 * n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }

    /** A y [rows, out] at its offset and stride, full of guards. */
    MemorySegment newY(Arena arena) {
        long floats = yOff + (long) rows * yStride + 40;
        MemorySegment y = arena.allocate(4 * floats + 1).asSlice(1);
        for (long i = 0; i < floats; i++) {
            Floats.set(y, i, GUARD);
        }
        return y;
    }

    /** The values of y [rows, out], after a check that nothing around them was written. */
    float[] read(MemorySegment y) {
        float[] values = new float[rows * out];
        for (long i = 0; i < y.byteSize() / 4; i++) {
            long row = i < yOff ? -1 : (i - yOff) / yStride;
            long column = (i - yOff) % yStride;
            if (row >= 0 && row < rows && column < out) {
                values[(int) (row * out + column)] = Floats.get(y, i);
            } else if (Floats.get(y, i) != GUARD) {
                throw new AssertionError("float " + i + " around y was written");
            }
        }
        return values;
    }

    PackedMatrix pack(ComputePool pool, Arena arena) {
        return PackedMatrix.pack(pool, arena, new SourceOf(stored));
    }

    PackedMatrix packGated(ComputePool pool, Arena arena) {
        return PackedMatrix.packGated(pool, arena, new SourceOf(stored), new SourceOf(storedUp));
    }

    /** y = activation(x wᵀ + bias) (+ y) by our kernels. */
    float[] multiply(Arena arena, Team team, PackedMatrix w, boolean withBias, Activation activation, boolean addToY) {
        MemorySegment y = newY(arena);
        if (addToY) {
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < out; column++) {
                    Floats.set(y, yOff + (long) row * yStride + column, old(row, column));
                }
            }
        }
        Matmul matmul = new Matmul(arena, team, Math.max(1, rows), Math.max(1, in));
        matmul.begin(x, xOff, xStride, rows, in);
        matmul.add(w, withBias ? biasSegment : null, activation, addToY, y, yOff, yStride);
        matmul.run();
        return read(y);
    }

    static float old(int row, int column) {
        return row - 0.5f * column;
    }

    /**
     * What may differ for one element because of the form in which its x was multiplied. Where weights have a minimum, its part
     * is multiplied with the exact Σx, not with that of the codes: minima are no larger than the largest weight. Where products
     * come from tables each is rounded to a half of what 1 stands for there.
     */
    private double formBound(Tensor weights, float[] values, int row, int column) {
        double bound = 0;
        for (int k0 = 0; coded != null && dtype.name().matches("Q._1|Q[245]_K") && k0 < in; k0 += 16) {
            double difference = 0;
            double largest = 0;
            for (int k = k0; k < k0 + 16; k++) {
                difference += given(row, k) - x(row, k);
                largest = Math.max(largest, Math.abs(values[column * in + k]));
            }
            bound += 2 * largest * Math.abs(difference);
        }
        for (int k0 = 0; tableScales != null && k0 < in; k0 += 32) {
            RawBlocks raw = RawBlocks.valueOf(dtype.name());
            long at = ((long) column * in + k0) / raw.length() * raw.bytes();
            float scale = NormalHalf.toFloat(raw.scale(weights.segment(), at));
            if (raw.length() > 32) {
                scale *= raw.subScale(weights.segment(), at, k0 / 32 % 8);
            }
            bound += 16 * Math.abs(scale) * tableScales[row][k0 / 32] / CodeForm.UNIT;
        }
        for (int k0 = 0; pairInputs != null && k0 < in; k0 += 16) {
            RawBlocks raw = RawBlocks.valueOf(dtype.name());
            long at = ((long) column * in + k0) / raw.length() * raw.bytes();
            MemorySegment blocks = weights.segment();
            float scale = NormalHalf.toFloat(raw.scale(blocks, at)) * raw.subScale(blocks, at, k0 / 16 % 16);
            int lookUps = dtype == DType.Q3_K ? 12 : 8;
            bound += 0.5 * lookUps * Math.abs(scale) * pairInputs[row].scales[k0 / 256] / CodeForm.UNIT;
            if (dtype == DType.Q2_K) {
                bound += 0.5 * Math.abs(NormalHalf.toFloat(raw.minimum(blocks, at))) * pairInputs[row].sums[k0 / 256] / CodeForm.UNIT;
            }
        }
        return bound;
    }

    /** Checks y = activation(x wᵀ + bias) (+ y); a gated answer is activation(x gateᵀ)·(x upᵀ). */
    void check(float[] y, boolean gated, boolean withBias, Activation activation, boolean addToY) {
        // A chain of n fused multiply-adds errs by up to n·eps/2 of the sum of magnitudes, at random by about √n.
        double eps = (4 + 2 * Math.sqrt(in)) * 0x1p-24;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < out; column++) {
                double sum = sum(w, row, column) + (withBias ? bias[column] : 0);
                double expected = activate(activation, sum);
                double bound = 1.2 * (magnitude(w, row, column) + 3) * eps + 5e-7 * Math.abs(expected) + 1e-7
                        + 1.2 * formBound(stored, w, row, column);
                if (gated) {
                    double factor = sum(up, row, column);
                    bound = bound * (Math.abs(factor) + 1) + Math.abs(expected) * (magnitude(up, row, column) * eps + formBound(storedUp, up, row, column));
                    expected *= factor;
                }
                if (addToY) {
                    expected += old(row, column);
                    bound += (Math.abs(expected) + Math.abs(old(row, column))) * 0x1p-22;
                }
                float got = y[row * out + column];
                if (!(Math.abs(got - expected) <= bound)) {
                    throw new AssertionError("%s [%d, %d, %d] %s y[%d, %d]: expected %s ± %s, got %s".formatted(dtype,
                            rows, out, in, activation, row, column, expected, bound, got));
                }
            }
        }
    }
}
