package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.nn.Linear;
import io.lanewise.nn.Normalization;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * The weights of a decoder, packed for the kernels; immutable.
 *
 * @param tokenEmbedding [vocabSize, dim], mapped from the file in the file's type
 * @param positionEmbedding [positions, dim] likewise, or null
 * @param outputNorm [dim]
 * @param output the lmHead, [vocabSize, dim]
 */
record ModelWeights(
        Tensor tokenEmbedding,
        Tensor positionEmbedding,
        List<LayerWeights> layers,
        Normalization outputNorm,
        Linear output) {

    /**
     * Reads and packs all weights into {@code arena}, changed by {@code adapter} where that is not null; experts
     * perhaps later, one by one.
     *
     * @throws io.lanewise.format.FormatException if a tensor is missing, has another shape than the configuration says,
     *     or is not part of such a model
     */
    static ModelWeights load(Checkpoint checkpoint, LoraAdapter adapter, ModelConfig config, ComputePool pool,
            boolean expertsOnDemand, Arena arena) {
        return new WeightLoader(new TensorLoader(checkpoint, adapter, pool, expertsOnDemand, arena), config).load();
    }
}
