package io.lanewise.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models whose metadata or tensors do not fit together are refused by name; a tiny one of zeros loads. */
class DecoderLoadTest {
    private static final ComputePool POOL = new ComputePool(1);

    @TempDir
    Path folder;

    private final Map<String, Long> sizes = new LinkedHashMap<>();
    private final Map<String, Shape> tensors = new LinkedHashMap<>();
    private DType matrixType = DType.F32;
    private String architecture = "llama";

    @BeforeEach
    void tinyModel() {
        sizes.put("embedding_length", 8L);
        sizes.put("block_count", 1L);
        sizes.put("context_length", 16L);
        sizes.put("feed_forward_length", 12L);
        sizes.put("attention.head_count", 4L);
        sizes.put("attention.head_count_kv", 2L);
        tensors.put("token_embd.weight", Shape.of(5, 8));
        tensors.put("output_norm.weight", Shape.of(8));
        tensors.put("blk.0.attn_norm.weight", Shape.of(8));
        tensors.put("blk.0.ffn_norm.weight", Shape.of(8));
        tensors.put("blk.0.attn_q.weight", Shape.of(8, 8));
        tensors.put("blk.0.attn_k.weight", Shape.of(4, 8));
        tensors.put("blk.0.attn_v.weight", Shape.of(4, 8));
        tensors.put("blk.0.attn_output.weight", Shape.of(8, 8));
        tensors.put("blk.0.ffn_gate.weight", Shape.of(12, 8));
        tensors.put("blk.0.ffn_up.weight", Shape.of(12, 8));
        tensors.put("blk.0.ffn_down.weight", Shape.of(8, 12));
    }

    private Decoder load() throws IOException {
        Path file = folder.resolve("tiny.gguf");
        GgufWriter writer = new GgufWriter().string("general.architecture", architecture);
        sizes.forEach((key, value) -> writer.uint32(architecture + "." + key, value));
        writer.float32(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
        tensors.forEach((name, shape) -> writer.tensor(name, shape.rank() == 1 ? DType.F32 : matrixType, shape,
                (offset, chunk) -> { }));
        writer.write(file);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            return Decoder.load(checkpoint, POOL);
        }
    }

    @Test
    void aModelThatFitsTogetherLoads() throws IOException {
        try (Decoder decoder = load()) {
            assertThat(decoder.config().attention().headDim()).isEqualTo(2);
            assertThat(decoder.config().vocabSize()).isEqualTo(5);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "attention.head_count, 3, 'llama.embedding_length: expected a multiple of attention.head_count 3, got 8'",
        "attention.head_count_kv, 3, 'llama.attention.head_count_kv: expected a divisor of head_count 4, got 3'",
        "attention.head_count, 0, 'llama.attention.head_count: expected 1 to 16777216, got 0'",
        "block_count, 4294967295, 'llama.block_count: expected 1 to 65536, got 4294967295'",
        "block_count, 2, 'blk.1.'",
        "feed_forward_length, 13, 'tensor blk.0.ffn_gate.weight has shape [12, 8], the metadata asks for [13, 8]'",
        "rope.dimension_count, 3, 'expected an even number up to the head'",
    })
    void metadataThatDoesNotFitIsNamed(String key, long value, String message) {
        sizes.put(key, value);
        assertThatThrownBy(this::load).isInstanceOf(FormatException.class).hasMessageContaining(message)
                .hasMessageContaining("tiny.gguf");
    }

    @Test
    void aMissingTensorIsNamed() {
        tensors.remove("blk.0.attn_k.weight");
        assertThatThrownBy(this::load).isInstanceOf(FormatException.class)
                .hasMessageContaining("blk.0.attn_k.weight");
    }

    @Test
    void aTypeWithoutKernelsIsRefusedByName() {
        matrixType = DType.F64;
        assertThatThrownBy(this::load).isInstanceOf(FormatException.class)
                .hasMessageContaining("no kernels for weight type F64");
    }

    @Test
    void anUnknownFamilyIsRefusedWithThoseThatWork() {
        architecture = "mamba";
        assertThatThrownBy(this::load).isInstanceOf(FormatException.class)
                .hasMessageContaining("'mamba'").hasMessageContaining("gpt2, granite, llama").hasMessageContaining("qwen2, qwen2moe, qwen3");
    }
}
