package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.lanewise.format.Checkpoint;
import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import io.lanewise.tensor.DType;
import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {
    @TempDir
    Path temp;

    private static List<String> temporaryModels() {
        String[] names = new File(System.getProperty("java.io.tmpdir")).list((folder, name) ->
                name.startsWith("lanewise-bench") && name.endsWith(".gguf"));
        return Arrays.asList(names);
    }

    @Test
    void aRandomModelIsMeasuredAndRemoved() {
        List<String> before = temporaryModels();

        CommandLineRun run = CommandLineRun.of("bench", "--shape", "stories-260k", "--type", "Q8_0", "-p", "20", "-n", "5",
                "-r", "2", "--depth", "7", "--threads", "2");

        assertThat(run.exit()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).startsWith("stories-260k Q8_0: ").contains("2 threads", "F32 of 27 positions",
                "\nprefill 20 ", " ± ", " GFLOP/s ", "\ndecode 5 ", " GB/s ", "(10 steps after 7 positions)", "\nload ",
                "\nfirst token ", "\nfirst prefill ", "\npeak memory ", " B allocated a decode step");
        assertThat(run.out()).containsPattern("\nprefill 20 .* GFLOP/s  \\d+\\.\\d\\d \\(\\d+\\.\\d\\d-\\d+\\.\\d\\d\\) +\\d");
        assertThat(temporaryModels()).isEqualTo(before);
    }

    @Test
    void aFileIsMeasuredAsJson() {
        String file = temp.resolve("tiny.gguf").toString();
        CommandLineRun.of("synth", "--shape", "stories-260k", "--layers", "1", "--out", file);

        CommandLineRun run = CommandLineRun.of("bench", "-m", file, "-p", "9", "-n", "4", "-r", "1", "-t", "1", "--ctx", "64",
                "--kv-type", "F16", "--json");

        assertThat(run.exit()).isZero();
        assertThat(run.out()).startsWith("{\"model\":\"tiny.gguf\"").contains("\"threads\":1", "\"kvType\":\"F16\"",
                "\"context\":64", "\"prefill\":{\"tokens\":9,", "\"shareOfFmaRoof\":", "\"shareOfReadRoof\":", "\"p99\":",
                "\"sharesOfReadRoof\":[", "\"roofs\":[", "\"collectionsWhileMeasuring\":").hasLineCount(1);
    }

    @Test
    @Tag("slow")
    void kernelsAreMeasuredByThemselves() {
        CommandLineRun run = CommandLineRun.of("bench", "--kernels", "-r", "1", "--threads", "1");

        assertThat(run.exit()).isZero();
        assertThat(run.out()).contains("matmul 1x8960x1536", "attention 12x64", "share of roof").doesNotContain("NaN");
    }

    @Test
    void wrongValuesNameTheirOption() {
        EngineTest.assertMistake(CommandLineRun.of("bench", "--shape", "gpt-9"), "--shape", "gpt-9");
        EngineTest.assertMistake(CommandLineRun.of("bench", "--shape", "stories-260k", "-p", "0"), "-p");
        EngineTest.assertMistake(CommandLineRun.of("bench", "--shape", "stories-260k", "-m", "x"), "--model", "--shape");
        EngineTest.assertMistake(CommandLineRun.of("bench", "-m", "x", "--type", "F16"), "--type");
        EngineTest.assertMistake(CommandLineRun.of("bench", "--shape", "stories-260k", "--ctx", "8"), "--ctx", "512");
        EngineTest.assertMistake(CommandLineRun.of("bench", "-m", temp.resolve("none.gguf").toString()), "none.gguf");
    }

    @Test
    void theWorkOfAModelIsCounted() {
        Path file = temp.resolve("model.gguf");
        SynthModel.write(ModelShape.of("stories-260k"), DType.F16, 1, file, share -> { });

        try (Checkpoint checkpoint = Checkpoint.open(file); Model model = Model.load(file)) {
            ModelCost cost = ModelCost.of(checkpoint);

            // Five layers of q and o 64 x 64, k and v 32 x 64, gate, up and down 172 x 64; vocabulary 512.
            long layers = 5 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 172 * 64);
            assertThat(cost.layerOperations()).isEqualTo(2 * layers);
            assertThat(cost.outputOperations()).isEqualTo(2 * 512 * 64);
            assertThat(cost.weights()).isEqualTo(layers + 2 * 512 * 64 + 11 * 64);
            assertThat(cost.bytesPerToken()).isEqualTo(2 * (layers + 512 * 64) + 4 * 11 * 64);
            // Two positions after three: 4 + 5 keys; 8 heads of 8, twice (scores and values), 5 layers.
            assertThat(cost.prefillOperations(model.config(), 3, 2))
                    .isEqualTo(2 * 2.0 * layers + 2 * 512 * 64 + 5 * 2.0 * 8 * 16 * 9);
        }
    }

    @Test
    void ofExpertsOnlyThoseOfATokenAreCounted() {
        ModelShape shape = new ModelShape("tiny", "deepseek2", 3, 64, 96, 2, 2, 24, 512, 10_000, false, 1e-6f, false, false,
                SynthVocabulary.Kind.STORIES, new ModelShape.Experts(1, 32, 8, 2, 1),
                new ModelShape.Latents(32, 8, 20, 40, 64, 0.07f));
        Path file = temp.resolve("experts.gguf");
        SynthModel.write(shape, DType.F16, 1, file, share -> { });

        try (Checkpoint checkpoint = Checkpoint.open(file); Model model = Model.load(file);
                Session session = model.newSession()) {
            ModelCost cost = ModelCost.of(checkpoint);

            long attention = 48 * 64 + 40 * 64 + 2 * 32 * 16 + 2 * 20 * 32 + 64 * 40;
            long halves = 3 * attention + 3 * 96 * 64 + 2 * 3 * (2 + 1) * 32 * 64;
            assertThat(cost.layerOperations()).isEqualTo(2 * (halves + 2 * 8 * 64));
            assertThat(cost.bytesPerToken()).isEqualTo(2 * (halves + 512 * 64) + 4 * (2 * 8 * 64 + 7 * 64 + 3 * 32));
            // Pairs of query and key in the naive form: two heads of 24 and 20.
            assertThat(cost.prefillOperations(model.config(), 0, 1))
                    .isEqualTo(2.0 * (halves + 2 * 8 * 64) + 2 * 512 * 64 + 3 * 2.0 * 2 * 44);
            session.prefill(new int[] {1, 2, 3});
            assertThat(session.logits().get(0, 5)).isFinite();
        }
    }

    @Test
    void samplesHaveMeanDeviationAndMedian() {
        assertThat(new Samples(4, 1, 4).mean()).isEqualTo(3);
        assertThat(new Samples(4, 1, 4).median()).isEqualTo(4);
        assertThat(new Samples(2, 1, 8, 4).median()).isEqualTo(3);
        assertThat(new Samples(4, 1, 4).deviation()).isCloseTo(Math.sqrt(3), within(1e-12));
        assertThat(new Samples(4).deviation()).isZero();
        assertThat(new Samples(5, 1, 2, 4, 3).quantile(0.25)).isEqualTo(2);
        assertThat(new Samples(3, 1).quantile(0.75)).isEqualTo(2.5);
        assertThat(new Samples(7).quantile(1)).isEqualTo(7);
        assertThat(new Samples(4, 1, 6).times(2).over(new Samples(4, 4, 3)).values()).containsExactly(2, 0.5, 4);
        assertThat(new Samples(4, 1, 6).least()).isEqualTo(1);
        assertThat(new Samples(4, 1, 6).most()).isEqualTo(6);
    }

    @Test
    void theRooflineIsPrintedForOneAndForAllThreads() {
        CommandLineRun run = CommandLineRun.of("roofline", "--threads", "2");

        assertThat(run.exit()).isZero();
        assertThat(run.out()).contains("GFLOP/s  (1 thread)", "GB/s     (1 thread)", "GFLOP/s  (2 threads)",
                "GB/s     (2 threads)");
        assertThat(CommandLineRun.of("roofline", "-t", "1", "--json").out()).startsWith("{\"threads\":1,")
                .contains("\"fmaGflops\":", "\"dramReadGBs\":");
    }
}
