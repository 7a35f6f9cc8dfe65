package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.kernels.RopeTable;
import io.lanewise.nn.ExpertRouting;
import io.lanewise.nn.Normalization;
import java.util.List;

/**
 * Everything that tells one decoder from another, read from a checkpoint's metadata by its {@link Family}. Sizes are
 * those of the architecture papers: {@code dim} is the width of the residual stream.
 *
 * @param architecture the family's name in {@code general.architecture}
 * @param contextLength positions that the model was trained for
 * @param latent how queries, keys and values come from low-rank latents, or null; then {@code attention} describes the
 *     absorbed form: one key head [kvLoraRank + qkRopeHeadDim], whose first kvLoraRank numbers are its value
 * @param mixture the mixture of experts that most layers have for their feed-forward, or null
 * @param layers what differs from layer to layer, nLayers of them
 * @param spareLayers layers that the file holds after those, for predicting tokens beyond the next; they are read past
 */
public record ModelConfig(
        String architecture,
        int dim,
        int vocabSize,
        int contextLength,
        EmbeddingConfig embedding,
        AttentionConfig attention,
        LatentConfig latent,
        FeedForwardConfig feedForward,
        MixtureConfig mixture,
        NormConfig norm,
        BlockConfig block,
        OutputConfig output,
        List<LayerConfig> layers,
        int spareLayers) {

    public ModelConfig {
        layers = List.copyOf(layers);
    }

    /** Number of layers. */
    public int nLayers() {
        return layers.size();
    }

    /**
     * How tokens enter the residual stream.
     *
     * @param scale factor on the embedding of a token
     * @param positions learned embeddings of positions that are added to those of tokens; 0 for none
     */
    public record EmbeddingConfig(float scale, int positions) {}

    /**
     * @param nHeads query heads
     * @param nKvHeads key and value heads, each shared by nHeads / nKvHeads query heads
     * @param headDim width of a query or key head
     * @param vHeadDim width of a value head
     * @param scale what scores are multiplied by, commonly 1 / sqrt(headDim)
     * @param softCap scores become softCap · tanh(score / softCap); 0 for none
     * @param qkNorm normalisation of queries and keys before they turn
     * @param fused whether the file holds query, key and value in one matrix, in this order of rows
     * @param qkvBias whether query, key and value have biases
     * @param outputBias whether the output projection has one
     */
    public record AttentionConfig(int nHeads, int nKvHeads, int headDim, int vHeadDim, float scale, float softCap,
            QkNorm qkNorm, boolean fused, boolean qkvBias, boolean outputBias) {}

    /**
     * Multi-head latent attention (DeepSeek-V2, 2024).
     *
     * @param qLoraRank width of the latent that queries come from; 0 where they come from the residual stream
     * @param kvLoraRank width of the latent that keys and values come from
     * @param qkNopeHeadDim numbers of a query or key head that do not turn
     * @param qkRopeHeadDim numbers that turn; all heads share those of the key
     * @param vHeadDim width of a value head
     */
    public record LatentConfig(int qLoraRank, int kvLoraRank, int qkNopeHeadDim, int qkRopeHeadDim, int vHeadDim) {
        /** Numbers that the cache holds a token and layer. */
        public int cacheDim() {
            return kvLoraRank + qkRopeHeadDim;
        }

        /** Width of a query head, and of a key head in the naive form. */
        public int headDim() {
            return qkNopeHeadDim + qkRopeHeadDim;
        }
    }

    /** Over what queries and keys are normalised. */
    public enum QkNorm {
        /** Not at all. */
        NONE,
        /** Each head by itself, with one weight [headDim] for all heads. */
        PER_HEAD,
        /** Each head by itself, each with its own weight: [nHeads, headDim] and [nKvHeads, headDim]. */
        OWN_WEIGHTS,
        /** All heads together: [nHeads · headDim] and [nKvHeads · headDim]. */
        FULL_WIDTH
    }

    /**
     * @param ffnDim hidden width
     * @param gated down(act(gate(x)) · up(x)) rather than down(act(up(x)))
     * @param fused whether the file holds gate and up in one matrix, gate first
     * @param bias whether up and down have biases
     */
    public record FeedForwardConfig(int ffnDim, Activation activation, boolean gated, boolean fused, boolean bias) {}

    /**
     * A mixture of experts, each a gated feed-forward.
     *
     * @param routing how experts are chosen and weighed
     * @param firstLayer layers before this one are dense
     * @param ffnDim hidden width of an expert
     * @param sharedFfnDim hidden width of what every token goes through besides; 0 for nothing
     * @param gatedShare whether that has a gate of its own
     * @param choiceBias whether the choice has a bias
     */
    public record MixtureConfig(ExpertRouting routing, int firstLayer, int ffnDim, int sharedFfnDim, boolean gatedShare,
            boolean choiceBias) {}

    /**
     * The normalisation of all layers.
     *
     * @param bias whether norms have a bias beside their weight
     */
    public record NormConfig(Normalization.Kind kind, float eps, boolean bias) {}

    /**
     * How attention and feed-forward of a layer meet the residual stream x.
     *
     * @param preNorm sublayers read norm(x) rather than x
     * @param postNorm norm(sublayer) is added to x rather than the sublayer itself
     * @param order which x the feed-forward reads
     * @param residualScale factor on what a sublayer adds to x
     */
    public record BlockConfig(boolean preNorm, boolean postNorm, Order order, float residualScale) {
        /** Whether sublayers add what they give to x just as it is. */
        boolean plainResidual() {
            return !postNorm && residualScale == 1;
        }
    }

    /** Which x the feed-forward reads. */
    public enum Order {
        /** That to which attention has added. */
        SEQUENTIAL,
        /** The one that attention read, under the same norm. */
        PARALLEL,
        /** The one that attention read, under a norm of its own. */
        PARALLEL_OWN_NORM
    }

    /**
     * How logits leave.
     *
     * @param tied whether the token embedding serves as the output matrix too
     * @param logitScale factor on logits
     * @param softCap logits become softCap · tanh(logit / softCap); 0 for none
     */
    public record OutputConfig(boolean tied, float logitScale, float softCap) {}

    /**
     * @param window positions that a query sees, itself included; 0 for all before it
     * @param rope how queries and keys turn, or null where they do not
     */
    public record LayerConfig(int window, RopeConfig rope) {}

    /**
     * Rotary position embedding (Su et al., 2021).
     *
     * @param style which pairs of a head's numbers turn together
     * @param dim numbers of a head that turn; the rest stay
     * @param base frequency base, theta
     * @param scaling how angles are changed for contexts longer than the trained one
     * @param beyond what is different in sessions that are longer than the trained context, or null
     */
    public record RopeConfig(RopeStyle style, int dim, double base, RopeScaling scaling, LongContext beyond) {
        /** Angles as the paper has them. */
        static RopeConfig unscaled(RopeStyle style, int dim, double base) {
            return new RopeConfig(style, dim, base, RopeScaling.none(), null);
        }

        /** The rotation for sessions of up to {@code contextLength} positions. */
        RopeTable table(int contextLength) {
            if (beyond == null || contextLength <= beyond.originalContext) {
                return new RopeTable(style, dim, base, scaling);
            }
            return new RopeTable(style, dim, beyond.stretched(base, dim, contextLength), beyond.scaling);
        }
    }

    /**
     * The rotation of sessions longer than the original context. Chosen once, when the session starts: keys that are in
     * the cache cannot turn again.
     *
     * @param scaling takes the place of the usual one; LongRoPE's long factors (Ding et al., 2024)
     * @param dynamicFactor stretches the base by the session's length ("dynamic NTK"); 0 for none
     */
    public record LongContext(int originalContext, RopeScaling scaling, double dynamicFactor) {
        private double stretched(double base, int dim, int contextLength) {
            if (dynamicFactor == 0 || dim <= 2) {
                return base;
            }
            double stretch = dynamicFactor * contextLength / originalContext - (dynamicFactor - 1);
            return base * Math.pow(stretch, dim / (dim - 2.0));
        }
    }

    /** The different ways in which layers turn, in the order of their first layers; may be empty. */
    List<RopeConfig> ropes() {
        return layers.stream().map(LayerConfig::rope).filter(rope -> rope != null).distinct().toList();
    }
}
