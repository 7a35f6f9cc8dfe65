package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class QuantizerTest {
    private record InMemory(String name, Tensor tensor) implements TensorSource {
        @Override
        public DType dtype() {
            return tensor.dtype();
        }

        @Override
        public Shape shape() {
            return tensor.shape();
        }

        @Override
        public Tensor map() {
            return tensor;
        }

        @Override
        public void read(long offset, MemorySegment target) {
            target.copyFrom(tensor.segment().asSlice(offset, target.byteSize()));
        }
    }

    private static TensorSource gaussian(Arena arena, int rows, int columns) {
        Tensor tensor = Tensor.allocate(arena, rows, columns);
        tensor.copyFrom(FloatRow.random(new SplittableRandom(12), rows * columns));
        return new InMemory("blk.0.ffn_up.weight", tensor);
    }

    private static byte[] direct(TensorSource source, DType to) {
        try (Arena arena = Arena.ofConfined()) {
            long n = source.shape().elements();
            MemorySegment floats = arena.allocate(4 * n);
            WeightCodec.require(source.dtype()).decode(source.map().segment(), 0, floats, 0, n);
            MemorySegment blocks = arena.allocate(to.byteSize(n));
            WeightCodec.require(to).encode(floats, 0, blocks, 0, n);
            return blocks.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @Test
    void givesTheSameBytesInAnyPiecesAndThreads() {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(3)) {
            TensorSource source = gaussian(arena, 300, 512);
            for (DType to : new DType[] {DType.F16, DType.Q8_0, DType.Q4_K, DType.MXFP4}) {
                byte[] expected = direct(source, to);
                TensorSource converted = Quantizer.convert(pool, source, to);
                assertThat(converted.name()).isEqualTo("blk.0.ffn_up.weight");
                assertThat(converted.dtype()).isEqualTo(to);
                assertThat(converted.map().segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
                for (int chunk : new int[] {expected.length, 50_001, 17_000}) {
                    assertThat(readInChunks(converted, expected.length, chunk)).isEqualTo(expected);
                }
            }
        }
    }

    private static byte[] readInChunks(TensorSource source, int length, int chunk) {
        byte[] all = new byte[length];
        try (Arena confined = Arena.ofConfined()) {
            for (int offset = 0; offset < length; offset += chunk) {
                MemorySegment piece = confined.allocate(Math.min(chunk, length - offset));
                source.read(offset, piece);
                MemorySegment.copy(piece, ValueLayout.JAVA_BYTE, 0, all, offset, (int) piece.byteSize());
            }
        }
        return all;
    }

    @Test
    void convertsBetweenQuantisedTypesOfDifferentBlocks() {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2)) {
            TensorSource superBlocks = new InMemory("a",
                    Quantizer.convert(pool, gaussian(arena, 7, 768), DType.Q6_K).map());
            byte[] expected = direct(superBlocks, DType.Q4_0);
            TensorSource small = Quantizer.convert(pool, superBlocks, DType.Q4_0);
            assertThat(readInChunks(small, expected.length, 18)).isEqualTo(expected);
            TensorSource back = Quantizer.convert(pool, new InMemory("b", small.map()), DType.Q6_K);
            assertThat(readInChunks(back, 7 * 3 * 210, 211))
                    .isEqualTo(direct(new InMemory("b", small.map()), DType.Q6_K));
        }
    }

    @Test
    void namesTheTensorThatDoesNotFit() {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2)) {
            TensorSource source = gaussian(arena, 2, 256);
            source.map().set(Float.NaN, 1, 3);
            assertThatThrownBy(() -> Quantizer.convert(pool, source, DType.Q4_K).map())
                    .hasMessageContaining("blk.0.ffn_up.weight").hasMessageContaining("Q4_K: element 259 is NaN");
            assertThatThrownBy(() -> Quantizer.convert(pool, gaussian(arena, 2, 48), DType.Q8_0)).hasMessage(
                    "tensor blk.0.ffn_up.weight [2, 48]: rows of 48 are not whole blocks of 32, which Q8_0 needs");
            assertThatThrownBy(() -> Quantizer.convert(pool, source, DType.IQ1_S))
                    .hasMessage("tensor blk.0.ffn_up.weight: cannot convert F32 to IQ1_S");
            assertThatThrownBy(() -> Quantizer.convert(pool, source, DType.Q8_0).read(500, arena.allocate(45)))
                    .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("[500, 545) of 544");
        }
    }

    @Test
    void fallsBackWhereRowsAreNotWholeBlocks() {
        Shape super4 = Shape.of(8, 1024);
        Shape small = Shape.of(8, 96);
        Shape odd = Shape.of(8, 100);
        assertThat(Quantizer.typeFor(DType.Q4_K, super4)).isEqualTo(DType.Q4_K);
        assertThat(Quantizer.typeFor(DType.Q4_K, small)).isEqualTo(DType.Q5_0);
        assertThat(Quantizer.typeFor(DType.Q2_K, small)).isEqualTo(DType.IQ4_NL);
        assertThat(Quantizer.typeFor(DType.Q6_K, small)).isEqualTo(DType.Q8_0);
        assertThat(Quantizer.typeFor(DType.Q5_K, small)).isEqualTo(DType.Q5_1);
        assertThat(Quantizer.typeFor(DType.Q4_K, odd)).isEqualTo(DType.F16);
        assertThat(Quantizer.typeFor(DType.Q8_0, odd)).isEqualTo(DType.F16);
        assertThat(Quantizer.typeFor(DType.BF16, odd)).isEqualTo(DType.BF16);
        assertThat(Quantizer.typeFor(DType.Q4_K, Shape.of(1024))).isEqualTo(DType.F32);
    }
}
