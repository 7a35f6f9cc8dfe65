package io.lanewise.tokenizer;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.generate.HuggingFaceTokenizerFile;
import io.lanewise.generate.VocabularyReader;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Tokenizers of the shared vocabularies, made once for all tests. */
final class TestTokenizers {
    private static final Map<String, Tokenizer> CACHE = new ConcurrentHashMap<>();

    private TestTokenizers() {
    }

    /** The tokenizer of a case: qwen2 comes as a tokenizer.json, the others as GGUF files. */
    static Tokenizer of(String name) {
        return name.equals("qwen2") ? ofHuggingFace("tokenizers/qwen3")
                : ofGguf("tokenizers/ggml-vocab-" + name + ".gguf");
    }

    static Tokenizer ofHuggingFace(String relative) {
        return CACHE.computeIfAbsent(relative, name -> HuggingFaceTokenizerFile.tokenizer(SharedData.require(name)));
    }

    static Tokenizer ofGguf(String relative) {
        return CACHE.computeIfAbsent(relative, name -> {
            try (Checkpoint checkpoint = Checkpoint.open(SharedData.require(name))) {
                return VocabularyReader.tokenizer(checkpoint);
            }
        });
    }
}
