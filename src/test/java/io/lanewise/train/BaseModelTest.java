package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaseModelTest {
    @TempDir
    Path folder;

    @Test
    void safetensorsGiveTheWeightsOfTheGgufFile() {
        Path gguf = SharedData.require("models/stories260K/stories260K.F32.gguf");
        Path safetensors = SharedData.require("models/stories260K/hf");
        try (BaseModel expected = BaseModel.open(gguf); BaseModel model = BaseModel.open(safetensors);
                Checkpoint names = Checkpoint.open(gguf); Arena arena = Arena.ofConfined()) {
            assertThat(model.config()).usingRecursiveComparison().ignoringFields("tiedHead").isEqualTo(expected.config());
            for (TensorSource source : names.tensors()) {
                Tensor one = Tensor.allocate(arena, source.dtype(), source.shape());
                Tensor other = Tensor.allocate(arena, source.dtype(), source.shape());
                expected.read(source.name(), one);
                model.read(source.name(), other);
                assertThat(other.toFloatArray()).as(source.name()).isEqualTo(one.toFloatArray());
            }
            assertThat(expected.tokenizer()).isPresent();
            assertThat(model.tokenizer()).isEmpty();
        }
    }

    @Test
    void quantisedWeightsAreDecoded() {
        Path gguf = SharedData.require("models/stories260K/stories260K.F32.gguf");
        Path quantised = SharedData.require("models/stories260K/stories260K.Q8_0.gguf");
        try (BaseModel expected = BaseModel.open(gguf); BaseModel model = BaseModel.open(quantised);
                Arena arena = Arena.ofConfined()) {
            Tensor one = Tensor.allocate(arena, 64, 64);
            Tensor other = Tensor.allocate(arena, 64, 64);
            expected.read("blk.2.attn_q.weight", one);
            model.read("blk.2.attn_q.weight", other);
            float[] decoded = other.toFloatArray();
            float[] exact = one.toFloatArray();
            for (int i = 0; i < exact.length; i++) {
                assertThat(decoded[i]).isCloseTo(exact[i], offset(0.02f));
            }
            assertThatThrownBy(() -> model.read("blk.2.attn_k.weight", one)).isInstanceOf(FormatException.class)
                    .hasMessageContaining("[32, 64]; expected [64, 64]");
        }
    }

    @Test
    void anotherFamilyIsRefused() throws Exception {
        Path weights = SharedData.require("models/stories260K/hf/model.safetensors");
        Files.copy(weights, folder.resolve("model.safetensors"));
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"gpt2\"}");
        assertThatThrownBy(() -> BaseModel.open(folder)).hasMessageContaining("model_type is gpt2");
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\", \"num_attention_heads\": \"x\"}");
        assertThatThrownBy(() -> BaseModel.open(folder)).hasMessageContaining("num_attention_heads: expected a number");
    }
}
