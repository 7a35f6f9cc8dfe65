package io.lanewise.nn;

import io.lanewise.kernels.Norm;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * RMSNorm or LayerNorm over rows of a model's width.
 *
 * @param weight [dim] F32
 * @param bias [dim] F32 or null; LayerNorm only
 * @param eps added to the mean square or the variance
 */
public record Normalization(Kind kind, Tensor weight, Tensor bias, float eps) {
    /** Which statistic a row is divided by. */
    public enum Kind {
        /** x / sqrt(mean(x²) + eps) · weight (Zhang and Sennrich, 2019). */
        RMS,
        /** (x − mean) / sqrt(var + eps) · weight + bias (Ba et al., 2016). */
        LAYER
    }

    /** y[dim] = norm(x[dim]); offsets count floats, and both may be the same place. */
    public void forward(MemorySegment x, long xOffset, MemorySegment y, long yOffset) {
        int dim = weight.shape().size(-1);
        if (kind == Kind.RMS) {
            Norm.rms(x, xOffset, weight.segment(), y, yOffset, dim, eps);
        } else {
            Norm.layer(x, xOffset, weight.segment(), bias == null ? null : bias.segment(), y, yOffset, dim, eps);
        }
    }
}
