package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.format.SafetensorsWriter;
import io.lanewise.model.Decoder;
import io.lanewise.model.DecoderState;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tiny models that transformers has saved, against the logits that it gives for them itself (make_models.py). */
class HuggingFaceFamiliesTest {
    private static final Path MODELS = Path.of("src/test/resources/io/lanewise/generate/huggingface");
    private static final int TOKENS = 40;
    /** As the golden models have it; transformers computes norms and softmax in single precision. */
    private static final double TOLERANCE = 1e-8;

    @TempDir
    Path temp;

    static List<String> models() throws IOException {
        try (Stream<Path> folders = Files.list(MODELS)) {
            return folders.filter(Files::isDirectory).map(folder -> folder.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAreThoseOfTransformers(String name) throws IOException {
        float[] expected = expected(name);
        try (Checkpoint checkpoint = HuggingFaceFolder.open(MODELS.resolve(name))) {
            for (int batch : new int[] {TOKENS, 7, 1}) {
                double nmse = nmse(logits(checkpoint, batch), expected);
                assertThat(nmse).as("%s in batches of %d", name, batch).isLessThan(TOLERANCE);
                if (Boolean.getBoolean("lanewise.golden.print")) {
                    System.out.printf("%-20s batches of %2d: NMSE %.1e%n", name, batch, nmse);
                }
            }
        }
    }

    /** What {@code quantize} writes of a folder is the same model. */
    @ParameterizedTest
    @MethodSource("models")
    void writtenAsGgufItIsTheSameModel(String name) throws IOException {
        Path file = temp.resolve("model.gguf");
        try (Checkpoint checkpoint = HuggingFaceFolder.open(MODELS.resolve(name))) {
            GgufWriter writer = new GgufWriter().metadata(checkpoint.metadata());
            checkpoint.tensors().forEach(writer::tensor);
            writer.write(file);
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(nmse(logits(checkpoint, TOKENS), expected(name))).isLessThan(TOLERANCE);
        }
    }

    private static float[] expected(String name) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(MODELS.resolve(name).resolve("expected.f32")));
        float[] expected = new float[bytes.remaining() / Float.BYTES];
        bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(expected);
        return expected;
    }

    private static float[] logits(Checkpoint checkpoint, int batch) {
        try (ComputePool pool = new ComputePool(2); Decoder decoder = Decoder.load(checkpoint, pool);
                DecoderState state = decoder.newState(64, batch, DType.F32)) {
            int vocabSize = decoder.config().vocabSize();
            int[] tokens = IntStream.range(0, TOKENS).map(i -> (i * i + 3 * i) % vocabSize).toArray();
            float[] all = new float[TOKENS * vocabSize];
            for (int from = 0; from < TOKENS; from += batch) {
                int rows = Math.min(batch, TOKENS - from);
                decoder.forward(state, tokens, from, rows);
                for (int row = 0; row < rows; row++) {
                    decoder.logits(state, row, 1);
                    float[] logits = state.logits().row(0).toFloatArray();
                    System.arraycopy(logits, 0, all, (from + row) * vocabSize, vocabSize);
                }
            }
            return all;
        }
    }

    private static double nmse(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double error = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            error += Math.pow((double) actual[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return error / norm;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            mixtral     | "num_local_experts": 4      | "num_local_experts": 5         | ffn_gate_inp
            mixtral     | "num_experts_per_tok": 2    | "num_experts_per_tok": 5       | expert_used_count
            qwen2_moe   | "decoder_sparse_step": 1    | "decoder_sparse_step": 2       | decoder_sparse_step
            qwen2_moe   | "mlp_only_layers": []       | "mlp_only_layers": [0]         | mlp_only_layers
            qwen3_moe   | "norm_topk_prob": true      | "norm_topk_prob": 3            | norm_topk_prob
            deepseek_v3 | "rope_interleave": true     | "rope_interleave": false       | rope_interleave
            deepseek_v3 | "kv_lora_rank": 32          | "kv_lora_rank": "many"         | kv_lora_rank
            deepseek_v3 | "mscale": 1.0               | "mscale": 0.5                  | mscale
            deepseek_v3 | "n_group": 4                | "n_group": 3                   | expert_group_count
            deepseek_v2 | "topk_method": "greedy"     | "topk_method": "noaux_tc"      | topk_method
            gpt2        | "gelu_new"                  | "relu6"                        | hidden_act
            llama       | "hidden_act": "silu"        | "hidden_act": "gelu"           | hidden_act
            falcon      | "alibi": false              | "alibi": true                  | alibi
            falcon      | "multi_query": true         | "multi_query": false           | multi_query
            falcon-groups | "num_kv_heads": 2         | "num_kv_heads": 4              | attn_qkv
            olmo3       | "full_attention"            | "chunked_attention"            | layer_types
            smollm3     | "no_rope_layer_interval": 4 | "no_rope_layer_interval": 3    | no_rope_layer_interval
            stablelm    | "qk_layernorm": false       | "qk_layernorm": true           | qk_layernorm
            """)
    void whatWouldBeAnotherModelIsRefusedByName(String name, String from, String to, String named) throws IOException {
        Path folder = changed(name, from, to);
        assertThatThrownBy(() -> load(folder)).isInstanceOf(FormatException.class).hasMessageContaining(named);
    }

    private static void load(Path folder) {
        try (Checkpoint checkpoint = HuggingFaceFolder.open(folder)) {
            logits(checkpoint, 7);
        }
    }

    /** Every setting of every model: gone, or what makes no sense. It is refused in one line, or the model runs. */
    @ParameterizedTest
    @MethodSource("models")
    void hostileSettingsAreRefusedOrRun(String name) throws IOException {
        Files.copy(MODELS.resolve(name).resolve("model.safetensors"), temp.resolve("model.safetensors"));
        Map<String, Object> settings = JsonFile.objectIn(MODELS.resolve(name).resolve("config.json"));
        for (String key : settings.keySet()) {
            for (String value : List.of("", "null", "\"x\"", "true", "0", "-1", "2.5", "1000000000", "[]", "[1]", "{}")) {
                Files.writeString(temp.resolve("config.json"), json(settings, key, value));
                try {
                    load(temp);
                } catch (FormatException refused) {
                    assertThat(refused.getMessage()).as("%s: %s", key, value).contains(temp.toString()).hasLineCount(1);
                }
            }
        }
    }

    /** The settings with another value of one of them; an empty one leaves it out. */
    private static String json(Map<String, Object> settings, String key, String value) {
        return settings.entrySet().stream().filter(entry -> !entry.getKey().equals(key) || !value.isEmpty())
                .map(entry -> '"' + entry.getKey() + "\": " + (entry.getKey().equals(key) ? value : json(entry.getValue())))
                .collect(Collectors.joining(", ", "{", "}"));
    }

    private static String json(Object value) {
        return switch (value) {
            case null -> "null";
            case String text -> '"' + text + '"';
            case List<?> list -> list.stream().map(HuggingFaceFamiliesTest::json).collect(Collectors.joining(",", "[", "]"));
            case Map<?, ?> map -> map.entrySet().stream().map(entry -> json(entry.getKey()) + ':' + json(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
            default -> value.toString();
        };
    }

    /** Gemma 3 with images: the language model's settings and tensors stand apart, and what sees is left out. */
    @ParameterizedTest
    @ValueSource(strings = {"language_model.model.", "model.language_model."})
    void theLanguageModelOfOneThatSeesIsRead(String front) throws IOException {
        rewritten("gemma3_text", name -> name.replaceFirst("^model\\.", front), "vision_tower.embeddings.weight");
        String config = Files.readString(MODELS.resolve("gemma3_text").resolve("config.json"));
        Files.writeString(temp.resolve("config.json"), "{\"model_type\": \"gemma3\", \"text_config\": " + config + "}");
        try (Checkpoint checkpoint = HuggingFaceFolder.open(temp)) {
            assertThat(nmse(logits(checkpoint, 7), expected("gemma3_text"))).isLessThan(TOLERANCE);
        }
    }

    /** DeepSeek-V3's files hold a layer more, which predicts the token after the next. */
    @Test
    void layersThatPredictFurtherAreReadPast() throws IOException {
        rewritten("deepseek_v3", name -> name, "model.layers.2.self_attn.q_a_proj.weight");
        Files.copy(MODELS.resolve("deepseek_v3").resolve("config.json"), temp.resolve("config.json"));
        try (Checkpoint checkpoint = HuggingFaceFolder.open(temp)) {
            assertThat(nmse(logits(checkpoint, 7), expected("deepseek_v3"))).isLessThan(TOLERANCE);
        }
    }

    @Test
    void anExpertThatIsMissingIsNamed() throws IOException {
        rewritten("mixtral", name -> name.replace("layers.1.block_sparse_moe.experts.2.", "layers.1.block_sparse_moe.experts.7."),
                "extra.weight");
        Files.copy(MODELS.resolve("mixtral").resolve("config.json"), temp.resolve("config.json"));
        assertThatThrownBy(() -> load(temp)).isInstanceOf(FormatException.class)
                .hasMessageContaining("blk.1.ffn_").hasMessageContaining("number 2 is missing");
    }

    /** A copy of a model's tensors under other names, with one more that does not belong to it. */
    private void rewritten(String model, UnaryOperator<String> name, String more) {
        try (Checkpoint checkpoint = Checkpoint.open(MODELS.resolve(model))) {
            SafetensorsWriter writer = new SafetensorsWriter();
            for (TensorSource tensor : checkpoint.tensors()) {
                writer.tensor(name.apply(tensor.name()), tensor.dtype(), tensor.shape(), tensor::read);
            }
            writer.tensor(more, DType.F32, Shape.of(2, 2), (offset, target) -> target.fill((byte) 0));
            writer.write(temp.resolve("model.safetensors"));
        }
    }

    /** A copy of a model with something else in its settings. */
    private Path changed(String name, String from, String to) throws IOException {
        Files.copy(MODELS.resolve(name).resolve("model.safetensors"), temp.resolve("model.safetensors"));
        String config = Files.readString(MODELS.resolve(name).resolve("config.json"));
        assertThat(config).contains(from);
        Files.writeString(temp.resolve("config.json"), config.replace(from, to));
        return temp;
    }
}
