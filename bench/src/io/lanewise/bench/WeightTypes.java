package io.lanewise.bench;

import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Products with weights [N, K] of every type: one row of x in GB/s of the weights as files store them, many rows in
 * GFLOP/s.
 */
@State(Scope.Benchmark)
public class WeightTypes implements Case {
    @Param({"1x8960x1536", "512x8960x1536"})
    public String shape;

    @Param({"1", "2"})
    public int threads;

    @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL",
        "IQ4_XS", "MXFP4"})
    public String type;

    private Arena arena;
    private Multiplier multiplier;
    private int copies;
    private int next;

    @Setup
    public void setUp() {
        int[] mnk = Shapes.parse(shape);
        arena = Arena.ofShared();
        Tensor x = Inputs.random(arena, mnk[0], mnk[2]);
        Tensor w = Inputs.encode(arena, Inputs.random(arena, mnk[1], mnk[2]), DType.valueOf(type));
        copies = memory() ? Inputs.copiesBeyondCache(w.byteSize()) : 1;
        multiplier = new LanewiseMultiplier(arena, x, w, copies, threads);
        multiplier.multiply(0);
        // Routes through integers round x to 8 bits a block.
        Inputs.checkProduct(x, Inputs.decode(arena, w), multiplier.y(), 0.02);
    }

    @Benchmark
    public void matmul() {
        multiplier.multiply(next);
        next = next + 1 == copies ? 0 : next + 1;
    }

    @TearDown
    public void tearDown() {
        multiplier.close();
        arena.close();
    }

    @Override
    public double work() {
        int[] mnk = Shapes.parse(shape);
        return memory() ? DType.valueOf(type).byteSize((long) mnk[1] * mnk[2]) : 2.0 * mnk[0] * mnk[1] * mnk[2];
    }

    @Override
    public boolean memory() {
        return shape.startsWith("1x");
    }

    @Override
    public int threads() {
        return threads;
    }
}
