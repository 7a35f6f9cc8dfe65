package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class EmbeddingTest {
    @Test
    void gathersRowsOfPlainTypes() {
        try (Arena arena = Arena.ofConfined()) {
            for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
                Tensor table = Tensor.allocate(arena, dtype, Shape.of(5, 3));
                for (int i = 0; i < 15; i++) {
                    switch (dtype) {
                        case F32 -> Floats.set(table.segment(), i, i);
                        case F16 -> table.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(i));
                        default -> table.segment().setAtIndex(ValueLayout.JAVA_SHORT, i,
                                (short) (Float.floatToRawIntBits(i) >>> 16));
                    }
                }
                FloatRow row = new FloatRow(arena, 1, new float[3]);
                Embedding.gather(table, 4, row.segment, row.off);
                assertThat(row.values()).as("%s", dtype).containsExactly(12f, 13f, 14f);
            }
        }
    }

    @Test
    void gathersRowsOfQuantisedTypesFromAnyPlaceInAFile() {
        float[] values = FloatRow.random(new SplittableRandom(30), 3 * 256);
        try (Arena arena = Arena.ofConfined()) {
            FloatRow floats = new FloatRow(arena, 1, values);
            for (DType dtype : DType.values()) {
                if (WeightCodec.of(dtype).filter(WeightCodec::encodes).isEmpty()) {
                    continue;
                }
                long bytes = dtype.byteSize(3 * 256);
                MemorySegment file = arena.allocate(bytes + 5).asSlice(5);
                FloatRow all = new FloatRow(arena, 0, new float[3 * 256]);
                WeightCodec.require(dtype).encode(floats.segment, floats.off, file, 0, 3 * 256);
                WeightCodec.require(dtype).decode(file, 0, all.segment, all.off, 3 * 256);
                FloatRow row = new FloatRow(arena, 1, new float[256]);
                Embedding.gather(Tensor.of(file.asReadOnly(), dtype, Shape.of(3, 256)), 2, row.segment, row.off);
                assertThat(row.values()).as("%s", dtype).isEqualTo(Arrays.copyOfRange(all.values(), 512, 768));
            }
        }
    }

    @Test
    void refusesRowsThatDoNotExistAndTypesWithoutCodec() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor table = Tensor.allocate(arena, 5, 3);
            FloatRow row = new FloatRow(arena, 0, new float[3]);
            assertThatThrownBy(() -> Embedding.gather(table, 5, row.segment, row.off))
                    .hasMessage("gather: row 5 of a table [5, 3]");
            Tensor ints = Tensor.allocate(arena, DType.I64, Shape.of(5, 3));
            assertThatThrownBy(() -> Embedding.gather(ints, 0, row.segment, row.off))
                    .hasMessageContaining("no codec for I64");
        }
    }
}
