package io.lanewise.bench;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** FP32 matmul, M×N×K with weights [N, K], beside the peers. M = 1 goes from matrix to matrix, so that all come from memory. */
@State(Scope.Benchmark)
public class Matmuls implements Case {
    @Param({"256x256x256", "512x512x512", "1024x1024x1024", "2048x2048x2048", "512x8960x1536", "512x1536x8960",
        "128x1536x384", "1x8960x1536"})
    public String shape;

    @Param({"1", "2"})
    public int threads;

    @Param({"lanewise", "onednn", "openblas", "openblas-skylakex", "vectorblas"})
    public String impl;

    private Arena arena;
    private Multiplier multiplier;
    private int copies;
    private int next;

    @Setup
    public void setUp() throws Exception {
        int[] mnk = Shapes.parse(shape);
        arena = Arena.ofShared();
        Tensor x = Inputs.random(arena, mnk[0], mnk[2]);
        Tensor w = Inputs.random(arena, mnk[1], mnk[2]);
        copies = memory() ? Inputs.copiesBeyondCache(w.byteSize()) : 1;
        multiplier = Multiplier.of(impl, arena, x, w, copies, threads);
        multiplier.multiply(0);
        Inputs.checkProduct(x, w, multiplier.y(), 1e-6);
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
        return memory() ? 4.0 * mnk[1] * mnk[2] : 2.0 * mnk[0] * mnk[1] * mnk[2];
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
