package io.lanewise.bench;

import io.lanewise.kernels.WeightCodec;
import io.lanewise.parallel.Machine;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Random inputs of benchmarks, and checks of what came out. */
final class Inputs {
    /** Rows that are encoded: the search for the best scales takes its time. */
    private static final long ENCODED = 64;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT;

    private Inputs() {}

    /** A tensor [dims] of numbers between -0.5 and 0.5. */
    static Tensor random(Arena arena, long... dims) {
        Tensor tensor = Tensor.allocate(arena, dims);
        MemorySegment floats = tensor.segment();
        SplittableRandom random = new SplittableRandom(floats.byteSize());
        for (long i = 0; i < floats.byteSize() / 4; i++) {
            floats.setAtIndex(F32, i, (float) random.nextDouble() - 0.5f);
        }
        return tensor;
    }

    /** A matrix of another type whose rows are the first {@code ENCODED} rows of floats [rows, cols], over and over. */
    static Tensor encode(Arena arena, Tensor floats, DType dtype) {
        Tensor encoded = Tensor.allocate(arena, dtype, floats.shape());
        long rows = Math.min(ENCODED, floats.shape().dim(0));
        long block = dtype.byteSize(rows * floats.shape().dim(1));
        MemorySegment bytes = encoded.segment();
        WeightCodec.require(dtype).encode(floats.segment(), 0, bytes, 0, rows * floats.shape().dim(1));
        for (long at = block; at < bytes.byteSize(); at += block) {
            MemorySegment.copy(bytes, 0, bytes, at, Math.min(block, bytes.byteSize() - at));
        }
        return encoded;
    }

    /** What a tensor's numbers are as floats. */
    static Tensor decode(Arena arena, Tensor encoded) {
        Shape shape = encoded.shape();
        Tensor floats = Tensor.allocate(arena, DType.F32, shape);
        WeightCodec.require(encoded.dtype()).decode(encoded.segment(), 0, floats.segment(), 0, shape.elements());
        return floats;
    }

    /** As many copies as fill the last cache four times over, so that one after the other comes from memory. */
    static int copiesBeyondCache(long bytes) {
        return (int) (4L * Machine.L3_BYTES / bytes) + 1;
    }

    /**
     * Checks some elements of y = x Wᵀ against sums in double precision.
     *
     * @param tolerance of the difference, as a share of |x|·|w|
     */
    static void checkProduct(Tensor x, Tensor w, MemorySegment y, double tolerance) {
        int rows = x.shape().size(0);
        int outDim = w.shape().size(0);
        int inDim = w.shape().size(1);
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 200; i++) {
            int row = random.nextInt(rows);
            int column = random.nextInt(outDim);
            double sum = 0;
            double xx = 0;
            double ww = 0;
            for (int k = 0; k < inDim; k++) {
                double a = x.get(row, k);
                double b = w.get(column, k);
                sum += a * b;
                xx += a * a;
                ww += b * b;
            }
            near("y[" + row + ", " + column + "]", y.getAtIndex(F32, (long) row * outDim + column), sum,
                    tolerance * Math.sqrt(xx * ww));
        }
    }

    /** @throws IllegalStateException unless the two differ by at most {@code tolerance} */
    static void near(String what, double actual, double expected, double tolerance) {
        if (!(Math.abs(actual - expected) <= tolerance)) {
            throw new IllegalStateException(
                    "wrong answer: " + what + " is " + actual + ", expected " + expected + " ± " + tolerance);
        }
    }
}
