package io.lanewise.nn;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import java.util.function.Consumer;

/**
 * Everything in which trainable transformers differ, as fields. Start from {@link #llama}, {@link #gpt} or {@link
 * #encoder} and change what you like: {@code NetworkConfig.gpt(...).with(c -> c.dropout = 0.1f)}.
 *
 * @param vocabSize tokens; 0 for a network whose input is embedded, and whose output is used, by other means
 * @param dim width of the residual stream
 * @param nHeads query heads of {@code headDim} each
 * @param nKvHeads key and value heads, a divisor of nHeads
 * @param ffnDim inner width of the feed-forward layers
 * @param context most tokens of a sequence
 * @param act activation of the feed-forward layers
 * @param gated whether they are act(gate)·up rather than act(up)
 * @param rmsNorm RMSNorm rather than LayerNorm
 * @param preNorm norms before attention and feed-forward rather than after their residual sums
 * @param finalNorm a norm after the last block
 * @param causal whether a token sees only those before it and itself
 * @param biases whether matrices and LayerNorms have biases
 * @param fusedQkv one parameter for q, k and v, as GPT-2 files have it, rather than three
 * @param tiedHead whether the output matrix is the token table
 * @param headBias whether the output matrix has a bias
 * @param dropout probability after the embedding, attention and feed-forward
 */
public record NetworkConfig(int vocabSize, int dim, int nLayers, int nHeads, int nKvHeads, int headDim, int ffnDim,
        int context, Activation act, boolean gated, boolean rmsNorm, float normEps, boolean preNorm, boolean finalNorm,
        Positions positions, RopeStyle ropeStyle, double ropeBase, boolean causal, boolean biases, boolean fusedQkv,
        boolean tiedHead, boolean headBias, float dropout) {

    public NetworkConfig {
        if (dim < 1 || nLayers < 0 || nKvHeads < 1 || nHeads % nKvHeads != 0 || headDim < 1 || ffnDim < 1 || context < 1
                || vocabSize < 0) {
            throw new IllegalArgumentException("network: expected positive sizes and heads in equal groups, got dim " + dim
                    + ", " + nHeads + " heads, " + nKvHeads + " key heads of " + headDim + ", ffnDim " + ffnDim
                    + ", context " + context);
        }
        if (positions == Positions.ROTARY && headDim % 2 != 0) {
            throw new IllegalArgumentException("network: rotary positions need an even head size, got " + headDim);
        }
    }

    /** The same values, free to change. */
    public static final class Settings {
        public int vocabSize;
        public int dim;
        public int nLayers;
        public int nHeads;
        public int nKvHeads;
        public int headDim;
        public int ffnDim;
        public int context;
        public Activation act = Activation.RELU;
        public boolean gated;
        public boolean rmsNorm;
        public float normEps = 1e-5f;
        public boolean preNorm = true;
        public boolean finalNorm = true;
        public Positions positions = Positions.LEARNED;
        public RopeStyle ropeStyle = RopeStyle.INTERLEAVED;
        public double ropeBase = 10_000;
        public boolean causal = true;
        public boolean biases = true;
        public boolean fusedQkv;
        public boolean tiedHead;
        public boolean headBias;
        public float dropout;

        private Settings() {}

        private NetworkConfig build() {
            return new NetworkConfig(vocabSize, dim, nLayers, nHeads, nKvHeads, headDim, ffnDim, context, act, gated,
                    rmsNorm, normEps, preNorm, finalNorm, positions, ropeStyle, ropeBase, causal, biases, fusedQkv,
                    tiedHead, headBias, dropout);
        }
    }

    /** Llama: RMSNorm before, rotary positions (interleaved, as in GGUF files), grouped key heads, SwiGLU, no biases. */
    public static NetworkConfig llama(int vocabSize, int dim, int nLayers, int nHeads, int nKvHeads, int ffnDim,
            int context) {
        Settings s = sizes(vocabSize, dim, nLayers, nHeads, ffnDim, context);
        s.nKvHeads = nKvHeads;
        s.act = Activation.SILU;
        s.gated = true;
        s.rmsNorm = true;
        s.positions = Positions.ROTARY;
        s.biases = false;
        return s.build();
    }

    /** A GPT: LayerNorm before, learned positions, ReLU feed-forward of 4·dim, biases, tied head. */
    public static NetworkConfig gpt(int vocabSize, int dim, int nLayers, int nHeads, int context) {
        Settings s = sizes(vocabSize, dim, nLayers, nHeads, 4 * dim, context);
        s.fusedQkv = true;
        s.tiedHead = true;
        return s.build();
    }

    /** The encoder of the original transformer: LayerNorm after, ReLU, biases, no mask, no final norm, a head with bias. */
    public static NetworkConfig encoder(int vocabSize, int dim, int nLayers, int nHeads, int ffnDim, int context) {
        Settings s = sizes(vocabSize, dim, nLayers, nHeads, ffnDim, context);
        s.preNorm = false;
        s.finalNorm = false;
        s.causal = false;
        s.headBias = true;
        return s.build();
    }

    private static Settings sizes(int vocabSize, int dim, int nLayers, int nHeads, int ffnDim, int context) {
        Settings s = new Settings();
        s.vocabSize = vocabSize;
        s.dim = dim;
        s.nLayers = nLayers;
        s.nHeads = nHeads;
        s.nKvHeads = nHeads;
        s.headDim = nHeads == 0 ? 0 : dim / nHeads;
        s.ffnDim = ffnDim;
        s.context = context;
        return s;
    }

    /** A copy with some values changed. */
    public NetworkConfig with(Consumer<Settings> changes) {
        Settings s = sizes(vocabSize, dim, nLayers, nHeads, ffnDim, context);
        s.nKvHeads = nKvHeads;
        s.headDim = headDim;
        s.act = act;
        s.gated = gated;
        s.rmsNorm = rmsNorm;
        s.normEps = normEps;
        s.preNorm = preNorm;
        s.finalNorm = finalNorm;
        s.positions = positions;
        s.ropeStyle = ropeStyle;
        s.ropeBase = ropeBase;
        s.causal = causal;
        s.biases = biases;
        s.fusedQkv = fusedQkv;
        s.tiedHead = tiedHead;
        s.headBias = headBias;
        s.dropout = dropout;
        changes.accept(s);
        return s.build();
    }
}
