package io.lanewise.model;

import io.lanewise.model.ModelConfig.QkNorm;
import io.lanewise.nn.Normalization;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Normalisation of the query or key heads of a position before they turn. */
final class HeadNorm {
    /** One a head, or one for all of them together. */
    private final Normalization[] norms;
    private final int width;

    private HeadNorm(Normalization[] norms, int width) {
        this.norms = norms;
        this.width = width;
    }

    /** The norm of {@code nHeads} heads as the configuration says, or null if there is none. */
    static HeadNorm load(TensorLoader tensors, ModelConfig config, String name, int nHeads) {
        int headDim = config.attention().headDim();
        QkNorm kind = config.attention().qkNorm();
        Normalization[] norms = new Normalization[kind == QkNorm.FULL_WIDTH ? 1 : nHeads];
        switch (kind) {
            case NONE -> {
                return null;
            }
            case PER_HEAD -> Arrays.fill(norms, norm(config, tensors.vector(name + ".weight", headDim)));
            case FULL_WIDTH -> norms[0] = norm(config, tensors.vector(name + ".weight", nHeads * headDim));
            case OWN_WEIGHTS -> {
                Tensor weights = tensors.table(name + ".weight", nHeads, headDim);
                for (int head = 0; head < nHeads; head++) {
                    norms[head] = norm(config, weights.row(head));
                }
            }
        }
        return new HeadNorm(norms, nHeads * headDim / norms.length);
    }

    private static Normalization norm(ModelConfig config, Tensor weight) {
        return new Normalization(config.norm().kind(), weight, null, config.norm().eps());
    }

    /** Normalises the heads at {@code off} in place. */
    void apply(MemorySegment x, long off) {
        for (int i = 0; i < norms.length; i++) {
            long at = off + (long) i * width;
            norms[i].forward(x, at, x, at);
        }
    }
}
