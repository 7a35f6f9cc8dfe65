package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceFolderTest {
    private static final String PROMPT = "Once upon a time";

    @TempDir
    Path temp;

    private Path theirs;
    private Path gguf;

    @BeforeEach
    void find() {
        theirs = SharedData.require("models/stories260K/hf");
        gguf = SharedData.require("models/stories260K/stories260K.F32.gguf");
    }

    private static String story(Path file, LoadOptions options) {
        try (Model model = Model.load(file, options); Session session = model.newSession()) {
            return session.generate(PROMPT, GenerationOptions.GREEDY);
        }
    }

    private LoadOptions withVocabulary() {
        return LoadOptions.DEFAULT.withTokenizer(gguf);
    }

    @Test
    void tellsTheStoryOfTheGguf() {
        String expected = story(gguf, LoadOptions.DEFAULT);
        assertThat(story(theirs, withVocabulary())).isEqualTo(expected);
        assertThat(story(theirs.resolve("model.safetensors"), withVocabulary())).isEqualTo(expected);
    }

    @Test
    void weightsAreConvertedAsTheyAreLoaded() {
        assertThat(story(theirs, withVocabulary().withType(DType.F16)))
                .startsWith(story(gguf, LoadOptions.DEFAULT).substring(0, 80));
        assertThat(story(theirs, withVocabulary().withType(DType.Q8_0))).startsWith(", there was a");
    }

    @Test
    void aFolderWithoutTokenizerSaysWhatIsMissing() {
        assertThatThrownBy(() -> Model.load(theirs)).isInstanceOf(FormatException.class)
                .hasMessageContaining("tokenizer");
    }

    private Path changed(String from, String to) throws IOException {
        Files.copy(theirs.resolve("model.safetensors"), temp.resolve("model.safetensors"));
        String config = Files.readString(theirs.resolve("config.json"));
        assertThat(config).contains(from);
        Files.writeString(temp.resolve("config.json"), config.replace(from, to));
        return temp;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "model_type": "llama"        | "model_type": "bloom"        | model_type 'bloom'
            "model_type": "llama"        | "type": "llama"              | model_type 'null'
            "hidden_size": 64            | "hidden_size": "64"          | hidden_size
            "hidden_size": 64            | "hidden_size": 63            | hidden_size
            "hidden_size": 64            | "hidden_size": 1e30          | hidden_size
            "num_attention_heads": 8     | "num_attention_heads": 0     | num_attention_heads
            "num_key_value_heads": 4     | "num_key_value_heads": 3     | head_count_kv
            "num_hidden_layers": 5       | "num_hidden_layers": 6       | blk.5
            "num_hidden_layers": 5       | "num_hidden_layers": 2.5     | num_hidden_layers
            "rope_theta": 10000.0        | "rope_theta": "many"         | rope_theta
            "rope_theta": 10000.0        | "rope_theta": -1             | rope.freq_base
            "intermediate_size": 172     | "intermediate_size": 171     | ffn_
            "rope_theta": 10000.0        | "rope_scaling": {"rope_type": "magic"} | magic
            "rope_theta": 10000.0        | "rope_scaling": {"type": "linear"}     | factor
            "rope_theta": 10000.0        | "rope_scaling": {"type": "longrope"}   | long_factor
            """)
    void hostileSettingsAreRefusedByName(String from, String to, String named) throws IOException {
        Path folder = changed(from, to);
        assertThatThrownBy(() -> Model.load(folder, withVocabulary())).isInstanceOf(FormatException.class)
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "{\"model_type\": \"llama\"", "null"})
    void damagedSettingsAreRefused(String config) throws IOException {
        Files.copy(theirs.resolve("model.safetensors"), temp.resolve("model.safetensors"));
        Files.writeString(temp.resolve("config.json"), config);
        assertThatThrownBy(() -> HuggingFaceFolder.open(temp)).isInstanceOf(FormatException.class)
                .hasMessageContaining("config.json");
    }

    @Test
    void ropeScalingOfLlama3GivesTheFactorsOfItsFormula() throws IOException {
        Path folder = changed("\"rope_theta\": 10000.0", "\"rope_theta\": 10000.0, \"rope_scaling\": {\"rope_type\": \"llama3\","
                + "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"
                + "\"original_max_position_embeddings\": 64}");
        try (Checkpoint checkpoint = HuggingFaceFolder.open(folder)) {
            float[] factors = checkpoint.tensor("rope_freqs.weight").map().toFloatArray();
            // Wavelengths 6.3, 62.8, 628, 6283 against 64 positions: kept below 16, divided by 8 above 64, mixed between.
            double smooth = (64 / (2 * Math.PI * 10) - 1) / 3;
            assertThat(factors).containsExactly(1f, (float) (1 / ((1 - smooth) / 8 + smooth)), 8f, 8f);
        }
    }

    @Test
    void chatTemplatesAreFoundInEveryPlace() throws IOException {
        Path folder = changed("\"model_type\"", "\"model_type\"");
        Path settings = folder.resolve("tokenizer_config.json");
        Files.writeString(settings, "{\"chat_template\": \"one\"}");
        assertThat(template(folder)).isEqualTo("one");
        Files.writeString(settings, "{\"chat_template\": [{\"name\": \"tool\", \"template\": \"no\"}, "
                + "{\"name\": \"default\", \"template\": \"two\"}]}");
        assertThat(template(folder)).isEqualTo("two");
        Files.writeString(folder.resolve("chat_template.jinja"), "three");
        assertThat(template(folder)).isEqualTo("three");
    }

    private static String template(Path folder) {
        try (Checkpoint checkpoint = HuggingFaceFolder.open(folder)) {
            return checkpoint.metadata().string("tokenizer.chat_template", null);
        }
    }
}
