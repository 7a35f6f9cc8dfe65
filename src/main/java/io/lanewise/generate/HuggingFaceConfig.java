package io.lanewise.generate;

import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.tensor.TensorSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A {@code config.json} of transformers as the metadata of a GGUF file. */
final class HuggingFaceConfig {
    private static final int MAX_SIZE = 1 << 24;
    private static final HuggingFaceTensors.Changes AS_THEY_ARE = new HuggingFaceTensors.Changes(false, false, false);
    private static final HuggingFaceTensors.Changes INTERLEAVED = new HuggingFaceTensors.Changes(true, false, false);

    /** What a {@code model_type} is called in GGUF files, and what is done to its weights. */
    private record Kind(String architecture, HuggingFaceTensors.Changes changes) {}

    private static final Map<String, Kind> KINDS = new TreeMap<>(Map.of(
            "llama", new Kind("llama", INTERLEAVED),
            "mistral", new Kind("llama", INTERLEAVED),
            "granite", new Kind("granite", INTERLEAVED),
            "smollm3", new Kind("smollm3", INTERLEAVED),
            "qwen2", new Kind("qwen2", AS_THEY_ARE),
            "qwen3", new Kind("qwen3", AS_THEY_ARE),
            "phi3", new Kind("phi3", AS_THEY_ARE),
            "olmo2", new Kind("olmo2", new HuggingFaceTensors.Changes(false, false, true)),
            "gemma2", new Kind("gemma2", new HuggingFaceTensors.Changes(false, true, true)),
            "gemma3_text", new Kind("gemma3", new HuggingFaceTensors.Changes(false, true, true))));

    private final Path file;
    private final Map<String, Object> values;
    private final Kind kind;
    private final GgufWriter metadata = new GgufWriter();
    private final List<TensorSource> tensors = new ArrayList<>();
    private final int nHeads;
    private final int nKvHeads;
    private final int headDim;

    /** @throws FormatException if the file does not describe a model of a type that is read */
    HuggingFaceConfig(Path file) {
        this.file = file;
        if (!Files.isRegularFile(file)) {
            throw new FormatException(file, "is missing: a model folder needs its config.json");
        }
        this.values = JsonFile.objectIn(file);
        Object type = values.get("model_type");
        this.kind = KINDS.get(String.valueOf(type));
        if (kind == null) {
            throw new FormatException(file, "model_type '" + type + "' is not one that is read from safetensors: "
                    + String.join(", ", KINDS.keySet()) + "; convert the model to GGUF");
        }
        nHeads = size("num_attention_heads");
        nKvHeads = values.get("num_key_value_heads") == null ? nHeads : size("num_key_value_heads");
        int dim = size("hidden_size");
        if (values.get("head_dim") == null && dim % nHeads != 0) {
            throw problem("hidden_size", "a multiple of num_attention_heads " + nHeads, dim);
        }
        headDim = values.get("head_dim") == null ? dim / nHeads : size("head_dim");
        common(dim);
        rope(scaling());
        family();
    }

    GgufWriter metadata() {
        return metadata;
    }

    HuggingFaceTensors.Changes changes() {
        return kind.changes;
    }

    /** Tensors that stand in no file: what RoPE's angles are divided by. */
    List<TensorSource> tensors() {
        return tensors;
    }

    int nHeads() {
        return nHeads;
    }

    int nKvHeads() {
        return nKvHeads;
    }

    /** Whether the output is the embedding, even where the file holds it twice. */
    boolean tied() {
        Object tied = values.get("tie_word_embeddings");
        return tied == null ? kind.architecture.startsWith("gemma") : Boolean.TRUE.equals(tied);
    }

    private void common(int dim) {
        metadata.string("general.architecture", kind.architecture);
        if (values.get("_name_or_path") instanceof String name) {
            metadata.string("general.name", name);
        }
        setSize("block_count", size("num_hidden_layers"));
        setSize("context_length", size("max_position_embeddings"));
        setSize("embedding_length", dim);
        setSize("feed_forward_length", size("intermediate_size"));
        setSize("attention.head_count", nHeads);
        setSize("attention.head_count_kv", nKvHeads);
        setSize("attention.key_length", headDim);
        setSize("attention.value_length", headDim);
        setNumber("attention.layer_norm_rms_epsilon", number("rms_norm_eps", 1e-6));
    }

    private void family() {
        switch (kind.architecture) {
            case "granite" -> {
                setNumber("embedding_scale", number("embedding_multiplier", 1));
                setNumber("residual_scale", number("residual_multiplier", 1));
                setNumber("attention.scale", number("attention_multiplier", 1 / Math.sqrt(headDim)));
                setNumber("logit_scale", number("logits_scaling", 1));
            }
            case "gemma2" -> {
                setNumber("attn_logit_softcapping", number("attn_logit_softcapping", 50));
                setNumber("final_logit_softcapping", number("final_logit_softcapping", 30));
                setSize("attention.sliding_window", values.get("sliding_window") == null ? 4096 : size("sliding_window"));
                setNumber("attention.scale", 1 / Math.sqrt(number("query_pre_attn_scalar", headDim)));
            }
            case "gemma3" -> {
                setSize("attention.sliding_window", size("sliding_window"));
                setNumber("rope.freq_base_swa", number("rope_local_base_freq", 10_000));
                setNumber("attention.scale", 1 / Math.sqrt(number("query_pre_attn_scalar", headDim)));
                if (values.get("final_logit_softcapping") != null) {
                    setNumber("final_logit_softcapping", number("final_logit_softcapping", 30));
                }
            }
            case "phi3" -> {
                if (values.get("sliding_window") != null) {
                    setSize("attention.sliding_window", size("sliding_window"));
                }
            }
            default -> {
                // The common settings are all.
            }
        }
    }

    /** {@code rope_scaling}, or in newer files {@code rope_parameters}; empty where there is none. */
    @SuppressWarnings("unchecked")
    private Map<String, Object> scaling() {
        for (String key : List.of("rope_scaling", "rope_parameters")) {
            if (values.get(key) instanceof Map<?, ?> map) {
                return (Map<String, Object>) map;
            }
        }
        return Map.of();
    }

    private void rope(Map<String, Object> scaling) {
        double share = number("partial_rotary_factor", 1);
        int ropeDim = (int) (headDim * share);
        setSize("rope.dimension_count", ropeDim);
        double base = scaling.get("rope_theta") instanceof Double theta ? theta : number("rope_theta", 10_000);
        setNumber("rope.freq_base", base);
        Object type = scaling.getOrDefault("rope_type", scaling.getOrDefault("type", "default"));
        switch (String.valueOf(type)) {
            case "default", "null" -> {
                // Angles are as they are.
            }
            case "linear", "dynamic", "yarn" -> {
                metadata.string(key("rope.scaling.type"), String.valueOf(type));
                setNumber("rope.scaling.factor", number(scaling, "factor", null));
                setSize("rope.scaling.original_context_length", (int) number(scaling, "original_max_position_embeddings",
                        (double) size("max_position_embeddings")));
            }
            case "llama3" -> tensors.add(HuggingFaceTensors.ofNumbers("rope_freqs.weight",
                    llama3(scaling, ropeDim, base)));
            case "longrope", "su" -> longRope(scaling, ropeDim);
            default -> throw new FormatException(file, "rope_scaling of type '" + type + "' is not supported; default, "
                    + "linear, dynamic, yarn, llama3 and longrope are");
        }
    }

    /** What each frequency is divided by: long waves by the factor, short ones by 1, those between by a mixture. */
    private float[] llama3(Map<String, Object> scaling, int ropeDim, double base) {
        double factor = number(scaling, "factor", 8.0);
        double low = number(scaling, "low_freq_factor", 1.0);
        double high = number(scaling, "high_freq_factor", 4.0);
        double original = number(scaling, "original_max_position_embeddings", 8192.0);
        float[] factors = new float[ropeDim / 2];
        for (int i = 0; i < factors.length; i++) {
            double wave = 2 * Math.PI * Math.pow(base, 2.0 * i / ropeDim);
            double smooth = Math.clamp((original / wave - low) / (high - low), 0, 1);
            factors[i] = (float) (1 / ((1 - smooth) / factor + smooth));
        }
        return factors;
    }

    private void longRope(Map<String, Object> scaling, int ropeDim) {
        int most = size("max_position_embeddings");
        int original = values.get("original_max_position_embeddings") == null
                ? (int) number(scaling, "original_max_position_embeddings", (double) most)
                : size("original_max_position_embeddings");
        setSize("rope.scaling.original_context_length", original);
        double stretch = (double) most / original;
        setNumber("rope.scaling.attn_factor", number(scaling, "attention_factor",
                stretch <= 1 ? 1.0 : Math.sqrt(1 + Math.log(stretch) / Math.log(original))));
        for (String length : List.of("long", "short")) {
            if (!(scaling.get(length + "_factor") instanceof List<?> list) || list.size() != ropeDim / 2) {
                throw new FormatException(file, "rope_scaling." + length + "_factor: expected " + ropeDim / 2 + " numbers");
            }
            float[] factors = new float[list.size()];
            for (int i = 0; i < factors.length; i++) {
                factors[i] = list.get(i) instanceof Double each ? each.floatValue() : Float.NaN;
            }
            tensors.add(HuggingFaceTensors.ofNumbers("rope_factors_" + length + ".weight", factors));
        }
    }

    private String key(String name) {
        return kind.architecture + "." + name;
    }

    private void setSize(String name, int value) {
        metadata.uint32(key(name), value);
    }

    private void setNumber(String name, double value) {
        metadata.float32(key(name), (float) value);
    }

    /** A required whole number of 1 to 16 million. */
    private int size(String name) {
        if (values.get(name) instanceof Double value && value >= 1 && value <= MAX_SIZE && value == Math.rint(value)) {
            return value.intValue();
        }
        throw problem(name, "a whole number of 1 to " + MAX_SIZE, values.get(name));
    }

    private double number(String name, double otherwise) {
        return number(values, name, otherwise);
    }

    private double number(Map<String, Object> from, String name, Double otherwise) {
        Object value = from.get(name);
        if (value == null && otherwise != null) {
            return otherwise;
        }
        if (value instanceof Double number && Double.isFinite(number)) {
            return number;
        }
        throw problem(name, "a number", value);
    }

    private FormatException problem(String name, String expected, Object actual) {
        return new FormatException(file, name + ": expected " + expected + ", found " + actual);
    }
}
