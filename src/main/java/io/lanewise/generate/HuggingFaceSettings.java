package io.lanewise.generate;

import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The settings of a {@code config.json} by name, each checked as it is read, and the GGUF metadata that is written from
 * them. Older types have names of their own for the common settings; those are found too.
 */
final class HuggingFaceSettings {
    private static final int MAX_SIZE = 1 << 24;
    private static final Map<String, List<String>> OTHER_NAMES = Map.ofEntries(
            Map.entry("hidden_size", List.of("n_embd")),
            Map.entry("num_hidden_layers", List.of("n_layer")),
            Map.entry("num_attention_heads", List.of("n_head")),
            Map.entry("num_key_value_heads", List.of("num_kv_heads", "n_head_kv")),
            Map.entry("max_position_embeddings", List.of("n_positions", "n_ctx")),
            Map.entry("intermediate_size", List.of("n_inner", "ffn_hidden_size")),
            Map.entry("num_experts", List.of("num_local_experts", "n_routed_experts")),
            Map.entry("hidden_act", List.of("hidden_activation", "activation_function", "activation")),
            Map.entry("norm_eps", List.of("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")));

    private final Path file;
    private final Map<String, Object> values;
    private final Map<String, Object> defaults;
    private final String architecture;
    private final GgufWriter metadata;

    /**
     * @param defaults of settings that files of this type leave out
     * @param architecture what stands before every key of the metadata
     */
    HuggingFaceSettings(Path file, Map<String, Object> values, Map<String, Object> defaults, String architecture,
            GgufWriter metadata) {
        this.file = file;
        this.values = values;
        this.defaults = defaults;
        this.architecture = architecture;
        this.metadata = metadata;
    }

    String architecture() {
        return architecture;
    }

    GgufWriter metadata() {
        return metadata;
    }

    /** A setting under its own or an older name; null where there is none. */
    Object value(String name) {
        Object value = values.get(name);
        for (String other : OTHER_NAMES.getOrDefault(name, List.of())) {
            value = value == null ? values.get(other) : value;
        }
        return value == null ? defaults.get(name) : value;
    }

    boolean has(String name) {
        return value(name) != null;
    }

    boolean flag(String name, boolean otherwise) {
        Object value = value(name);
        if (value == null || value instanceof Boolean) {
            return value == null ? otherwise : (Boolean) value;
        }
        throw problem(name, "true or false", value);
    }

    /** A required whole number of 1 to 16 million. */
    int size(String name) {
        if (value(name) instanceof Double value && value >= 1 && value <= MAX_SIZE && value == Math.rint(value)) {
            return value.intValue();
        }
        throw problem(name, "a whole number of 1 to " + MAX_SIZE, value(name));
    }

    int size(String name, int otherwise) {
        return has(name) ? size(name) : otherwise;
    }

    /** A whole number of 0 to 16 million. */
    int count(String name, int otherwise) {
        return value(name) instanceof Double value && value == 0 ? 0 : size(name, otherwise);
    }

    double number(String name, double otherwise) {
        return has(name) ? number(values.containsKey(name) ? values : Map.of(name, value(name)), name, null) : otherwise;
    }

    /** @param otherwise null where the number is required */
    double number(Map<String, Object> from, String name, Double otherwise) {
        Object value = from.get(name);
        if (value == null && otherwise != null) {
            return otherwise;
        }
        if (value instanceof Double number && Double.isFinite(number)) {
            return number;
        }
        throw problem(name, "a number", value);
    }

    String string(String name, String otherwise) {
        Object value = value(name);
        if (value == null || value instanceof String) {
            return value == null ? otherwise : (String) value;
        }
        throw problem(name, "a text", value);
    }

    /** Refuses a setting that would change the model and is not handled: it must be one of these, or missing. */
    void require(String name, Object... expected) {
        Object value = value(name);
        if (value != null && !List.of(expected).contains(value)) {
            throw problem(name, expected.length == 1 ? String.valueOf(expected[0]) : "one of " + List.of(expected), value);
        }
    }

    /** Of each layer what {@code layer_types} says, whether it is local; null where the file has no such list. */
    boolean[] localLayers(int nLayers) {
        if (!(value("layer_types") instanceof List<?> types)) {
            return null;
        }
        if (types.size() != nLayers) {
            throw problem("layer_types", "one a layer, " + nLayers, types.size());
        }
        boolean[] local = new boolean[nLayers];
        for (int layer = 0; layer < nLayers; layer++) {
            Object type = types.get(layer);
            local[layer] = "sliding_attention".equals(type);
            if (!local[layer] && !"full_attention".equals(type)) {
                throw problem("layer_types", "sliding_attention or full_attention", type);
            }
        }
        return local;
    }

    void setSize(String key, int value) {
        metadata.uint32(key(key), value);
    }

    void setNumber(String key, double value) {
        metadata.float32(key(key), (float) value);
    }

    void setString(String key, String value) {
        metadata.string(key(key), value);
    }

    void setFlag(String key, boolean value) {
        metadata.bool(key(key), value);
    }

    /** A window over which some layers look, and which ones. */
    void setWindow(int window, boolean[] local) {
        setSize("attention.sliding_window", window);
        metadata.bools(key("attention.sliding_window_pattern"), local);
    }

    private String key(String name) {
        return architecture + "." + name;
    }

    FormatException problem(String name, String expected, Object actual) {
        return new FormatException(file, name + ": expected " + expected + ", found " + actual);
    }

    FormatException problem(String problem) {
        return new FormatException(file, problem);
    }
}
