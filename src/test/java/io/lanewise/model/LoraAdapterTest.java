package io.lanewise.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.SafetensorsWriter;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoraAdapterTest {
    private static final int OUT = 6;
    private static final int IN = 5;
    private static final int RANK = 2;
    private static final double ALPHA = 3;

    @TempDir
    Path folder;

    @Test
    void aChangedWeightIsTheSumAndOthersStayThemselves() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor w = random(arena, OUT, IN);
            Tensor a = random(arena, RANK, IN);
            Tensor b = random(arena, OUT, RANK);
            try (Checkpoint base = Checkpoint.open(base(w))) {
                LoraAdapter adapter = LoraAdapter.open(adapter(a, b));
                TensorSource merged = adapter.apply(base.tensor("blk.0.attn_q.weight"));
                float[] values = merged.map().toFloatArray();
                for (int row = 0; row < OUT; row++) {
                    for (int column = 0; column < IN; column++) {
                        double expected = w.get(row, column);
                        for (int k = 0; k < RANK; k++) {
                            expected += ALPHA / RANK * b.get(row, k) * a.get(k, column);
                        }
                        assertThat(values[row * IN + column]).isCloseTo((float) expected, offset(1e-6f));
                    }
                }
                MemorySegment part = arena.allocate(9 * Float.BYTES);
                merged.read(3 * Float.BYTES, part);
                assertThat(Tensor.of(part, DType.F32, Shape.of(9)).toFloatArray())
                        .containsExactly(Arrays.copyOfRange(values, 3, 12));
                assertThat(adapter.apply(base.tensor("other"))).isSameAs(base.tensor("other"));
            }
        }
    }

    @Test
    void adaptersOfAnotherModelAndOtherFilesAreRefused() {
        try (Arena arena = Arena.ofConfined()) {
            Path file = adapter(random(arena, RANK, IN + 1), random(arena, OUT, RANK));
            try (Checkpoint base = Checkpoint.open(base(random(arena, OUT, IN)))) {
                TensorSource weight = base.tensor("blk.0.attn_q.weight");
                assertThatThrownBy(() -> LoraAdapter.open(file).apply(weight)).isInstanceOf(FormatException.class)
                        .hasMessageContaining("another model");
                assertThatThrownBy(() -> LoraAdapter.open(base.path())).isInstanceOf(FormatException.class)
                        .hasMessageContaining("lora.alpha");
            }
            Path wrongRank = adapter(random(arena, RANK + 1, IN), random(arena, OUT, RANK));
            assertThatThrownBy(() -> LoraAdapter.open(wrongRank)).hasMessageContaining("expected F32 [2, in]");
        }
    }

    private Path base(Tensor w) {
        Path file = folder.resolve("base.safetensors");
        SafetensorsWriter out = new SafetensorsWriter();
        for (String name : new String[] {"blk.0.attn_q.weight", "other"}) {
            out.tensor(name, DType.F32, w.shape(),
                    (offset, chunk) -> MemorySegment.copy(w.segment(), offset, chunk, 0, chunk.byteSize()));
        }
        out.write(file);
        return file;
    }

    private Path adapter(Tensor a, Tensor b) {
        Path file = folder.resolve("adapter.safetensors");
        Map<String, Tensor> factors = new LinkedHashMap<>();
        factors.put("blk.0.attn_q.weight.lora_a", a);
        factors.put("blk.0.attn_q.weight.lora_b", b);
        LoraAdapter.write(file, ALPHA, RANK, factors);
        return file;
    }

    private static Tensor random(Arena arena, int rows, int columns) {
        float[] values = new float[rows * columns];
        Random random = new Random(values.length);
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return Tensor.allocate(arena, rows, columns).copyFrom(values);
    }
}
