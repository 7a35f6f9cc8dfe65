package io.lanewise.model;

import io.lanewise.kernels.PackedMatrix;
import io.lanewise.model.LayerWeights.Residual;
import io.lanewise.nn.Linear;
import io.lanewise.nn.Normalization;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;

/** Assembles a model from tensors by their canonical names, as the configuration says. */
final class WeightLoader {
    private final TensorLoader tensors;
    private final ModelConfig config;

    WeightLoader(TensorLoader tensors, ModelConfig config) {
        this.tensors = tensors;
        this.config = config;
    }

    ModelWeights load() {
        TensorSource embedding = tensors.require("token_embd.weight", config.vocabSize(), config.dim());
        int positions = config.embedding().positions();
        Tensor positionEmbedding = positions == 0 ? null
                : tensors.require("position_embd.weight", positions, config.dim()).map();
        List<LayerWeights> layers = new ArrayList<>();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            layers.add(layer(layer, "blk." + layer + "."));
        }
        TensorSource output = config.output().tied() ? embedding
                : tensors.require("output.weight", config.vocabSize(), config.dim());
        Normalization outputNorm = tensors.norm("output_norm", config);
        for (int layer = 0; layer < config.spareLayers(); layer++) {
            tensors.skip("blk." + (config.nLayers() + layer) + ".");
        }
        tensors.refuseTheRest(config.architecture());
        return new ModelWeights(embedding.map(), positionEmbedding, List.copyOf(layers), outputNorm,
                new Linear(PackedMatrix.pack(tensors.pool(), tensors.arena(), output), null));
    }

    private LayerWeights layer(int layer, String prefix) {
        Sublayer attention = config.latent() != null ? LatentAttention.load(tensors, config, layer, prefix)
                : GroupedAttention.load(tensors, config, layer, prefix);
        Sublayer feedForward = config.mixture() != null && layer >= config.mixture().firstLayer()
                ? MixtureFeedForward.load(tensors, config, prefix)
                : FeedForward.load(tensors, config, prefix);
        Normalization attnNorm = config.block().preNorm() ? tensors.norm(prefix + "attn_norm", config) : null;
        // Falcon 40B: the first norm is that of the feed-forward, attention has the second.
        return switch (config.block().order()) {
            case PARALLEL -> layer(attnNorm, attention, attnNorm, feedForward, prefix);
            case PARALLEL_OWN_NORM ->
                layer(tensors.norm(prefix + "attn_norm_2", config), attention, attnNorm, feedForward, prefix);
            case SEQUENTIAL -> layer(attnNorm, attention,
                    config.block().preNorm() ? tensors.norm(prefix + "ffn_norm", config) : null, feedForward, prefix);
        };
    }

    private LayerWeights layer(Normalization attnNorm, Sublayer attention, Normalization ffnNorm, Sublayer feedForward,
            String prefix) {
        boolean postNorm = config.block().postNorm();
        return new LayerWeights(
                new Residual(attnNorm, attention, postNorm ? tensors.norm(prefix + "post_attention_norm", config) : null),
                new Residual(ffnNorm, feedForward, postNorm ? tensors.norm(prefix + "post_ffw_norm", config) : null));
    }
}
