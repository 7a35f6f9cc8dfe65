package io.lanewise.model;

import java.util.Map;
import java.util.TreeMap;

/** How one family of models writes its configuration into a checkpoint's metadata. */
@FunctionalInterface
interface Family {
    Map<String, Family> ALL = new TreeMap<>(Map.ofEntries(
            Map.entry("llama", LlamaFamily::llama),
            Map.entry("qwen2", LlamaFamily::qwen2),
            Map.entry("qwen3", LlamaFamily::qwen3),
            Map.entry("qwen2moe", MixtureFamilies::qwen2moe),
            Map.entry("qwen3moe", MixtureFamilies::qwen3moe),
            Map.entry("deepseek", MixtureFamilies::deepseek),
            Map.entry("deepseek2", DeepSeekFamily::deepseek2),
            Map.entry("granite", LlamaFamily::granite),
            Map.entry("smollm3", LlamaFamily::smollm3),
            Map.entry("gemma", GemmaFamily::gemma),
            Map.entry("gemma2", GemmaFamily::gemma2),
            Map.entry("gemma3", GemmaFamily::gemma3),
            Map.entry("olmo2", PostNormFamilies::olmo2),
            Map.entry("glm4", PostNormFamilies::glm4),
            Map.entry("phi3", PhiFamily::phi3),
            Map.entry("gpt2", GptFamilies::gpt2),
            Map.entry("starcoder2", GptFamilies::starcoder2),
            Map.entry("falcon", ParallelFamilies::falcon),
            Map.entry("command-r", ParallelFamilies::commandR),
            Map.entry("stablelm", ParallelFamilies::stablelm)));

    ModelConfig config(Keys keys);
}
