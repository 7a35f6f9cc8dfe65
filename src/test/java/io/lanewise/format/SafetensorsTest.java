package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void tensorsAndMetadataComeBack() {
        Path file = folder.resolve("model.safetensors");
        Samples.safetensors().write(file);
        for (Path path : List.of(file, folder)) {
            try (Checkpoint checkpoint = Checkpoint.open(path)) {
                assertThat(checkpoint.format()).isEqualTo("safetensors");
                assertThat(checkpoint.metadata().string("format")).isEqualTo("pt \"ü\"\n");
                assertThat(checkpoint.tensors()).extracting(TensorSource::name)
                        .containsExactly("ids", "w", "scalar", "none", "half", "brain", "bytes");
                assertThat(checkpoint.tensor("w").dtype()).isEqualTo(DType.F32);
                assertThat(checkpoint.tensor("w").shape()).isEqualTo(Shape.of(3, 5));
                assertThat(checkpoint.tensor("scalar").shape()).isEqualTo(Shape.of());
                for (TensorSource tensor : checkpoint.tensors()) {
                    MemorySegment mapped = tensor.map().segment();
                    assertThat(mapped.address() % tensor.dtype().blockBytes()).isZero();
                    for (long i = 0; i < mapped.byteSize(); i++) {
                        assertThat(mapped.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) i);
                    }
                }
            }
        }
    }

    @Test
    void theHeaderIsWhatOthersExpect() throws IOException {
        Path file = folder.resolve("one.safetensors");
        new SafetensorsWriter().tensor("a", DType.BF16, Shape.of(2, 1), GgufWriterTest::counting).write(file);
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        String header = "{\"a\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[0,4]}}";
        int padded = (header.length() + 7) / 8 * 8;
        assertThat(bytes.getLong()).isEqualTo(padded);
        byte[] json = new byte[padded];
        bytes.get(json);
        assertThat(new String(json, StandardCharsets.UTF_8)).isEqualTo(header + " ".repeat(padded - header.length()));
        assertThat(bytes.remaining()).isEqualTo(4);
    }

    @Test
    void shardsReadAsOneModel() throws IOException {
        new SafetensorsWriter().metadata("format", "pt").tensor("a", DType.F32, Shape.of(2), GgufWriterTest::counting)
                .tensor("c", DType.F16, Shape.of(2), GgufWriterTest::counting)
                .tensor("unlisted", DType.F16, Shape.of(2), GgufWriterTest::counting)
                .write(folder.resolve("model-00001-of-00002.safetensors"));
        new SafetensorsWriter().tensor("b", DType.BF16, Shape.of(4), GgufWriterTest::counting)
                .write(folder.resolve("model-00002-of-00002.safetensors"));
        Path index = Files.writeString(folder.resolve("model.safetensors.index.json"), """
                {"metadata": {"total_size": 20, "nested": {"x": [1]}, "none": null}, "other": [],
                 "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors",
                                "c": "model-00001-of-00002.safetensors"}}
                """);
        for (Path path : List.of(index, folder)) {
            try (Checkpoint checkpoint = Checkpoint.open(path)) {
                assertThat(checkpoint.format()).isEqualTo("safetensors in 2 files");
                assertThat(checkpoint.tensors()).extracting(TensorSource::name).containsExactly("a", "b", "c");
                assertThat(checkpoint.metadata().integer("total_size")).isEqualTo(20);
                assertThat(checkpoint.metadata().string("format")).isEqualTo("pt");
                assertThat(Walk.everything(checkpoint)).isEqualTo(5);
            }
        }
    }

    @Test
    void equalInputGivesEqualBytesAndQuantisedTypesAreRefused() {
        Path first = folder.resolve("1.safetensors");
        Path second = folder.resolve("2.safetensors");
        Samples.safetensors().write(first);
        Samples.safetensors().write(second);
        assertThat(second).hasSameBinaryContentAs(first);
        SafetensorsWriter writer = new SafetensorsWriter();
        assertThatThrownBy(() -> writer.tensor("q", DType.Q8_0, Shape.of(32), GgufWriterTest::counting))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("safetensors has no type Q8_0");
    }

    @Test
    void everySharedFileOpensAndStoriesEqualTheirGguf() throws IOException {
        for (String root : List.of("models", "golden/torch")) {
            try (Stream<Path> tree = Files.walk(SharedData.require(root))) {
                for (Path file : tree.filter(path -> path.toString().endsWith(".safetensors")).toList()) {
                    try (Checkpoint checkpoint = Checkpoint.open(file)) {
                        assertThat(Walk.everything(checkpoint)).as("%s", file).isPositive();
                    }
                }
            }
        }
        try (Checkpoint hf = Checkpoint.open(SharedData.require("models/stories260K/hf"));
                Checkpoint gguf = Checkpoint.open(SharedData.require("models/stories260K/stories260K.F32.gguf"))) {
            MemorySegment expected = gguf.tensor("blk.4.ffn_down.weight").map().segment();
            MemorySegment actual = hf.tensor("model.layers.4.mlp.down_proj.weight").map().segment();
            assertThat(actual.mismatch(expected)).isEqualTo(-1);
        }
    }
}
