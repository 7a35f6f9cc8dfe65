package io.lanewise.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The 47 texts and the ids that the models' own tokenizers give for them, without special tokens. */
class ReferenceCasesTest {
    private static final String SEPARATOR = "\n__ggml_vocab_test__\n";

    @ParameterizedTest
    @ValueSource(strings = {"llama-spm", "gpt-2", "deepseek-llm", "deepseek-coder", "bert-bge", "qwen2"})
    void everyCaseGivesTheReferenceIds(String name) throws IOException {
        Tokenizer tokenizer = TestTokenizers.of(name);
        String[] texts = texts(name);
        assertThat(texts).hasSize(46);
        List<int[]> expected = expectedIds(name);
        for (int i = 0; i < texts.length; i++) {
            assertThat(tokenizer.encode(texts[i], false, false)).as("case %d <%s>", i, texts[i])
                    .containsExactly(expected.get(i));
        }
    }

    static String[] texts(String name) throws IOException {
        String all = Files.readString(SharedData.require("tokenizers/ggml-vocab-" + name + ".gguf.inp"));
        String[] texts = all.split(SEPARATOR, -1);
        return texts[texts.length - 1].isEmpty() ? Arrays.copyOf(texts, texts.length - 1) : texts;
    }

    static List<int[]> expectedIds(String name) throws IOException {
        return Files.readAllLines(SharedData.require("tokenizers/ggml-vocab-" + name + ".gguf.out")).stream()
                .map(line -> line.isBlank() ? new int[0]
                        : Arrays.stream(line.trim().split(" ")).mapToInt(Integer::parseInt).toArray())
                .toList();
    }
}
