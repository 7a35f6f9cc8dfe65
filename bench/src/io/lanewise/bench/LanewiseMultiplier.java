package io.lanewise.bench;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Ours: w packed into panels once, as a model's weights are when it is loaded. */
final class LanewiseMultiplier extends Multiplier {
    private final ComputePool pool;
    private final PackedMatrix[] packed;
    private final Matmul matmul;
    private final MemorySegment x;
    private final MemorySegment y;
    private final int m;
    private final int n;
    private final int k;

    LanewiseMultiplier(Arena arena, Tensor x, Tensor w, int copies, int threads) {
        this.m = x.shape().size(0);
        this.n = w.shape().size(0);
        this.k = w.shape().size(1);
        this.x = x.segment();
        this.y = Tensor.allocate(arena, m, n).segment();
        this.pool = new ComputePool(threads);
        this.packed = new PackedMatrix[copies];
        for (int copy = 0; copy < copies; copy++) {
            packed[copy] = PackedMatrix.pack(pool, arena, w);
        }
        this.matmul = new Matmul(arena, pool.newTeam(), m, k);
    }

    @Override
    void multiply(int copy) {
        matmul.begin(x, 0, k, m, k);
        matmul.add(packed[copy], null, Activation.NONE, false, y, 0, n);
        matmul.run();
    }

    @Override
    MemorySegment y() {
        return y;
    }

    @Override
    void close() {
        pool.close();
    }
}
