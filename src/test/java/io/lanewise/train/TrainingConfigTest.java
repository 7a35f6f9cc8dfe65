package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingConfigTest {
    @TempDir
    Path folder;

    @Test
    void jsonKeepsEverySetting() throws IOException {
        TrainingConfig config = TrainingConfig.builder().text(Path.of("a.txt"), Path.of("b, c.txt"))
                .documents(TextCorpus.Documents.LINE).heldOut(0.05).vocabulary(TrainingConfig.VocabularyKind.CHARS)
                .block(TrainingConfig.BlockKind.GPT).layers(6).width(384).heads(6).seed(-5).steps(1L << 40)
                .learningRate(3e-4, 1e-5).sample("\u00c9\n\"", 20, 0.5).tied(false).build();
        Path file = Files.writeString(folder.resolve("run.json"), config.toJson());
        assertThat(TrainingConfig.read(file)).isEqualTo(config);
    }

    @Test
    void propertiesAndFlagsAreReadAndLaterOnesWin() throws IOException {
        Path file = Files.writeString(folder.resolve("run.properties"), "layers=3\ntext=a.txt, b.txt\nblock=gpt\n");
        TrainingConfig config = TrainingConfig.builder().file(file).set("layers", "5").build();
        assertThat(config.layers()).isEqualTo(5);
        assertThat(config.text()).containsExactly("a.txt", "b.txt");
        assertThat(config.block()).isEqualTo(TrainingConfig.BlockKind.GPT);
        assertThat(config.width()).isEqualTo(TrainingConfig.DEFAULT.width());
    }

    @Test
    void mistakesNameTheFileTheSettingAndWhatWasExpected() throws IOException {
        assertThatThrownBy(() -> read("{\"layer\": 3}")).hasMessageContaining("bad.json: layer: no such setting")
                .hasMessageContaining("layers");
        assertThatThrownBy(() -> read("{\"layers\": \"three\"}"))
                .hasMessageEndingWith("layers: expected an integer, got 'three'");
        assertThatThrownBy(() -> read("{\"layers\": 0}")).hasMessage("layers: expected 1 to 1024, got 0");
        assertThatThrownBy(() -> read("{\"heldOut\": NaN}")).hasMessageContaining("bad.json");
        assertThatThrownBy(() -> read("{\"block\": \"bert\"}"))
                .hasMessageEndingWith("block: expected llama or gpt, got 'bert'");
        assertThatThrownBy(() -> read("{\"tied\": 1}")).hasMessageEndingWith("tied: expected true or false, got '1'");
        assertThatThrownBy(() -> read("{\"layers\": [1]}")).hasMessageContaining("got a list");
        assertThatThrownBy(() -> read("{\"layers\": {}}")).hasMessageContaining("layers: expected text");
        assertThatThrownBy(() -> read("[1]")).hasMessageContaining("expected a JSON object");
        assertThatThrownBy(() -> read("{\"layers\" 1}")).hasMessageContaining("is no JSON").hasMessageContaining("line 1");
        assertThatThrownBy(() -> read("{\"heads\": 3}")).hasMessageContaining("heads: width 128");
        assertThatThrownBy(() -> read("{\"kvHeads\": 3}")).hasMessageContaining("kvHeads");
        assertThatThrownBy(() -> read("{\"learningRate\": 1e-5}")).hasMessageContaining("minLearningRate");
        assertThatThrownBy(() -> TrainingConfig.read(folder.resolve("none.json"))).hasMessageContaining("no such file");
    }

    @Test
    void everySettingHasHelpAndAFlagName() {
        assertThat(Settings.all()).allSatisfy(setting -> {
            assertThat(setting.help()).endsWith(".");
            assertThat(setting.flag()).matches("[a-z0-9-]+");
        });
        assertThat(Settings.all()).extracting(Settings.Description::flag).contains("min-learning-rate", "kv-heads");
    }

    @Test
    void feedForwardWidthFollowsTheBlock() {
        assertThat(TrainingConfig.builder().width(128).build().ffnDim()).isEqualTo(352);
        assertThat(TrainingConfig.builder().width(128).block(TrainingConfig.BlockKind.GPT).build().ffnDim())
                .isEqualTo(512);
        assertThat(TrainingConfig.builder().ffnWidth(100).build().ffnDim()).isEqualTo(100);
    }

    private TrainingConfig read(String json) throws IOException {
        return TrainingConfig.read(Files.writeString(folder.resolve("bad.json"), json));
    }
}
