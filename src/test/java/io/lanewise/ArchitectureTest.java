package io.lanewise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The house as drawn: which package may import which, who may use the Vector API, and how long a file may get. */
class ArchitectureTest {
    private static final Path SOURCES = Path.of("src/main/java/io/lanewise");
    private static final Pattern IMPORT = Pattern.compile("^import (?:static )?([a-zA-Z0-9_.]+)", Pattern.MULTILINE);
    private static final Pattern OURS = Pattern.compile("\\bio\\.lanewise\\.([a-z]+)\\b");

    /** Each package, low to high, and those of ours that it may import; {@code tensor} is open to all, and whoever
     * runs stages may have the pool handed to it. */
    private static final Map<String, Set<String>> MAY_IMPORT = new LinkedHashMap<>();

    static {
        MAY_IMPORT.put("tensor", Set.of());
        MAY_IMPORT.put("parallel", Set.of());
        MAY_IMPORT.put("tokenizer", Set.of());
        MAY_IMPORT.put("template", Set.of());
        MAY_IMPORT.put("format", Set.of());
        MAY_IMPORT.put("kernels", Set.of("parallel"));
        MAY_IMPORT.put("autograd", Set.of("kernels", "parallel"));
        MAY_IMPORT.put("nn", Set.of("kernels", "autograd", "parallel"));
        // The forward pass calls kernels itself where nn would only hand the call on; see docs/architecture.md.
        MAY_IMPORT.put("model", Set.of("nn", "kernels", "format", "parallel"));
        MAY_IMPORT.put("generate", Set.of("model", "nn", "kernels", "tokenizer", "template", "format",
                "parallel"));
        // Above generate: vocabularies are read and written there, for runs as for models.
        MAY_IMPORT.put("train", Set.of("generate", "model", "nn", "autograd", "kernels", "tokenizer", "format",
                "parallel"));
        MAY_IMPORT.put("embed", Set.of("model", "tokenizer", "format", "parallel"));
        MAY_IMPORT.put("serve", Set.of("generate", "embed", "parallel"));
        MAY_IMPORT.put("cli", Set.copyOf(MAY_IMPORT.keySet()));
    }

    @Test
    void everyPackageStandsInTheTable() throws IOException {
        try (Stream<Path> rooms = Files.list(SOURCES)) {
            assertThat(rooms.filter(Files::isDirectory).map(room -> room.getFileName().toString()))
                    .isSubsetOf(MAY_IMPORT.keySet());
        }
    }

    @Test
    void packagesImportOnlyWhatTheTableAllows() {
        List<String> strays = new ArrayList<>();
        for (String room : MAY_IMPORT.keySet()) {
            for (Path file : sources(room)) {
                Matcher names = OURS.matcher(withoutComments(read(file)));
                while (names.find()) {
                    String other = names.group(1);
                    if (!other.equals(room) && !other.equals("tensor") && !MAY_IMPORT.get(room).contains(other)) {
                        strays.add(file + " uses " + other);
                    }
                }
            }
        }
        assertThat(strays).isEmpty();
    }

    @Test
    void onlyKernelsUseTheVectorApi() {
        for (String room : MAY_IMPORT.keySet()) {
            if (!room.equals("kernels")) {
                assertThat(sources(room)).allSatisfy(file -> assertThat(imports(file))
                        .noneMatch(name -> name.startsWith("jdk.incubator.vector")));
            }
        }
    }

    /**
     * A helper that takes or gives vectors is inlined or not as the order of compilations has it, and where it is not, every
     * vector is an object. Only what static fields are made with may be such a method.
     */
    @Test
    void noMethodOfAKernelTakesOrGivesVectors() throws ClassNotFoundException {
        Set<String> forStaticFields = Set.of("FloatTranspose.zip", "Floats.from");
        List<String> strays = new ArrayList<>();
        for (Path file : sources("kernels")) {
            String name = file.getFileName().toString().replace(".java", "");
            if (name.equals("package-info")) {
                continue;
            }
            Class<?> kernel = Class.forName("io.lanewise.kernels." + name, false, getClass().getClassLoader());
            for (Method method : kernel.getDeclaredMethods()) {
                boolean vectors = Stream.concat(Stream.of(method.getReturnType()), Stream.of(method.getParameterTypes()))
                        .anyMatch(type -> type.getName().startsWith("jdk.incubator.vector")
                                && !type.getSimpleName().equals("VectorSpecies"));
                if (vectors && !forStaticFields.contains(name + "." + method.getName())) {
                    strays.add(name + "." + method.getName() + ": write it out where it is used");
                }
            }
        }
        assertThat(strays).isEmpty();
    }

    @Test
    void librariesOfTheCommandLineStayThere() {
        for (String room : MAY_IMPORT.keySet()) {
            if (!room.equals("cli")) {
                assertThat(sources(room)).allSatisfy(file -> assertThat(imports(file)).noneMatch(
                        name -> name.startsWith("picocli") || name.startsWith("org.HdrHistogram")
                                || name.startsWith("me.tongfei") || name.startsWith("org.knowm")));
            }
        }
    }

    @Test
    void filesStayShort() {
        for (String room : MAY_IMPORT.keySet()) {
            int limit = room.equals("kernels") ? 1000 : 500;
            assertThat(sources(room)).allSatisfy(
                    file -> assertThat(read(file).lines().count()).isLessThanOrEqualTo(limit));
        }
    }

    @Test
    void theScanSeesCodeAndNotComments() {
        assertThat(OURS.matcher("import io.lanewise.serve.Server;").results().map(hit -> hit.group(1)))
                .containsExactly("serve");
        assertThat(withoutComments("/** io.lanewise.cli */ int a; // io.lanewise.cli")).doesNotContain("lanewise");
    }

    private static List<String> imports(Path file) {
        return IMPORT.matcher(read(file)).results().map(hit -> hit.group(1)).toList();
    }

    private static String withoutComments(String source) {
        return source.replaceAll("(?s)/\\*.*?\\*/", "").replaceAll("(?m)//.*$", "");
    }

    private static List<Path> sources(String room) {
        Path directory = SOURCES.resolve(room);
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(".java")).toList();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException unreadable) {
            return fail("cannot read " + file, unreadable);
        }
    }
}
