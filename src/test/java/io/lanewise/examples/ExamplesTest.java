package io.lanewise.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The examples run and reach what they promise, with fewer steps than they take by default. */
class ExamplesTest {
    private interface Main {
        void run() throws IOException;
    }

    @Test
    void digitsAreRecognised() {
        Path file = SharedData.require("data/digits/digits.csv.gz");
        String printed = printed(() -> Digits.main(new String[] {file.toString(), "12"}));
        assertThat(number(printed, "accuracy ([0-9.]+)")).isGreaterThan(0.85);
        assertThat(number(printed, "F1 ([0-9.]+)")).isGreaterThan(0.85);
    }

    @Test
    void theSmallEncoderLearnsItsBatch() {
        String printed = printed(() -> SmallEncoder.main(new String[] {"12"}));
        assertThat(number(printed, "step 0 loss ([0-9.]+)")).isBetween(6.5, 7.5);
        assertThat(number(printed, "step 9 loss ([0-9.]+)")).isLessThan(1.2);
    }

    @Test
    void selfAttentionBeatsPopularity() {
        String printed = printed(() -> Recommendation.main(new String[] {"200"}));
        double popular = number(printed, "most popular: HR@10 ([0-9.]+)");
        assertThat(number(printed, "self-attention: HR@10 ([0-9.]+)")).isGreaterThan(2 * popular);
    }

    @Test
    @Tag("slow")
    void translationLearnsSomeSpanish() {
        Path file = SharedData.require("data/bible-en-es/kjv-rv1909.tsv");
        String printed = printed(() -> Translation.main(new String[] {file.toString(), "800"}));
        assertThat(number(printed, "chrF ([0-9.]+)")).isGreaterThan(15);
    }

    @Test
    void everyExampleIsShort() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src/examples/java"))) {
            assertThat(files.filter(Files::isRegularFile)).isNotEmpty().allSatisfy(
                    file -> assertThat(Files.readAllLines(file)).hasSizeLessThan(150));
        }
    }

    private static String printed(Main main) {
        PrintStream stdout = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            main.run();
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } finally {
            System.setOut(stdout);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static double number(String printed, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(printed);
        assertThat(matcher.find()).as("'%s' in:%n%s", pattern, printed).isTrue();
        return Double.parseDouble(matcher.group(1));
    }
}
