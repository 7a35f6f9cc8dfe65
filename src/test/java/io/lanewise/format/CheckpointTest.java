package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    @TempDir
    Path folder;
    private Path file;

    @BeforeEach
    void writeSmallFile() {
        file = folder.resolve("small.gguf");
        Samples.small().write(file);
    }

    @Test
    void useAfterCloseIsAnError() {
        Checkpoint checkpoint = Checkpoint.open(file);
        TensorSource source = checkpoint.tensor("token_embd.weight");
        Tensor mapped = source.map();
        checkpoint.close();
        checkpoint.close();
        assertThatThrownBy(source::map).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> mapped.get(0, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> source.read(0, MemorySegment.ofArray(new byte[4])))
                .isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        assertThat(checkpoint.metadata().strings("arr.str")).hasSize(3);
    }

    @Test
    void mappedTensorsAreReadOnly() {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            Tensor mapped = checkpoint.tensor("token_embd.weight").map();
            assertThatThrownBy(() -> mapped.set(1, 0, 0)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void readsFillAnyTargetFromAnyOffset() {
        try (Checkpoint checkpoint = Checkpoint.open(file); Arena arena = Arena.ofConfined()) {
            TensorSource source = checkpoint.tensor("token_embd.weight");
            MemorySegment mapped = source.map().segment();
            for (MemorySegment target : new MemorySegment[] {arena.allocate(20), MemorySegment.ofArray(new byte[20]),
                MemorySegment.ofArray(new float[5])}) {
                source.read(8, target);
                assertThat(target.mismatch(mapped.asSlice(8, 20))).isEqualTo(-1);
            }
            assertThatThrownBy(() -> source.read(120, arena.allocate(20)))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(-1, arena.allocate(2))).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void anInterruptedReaderHindersNobody() {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            TensorSource source = checkpoint.tensor("token_embd.weight");
            byte[] first = new byte[128];
            byte[] second = new byte[128];
            Thread.currentThread().interrupt();
            source.read(0, MemorySegment.ofArray(first));
            assertThat(Thread.interrupted()).isTrue();
            source.read(0, MemorySegment.ofArray(second));
            assertThat(first).isEqualTo(second).contains(127);
        }
    }

    @Test
    void metadataOfAnotherTypeIsAnErrorThatNamesKeyAndTypes() {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            Metadata metadata = checkpoint.metadata();
            expect(metadata, m -> m.string("u32"), "'u32': expected a string, found u32");
            expect(metadata, m -> m.string("u32", "default"), "'u32': expected a string, found u32");
            expect(metadata, m -> m.integer("str"), "'str': expected an integer, found str");
            expect(metadata, m -> m.integer("f32"), "'f32': expected an integer, found f32");
            expect(metadata, m -> m.integer("bool"), "'bool': expected an integer, found bool");
            expect(metadata, m -> m.integer("u64"), "expected an integer below 2^63, found 18446744073709551615");
            expect(metadata, m -> m.number("bool"), "'bool': expected a number, found bool");
            expect(metadata, m -> m.flag("u8"), "'u8': expected a bool, found u8");
            expect(metadata, m -> m.strings("str"), "'str': expected an array of strings, found str");
            expect(metadata, m -> m.strings("arr.i32"), "expected an array of strings, found arr[i32, 3]");
            expect(metadata, m -> m.ints("arr.f32"), "expected an array of integers, found arr[f32, 3]");
            expect(metadata, m -> m.ints("arr.u64"),
                    "'arr.u64[0]': expected an integer from -2^31 to 2^31 - 1, found 184467");
            expect(metadata, m -> m.ints("i32"), "'i32': expected an array of integers, found i32");
            expect(metadata, m -> m.floats("arr.i32"), "expected an array of floats, found arr[i32, 3]");
            expect(metadata, m -> m.flags("arr.i32"), "expected an array of bools, found arr[i32, 3]");
            expect(metadata, m -> m.length("u8"), "'u8': expected an array, found u8");
            expect(metadata, m -> m.integer("none"), "'none' is missing; expected an integer");
            assertThat(metadata.integer("none", 7)).isEqualTo(7);
            assertThat(metadata.string("none", "x")).isEqualTo("x");
            assertThat(metadata.number("none", 0.5)).isEqualTo(0.5);
            assertThat(metadata.flag("none", true)).isTrue();
            assertThat(metadata.isArray("arr.str")).isTrue();
            assertThat(metadata.isArray("str")).isFalse();
            assertThat(metadata.isArray("none")).isFalse();
        }
    }

    private static void expect(Metadata metadata, Consumer<Metadata> access, String message) {
        assertThatThrownBy(() -> access.accept(metadata)).isInstanceOf(FormatException.class)
                .hasMessageContaining("small.gguf").hasMessageContaining(message);
    }

    @Test
    void aHundredThousandTensorsOpenQuickly() {
        GgufWriter writer = new GgufWriter().uint32("general.alignment", 1);
        for (int i = 0; i < 100_000; i++) {
            writer.tensor("blk." + i + ".weight", DType.I8, Shape.of(1, 2, 3),
                    (offset, chunk) -> chunk.set(ValueLayout.JAVA_BYTE, 0, (byte) 42));
        }
        Path large = folder.resolve("large.gguf");
        writer.write(large);
        long start = System.nanoTime();
        try (Checkpoint checkpoint = Checkpoint.open(large)) {
            assertThat(checkpoint.tensors()).hasSize(100_000);
            assertThat(checkpoint.tensor("blk.99999.weight").map().segment().get(ValueLayout.JAVA_BYTE, 0))
                    .isEqualTo((byte) 42);
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(3));
    }
}
