package io.lanewise.bench;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The gated feed-forward (SiLU(x Gateᵀ)·(x Upᵀ)) Downᵀ in FP32, rows×dim×ffnDim; one row in GB/s of its weights. */
@State(Scope.Benchmark)
public class FeedForwards implements Case {
    @Param({"512x576x1536", "512x1536x8960", "1x1536x8960"})
    public String shape;

    @Param({"1", "2"})
    public int threads;

    private Arena arena;
    private ComputePool pool;
    private Team team;
    private Matmul matmul;
    private PackedMatrix gated;
    private PackedMatrix down;
    private MemorySegment x;
    private MemorySegment hidden;
    private MemorySegment y;
    private int rows;
    private int dim;
    private int ffnDim;

    @Setup
    public void setUp() {
        int[] sizes = Shapes.parse(shape);
        rows = sizes[0];
        dim = sizes[1];
        ffnDim = sizes[2];
        arena = Arena.ofShared();
        pool = new ComputePool(threads);
        team = pool.newTeam();
        Tensor input = Inputs.random(arena, rows, dim);
        Tensor gate = Inputs.random(arena, ffnDim, dim);
        Tensor up = Inputs.random(arena, ffnDim, dim);
        Tensor back = Inputs.random(arena, dim, ffnDim);
        Tensor middle = Tensor.allocate(arena, rows, ffnDim);
        gated = PackedMatrix.packGated(pool, arena, Sources.of("gate", gate), Sources.of("up", up));
        down = PackedMatrix.pack(pool, arena, back);
        matmul = new Matmul(arena, team, rows, Math.max(dim, ffnDim));
        x = input.segment();
        hidden = middle.segment();
        y = Tensor.allocate(arena, rows, dim).segment();
        feedForward();
        checkHidden(input, gate, up, middle);
        Inputs.checkProduct(middle, back, y, 1e-6);
    }

    @Benchmark
    public void feedForward() {
        team.enter();
        try {
            matmul.begin(x, 0, dim, rows, dim);
            matmul.add(gated, null, Activation.SILU, false, hidden, 0, ffnDim);
            matmul.run();
            matmul.begin(hidden, 0, ffnDim, rows, ffnDim);
            matmul.add(down, null, Activation.NONE, false, y, 0, dim);
            matmul.run();
        } finally {
            team.exit();
        }
    }

    private void checkHidden(Tensor input, Tensor gate, Tensor up, Tensor middle) {
        for (int i = 0; i < 100; i++) {
            int row = i % rows;
            int column = i * 37 % ffnDim;
            double g = 0;
            double u = 0;
            for (int k = 0; k < dim; k++) {
                g += (double) input.get(row, k) * gate.get(column, k);
                u += (double) input.get(row, k) * up.get(column, k);
            }
            double expected = g / (1 + Math.exp(-g)) * u;
            Inputs.near("hidden[" + row + ", " + column + "]", middle.get(row, column), expected,
                    1e-5 * dim * Math.max(1, Math.abs(u)) / 100);
        }
    }

    @TearDown
    public void tearDown() {
        pool.close();
        arena.close();
    }

    @Override
    public double work() {
        int[] sizes = Shapes.parse(shape);
        double weights = 3.0 * sizes[1] * sizes[2];
        return memory() ? 4 * weights : 2 * sizes[0] * weights;
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
