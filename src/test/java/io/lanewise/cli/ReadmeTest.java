package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import io.lanewise.example.Story;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What README and docs show is what there is. */
class ReadmeTest {
    private static final Path EXAMPLE = Path.of("src/test/java/io/lanewise/example/Story.java");

    static Stream<Path> pages() throws IOException {
        try (Stream<Path> docs = Files.list(Path.of("docs"))) {
            return Stream.concat(Stream.of(Path.of("README.md")),
                    docs.filter(page -> page.toString().endsWith(".md")).toList().stream());
        }
    }

    @Test
    void theLibraryExampleIsTheCompiledOne() throws IOException {
        String source = Files.readString(EXAMPLE);

        assertThat(blocks(Path.of("README.md"), "java")).hasSize(1).first()
                .isEqualTo(source.substring(source.indexOf("import ")));
    }

    @Test
    void theLibraryExampleRuns() {
        String model = SharedData.require("models/stories260K/stories260K.F32.gguf").toString();
        PrintStream stdout = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            Story.main(new String[] {model});
        } finally {
            System.setOut(stdout);
        }

        assertThat(printed.toString(StandardCharsets.UTF_8)).startsWith(", there was a little girl named Lily.");
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyLinkedFileExists(Path page) throws IOException {
        Path folder = page.toAbsolutePath().getParent();

        assertThat(matches(Files.readString(page), "\\]\\(([^)#:]+)(?:#[^)]*)?\\)"))
                .allSatisfy(link -> assertThat(folder.resolve(link)).exists());
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyCommandShownHasItsOptions(Path page) throws IOException {
        for (String line : matches(String.join("\n", blocks(page, "sh")), "(?m)^\\./engine (.*)$")) {
            String command = line.split(" ")[0];
            if (!command.startsWith("-")) {
                CommandLineRun help = CommandLineRun.of(command, "--help");
                assertThat(help.exit()).as(line).isZero();
                assertThat(matches(line, "(?<= )(--?[a-z][a-z-]*)")).as(line)
                        .allSatisfy(option -> assertThat(help.out()).containsPattern("[ ,]" + option + "[ =,\\]]"));
            }
        }
    }

    @Test
    void theIndexOfDocsNamesEveryPage() throws IOException {
        String index = Files.readString(Path.of("docs/README.md"));

        assertThat(pages().map(page -> page.getFileName().toString()).filter(name -> !name.equals("README.md")))
                .allSatisfy(name -> assertThat(index).contains("(" + name + ")"));
    }

    private static List<String> blocks(Path page, String language) throws IOException {
        return Pattern.compile("(?ms)^```" + language + "\n(.*?)^```").matcher(Files.readString(page)).results()
                .map(block -> block.group(1)).toList();
    }

    private static List<String> matches(String text, String pattern) {
        return Pattern.compile(pattern).matcher(text).results().map((MatchResult match) -> match.group(1)).toList();
    }
}
