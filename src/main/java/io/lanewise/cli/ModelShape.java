package io.lanewise.cli;

import java.util.List;

/**
 * The sizes of a real model, as its converted file states them, for files of random weights.
 *
 * @param architecture what {@code general.architecture} says
 * @param llama3Rope whether the file holds llama3's frequency factors in {@code rope_freqs.weight}
 * @param tied whether the token embedding serves as the output matrix too
 * @param qkvBias whether query, key and value have biases
 * @param experts the mixture of experts of all layers but the first ones, or null
 * @param latents what latent attention is made of, or null; then {@code headDim} is that of a query
 */
record ModelShape(String name, String architecture, int nLayers, int dim, int ffnDim, int nHeads, int nKvHeads,
        int headDim, int contextLength, float ropeBase, boolean llama3Rope, float normEps, boolean tied, boolean qkvBias,
        SynthVocabulary.Kind vocabulary, Experts experts, Latents latents) {

    /**
     * A mixture of experts.
     *
     * @param firstLayer layers before this one are dense
     * @param shared experts that every token goes to besides
     */
    record Experts(int firstLayer, int ffnDim, int count, int used, int shared) {}

    /** Multi-head latent attention with plain queries, and the YaRN that stretches its context. */
    record Latents(int kvLoraRank, int ropeDim, int vHeadDim, float yarnFactor, int originalContext,
            float logMultiplier) {}

    private static final List<ModelShape> ALL = List.of(
            new ModelShape("stories-260k", "llama", 5, 64, 172, 8, 4, 8, 512, 10_000, false, 1e-5f, false, false,
                    SynthVocabulary.Kind.STORIES, null, null),
            new ModelShape("smollm2-135m", "llama", 30, 576, 1536, 9, 3, 64, 8192, 100_000, false, 1e-5f, true, false,
                    SynthVocabulary.Kind.SMOLLM, null, null),
            new ModelShape("llama-3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 131_072, 500_000, true, 1e-5f, true,
                    false, SynthVocabulary.Kind.LLAMA3, null, null),
            new ModelShape("deepseek-r1-distill-qwen-1.5b", "qwen2", 28, 1536, 8960, 12, 2, 128, 131_072, 10_000, false,
                    1e-6f, false, true, SynthVocabulary.Kind.DEEPSEEK_QWEN, null, null),
            new ModelShape("deepseek-v2-lite", "deepseek2", 27, 2048, 10_944, 16, 16, 192, 163_840, 10_000, false, 1e-6f,
                    false, false, SynthVocabulary.Kind.DEEPSEEK_LLM, new Experts(1, 1408, 64, 6, 2),
                    new Latents(512, 64, 128, 40, 4096, 0.0707f)));

    /** The shape of this name. */
    static ModelShape of(String name) {
        return ALL.stream().filter(shape -> shape.name.equalsIgnoreCase(name)).findFirst().orElseThrow(
                () -> new UserMistake("--shape: expected one of " + String.join(", ", names()) + "; got '" + name + "'"));
    }

    static List<String> names() {
        return ALL.stream().map(ModelShape::name).toList();
    }

    ModelShape withLayers(int layers) {
        if (layers < 1) {
            throw new UserMistake("--layers: expected 1 or more, got " + layers);
        }
        return new ModelShape(name, architecture, layers, dim, ffnDim, nHeads, nKvHeads, headDim, contextLength,
                ropeBase, llama3Rope, normEps, tied, qkvBias, vocabulary, experts, latents);
    }

    /**
     * What llama3 divides each RoPE frequency by: nothing at short wave lengths, 32 at long ones, and a smooth passage
     * between (Llama 3.2: factor 32, low_freq_factor 1, high_freq_factor 4, original context 8192).
     */
    float[] ropeFactors() {
        float[] factors = new float[headDim / 2];
        for (int pair = 0; pair < factors.length; pair++) {
            double waveLength = 2 * Math.PI * Math.pow(ropeBase, 2.0 * pair / headDim);
            double turns = 8192 / waveLength;
            double smooth = Math.clamp((turns - 1) / (4 - 1), 0.0, 1.0);
            factors[pair] = (float) (1 / ((1 - smooth) / 32 + smooth));
        }
        return factors;
    }
}
