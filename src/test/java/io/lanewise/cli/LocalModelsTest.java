package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalModelsTest {
    @TempDir
    Path temp;

    private LocalModels models;
    private Path small;
    private Path big;
    private Path folder;

    @BeforeEach
    void fill() throws IOException {
        Path own = Files.createDirectories(temp.resolve("own"));
        small = Files.createFile(own.resolve("Qwen2-0.5B-Q8_0.gguf"));
        big = Files.createFile(Files.createDirectories(temp.resolve("home/.lmstudio/models/a/b"))
                .resolve("Qwen2-7B-Q4_K-00001-of-00002.gguf"));
        Files.createFile(big.resolveSibling("Qwen2-7B-Q4_K-00002-of-00002.gguf"));
        folder = Files.createDirectories(temp.resolve("home/.cache/huggingface/hub/models--x--tiny/snapshots/1"));
        Files.writeString(folder.resolve("config.json"), "{}");
        models = new LocalModels(Map.of(LocalModels.VARIABLE, temp.resolve("none") + File.pathSeparator + own),
                temp.resolve("home"));
    }

    @Test
    void filesAndFoldersAreTakenAsTheyAre() throws IOException {
        assertThat(models.find(small)).isEqualTo(small);
        assertThat(models.find(temp)).isEqualTo(temp);
    }

    @Test
    void partOfANameFindsTheOnlyModelThatHasIt() throws IOException {
        assertThat(models.find(Path.of("qwen2-0.5b"))).isEqualTo(small);
        assertThat(models.find(Path.of("7B"))).isEqualTo(big);
        assertThat(models.find(Path.of("tiny"))).isEqualTo(folder);
    }

    @Test
    void aWholeNameCountsMoreThanAPart() throws IOException {
        Path other = Files.createFile(small.resolveSibling("Qwen2-0.5B-Q8_0-tuned.gguf"));
        assertThat(models.find(Path.of("qwen2-0.5b-q8_0"))).isEqualTo(small);
        assertThat(models.find(Path.of("tuned"))).isEqualTo(other);
    }

    @Test
    void severalOrNoneAreListed() {
        assertThatThrownBy(() -> models.find(Path.of("qwen2"))).isInstanceOf(UserMistake.class)
                .hasMessageContaining(small.toString()).hasMessageContaining(big.toString());
        assertThatThrownBy(() -> models.find(Path.of("llama"))).isInstanceOf(UserMistake.class)
                .hasMessageContaining("no such file").hasMessageContaining(small.toString());
        assertThatThrownBy(() -> models.find(temp.resolve("missing.gguf"))).isInstanceOf(UserMistake.class)
                .hasMessageEndingWith("missing.gguf: no such file");
        assertThatThrownBy(() -> new LocalModels(Map.of(), temp.resolve("empty")).find(Path.of("x")))
                .hasMessageContaining("hold none");
    }
}
