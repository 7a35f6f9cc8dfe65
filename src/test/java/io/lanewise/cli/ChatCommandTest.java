package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.format.GgufWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChatCommandTest {
    @TempDir
    Path temp;

    private static CommandLineRun chat(String input, String... more) {
        List<String> args = new ArrayList<>(List.of("chat", "--model",
                SharedData.require("models/stories260K/stories260K.F32.gguf").toString(), "--temperature", "0", "-n", "12"));
        args.addAll(List.of(more));
        return CommandLineRun.withInput(input, args.toArray(String[]::new));
    }

    @Test
    void everyLineGetsAReply() {
        CommandLineRun run = chat("Once upon a time\n\nThe dog\n", "--template", "plain");
        assertThat(run.exit()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines()).hasSize(2).noneMatch(String::isBlank);
    }

    @Test
    void savedConversationsGoOn() throws IOException {
        Path file = temp.resolve("conversation.json");
        CommandLineRun first = chat("Once\n/save " + file + "\nupon\n", "--template", "plain", "--system", "Short.");
        CommandLineRun second = chat("upon\n", "--template", "plain", "--load", file.toString());
        assertThat(Files.readString(file)).contains("Short.", "Once");
        assertThat(second.exit()).isZero();
        assertThat(second.out()).isEqualTo(first.out().lines().skip(1).findFirst().orElseThrow() + "\n");
        try (var left = Files.list(temp)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void savedSessionsGoOnWithoutBeingReadAgain() throws IOException {
        String file = temp.resolve("chat.session").toString();
        CommandLineRun whole = chat("Once\nupon\n", "--template", "plain");
        CommandLineRun first = chat("Once\n", "--template", "plain", "--save-session", file);
        CommandLineRun second = chat("upon\n", "--template", "plain", "--load-session", file, "--stats");
        assertThat(first.out() + second.out()).isEqualTo(whole.out());
        assertThat(second.err()).containsPattern("\\([1-9]\\d* more in the cache\\)");
        CommandLineRun both = chat("x\n", "--template", "plain", "--load-session", file, "--load", file);
        assertThat(both.exit()).isEqualTo(2);
    }

    @Test
    void commandsAnswerOnStderrAndUnknownOnesDoNotEndTheTalk() {
        CommandLineRun run = chat("/bogus\n/stats\n/system Be kind.\n/reset\n/save\n/load " + temp.resolve("none.json")
                + "\n/help\nOnce\n/exit\nnot read\n", "--template", "plain");
        assertThat(run.exit()).isZero();
        assertThat(run.err()).contains("/bogus is not a command", "speeds are shown", "begins anew", "/save needs a file",
                "no such file", "tokens read at");
        assertThat(run.out()).contains("/system TEXT").doesNotContain("not read");
    }

    @Test
    void reasoningIsShownOrHidden() throws IOException {
        Path template = temp.resolve("thinking.jinja");
        Files.writeString(template, "Once upon a time<think>");
        assertThat(chat("x\n", "--template", template.toString()).out()).startsWith("<think>\n");
        assertThat(chat("x\n", "--template", template.toString(), "--hide-reasoning").out()).isBlank();
    }

    @Test
    void aModelWithoutTemplateAsksForOne() {
        CommandLineRun run = chat("x\n");
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).contains("no chat template", "--template").hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[", "{}", "[1]", "[{\"role\":\"user\"}]", "[{\"role\":\"king\",\"content\":\"x\"}]",
        "[{\"role\":1,\"content\":\"x\"}]", "[{\"role\":\"user\",\"content\":null}]", "[[]]", "[{\"role\":\"user\",\"content\":\"x\"}"})
    void damagedConversationsAreRefused(String json) throws IOException {
        Path file = Files.writeString(temp.resolve("bad.json"), json);
        CommandLineRun run = chat("x\n", "--template", "plain", "--load", file.toString());
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).contains("bad.json").hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nope", "{{ x", "{{ raise_exception('never') }}", "{% for a in range(999999) %}{% for b in range(999999) %}{% endfor %}{% endfor %}"})
    void templatesThatCannotRenderAreRefused(String jinja) throws IOException {
        String template = jinja.equals("nope") ? jinja : Files.writeString(temp.resolve("t.jinja"), jinja).toString();
        CommandLineRun run = chat("x\n", "--template", template);
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).hasLineCount(1).contains("template");
    }

    /** The model's own template: broken, refusing, endless, huge. The way out is named, and it works. */
    @ParameterizedTest
    @ValueSource(strings = {"{{ x", "{{ raise_exception('never') }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(999999) %}{% for b in range(999999) %}{% endfor %}{% endfor %}", "{% include 'other' %}", "huge"})
    void aModelWhoseTemplateCannotRenderNamesTheWayOut(String jinja) {
        Path file = temp.resolve("model.gguf");
        try (Checkpoint story = Checkpoint.open(SharedData.require("models/stories260K/stories260K.F32.gguf"))) {
            GgufWriter writer = new GgufWriter().metadata(story.metadata())
                    .string("tokenizer.chat_template", jinja.equals("huge") ? "x".repeat(3_000_000) : jinja);
            story.tensors().forEach(writer::tensor);
            writer.write(file);
        }
        CommandLineRun run = CommandLineRun.withInput("x\n", "chat", "--model", file.toString(), "-n", "3");
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).hasLineCount(1).contains("template").contains("--template NAME|FILE");
        CommandLineRun other = CommandLineRun.withInput("x\n", "chat", "--model", file.toString(), "-n", "3", "--template",
                "chatml");
        assertThat(other.exit()).isZero();
    }

    @Test
    void aConversationBeyondTheContextIsRefused() {
        CommandLineRun run = chat("word ".repeat(100) + "\n", "--template", "plain", "--ctx", "32");
        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).contains("context of 32");
    }
}
