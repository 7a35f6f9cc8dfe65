package io.lanewise.nn;

import io.lanewise.autograd.Variable;
import io.lanewise.kernels.OptimizerKernels;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.StageBody;
import java.util.List;

/** The global norm of all gradients, √Σ g², for clipping (Pascanu, Mikolov and Bengio 2013). */
public final class GradientNorm {
    private final ParameterChunks chunks;
    private final double[] squares;
    private final StageBody stage = this::sumChunks;

    /** Of these parameters together. */
    public GradientNorm(ComputePool pool, List<Variable> parameters) {
        chunks = new ParameterChunks(pool, parameters);
        squares = new double[chunks.count()];
    }

    /** The norm now. Summed in the order of the parameters, whatever the number of threads. */
    public double measure() {
        chunks.run(stage);
        double sum = 0;
        for (double square : squares) {
            sum += square;
        }
        return Math.sqrt(sum);
    }

    private void sumChunks(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            squares[i] = OptimizerKernels.sumOfSquares(chunks.grads[chunks.parameter[i]], chunks.offset[i],
                    chunks.length[i]);
        }
    }

    /** The factor that brings gradients of this norm down to {@code maxNorm}: min(1, maxNorm / (norm + 1e-6)). */
    public static double clipScale(double norm, double maxNorm) {
        return Math.min(1, maxNorm / (norm + 1e-6));
    }
}
