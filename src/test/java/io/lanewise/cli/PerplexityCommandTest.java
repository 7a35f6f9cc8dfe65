package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.lanewise.SharedData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class PerplexityCommandTest {
    private static String model() {
        return SharedData.require("models/stories260K/stories260K.F32.gguf").toString();
    }

    private static double figure(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":([-0-9.E]+)").matcher(json);
        assertThat(matcher.find()).as(name + " in " + json).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    private static String story() throws IOException {
        return Files.readString(SharedData.require("models/stories260K/expected-greedy.txt"));
    }

    @Test
    void theModelsOwnStoryHardlySurprisesIt() throws IOException {
        CommandLineRun run = CommandLineRun.withInput(story(), "perplexity", "-m", model(), "--json");

        assertThat(run.exit()).isZero();
        assertThat(figure(run.out(), "perplexity")).isBetween(1.0, 1.7);
        assertThat(figure(run.out(), "nllPerToken"))
                .isCloseTo(Math.log(figure(run.out(), "perplexity")), within(1e-9));
        assertThat(figure(run.out(), "bitsPerByte")).isCloseTo(figure(run.out(), "nllPerToken") / Math.log(2)
                * figure(run.out(), "tokens") / figure(run.out(), "bytes"), within(1e-9));
        assertThat(figure(run.out(), "bytes")).isEqualTo(story().length());
    }

    @Test
    void everyTokenIsForeseenOnceWhateverTheWindows() throws IOException {
        String whole = CommandLineRun.withInput(story(), "perplexity", "-m", model(), "--json").out();

        for (String[] windows : new String[][] {{"16", "8"}, {"50", "1"}, {"33", "32"}, {"2", "1"}}) {
            CommandLineRun run = CommandLineRun.withInput(story(), "perplexity", "-m", model(), "--json", "--ctx",
                    windows[0], "--stride", windows[1]);
            assertThat(figure(run.out(), "tokens")).isEqualTo(figure(whole, "tokens"));
            assertThat(figure(run.out(), "perplexity")).isGreaterThan(figure(whole, "perplexity"));
        }
    }

    @Test
    void theTableNamesItsFigures() throws IOException {
        CommandLineRun run = CommandLineRun.withInput(story(), "perplexity", "-m", model());

        assertThat(run.out()).containsPattern("perplexity     1\\.[0-9]{4}\nbits per byte  0\\.[0-9]{4}\ntokens         [0-9]+");
    }

    @Test
    void windowsThatMakeNoSenseAreRefused() {
        EngineTest.assertMistake(CommandLineRun.withInput("a b", "perplexity", "-m", model(), "--ctx", "513"), "--ctx",
                "512");
        EngineTest.assertMistake(CommandLineRun.withInput("a b", "perplexity", "-m", model(), "--ctx", "8", "--stride",
                "8"), "--stride");
        EngineTest.assertMistake(CommandLineRun.withInput("", "perplexity", "-m", model()), "text", "tokens");
    }

    @Test
    void surpriseIsTheLogarithmOfTheProbability() {
        try (Arena arena = Arena.ofConfined(); Surprise surprise = new Surprise(4)) {
            MemorySegment logits = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 100f, 100f, 100f, 100f);
            assertThat(surprise.at(logits, 2)).isCloseTo(Math.log(4), within(1e-6));

            MemorySegment distant = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f, -500f, -500f, -500f);
            assertThat(surprise.at(distant, 0)).isCloseTo(0, within(1e-6));
            assertThat(surprise.at(distant, 3)).isCloseTo(500, within(1e-6));
        }
    }
}
