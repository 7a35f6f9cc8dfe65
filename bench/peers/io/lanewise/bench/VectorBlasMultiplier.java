package io.lanewise.bench;

import dev.ludovic.netlib.blas.BLAS;
import dev.ludovic.netlib.blas.JavaBLAS;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The pure-Java BLAS of dev.ludovic.netlib, on the heap and on one thread, as it is. */
final class VectorBlasMultiplier extends Multiplier {
    private final BLAS blas = JavaBLAS.getInstance();
    private final float[] x;
    private final float[][] weights;
    private final float[] y;
    private final int m;
    private final int n;
    private final int k;

    VectorBlasMultiplier(Arena arena, Tensor x, Tensor w, int copies, int threads) {
        this.m = x.shape().size(0);
        this.n = w.shape().size(0);
        this.k = w.shape().size(1);
        this.x = x.toFloatArray();
        this.y = new float[m * n];
        this.weights = new float[copies][];
        for (int copy = 0; copy < copies; copy++) {
            weights[copy] = w.toFloatArray();
        }
    }

    /** Column-major: yᵀ [n, m] = W x ᵀ. */
    @Override
    void multiply(int copy) {
        if (m == 1) {
            blas.sgemv("T", k, n, 1f, weights[copy], k, x, 1, 0f, y, 1);
        } else {
            blas.sgemm("T", "N", n, m, k, 1f, weights[copy], k, x, k, 0f, y, n);
        }
    }

    @Override
    MemorySegment y() {
        MemorySegment copy = Arena.ofAuto().allocate(ValueLayout.JAVA_FLOAT, y.length);
        return copy.copyFrom(MemorySegment.ofArray(y));
    }
}
