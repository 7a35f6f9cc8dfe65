package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufSplitTest {
    @TempDir
    Path temp;

    private static GgufWriter model(String name) {
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama").string("general.name", name);
        for (int i = 0; i < 7; i++) {
            float value = i;
            writer.tensor("t" + i, DType.F32, Shape.of(8, 16), (offset, target) -> {
                for (long at = 0; at < target.byteSize(); at += 4) {
                    target.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, value);
                }
            });
        }
        return writer;
    }

    private List<Path> split() {
        return model("split").writeSplit(temp.resolve("model.gguf"), 1100);
    }

    @Test
    void anyPartOpensTheWholeModel() {
        List<Path> files = split();
        assertThat(files).extracting(file -> file.getFileName().toString()).containsExactly("model-00001-of-00004.gguf",
                "model-00002-of-00004.gguf", "model-00003-of-00004.gguf", "model-00004-of-00004.gguf");
        for (Path file : files) {
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                assertThat(checkpoint.format()).isEqualTo("GGUF v3 in 4 parts");
                assertThat(checkpoint.metadata().string("general.name")).isEqualTo("split");
                assertThat(checkpoint.metadata().keys()).noneMatch(key -> key.startsWith("split."));
                assertThat(checkpoint.tensors()).extracting(TensorSource::name)
                        .containsExactly("t0", "t1", "t2", "t3", "t4", "t5", "t6");
                for (int i = 0; i < 7; i++) {
                    assertThat(checkpoint.tensor("t" + i).map().toFloatArray()).containsOnly(i);
                }
            }
        }
    }

    @Test
    void oneFileIsEnoughForASmallModel() {
        List<Path> files = model("small").writeSplit(temp.resolve("small.gguf"), 1 << 20);
        assertThat(files).hasSize(1);
        try (Checkpoint checkpoint = Checkpoint.open(files.getFirst())) {
            assertThat(checkpoint.tensors()).hasSize(7);
        }
    }

    @Test
    void aMissingPartIsNamed() throws IOException {
        List<Path> files = split();
        Files.delete(files.get(2));
        assertThatThrownBy(() -> Checkpoint.open(files.getFirst())).isInstanceOf(FormatException.class)
                .hasMessageContaining("model-00003-of-00004.gguf").hasMessageContaining("one folder");
    }

    @Test
    void aRenamedPartIsRefused() throws IOException {
        List<Path> files = split();
        Path other = Files.move(files.getFirst(), temp.resolve("other.gguf"));
        assertThatThrownBy(() -> Checkpoint.open(other)).isInstanceOf(FormatException.class)
                .hasMessageContaining("model-00001-of-00004.gguf");
        Files.move(files.get(1), files.getFirst());
        Files.move(other, files.get(1));
        assertThatThrownBy(() -> Checkpoint.open(files.get(2))).isInstanceOf(FormatException.class)
                .hasMessageContaining("expected part 1 of 4");
    }

    @Test
    void partsOfDifferentModelsAreRefused() throws IOException {
        List<Path> files = split();
        Files.copy(files.get(1), temp.resolve("keep"));
        GgufWriter stranger = new GgufWriter().integer("split.no", ValueType.UINT16, 1)
                .integer("split.count", ValueType.UINT16, 4);
        stranger.write(files.get(1));
        assertThatThrownBy(() -> Checkpoint.open(files.getFirst())).isInstanceOf(FormatException.class)
                .hasMessageContaining("different models");
        stranger.tensor("t0", DType.F32, Shape.of(4), (offset, target) -> target.fill((byte) 0)).write(files.get(1));
        assertThatThrownBy(() -> Checkpoint.open(files.getFirst())).isInstanceOf(FormatException.class)
                .hasMessageContaining("'t0'");
    }

    @Test
    void anAbsurdCountOfPartsIsRefusedAtOnce() {
        Path file = temp.resolve("model-00001-of-65535.gguf");
        new GgufWriter().integer("split.no", ValueType.UINT16, 0).integer("split.count", ValueType.UINT16, 65_535).write(file);
        assertThatThrownBy(() -> Checkpoint.open(file)).isInstanceOf(FormatException.class);
    }
}
