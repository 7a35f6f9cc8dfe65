package io.lanewise.train;

import io.lanewise.train.TrainingConfig.BlockKind;

/**
 * The sizes of a decoder that is trained.
 *
 * @param block which of the two ready blocks
 * @param nKvHeads heads of keys and values, each shared by nHeads / nKvHeads query heads
 * @param headDim width of a head
 * @param ropeBase frequency base of the rotary positions of the Llama block
 * @param normEps what norms add to the variance or mean square
 * @param tied whether the output matrix is the embedding
 */
record DecoderShape(BlockKind block, int vocabSize, int contextLength, int nLayers, int dim, int nHeads, int nKvHeads,
        int headDim, int ffnDim, double ropeBase, float normEps, boolean tied) {
    private static final double ROPE_BASE = 10_000;
    private static final float NORM_EPS = 1e-5f;

    static DecoderShape of(TrainingConfig config, int vocabSize) {
        return new DecoderShape(config.block(), vocabSize, config.context(), config.layers(), config.width(),
                config.heads(), config.nKvHeads(), config.width() / config.heads(), config.ffnDim(), ROPE_BASE,
                NORM_EPS, config.tied());
    }

    int queryDim() {
        return nHeads * headDim;
    }

    int kvDim() {
        return nKvHeads * headDim;
    }
}
