package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Going on from a model that others trained: stories260K on lines of the King James Bible. */
class FineTuningTest {
    @TempDir
    Path folder;

    @Test
    void adaptersLowerTheHeldOutLossOfAnotherTextAndLeaveTheBaseAlone() throws IOException {
        Path base = SharedData.require("models/stories260K/stories260K.F32.gguf");
        byte[] before = Files.readAllBytes(base);
        TrainingConfig config = builder(base).steps(150).lora(8, 16, "attn_q", "attn_v", "attn_output", "ffn_down").build();
        double tuned = assertLowers(config, folder.resolve("lora"));
        assertThat(Files.readAllBytes(base)).isEqualTo(before);
        Path merged = folder.resolve("merged.gguf");
        try (Trainer trainer = Trainer.resume(folder.resolve("lora"), 2)) {
            trainer.exportGguf(merged);
        }
        TrainingConfig fromMerged = builder(merged).steps(1).build();
        try (Trainer trainer = Trainer.begin(fromMerged, folder.resolve("check"), 2)) {
            assertThat(trainer.evaluate().meanLoss()).as("the merged model").isCloseTo(tuned,
                    offset(1e-4));
        }
        try (Checkpoint adapter = Checkpoint.open(folder.resolve("lora/adapter.safetensors"))) {
            assertThat(adapter.find("blk.0.attn_q.weight.lora_a")).isPresent();
            assertThat(adapter.tensors()).hasSize(5 * 4 * 2);
        }
    }

    @Test
    void allWeightsCanLearnFromSafetensorsOrGguf() throws IOException {
        Path base = SharedData.require("models/stories260K/stories260K.Q8_0.gguf");
        assertLowers(builder(base).steps(60).build(), folder.resolve("gguf"));
        Path safetensors = SharedData.require("models/stories260K/hf");
        assertThatThrownBy(() -> begin(builder(safetensors).build())).hasMessageContaining("vocabularyFrom");
        assertLowers(builder(safetensors).vocabularyFrom(base).steps(60).build(), folder.resolve("safetensors"));
    }

    @Test
    void adaptersGoOnBitByBit() throws IOException {
        Path base = SharedData.require("models/stories260K/stories260K.F32.gguf");
        TrainingConfig config = builder(base).steps(8).evalEvery(4).evalBatches(1).lora(2, 4, "attn_k", "ffn_gate").build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("whole"), 2)) {
            trainer.run(TrainingListener.NONE);
        }
        try (Trainer trainer = Trainer.begin(config.toBuilder().steps(8).build(), folder.resolve("parts"), 2)) {
            trainer.run(new TrainingListener() {
                @Override
                public void updated(long step, double loss, double rate, double norm, double speed) {
                    if (step == 3) {
                        trainer.stop();
                    }
                }
            });
        }
        try (Trainer trainer = Trainer.resume(folder.resolve("parts"), 2)) {
            trainer.run(TrainingListener.NONE);
        }
        for (String file : List.of("loss.csv", "last/model.safetensors", "adapter.safetensors")) {
            assertThat(Files.readAllBytes(folder.resolve("parts").resolve(file))).as(file)
                    .isEqualTo(Files.readAllBytes(folder.resolve("whole").resolve(file)));
        }
    }

    @Test
    void mistakesAreNamed() throws IOException {
        Path base = SharedData.require("models/stories260K/stories260K.F32.gguf");
        assertThatThrownBy(() -> begin(builder(base).lora(2, 4, "attn_z").build())).hasMessageContaining("attn_z");
        assertThatThrownBy(() -> begin(builder(base).context(600).build())).hasMessageContaining("512");
        TrainingConfig noBase = TrainingConfig.builder().text(text()).vocabulary(TrainingConfig.VocabularyKind.CHARS)
                .lora(2, 4, "attn_q").build();
        assertThatThrownBy(() -> begin(noBase)).hasMessageContaining("loraRank");
    }

    private void begin(TrainingConfig config) {
        Trainer.begin(config, folder.resolve("bad"), 1).close();
    }

    private double assertLowers(TrainingConfig config, Path run) {
        try (Trainer trainer = Trainer.begin(config, run, 2)) {
            double first = trainer.evaluate().meanLoss();
            trainer.run(TrainingListener.NONE);
            double last = trainer.evaluate().meanLoss();
            assertThat(last).as("from %s", first).isLessThan(0.85 * first);
            return last;
        }
    }

    private TrainingConfig.Builder builder(Path base) throws IOException {
        return TrainingConfig.builder().text(text()).from(base).context(64).batch(8).heldOut(0.2).warmup(10)
                .learningRate(3e-3, 1e-4).evalEvery(1000);
    }

    /** 200 lines. */
    private Path text() throws IOException {
        Path file = folder.resolve("lines.txt");
        if (!Files.exists(file)) {
            List<String> lines = Files.readAllLines(SharedData.require("data/bible-kjv/kjv.txt"));
            Files.write(file, lines.subList(0, 200));
        }
        return file;
    }
}
