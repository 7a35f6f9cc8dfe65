package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.format.FormatException;
import io.lanewise.generate.LoadOptions;
import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is trained and written runs as it was trained. */
class ExportTest {
    private static final float TOLERANCE = 1e-4f;

    @TempDir
    Path folder;

    @Test
    void theExportedModelGivesTheLogitsOfTheTrainingModel() {
        Path text = SmallRun.text(folder);
        for (boolean tied : new boolean[] {true, false}) {
            TrainingConfig config = SmallRun.config(text).tied(tied).steps(60).build();
            Path run = folder.resolve("run" + tied);
            try (Trainer trainer = Trainer.begin(config, run, 2)) {
                trainer.run(TrainingListener.NONE);
                Path file = folder.resolve("model" + tied + ".gguf");
                trainer.exportGguf(file);
                int[] ids = trainer.tokenizer().encode("the cat sat on", false, false);
                assertSameLogits(trainer, ids, file, LoadOptions.DEFAULT);
            }
            try (Model best = Model.load(run.resolve("model.gguf"))) {
                assertThat(best.config().contextLength()).isEqualTo(config.context());
                assertThat(best.tokenizer().decode(best.tokenizer().encode("the mat.\n", false, false)))
                        .isEqualTo("the mat.\n");
            }
        }
    }

    @Test
    void gptBlocksWithGeluAreWrittenAsGpt2AndThoseWithReluRefused() {
        TrainingConfig config = SmallRun.config(SmallRun.text(folder)).block(TrainingConfig.BlockKind.GPT)
                .activation(TrainingConfig.ActivationKind.GELU).steps(60).build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("gelu"), 2)) {
            trainer.run(TrainingListener.NONE);
            int[] ids = trainer.tokenizer().encode("the cat sat on", false, false);
            Path file = folder.resolve("gpt2.gguf");
            trainer.exportGguf(file);
            assertSameLogits(trainer, ids, file, LoadOptions.DEFAULT);
        }
        TrainingConfig relu = config.toBuilder().activation(TrainingConfig.ActivationKind.RELU).steps(1).build();
        try (Trainer trainer = Trainer.begin(relu, folder.resolve("relu"), 2)) {
            assertThatThrownBy(() -> trainer.exportGguf(folder.resolve("relu.gguf")))
                    .isInstanceOf(IllegalStateException.class).hasMessageContaining("--activation gelu");
        }
    }

    @Test
    void adaptersAppliedAtLoadGiveTheLogitsOfTheTrainingModel() {
        Path base = SharedData.require("models/stories260K/stories260K.F32.gguf");
        TrainingConfig config = TrainingConfig.builder().text(SmallRun.text(folder)).from(base).context(32).batch(4)
                .steps(20).warmup(2).learningRate(5e-3, 1e-3).lora(4, 8, "attn_q", "attn_v", "attn_output", "ffn_up",
                        "ffn_down").heldOut(0).build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("lora"), 2)) {
            trainer.run(TrainingListener.NONE);
            int[] ids = trainer.tokenizer().encode("the cat sat on", false, false);
            Path adapter = trainer.exportedModel().orElseThrow();
            assertSameLogits(trainer, ids, base, LoadOptions.DEFAULT.withLora(adapter));
            Path merged = folder.resolve("merged.gguf");
            trainer.exportGguf(merged);
            assertSameLogits(trainer, ids, merged, LoadOptions.DEFAULT);
            assertThatThrownBy(() -> Model.load(merged, LoadOptions.DEFAULT.withLora(base)))
                    .isInstanceOf(FormatException.class).hasMessageContaining("lora.alpha");
        }
    }

    private static void assertSameLogits(Trainer trainer, int[] ids, Path file, LoadOptions options) {
        try (Model model = Model.load(file, options); Session session = model.newSession()) {
            float[] expected = new float[model.tokenizer().vocabSize()];
            for (int length = 1; length <= ids.length; length++) {
                trainer.logits(Arrays.copyOf(ids, length), expected);
                session.truncate(0);
                session.prefill(Arrays.copyOf(ids, length));
                float[] logits = session.logits().row(0).toFloatArray();
                double worst = IntStream.range(0, expected.length).mapToDouble(i -> Math.abs(logits[i] - expected[i])).max()
                        .orElseThrow();
                assertThat(worst).as("%s, %d tokens", file, length).isLessThan(TOLERANCE);
            }
        }
    }
}
