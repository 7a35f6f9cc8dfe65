package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that other programs have written. */
class SharedFilesTest {
    @ParameterizedTest
    @ValueSource(strings = {"models", "tokenizers", "golden/families"})
    void everyGgufFileOpensAndMaps(String folder) throws IOException {
        List<Path> files;
        try (Stream<Path> tree = Files.walk(SharedData.require(folder))) {
            files = tree.filter(path -> path.toString().endsWith(".gguf")).toList();
        }
        assertThat(files).isNotEmpty();
        for (Path file : files) {
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                assertThat(Walk.everything(checkpoint)).as("%s", file).isPositive();
                assertThat(checkpoint.metadata().has("general.architecture")).isTrue();
            }
        }
    }

    @Test
    void storiesReadAsTheModelIs() {
        try (Checkpoint checkpoint = Checkpoint.open(SharedData.require("models/stories260K/stories260K.F32.gguf"))) {
            assertThat(checkpoint.format()).isEqualTo("GGUF v3");
            assertThat(checkpoint.metadata().string("general.architecture")).isEqualTo("llama");
            assertThat(checkpoint.metadata().integer("llama.block_count")).isEqualTo(5);
            assertThat(checkpoint.metadata().strings("tokenizer.ggml.tokens")).hasSize(512).contains("▁the");
            assertThat(checkpoint.metadata().floats("tokenizer.ggml.scores")).hasSize(512);
            assertThat(checkpoint.metadata().ints("tokenizer.ggml.token_type")).hasSize(512).contains(6);
            assertThat(checkpoint.tensor("blk.0.ffn_gate.weight").shape()).isEqualTo(Shape.of(172, 64));
            assertThat(checkpoint.tensor("blk.0.ffn_gate.weight").dtype()).isEqualTo(DType.F32);
            assertThatThrownBy(() -> checkpoint.tensor("blk.9.attn_q.weight")).isInstanceOf(FormatException.class)
                    .hasMessageContaining("stories260K.F32.gguf").hasMessageContaining("'blk.9.attn_q.weight'");
        }
    }
}
