package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    @TempDir
    Path folder;
    private Path text;

    @BeforeEach
    void writeText() {
        text = SmallRun.text(folder);
    }

    @Test
    void theLossFallsAndTheRunFolderHoldsWhatItShould() {
        TrainingConfig config = SmallRun.config(text).steps(120).evalEvery(40).evalBatches(0).build();
        List<Double> evaluated = new ArrayList<>();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("run"), SmallRun.THREADS)) {
            trainer.run(new TrainingListener() {
                @Override
                public void evaluated(long step, LanguageLoss loss, boolean best) {
                    evaluated.add(loss.meanLoss());
                }
            });
            assertThat(trainer.history().points()).hasSize(120);
            assertThat(trainer.history().points().getFirst().trainLoss()).as("about ln 18 at first").isBetween(2.5, 3.4);
            assertThat(trainer.bestEvaluation().orElseThrow().meanLoss()).isEqualTo(evaluated.getLast());
        }
        assertThat(evaluated).hasSize(3);
        assertThat(evaluated.getLast()).isLessThan(evaluated.getFirst()).isLessThan(2);
        for (String name : new String[] {"last", "best"}) {
            for (String file : new String[] {"config.json", "vocabulary.gguf", "model.safetensors", "optimizer.safetensors"}) {
                assertThat(folder.resolve("run").resolve(name).resolve(file)).isRegularFile();
            }
        }
        assertThat(folder.resolve("run/model.gguf")).isRegularFile();
        assertThat(Trainer.evaluate(folder.resolve("run"), true, null, 1).meanLoss())
                .as("the same at another number of threads").isEqualTo(evaluated.getLast());
    }

    @Test
    void anInterruptedRunGoesOnBitByBit() throws IOException {
        assertResumesExactly(SmallRun.config(text).build());
    }

    @Test
    void dropoutMicroBatchesAndTheGptBlockGoOnBitByBitToo() throws IOException {
        assertResumesExactly(SmallRun.config(text).block(TrainingConfig.BlockKind.GPT).kvHeads(0).dropout(0.2)
                .accumulate(2).batch(2).tied(false).build());
        assertResumesExactly(SmallRun.config(text).optimizer(TrainingConfig.OptimizerKind.SGD).seed(3)
                .learningRate(0.1, 0.01).dropout(0.1).build());
    }

    private void assertResumesExactly(TrainingConfig config) throws IOException {
        Path whole = folder.resolve("whole" + config.seed() + config.block());
        Path parts = folder.resolve("parts" + config.seed() + config.block());
        try (Trainer trainer = Trainer.begin(config, whole, SmallRun.THREADS)) {
            trainer.run(TrainingListener.NONE);
        }
        runUntil(Trainer.begin(config, parts, SmallRun.THREADS), 7);
        runUntil(Trainer.resume(parts, SmallRun.THREADS), 17);
        runUntil(Trainer.resume(parts, SmallRun.THREADS), Long.MAX_VALUE);
        for (String file : new String[] {"loss.csv", "last/model.safetensors", "last/optimizer.safetensors",
            "best/model.safetensors", "last/config.json"}) {
            assertThat(Files.readAllBytes(parts.resolve(file))).as(file).isEqualTo(Files.readAllBytes(whole.resolve(file)));
        }
    }

    private static void runUntil(Trainer run, long step) {
        try (Trainer trainer = run) {
            trainer.run(new TrainingListener() {
                @Override
                public void updated(long done, double loss, double rate, double norm, double speed) {
                    if (done == step) {
                        trainer.stop();
                    }
                }
            });
        }
    }

    @Test
    void theNumbersDoNotDependOnTheThreads() throws IOException {
        for (int threads : new int[] {1, 3}) {
            try (Trainer trainer = Trainer.begin(SmallRun.config(text).build(), folder.resolve("t" + threads), threads)) {
                trainer.run(TrainingListener.NONE);
            }
        }
        assertThat(folder.resolve("t3/loss.csv")).hasSameTextualContentAs(folder.resolve("t1/loss.csv"));
    }

    @Test
    void microBatchesGiveTheGradientOfTheWholeBatch() {
        double whole = firstNorm(SmallRun.config(text).batch(4).build(), "whole");
        double parts = firstNorm(SmallRun.config(text).batch(1).accumulate(4).build(), "parts");
        assertThat(parts).isCloseTo(whole, withinPercentage(0.001));
    }

    private double firstNorm(TrainingConfig config, String name) {
        double[] norm = new double[1];
        try (Trainer trainer = Trainer.begin(config, folder.resolve(name), 1)) {
            trainer.run(new TrainingListener() {
                @Override
                public void updated(long done, double loss, double rate, double gradientNorm, double speed) {
                    norm[0] = gradientNorm;
                    trainer.stop();
                }
            });
        }
        return norm[0];
    }

    @Test
    void patienceEndsARunThatDoesNotImprove() {
        TrainingConfig config = SmallRun.config(text).steps(10_000).evalEvery(2).patience(2)
                .schedule(Schedule.Kind.CONSTANT).learningRate(1e-9, 0).warmup(0).build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("run"), 1)) {
            trainer.run(TrainingListener.NONE);
            assertThat(trainer.isDone()).isTrue();
            assertThat(trainer.stepsDone()).isLessThan(1000);
        }
    }

    @Test
    void samplesComeFromTheVocabularyAndTheirSeed() {
        TrainingConfig config = SmallRun.config(text).steps(2).build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("run"), 1)) {
            trainer.run(TrainingListener.NONE);
            String sample = trainer.sample("the cat", 40, 1, 5);
            assertThat(sample).hasSize(40).matches("[a-z .\\n]+").isEqualTo(trainer.sample("the cat", 40, 1, 5));
            assertThat(trainer.sample("the cat", 8, 0, 1)).isEqualTo(trainer.sample("the cat", 8, 0, 2));
        }
    }

    @Test
    void mistakesAreNamed() {
        TrainingConfig config = SmallRun.config(text).steps(1).build();
        Path run = folder.resolve("run");
        try (Trainer trainer = Trainer.begin(config, run, 1)) {
            trainer.run(TrainingListener.NONE);
        }
        assertThatThrownBy(() -> Trainer.begin(config, run, 1)).hasMessageContaining("a run has begun here");
        assertThatThrownBy(() -> Trainer.resume(folder.resolve("other"), 1)).hasMessageContaining("no checkpoint");
        TrainingConfig wider = SmallRun.config(text).steps(1).width(64).build();
        assertThatThrownBy(() -> Trainer.resume(run, wider, 1)).hasMessageContaining("the configuration asks for");
    }

    @Test
    void aLossThatIsNotFiniteStopsTheRunAndSaysWhatToDo() {
        TrainingConfig config = SmallRun.config(text).optimizer(TrainingConfig.OptimizerKind.SGD).clip(0)
                .learningRate(1e30, 0).warmup(0).build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("run"), 1)) {
            assertThatThrownBy(() -> trainer.run(TrainingListener.NONE)).hasMessageContaining("lower the learning rate");
        }
    }
}
