package io.lanewise.bench;

import io.lanewise.kernels.Norm;
import io.lanewise.kernels.Rope;
import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.kernels.RopeTable;
import io.lanewise.kernels.Softmax;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Kernels that go over a row of a layer: 64 rows a call, which stay in the second-level cache, in GB/s read and written.
 * RoPE turns rows of 24 heads × 64, so a row has 1,536 floats for all.
 */
@State(Scope.Benchmark)
public class RowKernels implements Case {
    private static final int ROWS = 64;
    private static final int DIM = 1536;
    private static final int HEAD_DIM = 64;
    private static final float EPS = 1e-5f;

    @Param({"rmsnorm", "layernorm", "softmax", "rope-interleaved", "rope-half-split"})
    public String kernel;

    private final RopeTable interleaved = new RopeTable(RopeStyle.INTERLEAVED, HEAD_DIM, 10_000, RopeScaling.none());
    private final RopeTable halfSplit = new RopeTable(RopeStyle.HALF_SPLIT, HEAD_DIM, 10_000, RopeScaling.none());
    private Arena arena;
    private MemorySegment x;
    private MemorySegment y;
    private MemorySegment weight;
    private MemorySegment bias;
    private MemorySegment interleavedTurns;
    private MemorySegment halfSplitTurns;

    @Setup
    public void setUp() {
        arena = Arena.ofShared();
        x = Inputs.random(arena, ROWS, DIM).segment();
        y = Tensor.allocate(arena, ROWS, DIM).segment();
        weight = Inputs.random(arena, DIM).segment();
        bias = Inputs.random(arena, DIM + 1).segment();
        interleavedTurns = Tensor.allocate(arena, ROWS, interleaved.rowLength()).segment();
        halfSplitTurns = Tensor.allocate(arena, ROWS, halfSplit.rowLength()).segment();
        interleaved.fill(0, ROWS, interleavedTurns, 0);
        halfSplit.fill(0, ROWS, halfSplitTurns, 0);
        MemorySegment before = arena.allocate(x.byteSize(), 64).copyFrom(x);
        rows();
        check(before);
    }

    @Benchmark
    public void rows() {
        switch (kernel) {
            case "rmsnorm" -> rmsNorm();
            case "layernorm" -> layerNorm();
            case "softmax" -> softmax();
            case "rope-interleaved" -> rope(interleavedTurns, interleaved.rowLength(), true);
            default -> rope(halfSplitTurns, halfSplit.rowLength(), false);
        }
    }

    private void rmsNorm() {
        for (int row = 0; row < ROWS; row++) {
            Norm.rms(x, (long) row * DIM, weight, y, (long) row * DIM, DIM, EPS);
        }
    }

    private void layerNorm() {
        for (int row = 0; row < ROWS; row++) {
            Norm.layer(x, (long) row * DIM, weight, bias, y, (long) row * DIM, DIM, EPS);
        }
    }

    /** In place, so that the second call sees probabilities; they take as long. */
    private void softmax() {
        for (int row = 0; row < ROWS; row++) {
            Softmax.row(x, (long) row * DIM, DIM);
        }
    }

    private void rope(MemorySegment turns, int length, boolean neighbours) {
        for (int row = 0; row < ROWS; row++) {
            if (neighbours) {
                Rope.interleaved(x, (long) row * DIM, DIM / HEAD_DIM, HEAD_DIM, HEAD_DIM, turns, (long) row * length);
            } else {
                Rope.halfSplit(x, (long) row * DIM, DIM / HEAD_DIM, HEAD_DIM, HEAD_DIM, turns, (long) row * length);
            }
        }
    }

    /** The second number of row 3, against its formula. */
    private void check(MemorySegment before) {
        int row = 3;
        double sum = 0;
        double squares = 0;
        double exps = 0;
        for (int i = 0; i < DIM; i++) {
            double value = at(before, row * DIM + i);
            sum += value;
            squares += value * value;
            exps += Math.exp(value);
        }
        double mean = sum / DIM;
        double value = at(before, row * DIM + 1);
        double frequency = Math.pow(10_000, -2.0 / HEAD_DIM);
        double expected = switch (kernel) {
            case "rmsnorm" -> value / Math.sqrt(squares / DIM + EPS) * at(weight, 1);
            case "layernorm" -> (value - mean) / Math.sqrt(squares / DIM - mean * mean + EPS) * at(weight, 1) + at(bias, 1);
            case "softmax" -> Math.exp(value) / exps;
            case "rope-interleaved" -> at(before, row * DIM) * Math.sin(row) + value * Math.cos(row);
            default -> value * Math.cos(row * frequency)
                    - at(before, row * DIM + 1 + HEAD_DIM / 2) * Math.sin(row * frequency);
        };
        MemorySegment result = kernel.endsWith("norm") ? y : x;
        Inputs.near(kernel, at(result, row * DIM + 1), expected, 1e-5);
    }

    private static double at(MemorySegment floats, long index) {
        return floats.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    @TearDown
    public void tearDown() {
        arena.close();
    }

    @Override
    public double work() {
        return 8.0 * ROWS * DIM;
    }

    @Override
    public boolean memory() {
        return true;
    }

    @Override
    public int threads() {
        return 1;
    }
}
