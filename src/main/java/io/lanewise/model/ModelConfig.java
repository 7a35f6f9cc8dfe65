package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;

/**
 * Everything that tells one decoder from another, read from a checkpoint's metadata by its {@link Family}. Sizes are
 * those of the architecture papers: {@code dim} is the width of the residual stream.
 *
 * @param architecture the family's name in {@code general.architecture}
 * @param contextLength positions that the model was trained for
 */
public record ModelConfig(
        String architecture,
        int nLayers,
        int dim,
        int vocabSize,
        int contextLength,
        AttentionConfig attention,
        RopeConfig rope,
        FeedForwardConfig feedForward,
        float normEps) {

    /**
     * @param nHeads query heads
     * @param nKvHeads key and value heads, each shared by nHeads / nKvHeads query heads
     * @param headDim width of a query or key head
     * @param vHeadDim width of a value head
     * @param scale what scores are multiplied by, commonly 1 / sqrt(headDim)
     */
    public record AttentionConfig(int nHeads, int nKvHeads, int headDim, int vHeadDim, float scale) {}

    /** @param ffnDim hidden width */
    public record FeedForwardConfig(int ffnDim, Activation activation) {}

    /**
     * Rotary position embedding (Su et al., 2021).
     *
     * @param style which pairs of a head's numbers turn together
     * @param dim numbers of a head that turn; the rest stay
     * @param base frequency base, theta
     * @param scaling how angles are changed for contexts longer than the trained one
     */
    public record RopeConfig(RopeStyle style, int dim, double base, RopeScaling scaling) {}
}
