package io.lanewise.generate;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * What a {@code model_type} of transformers is in GGUF files, one row a type.
 *
 * @param architecture its name there
 * @param rows how rows of weights are moved
 * @param addsOneToNorms whether files hold what is added to 1 in norms
 * @param postNorms whether {@code post_attention_layernorm} follows attention; elsewhere it is the norm before the
 *     feed-forward
 * @param settings writes what other types do not have
 */
record HuggingFaceKind(String architecture, RowOrder rows, boolean addsOneToNorms, boolean postNorms,
        Consumer<HuggingFaceSettings> settings) {

    /** What converters do to the order of rows or elements. */
    enum RowOrder {
        AS_THEY_ARE,
        /** Queries and keys go from half-split to interleaved RoPE. */
        INTERLEAVED,
        /** Matrices [in, out] are turned. */
        TURNED,
        /** Queries, keys and values of one matrix that are grouped by key head are parted. */
        GROUPED_QKV
    }

    private static final Map<String, HuggingFaceKind> ALL = new TreeMap<>(Map.ofEntries(
            Map.entry("llama", llama("llama", HuggingFaceFamilies::dense)),
            Map.entry("mistral", llama("llama", HuggingFaceFamilies::dense)),
            Map.entry("mixtral", llama("llama", HuggingFaceFamilies::mixtral)),
            Map.entry("granite", llama("granite", HuggingFaceFamilies::granite)),
            Map.entry("smollm3", llama("smollm3", HuggingFaceFamilies::smollm3)),
            Map.entry("qwen2", plain("qwen2", HuggingFaceFamilies::dense)),
            Map.entry("qwen3", plain("qwen3", HuggingFaceFamilies::dense)),
            Map.entry("qwen2_moe", plain("qwen2moe", HuggingFaceFamilies::qwen2moe)),
            Map.entry("qwen3_moe", plain("qwen3moe", HuggingFaceFamilies::qwen3moe)),
            Map.entry("deepseek", llama("deepseek", HuggingFaceFamilies::deepseek)),
            Map.entry("deepseek_v2", plain("deepseek2", HuggingFaceFamilies::deepseek2)),
            Map.entry("deepseek_v3", plain("deepseek2", HuggingFaceFamilies::deepseek2)),
            Map.entry("phi3", plain("phi3", HuggingFaceFamilies::dense)),
            Map.entry("olmo2", new HuggingFaceKind("olmo2", RowOrder.AS_THEY_ARE, false, true, HuggingFaceFamilies::dense)),
            Map.entry("olmo3", new HuggingFaceKind("olmo2", RowOrder.AS_THEY_ARE, false, true, HuggingFaceFamilies::dense)),
            Map.entry("gemma", new HuggingFaceKind("gemma", RowOrder.AS_THEY_ARE, true, false, HuggingFaceFamilies::gemma)),
            Map.entry("gemma2", new HuggingFaceKind("gemma2", RowOrder.AS_THEY_ARE, true, true, HuggingFaceFamilies::gemma2)),
            Map.entry("gemma3_text", new HuggingFaceKind("gemma3", RowOrder.AS_THEY_ARE, true, true,
                    HuggingFaceFamilies::gemma3)),
            Map.entry("glm4", plain("glm4", HuggingFaceFamilies::dense)),
            Map.entry("cohere", plain("command-r", HuggingFaceFamilies::cohere)),
            Map.entry("stablelm", plain("stablelm", HuggingFaceFamilies::stablelm)),
            Map.entry("starcoder2", plain("starcoder2", HuggingFaceFamilies::ungated)),
            Map.entry("falcon", new HuggingFaceKind("falcon", RowOrder.GROUPED_QKV, false, false,
                    HuggingFaceFamilies::falcon)),
            Map.entry("gpt2", new HuggingFaceKind("gpt2", RowOrder.TURNED, false, false, HuggingFaceFamilies::ungated))));

    private static HuggingFaceKind plain(String architecture, Consumer<HuggingFaceSettings> settings) {
        return new HuggingFaceKind(architecture, RowOrder.AS_THEY_ARE, false, false, settings);
    }

    private static HuggingFaceKind llama(String architecture, Consumer<HuggingFaceSettings> settings) {
        return new HuggingFaceKind(architecture, RowOrder.INTERLEAVED, false, false, settings);
    }

    /** The kind of a {@code model_type}, or null. */
    static HuggingFaceKind of(String modelType) {
        return ALL.get(modelType);
    }

    /** The types that are read. */
    static String names() {
        return String.join(", ", ALL.keySet());
    }

    /** Whether the output is the embedding where the settings do not say. */
    boolean tied() {
        return switch (architecture) {
            case "gemma", "gemma2", "gemma3", "gpt2", "falcon", "starcoder2", "command-r", "smollm3" -> true;
            default -> false;
        };
    }
}
