package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {
    private static final String[] SMALL = {"--vocabulary", "chars", "--layers", "1", "--width", "16", "--heads", "2",
        "--context", "8", "--batch", "2", "--eval-every", "5", "--eval-batches", "2", "--warmup", "2"};

    @TempDir
    Path folder;
    private Path text;
    private String run;

    @BeforeEach
    void writeText() throws IOException {
        text = Files.writeString(folder.resolve("text.txt"), "to be or not to be, that is the question.\n".repeat(30));
        run = folder.resolve("run").toString();
    }

    @Test
    void trainsPlotsAndSaysWhereTheModelIs() throws IOException {
        Path plot = folder.resolve("loss.png");
        Path events = folder.resolve("events");
        CommandLineRun done = train("--text", text.toString(), "--out", run, "--steps", "12", "--plot", plot.toString(),
                "--tensorboard", events.toString(), "--sample-tokens", "5");
        assertThat(done.exit()).as(done.err()).isZero();
        assertThat(done.out()).contains("12 steps", "best on held-out text: loss", "bits a byte",
                "model: " + run + "/model.gguf");
        assertThat(done.err()).contains("weights", "held-out loss", "step 5 writes: ");
        assertThat(ImageIO.read(plot.toFile()).getWidth()).isEqualTo(1000);
        try (Stream<Path> files = Files.list(events)) {
            assertThat(files).hasSize(1);
        }
    }

    @Test
    void resumesEvaluatesAndReportsJson() throws IOException {
        assertThat(train("--text", text.toString(), "--out", run, "--steps", "5").exit()).isZero();
        CommandLineRun more = CommandLineRun.of("train", "--resume", run, "--steps", "10", "--json", "--quiet");
        assertThat(more.exit()).isZero();
        assertThat(more.out()).startsWith("{\"steps\":10,").contains("\"bitsPerByte\":", "model.gguf");
        assertThat(more.err()).isEmpty();
        assertThat(Files.readAllLines(Path.of(run, "loss.csv"))).hasSize(11);
        CommandLineRun eval = CommandLineRun.of("eval", run, "--json");
        assertThat(eval.out()).contains("\"loss\":", "\"perplexity\":", "\"bitsPerByte\":");
        CommandLineRun other = CommandLineRun.of("eval", run, "--text", text.toString(), "--last");
        assertThat(other.out()).contains("loss: ", "tokens: 1259");
    }

    @Test
    void aConfigurationFileCountsAndFlagsWin() throws IOException {
        Path config = Files.writeString(folder.resolve("run.json"), "{\"steps\": 3, \"layers\": 1, \"width\": 16, "
                + "\"heads\": 2, \"context\": 8, \"batch\": 2, \"vocabulary\": \"chars\", \"text\": [\"" + text + "\"]}");
        CommandLineRun done = CommandLineRun.of("train", "--config", config.toString(), "--out", run, "--steps", "2", "--tied");
        assertThat(done.exit()).as(done.err()).isZero();
        assertThat(done.out()).contains("2 steps");
        assertThat(Files.readString(Path.of(run, "last", "config.json"))).contains("\"layers\" : 1", "\"steps\" : 2");
    }

    @Test
    void benchmarksSayWhatTheyMeasured() {
        CommandLineRun done = CommandLineRun.of("train", "--bench", "settings", "--bench-seconds", "0.2", "--layers", "1",
                "--width", "16", "--heads", "2", "--context", "8", "--batch", "2");
        assertThat(done.exit()).as(done.err()).isZero();
        assertThat(done.out()).contains("weights, 16 tokens an update", "update: median", "share of the peak: median",
                "of Java heap");
        assertMistake("bench: expected gpt-10m, gpt2-124m, encoder-3m or settings, got 'x'", "train", "--bench", "x");
    }

    @Test
    void mistakesAreOneLineAndExitCodeTwo() {
        assertMistake("no text to train on", "train");
        assertMistake("layers: expected 1 to 1024, got 0", "train", "--text", text.toString(), "--layers", "0");
        assertMistake("block: expected llama or gpt", "train", "--text", text.toString(), "--block", "x");
        assertMistake("none.txt: no such file", "train", "--text", folder.resolve("none.txt").toString(), "--out", run);
        assertMistake("holds no checkpoint", "train", "--resume", run);
        assertMistake("--resume goes on in its own folder", "train", "--resume", run, "--out", run);
        assertMistake("holds no checkpoint", "eval", run);
    }

    private static void assertMistake(String message, String... args) {
        CommandLineRun failed = CommandLineRun.of(args);
        assertThat(failed.exit()).as(failed.err()).isEqualTo(2);
        assertThat(failed.err()).contains(message);
        assertThat(failed.err().lines()).hasSize(1);
        assertThat(failed.out()).isEmpty();
    }

    @Test
    void textsAreComparedWithReferences() throws IOException {
        Path candidates = Files.writeString(folder.resolve("c"), "a b c d\nx\n");
        Path references = Files.writeString(folder.resolve("r"), "a b c d\ny z\n");
        CommandLineRun done = CommandLineRun.of("eval", "--candidates", candidates.toString(), "--references",
                references.toString());
        assertThat(done.out()).startsWith("bleu: 77.4").contains("chrf: ", "lines: 2");
    }

    @Test
    void helpListsEverySetting() {
        CommandLineRun help = CommandLineRun.of("train", "--help");
        assertThat(help.out()).contains("--min-learning-rate", "--lora-targets", "Default: 2000.", "--resume");
    }

    private CommandLineRun train(String... more) {
        String[] args = Stream.of(new String[] {"train"}, SMALL, more).flatMap(Stream::of).toArray(String[]::new);
        return CommandLineRun.of(args);
    }
}
