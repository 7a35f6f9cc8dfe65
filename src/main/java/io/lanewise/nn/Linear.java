package io.lanewise.nn;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Matmul;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * y = x Wᵀ + b.
 *
 * @param weight [out, in], packed
 * @param bias [out] F32, or null
 */
public record Linear(PackedMatrix weight, Tensor bias) {
    /** Adds this product to those that {@code matmul} runs on its current input: y [rows, out]. */
    public void addTo(Matmul matmul, Tensor y) {
        addTo(matmul, Activation.NONE, false, y);
    }

    /** Adds y += x Wᵀ + b, the residual form. */
    public void addResidualTo(Matmul matmul, Tensor y) {
        addTo(matmul, Activation.NONE, true, y);
    }

    /** Adds y = act(x Wᵀ + b), or act(gate)·up for a gated weight. */
    public void addTo(Matmul matmul, Activation activation, boolean residual, Tensor y) {
        MemorySegment biasSegment = bias == null ? null : bias.segment();
        matmul.add(weight, biasSegment, activation, residual, y.segment(), 0, y.stride(0));
    }
}
