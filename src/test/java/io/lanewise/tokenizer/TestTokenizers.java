package io.lanewise.tokenizer;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.generate.VocabularyReader;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Tokenizers of the shared vocabularies, made once for all tests. */
final class TestTokenizers {
    private static final Map<String, Tokenizer> CACHE = new ConcurrentHashMap<>();

    private TestTokenizers() {
    }

    static Tokenizer ofGguf(String relative) {
        return CACHE.computeIfAbsent(relative, name -> {
            try (Checkpoint checkpoint = Checkpoint.open(SharedData.require(name))) {
                return VocabularyReader.tokenizer(checkpoint);
            }
        });
    }
}
