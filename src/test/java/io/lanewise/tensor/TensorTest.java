package io.lanewise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class TensorTest {
    @Test
    void allocatedTensorsAreAlignedDenseAndZero() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.allocate(arena, 3, 5);
            assertThat(tensor.segment().address() % Tensor.ALIGNMENT).isZero();
            assertThat(tensor.isDense()).isTrue();
            assertThat(tensor.toFloatArray()).hasSize(15).containsOnly(0f);
        }
    }

    @Test
    void viewsShareMemoryAndKeepStrides() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.allocate(arena, 3, 4).copyFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
            Tensor middle = tensor.slice(1, 1, 3);
            assertThat(middle.shape()).isEqualTo(Shape.of(3, 2));
            assertThat(middle.isDense()).isFalse();
            assertThat(middle.get(2, 1)).isEqualTo(10);
            middle.set(42, 1, 0);
            assertThat(tensor.get(1, 1)).isEqualTo(5 + 37);
            assertThat(tensor.row(2).toFloatArray()).containsExactly(8, 9, 10, 11);
            assertThat(tensor.reshape(2, 6).get(1, 0)).isEqualTo(6);
        }
    }

    @Test
    void useAfterCloseAndLeavingTheShapeAreErrors() {
        Arena arena = Arena.ofConfined();
        Tensor tensor = Tensor.allocate(arena, 2, 2);
        assertThatThrownBy(() -> tensor.get(2, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.get(0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.slice(0, 1, 3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.slice(2, 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.slice(1, 0, 1).reshape(2)).isInstanceOf(IllegalArgumentException.class);
        arena.close();
        assertThatThrownBy(() -> tensor.get(0, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void quantisedTensorsHoldWholeBlocks() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Tensor.allocate(arena, DType.Q8_0, Shape.of(2, 64));
            assertThat(tensor.byteSize()).isEqualTo(4 * 34);
            assertThat(tensor.slice(1, 32, 64).segment().address() - tensor.segment().address()).isEqualTo(34);
            assertThatThrownBy(() -> tensor.slice(1, 16, 64)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Tensor.allocate(arena, DType.Q8_0, Shape.of(32, 2)))
                    .hasMessageContaining("rows of 2 are not whole blocks of 32");
            assertThatThrownBy(() -> tensor.get(0, 0)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void foreignMemoryIsChecked() {
        try (Arena arena = Arena.ofConfined()) {
            assertThatThrownBy(() -> Tensor.of(arena.allocate(15), DType.F32, Shape.of(4)))
                    .hasMessageContaining("needs 16 bytes, the segment has 15");
            assertThatThrownBy(() -> Tensor.of(MemorySegment.ofArray(new byte[64]), DType.F32, Shape.of(4)))
                    .hasMessageContaining("heap");
            assertThat(Tensor.of(arena.allocate(17, 1).asSlice(1), DType.F32, Shape.of(4)).get(3)).isZero();
        }
    }

    @Test
    void overflowingShapesAreRefused() {
        assertThatThrownBy(() -> Shape.of(1L << 40, 1L << 40)).hasMessageContaining("more than 2^63");
        assertThatThrownBy(() -> Shape.of(-1)).hasMessageContaining("negative");
        assertThat(DType.byId(4)).isEmpty();
        assertThat(DType.byId(12)).contains(DType.Q4_K);
    }
}
