package io.lanewise.cli;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.Metadata;
import io.lanewise.model.ModelConfig;
import io.lanewise.tensor.TensorSource;

/**
 * What a model's file says of the work in it.
 *
 * @param weights numbers in all tensors
 * @param fileBytes of all tensors as stored
 * @param bytesPerToken as stored, of the weights that decoding one token reads: all but the token embedding, which gives
 *     one row, unless it is the output matrix too; of experts those that a token is sent to
 * @param layerOperations multiply-adds count two; those of one token in the matrices of all layers
 * @param outputOperations those of the output matrix
 */
record ModelCost(long weights, long fileBytes, long bytesPerToken, long layerOperations, long outputOperations) {
    static ModelCost of(Checkpoint checkpoint) {
        boolean tied = checkpoint.find("output.weight").isEmpty();
        double expertShare = expertShare(checkpoint.metadata());
        long weights = 0;
        long fileBytes = 0;
        long bytes = 0;
        long layers = 0;
        long output = 0;
        for (TensorSource tensor : checkpoint.tensors()) {
            String name = tensor.name();
            long elements = tensor.shape().elements();
            long stored = tensor.dtype().byteSize(elements);
            double share = name.contains("_exps.") ? expertShare : 1;
            boolean embedding = name.equals("token_embd.weight");
            weights += elements;
            fileBytes += stored;
            bytes += embedding && !tied ? 0 : (long) (stored * share);
            if (name.equals("output.weight") || embedding && tied) {
                output = 2 * elements;
            } else if (!embedding && tensor.shape().rank() > 1) {
                layers += (long) (2 * elements * share);
            }
        }
        return new ModelCost(weights, fileBytes, bytes, layers, output);
    }

    private static double expertShare(Metadata metadata) {
        String prefix = metadata.string("general.architecture", "") + ".";
        return metadata.has(prefix + "expert_used_count") && metadata.has(prefix + "expert_count")
                ? metadata.number(prefix + "expert_used_count") / metadata.number(prefix + "expert_count") : 1;
    }

    /**
     * Operations of reading {@code rows} positions after {@code startPos} others: all matrices, the output matrix for the
     * last position only, and of attention what the causal mask leaves.
     */
    double prefillOperations(ModelConfig config, int startPos, int rows) {
        ModelConfig.AttentionConfig attention = config.attention();
        double pairs = (double) rows * startPos + rows * (rows + 1.0) / 2;
        // Latent attention in its naive form, which takes the fewest; its matrices are among the layers'.
        ModelConfig.LatentConfig latent = config.latent();
        int width = latent == null ? attention.headDim() + attention.vHeadDim() : latent.headDim() + latent.vHeadDim();
        double perPair = 2.0 * attention.nHeads() * width;
        return (double) layerOperations * rows + outputOperations + config.nLayers() * perPair * pairs;
    }
}
