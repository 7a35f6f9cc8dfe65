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
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
    @TempDir
    Path folder;

    /** Content whose byte at any offset is known: its lowest eight bits. */
    static void counting(long offset, MemorySegment chunk) {
        for (long i = 0; i < chunk.byteSize(); i++) {
            chunk.set(ValueLayout.JAVA_BYTE, i, (byte) (offset + i));
        }
    }

    @Test
    void metadataOfEveryTypeComesBackAsItWas() {
        Path file = folder.resolve("all.gguf");
        Samples.everyType().write(file);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            Metadata metadata = checkpoint.metadata();
            assertThat(metadata.keys()).startsWith("general.architecture", "u8", "i8");
            assertThat(metadata.integer("u8")).isEqualTo(255);
            assertThat(metadata.integer("i8")).isEqualTo(-128);
            assertThat(metadata.integer("u16")).isEqualTo(65_535);
            assertThat(metadata.integer("i16")).isEqualTo(-32_768);
            assertThat(metadata.integer("u32")).isEqualTo(4_294_967_295L);
            assertThat(metadata.integer("i32")).isEqualTo(Integer.MIN_VALUE);
            assertThat(metadata.integer("i64")).isEqualTo(Long.MIN_VALUE);
            assertThat(metadata.number("f32")).isEqualTo(1e-5f);
            assertThat(metadata.number("f64")).isEqualTo(Math.PI);
            assertThat(metadata.flag("bool")).isTrue();
            assertThat(metadata.string("str")).isEqualTo("grüße, 世界 🦙");
            assertThat(metadata.asMap().get("u64")).isEqualTo(new BigInteger("18446744073709551615"));
            assertThat(metadata.number("u64")).isEqualTo(0x1p64);
            assertThat(metadata.strings("arr.str")).containsExactly("", "a", "▁the");
            assertThatThrownBy(() -> metadata.strings("arr.str").get(3)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> metadata.strings("arr.str").set(0, "b")).isInstanceOf(UnsupportedOperationException.class);
            assertThat(metadata.ints("arr.u8")).containsExactly(0, 255);
            assertThat(metadata.ints("arr.i8")).containsExactly(-128, 127);
            assertThat(metadata.ints("arr.u16")).containsExactly(0, 65_535);
            assertThat(metadata.ints("arr.i16")).containsExactly(-32_768, 32_767);
            assertThat(metadata.ints("arr.u32")).containsExactly(0, Integer.MAX_VALUE);
            assertThat(metadata.ints("arr.i32")).containsExactly(-1, 0, 1);
            assertThat(metadata.ints("arr.i64")).containsExactly(-5, 5);
            assertThat(metadata.floats("arr.f32")).containsExactly(0.5f, -0f, Float.POSITIVE_INFINITY);
            assertThat(metadata.floats("arr.f64")).containsExactly(0.1f);
            assertThat(metadata.flags("arr.bool")).containsExactly(true, false, true);
            assertThat(metadata.ints("arr.empty")).isEmpty();
            assertThat(metadata.strings("arr.empty")).isEmpty();
            assertThat(metadata.length("arr.str")).isEqualTo(3);
            assertThat(metadata.type("arr.f32")).isEqualTo("arr[f32, 3]");
            List<?> nested = (List<?>) metadata.asMap().get("arr.nested");
            assertThat(nested).hasSize(2);
            assertThat((long[]) nested.get(0)).containsExactly(1, 2);
            assertThat(nested.get(1)).isEqualTo(List.of("x"));
        }
    }

    @Test
    void tensorsComeBackAlignedAndInOrder() {
        Path file = folder.resolve("tensors.gguf");
        new GgufWriter().uint32("general.alignment", 128)
                .tensor("b", DType.F32, Shape.of(3, 5), GgufWriterTest::counting)
                .tensor("a", DType.Q4_K, Shape.of(2, 3, 512), GgufWriterTest::counting)
                .tensor("scalar", DType.I8, Shape.of(), GgufWriterTest::counting).write(file);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.tensors()).extracting(TensorSource::name).containsExactly("b", "a", "scalar");
            assertThat(checkpoint.tensor("a").shape()).isEqualTo(Shape.of(2, 3, 512));
            for (TensorSource tensor : checkpoint.tensors()) {
                MemorySegment mapped = tensor.map().segment();
                assertThat(mapped.address() % 128).isZero();
                byte[] part = new byte[(int) mapped.byteSize()];
                tensor.read(0, MemorySegment.ofArray(part));
                for (int i = 0; i < part.length; i++) {
                    assertThat(part[i]).isEqualTo((byte) i).isEqualTo(mapped.get(ValueLayout.JAVA_BYTE, i));
                }
            }
        }
    }

    @Test
    void equalInputGivesEqualBytesAndCopiesAreExact() throws IOException {
        Path first = folder.resolve("1.gguf");
        Path second = folder.resolve("2.gguf");
        Path copy = folder.resolve("3.gguf");
        Samples.small().write(first);
        Samples.small().write(second);
        copy(first, copy);
        assertThat(second).hasSameBinaryContentAs(first);
        assertThat(copy).hasSameBinaryContentAs(first);
    }

    @Test
    void copiesOfOthersFilesAreExact() {
        for (String name : List.of("models/stories260K/stories260K.Q5_1.gguf", "tokenizers/ggml-vocab-bert-bge.gguf",
                "golden/families/deepseek2-lite-q.IQ4_XS.gguf", "golden/families/gemma3-swakeys.gguf")) {
            Path copy = folder.resolve("copy.gguf");
            copy(SharedData.require(name), copy);
            assertThat(copy).as(name).hasSameBinaryContentAs(SharedData.require(name));
        }
    }

    private static void copy(Path from, Path to) {
        try (Checkpoint checkpoint = Checkpoint.open(from)) {
            GgufWriter writer = new GgufWriter().metadata(checkpoint.metadata());
            checkpoint.tensors().forEach(writer::tensor);
            writer.write(to);
        }
    }

    @Test
    void largeTensorsAreStreamedInWholeRows() throws IOException {
        Path file = folder.resolve("large.gguf");
        int[] chunks = new int[1];
        new GgufWriter().tensor("w", DType.Q8_0, Shape.of(3000, 4096), (offset, chunk) -> {
            assertThat(chunk.byteSize() % DType.Q8_0.byteSize(4096)).isZero();
            assertThat(chunk.byteSize()).isLessThanOrEqualTo(4 << 20);
            chunks[0]++;
        }).write(file);
        assertThat(chunks[0]).isEqualTo(4);
        assertThat(Files.size(file)).isGreaterThan(3000 * DType.Q8_0.byteSize(4096));
    }

    @Test
    void failedWritesLeaveTheOldFileAndNothingElse() throws IOException {
        Path file = folder.resolve("model.gguf");
        Files.writeString(file, "old");
        GgufWriter writer = new GgufWriter().tensor("w", DType.F32, Shape.of(4), (offset, chunk) -> {
            throw new IllegalStateException("no content");
        });
        assertThatThrownBy(() -> writer.write(file)).hasMessage("no content");
        assertThat(file).hasContent("old");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void writingOverAFolderOrIntoNoneIsRefused() {
        assertThatThrownBy(() -> Samples.small().write(folder)).isInstanceOf(FormatException.class)
                .hasMessageContaining("is a folder");
        assertThatThrownBy(() -> Samples.small().write(folder.resolve("none/x.gguf")))
                .isInstanceOf(FormatException.class).hasMessageContaining("its folder does not exist");
    }

    @Test
    void whatTheFormatCannotHoldIsRefused() {
        GgufWriter writer = new GgufWriter().tensor("w", DType.F32, Shape.of(1), GgufWriterTest::counting);
        Map<String, Runnable> cases = Map.of(
                "twice", () -> writer.tensor("w", DType.F32, Shape.of(1), GgufWriterTest::counting),
                "dimensions", () -> writer.tensor("x", DType.F32, Shape.of(1, 1, 1, 1, 1), GgufWriterTest::counting),
                "at least one element", () -> writer.tensor("x", DType.F32, Shape.of(0), GgufWriterTest::counting),
                "whole blocks", () -> writer.tensor("x", DType.Q4_0, Shape.of(2, 16), GgufWriterTest::counting),
                "without a name", () -> writer.tensor("", DType.F32, Shape.of(1), GgufWriterTest::counting),
                "power of two", () -> writer.uint32("general.alignment", 48),
                "is no u32", () -> writer.uint32("x", -1),
                "is no i8", () -> writer.integers("x", ValueType.INT8, 128));
        cases.forEach((message, action) -> assertThatThrownBy(action::run)
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining(message));
    }
}
