package io.lanewise.model;

import java.util.Map;
import java.util.TreeMap;

/** How one family of models writes its configuration into a checkpoint's metadata. */
@FunctionalInterface
interface Family {
    Map<String, Family> ALL = new TreeMap<>(Map.of(
            "llama", LlamaFamily::llama,
            "qwen2", LlamaFamily::qwen2));

    ModelConfig config(Keys keys);
}
