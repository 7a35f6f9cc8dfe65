package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
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

class GenerateCommandTest {
    private static final String PROMPT = "Once upon a time";

    @TempDir
    Path temp;

    private static String model(String type) {
        return SharedData.require("models/stories260K/stories260K." + type + ".gguf").toString();
    }

    private static CommandLineRun greedy(String type, String... more) {
        String[] args = new String[more.length + 5];
        System.arraycopy(new String[] {"generate", "--model", model(type), "--temperature", "0"}, 0, args, 0, 5);
        System.arraycopy(more, 0, args, 5, more.length);
        return CommandLineRun.of(args);
    }

    @Test
    void greedyTextIsThatOfTheReference() throws IOException {
        String expected = Files.readString(SharedData.require("models/stories260K/expected-greedy.txt"));

        CommandLineRun run = greedy("F32", "--max-tokens", "256", "--prompt", PROMPT);

        assertThat(run.exit()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).startsWith(expected.stripTrailing()).endsWith("\n");
    }

    @Test
    void aSavedSessionGoesOnWhereItStopped() {
        String file = temp.resolve("session").toString();
        String whole = greedy("F32", "-n", "40", "-p", PROMPT).out();
        String begun = greedy("F32", "-n", "15", "-p", PROMPT, "--save-session", file).out();
        String rest = greedy("F32", "-n", "25", "--load-session", file).out();
        assertThat(begun.stripTrailing() + rest).isEqualToNormalizingWhitespace(whole);

        assertThat(greedy("F32", "-n", "5", "--load-session", file, "-p", " The end").out()).startsWith(" The end");
        CommandLineRun other = greedy("F16", "-n", "5", "--load-session", file);
        assertThat(other.exit()).isEqualTo(2);
        assertThat(other.err()).hasLineCount(1).contains("another model");
        CommandLineRun model = greedy("F32", "-n", "5", "--load-session", model("F32"));
        assertThat(model.exit()).isEqualTo(2);
        assertThat(model.err()).hasLineCount(1).contains("no saved session");
    }

    @ParameterizedTest
    @ValueSource(strings = {"F16", "BF16"})
    void halfPrecisionBeginsAlike(String type) {
        String full = greedy("F32", "-n", "60", "-p", PROMPT).out();

        assertThat(greedy(type, "-n", "60", "-p", PROMPT).out()).startsWith(full.substring(0, 100));
    }

    @Test
    void aHalfPrecisionCacheBeginsAlike() {
        String full = greedy("F32", "-n", "40", "-p", PROMPT).out();

        assertThat(greedy("F32", "-n", "40", "-p", PROMPT, "--kv-type", "f16").out())
                .startsWith(full.substring(0, 60));
    }

    @Test
    void thePromptComesFromAnOptionAnArgumentAFileOrStdin() throws IOException {
        String expected = greedy("F32", "-n", "8", "--prompt", PROMPT).out();
        Path file = Files.writeString(temp.resolve("prompt"), PROMPT + "\n");

        assertThat(expected).startsWith(PROMPT + ", there was");
        assertThat(greedy("F32", "-n", "8", PROMPT).out()).isEqualTo(expected);
        assertThat(greedy("F32", "-n", "8", "--file", file.toString()).out()).isEqualTo(expected);
        assertThat(CommandLineRun.withInput(PROMPT + "\n", "generate", "-m", model("F32"), "--temperature", "0", "-n", "8")
                .out()).isEqualTo(expected);
    }

    @Test
    void withoutEchoOnlyTheAnswerIsPrinted() {
        String whole = greedy("F32", "-n", "8", "-p", PROMPT).out();

        assertThat(greedy("F32", "-n", "8", "-p", PROMPT, "--no-echo").out()).isEqualTo(whole.substring(PROMPT.length()));
    }

    @Test
    void aStopTextEndsTheAnswerBeforeIt() {
        assertThat(greedy("F32", "-p", PROMPT, "--stop", "girl", "--stop", "boy").out())
                .isEqualTo(PROMPT + ", there was a little \n");
    }

    @Test
    void theSameSeedGivesTheSameText() {
        String[] args = {"generate", "-m", model("F32"), "-n", "40", "--seed", "7", PROMPT};

        assertThat(CommandLineRun.of(args).out()).isEqualTo(CommandLineRun.of(args).out());
    }

    @Test
    void statsGoToStderr() {
        CommandLineRun run = greedy("F32", "-n", "5", "-p", PROMPT, "--stats");

        assertThat(run.err()).contains("load ", "prefill ", "tokens/s", "first ", "decode ", "max tokens");
        assertThat(run.out()).doesNotContain("tokens/s");
    }

    @Test
    void aFullContextIsSaidUnlessQuiet() {
        CommandLineRun run = greedy("F32", "-n", "50", "-p", PROMPT, "--ctx", "8");

        assertThat(run.exit()).isZero();
        assertThat(run.err()).contains("context of 8 positions", "--ctx");
        assertThat(greedy("F32", "-n", "50", "-p", PROMPT, "--ctx", "8", "--quiet").err()).isEmpty();
    }

    @Test
    void wrongValuesNameTheirOption() {
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--max-tokens", "-1"), "--max-tokens");
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--top-p", "2"), "--top-p");
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--ctx", "-4"), "--ctx");
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--threads", "0"), "--threads");
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--file", "y"), "--file");
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--kv-type", "F8"), "--kv-type", "F16", "'F8'");
        EngineTest.assertMistake(greedy("F32", "-p", "x", "--lora", "none.safetensors"), "none.safetensors");
        EngineTest.assertMistake(greedy("F32", "-p", PROMPT, "--ctx", "2"), "2", "context");
    }

    /** Fails from a byte on, as a pipe does whose reader has gone. */
    private static final class ClosingStream extends OutputStream {
        private int left = 30;

        @Override
        public void write(int b) throws IOException {
            if (--left < 0) {
                throw new IOException("Broken pipe");
            }
        }
    }

    @Test
    void aReaderThatGoesAwayEndsTheRunQuietly() {
        ByteArrayOutputStream err = new ByteArrayOutputStream();

        int exit = Engine.run(new String[] {"generate", "-m", model("F32"), "-n", "5000", "-c", "512", PROMPT},
                InputStream.nullInputStream(), new PrintStream(new ClosingStream()), new PrintStream(err));

        assertThat(exit).isZero();
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void ctrlCEndsTheTextWithANewlineAndExitCode130() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console[] console = new Console[1];
        OutputStream interrupting = new OutputStream() {
            @Override
            public void write(int b) {
                out.write(b);
                if (out.size() == 60) {
                    console[0].interrupt();
                }
            }
        };
        console[0] = new Console(InputStream.nullInputStream(), new PrintStream(interrupting), new PrintStream(err), "");

        int exit = Engine.run(new String[] {"generate", "-m", model("F32"), "-n", "400", "--temperature", "0", PROMPT},
                console[0]);

        assertThat(exit).isEqualTo(130);
        assertThat(out.toString(StandardCharsets.UTF_8)).startsWith(PROMPT).endsWith("\n").hasSizeLessThan(100);
        assertThat(err.size()).isZero();
    }
}
