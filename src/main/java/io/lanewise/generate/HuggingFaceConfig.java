package io.lanewise.generate;

import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.tensor.TensorSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A {@code config.json} of transformers as the metadata of a GGUF file. */
final class HuggingFaceConfig {
    /** What the text part of a multimodal Gemma 3 leaves out: the defaults of transformers' class. */
    private static final Map<String, Object> GEMMA3 = Map.of("num_attention_heads", 8.0, "num_key_value_heads", 4.0,
            "head_dim", 256.0, "max_position_embeddings", 131_072.0, "rope_theta", 1e6, "sliding_window", 4096.0);
    private static final Map<String, Object> FALCON = Map.of("max_position_embeddings", 2048.0);

    private final Path file;
    private final Map<String, Object> values;
    private final HuggingFaceKind kind;
    private final HuggingFaceSettings settings;
    private final GgufWriter metadata = new GgufWriter();
    private final List<TensorSource> tensors = new ArrayList<>();
    private final int nLayers;
    private final int nHeads;
    private final int nKvHeads;
    private final int headDim;

    /** @throws FormatException if the file does not describe a model of a type that is read */
    HuggingFaceConfig(Path file) {
        this.file = file;
        if (!Files.isRegularFile(file)) {
            throw new FormatException(file, "is missing: a model folder needs its config.json");
        }
        this.values = textPart(JsonFile.objectIn(file));
        Object type = values.get("model_type");
        this.kind = HuggingFaceKind.of(String.valueOf(type));
        if (kind == null) {
            throw new FormatException(file, "model_type '" + type + "' is not one that is read from safetensors: "
                    + HuggingFaceKind.names() + "; convert the model to GGUF");
        }
        Map<String, Object> defaults = switch (kind.architecture()) {
            case "gemma3" -> GEMMA3;
            case "falcon" -> FALCON;
            default -> Map.of();
        };
        settings = new HuggingFaceSettings(file, values, defaults, kind.architecture(), metadata);
        nLayers = settings.size("num_hidden_layers");
        nHeads = settings.size("num_attention_heads");
        nKvHeads = kvHeads();
        int dim = settings.size("hidden_size");
        if (!settings.has("head_dim") && dim % nHeads != 0) {
            throw settings.problem("hidden_size", "a multiple of num_attention_heads " + nHeads, dim);
        }
        headDim = settings.size("head_dim", dim / nHeads);
        common(dim);
        rope(scaling());
        kind.settings().accept(settings);
    }

    /** Gemma 3 with images describes its language model apart. */
    @SuppressWarnings("unchecked")
    private static Map<String, Object> textPart(Map<String, Object> values) {
        return "gemma3".equals(values.get("model_type")) && values.get("text_config") instanceof Map<?, ?> text
                ? (Map<String, Object>) text : values;
    }

    /** Falcon: the first models share one key head, whatever the number says. */
    private int kvHeads() {
        if (kind.architecture().equals("falcon") && !settings.flag("new_decoder_architecture", false)) {
            return settings.flag("multi_query", true) ? 1 : nHeads;
        }
        return settings.size("num_key_value_heads", nHeads);
    }

    GgufWriter metadata() {
        return metadata;
    }

    HuggingFaceKind kind() {
        return kind;
    }

    /** Tensors that stand in no file: what RoPE's angles are divided by. */
    List<TensorSource> tensors() {
        return tensors;
    }

    int nLayers() {
        return nLayers;
    }

    int nHeads() {
        return nHeads;
    }

    int nKvHeads() {
        return nKvHeads;
    }

    int headDim() {
        return headDim;
    }

    /** Whether the output is the embedding, even where the file holds it twice. */
    boolean tied() {
        return settings.flag("tie_word_embeddings", kind.tied());
    }

    private void common(int dim) {
        metadata.string("general.architecture", kind.architecture());
        if (values.get("_name_or_path") instanceof String name) {
            metadata.string("general.name", name);
        }
        settings.setSize("block_count", nLayers);
        settings.setSize("context_length", settings.size("max_position_embeddings"));
        settings.setSize("embedding_length", dim);
        settings.setSize("feed_forward_length", settings.size("intermediate_size", 4 * dim));
        settings.setSize("attention.head_count", nHeads);
        settings.setSize("attention.head_count_kv", nKvHeads);
        settings.setSize("attention.key_length", headDim);
        settings.setSize("attention.value_length", headDim);
        double eps = settings.number("norm_eps", 1e-6);
        settings.setNumber("attention.layer_norm_rms_epsilon", eps);
        settings.setNumber("attention.layer_norm_epsilon", eps);
    }

    /**
     * {@code rope_scaling}, or in newer files {@code rope_parameters}, which may be apart for local layers and others;
     * empty where there is neither.
     */
    @SuppressWarnings("unchecked")
    private Map<String, Object> scaling() {
        for (String key : List.of("rope_scaling", "rope_parameters")) {
            if (values.get(key) instanceof Map<?, ?> map) {
                if (map.get("sliding_attention") instanceof Map<?, ?> local && kind.architecture().equals("gemma3")
                        && local.get("rope_theta") instanceof Double base) {
                    values.putIfAbsent("rope_local_base_freq", base);
                }
                return (Map<String, Object>) (map.get("full_attention") instanceof Map<?, ?> full ? full : map);
            }
        }
        return Map.of();
    }

    private void rope(Map<String, Object> scaling) {
        double share = settings.number(scaling, "partial_rotary_factor", settings.number("partial_rotary_factor", 1));
        int ropeDim = (int) (headDim * share);
        settings.setSize("rope.dimension_count", ropeDim);
        double base = settings.number(scaling, "rope_theta", settings.number("rope_theta", 10_000));
        settings.setNumber("rope.freq_base", base);
        Object type = scaling.getOrDefault("rope_type", scaling.getOrDefault("type", "default"));
        switch (String.valueOf(type)) {
            case "default", "null" -> {
                // Angles are as they are.
            }
            case "linear", "dynamic" -> stretch(scaling, String.valueOf(type));
            case "yarn" -> yarn(scaling);
            case "llama3" -> tensors.add(HuggingFaceSources.ofNumbers("rope_freqs.weight",
                    llama3(scaling, ropeDim, base)));
            case "longrope", "su" -> longRope(scaling, ropeDim);
            default -> throw settings.problem("rope_scaling of type '" + type + "' is not supported; default, "
                    + "linear, dynamic, yarn, llama3 and longrope are");
        }
    }

    private void stretch(Map<String, Object> scaling, String type) {
        settings.setString("rope.scaling.type", type);
        settings.setNumber("rope.scaling.factor", settings.number(scaling, "factor", null));
        settings.setSize("rope.scaling.original_context_length", (int) settings.number(scaling,
                "original_max_position_embeddings", (double) settings.size("max_position_embeddings")));
    }

    /**
     * YaRN multiplies cosines and sines by 1 + ln(factor)/10 unless the file says otherwise. DeepSeek's have a factor on
     * scores instead ({@code mscale_all_dim}), where the two that it names cancel out on cosines and sines.
     */
    private void yarn(Map<String, Object> scaling) {
        stretch(scaling, "yarn");
        settings.setNumber("rope.scaling.yarn_beta_fast", settings.number(scaling, "beta_fast", 32.0));
        settings.setNumber("rope.scaling.yarn_beta_slow", settings.number(scaling, "beta_slow", 1.0));
        if (Boolean.FALSE.equals(scaling.get("truncate"))) {
            throw settings.problem("rope_scaling.truncate: false is not supported");
        }
        double log = Math.log(settings.number(scaling, "factor", null));
        double scale = settings.number(scaling, "mscale", 0.0);
        double allDim = settings.number(scaling, "mscale_all_dim", 0.0);
        if (kind.architecture().equals("deepseek2")) {
            if (scale != allDim) {
                throw settings.problem("rope_scaling.mscale: expected mscale_all_dim, which is " + allDim + ", found "
                        + scale);
            }
            settings.setNumber("rope.scaling.yarn_log_multiplier", 0.1 * allDim);
            return;
        }
        double usual = 1 + 0.1 * log;
        double wanted = scale != 0 && allDim != 0 ? (1 + 0.1 * scale * log) / (1 + 0.1 * allDim * log) : usual;
        settings.setNumber("rope.scaling.attn_factor", settings.number(scaling, "attention_factor", wanted) / usual);
    }

    /** What each frequency is divided by: long waves by the factor, short ones by 1, those between by a mixture. */
    private float[] llama3(Map<String, Object> scaling, int ropeDim, double base) {
        double factor = settings.number(scaling, "factor", 8.0);
        double low = settings.number(scaling, "low_freq_factor", 1.0);
        double high = settings.number(scaling, "high_freq_factor", 4.0);
        double original = settings.number(scaling, "original_max_position_embeddings", 8192.0);
        float[] factors = new float[ropeDim / 2];
        for (int i = 0; i < factors.length; i++) {
            double wave = 2 * Math.PI * Math.pow(base, 2.0 * i / ropeDim);
            double smooth = Math.clamp((original / wave - low) / (high - low), 0, 1);
            factors[i] = (float) (1 / ((1 - smooth) / factor + smooth));
        }
        return factors;
    }

    private void longRope(Map<String, Object> scaling, int ropeDim) {
        int most = settings.size("max_position_embeddings");
        int original = settings.has("original_max_position_embeddings")
                ? settings.size("original_max_position_embeddings")
                : (int) settings.number(scaling, "original_max_position_embeddings", (double) most);
        settings.setSize("rope.scaling.original_context_length", original);
        double stretch = (double) most / original;
        settings.setNumber("rope.scaling.attn_factor", settings.number(scaling, "attention_factor",
                stretch <= 1 ? 1.0 : Math.sqrt(1 + Math.log(stretch) / Math.log(original))));
        for (String length : List.of("long", "short")) {
            if (!(scaling.get(length + "_factor") instanceof List<?> list) || list.size() != ropeDim / 2) {
                throw settings.problem("rope_scaling." + length + "_factor: expected " + ropeDim / 2 + " numbers");
            }
            float[] factors = new float[list.size()];
            for (int i = 0; i < factors.length; i++) {
                factors[i] = list.get(i) instanceof Double each ? each.floatValue() : Float.NaN;
            }
            tensors.add(HuggingFaceSources.ofNumbers("rope_factors_" + length + ".weight", factors));
        }
    }
}
