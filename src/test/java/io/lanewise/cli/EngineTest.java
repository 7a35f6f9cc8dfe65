package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EngineTest {
    @TempDir
    Path temp;

    @Test
    void helpAndVersionGoToStdout() {
        assertThat(CommandLineRun.of("--version").out()).startsWith("Lanewise ");
        CommandLineRun help = CommandLineRun.of("--help");
        assertThat(help.exit()).isZero();
        assertThat(help.out()).contains("Usage: engine", "inspect", "synth", "tokenize", "Examples:");
        assertThat(help.err()).isEmpty();
        assertThat(CommandLineRun.of().out()).isEqualTo(help.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bench", "generate", "inspect", "logits", "perplexity", "quantize", "roofline", "synth",
        "tokenize"})
    void everyCommandExplainsItselfWithAnExample(String command) {
        CommandLineRun help = CommandLineRun.of(command, "--help");

        assertThat(help.exit()).isZero();
        assertThat(help.out()).startsWith("Usage: engine " + command).contains("Example", "--quiet", "--debug");
    }

    @Test
    void aMistypedCommandNamesTheOneThatWasMeant() {
        assertMistake(CommandLineRun.of("inspct", "x"), "'inspct'", "inspect", "engine --help");
    }

    @Test
    void aMistypedOptionNamesTheOneThatWasMeant() {
        assertMistake(CommandLineRun.of("synth", "--shap", "x"), "--shape", "engine synth --help");
    }

    @Test
    void aMissingFileIsTheUsersMistake() {
        assertMistake(CommandLineRun.of("inspect", temp.resolve("none.gguf").toString()), "none.gguf");
        assertMistake(CommandLineRun.of("tokenize", "--model", temp.resolve("none.gguf").toString()), "none.gguf");
    }

    @Test
    void aFileThatIsNoModelIsTheUsersMistake() throws Exception {
        Path file = Files.writeString(temp.resolve("text.gguf"), "this is text and not a model at all");

        assertMistake(CommandLineRun.of("inspect", file.toString()), "text.gguf");
    }

    @Test
    void wrongValuesAreNamedWithTheirOption() {
        assertMistake(CommandLineRun.of("synth", "--shape", "gpt-9", "--out", "x"), "--shape", "gpt-9", "llama-3.2-1b");
        assertMistake(CommandLineRun.of("synth", "--shape", "stories-260k", "--type", "F7", "--out", "x"), "--type", "F7",
                "F16");
        assertMistake(CommandLineRun.of("synth", "--shape", "stories-260k", "--layers", "0", "--out", "x"), "--layers");
        assertMistake(CommandLineRun.of("synth", "--shape", "stories-260k", "--seed", "one", "--out", "x"), "--seed",
                "one");
        assertMistake(CommandLineRun.of("synth", "--type", "F16"), "--shape");
    }

    @Test
    void debugAddsWhereAnErrorCameFrom() {
        CommandLineRun run = CommandLineRun.of("inspect", temp.resolve("none.gguf").toString(), "--debug");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).contains("\tat io.lanewise");
    }

    @Test
    void memoryThatRunsOutAndRefusedSettingsAreOneLineToo() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Failures failures = new Failures(new Console(InputStream.nullInputStream(),
                new PrintStream(OutputStream.nullOutputStream()), new PrintStream(err), ""));

        assertThat(failures.handleError(new OutOfMemoryError("no room"), false)).isEqualTo(1);
        assertThat(failures.handleError(new ExceptionInInitializerError(
                new IllegalArgumentException("lanewise.vectorBits: expected 128")), false)).isEqualTo(2);

        assertThat(err.toString(StandardCharsets.UTF_8)).hasLineCount(2).contains("out of memory: no room", "vectorBits");
    }

    /** Exit code 2, nothing on stdout, and one line on stderr that contains all of these. */
    static void assertMistake(CommandLineRun run, CharSequence... parts) {
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("engine: ").contains(parts).matches("[^\n]*\n");
    }
}
