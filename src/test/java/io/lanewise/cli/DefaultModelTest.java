package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DefaultModelTest {
    private static final String HOME = "lanewise.home";

    @TempDir
    Path temp;
    private Path model;

    @BeforeEach
    void makeProjectWithAModel() throws IOException {
        System.setProperty(HOME, temp.toString());
        model = Files.createDirectories(temp.resolve("weights")).resolve(DefaultModel.NAME);
        CommandLineRun synth = CommandLineRun.of("synth", "--shape", "stories-260k", "--layers", "1", "--out",
                model.toString());
        assertThat(synth.exit()).isZero();
    }

    @AfterEach
    void forgetProject() {
        System.clearProperty(HOME);
    }

    @Test
    void commandsWithoutAModelTakeTheProjectsOwn() {
        String text = CommandLineRun.of("generate", "-n", "4", "--seed", "1", "-p", "Once").out();

        assertThat(text).startsWith("Once");
        assertThat(CommandLineRun.of("generate", "-m", model.toString(), "-n", "4", "--seed", "1", "-p", "Once").out())
                .isEqualTo(text);
        assertThat(CommandLineRun.of("logits", "--tokens", "1,2", "--last").exit()).isZero();
        assertThat(CommandLineRun.of("tokenize", "--text", "Once").exit()).isZero();
    }

    @Test
    void withoutOneTheMessageSaysSo() throws IOException {
        Files.delete(model);

        EngineTest.assertMistake(CommandLineRun.of("generate", "-p", "Once"), "--model", "no default model",
                "weights/" + DefaultModel.NAME);
    }

    @Test
    void theBuildPacksTheFileOfThatName() throws IOException {
        assertThat(Files.readString(Path.of("pom.xml"))).contains("<resource>" + DefaultModel.RESOURCE + "</resource>");
    }

    @Test
    void aPackedModelIsUnpackedOnce() throws IOException {
        Path cache = temp.resolve("a cache/lanewise");

        Path file = DefaultModel.unpacked(packed(), cache);

        assertThat(file).hasParent(cache).hasSameBinaryContentAs(model);
        Files.setLastModifiedTime(file, FileTime.fromMillis(0));
        assertThat(DefaultModel.unpacked(packed(), cache)).isEqualTo(file);
        assertThat(Files.getLastModifiedTime(file).toMillis()).isZero();
        assertThat(files(cache)).containsExactly(file);
    }

    @Test
    void aDamagedCopyIsReplaced() throws IOException {
        Path cache = temp.resolve("cache");
        Path file = DefaultModel.unpacked(packed(), cache);
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);

        assertThat(DefaultModel.unpacked(packed(), cache)).isEqualTo(file).hasSameBinaryContentAs(model);
    }

    @Test
    void aCacheThatCannotBeWrittenIsDoneWithout() throws IOException {
        Path notAFolder = Files.writeString(temp.resolve("file"), "");

        assertThat(DefaultModel.unpacked(packed(), notAFolder.resolve("cache"))).hasSameBinaryContentAs(model);
    }

    @Test
    void manyAtOnceAllGetAWholeFile() throws Exception {
        Path cache = temp.resolve("cache");
        URL packed = packed();
        Callable<Boolean> unpackAndCompare = () -> Files.mismatch(DefaultModel.unpacked(packed, cache), model) < 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<Boolean> same : threads.invokeAll(List.of(unpackAndCompare, unpackAndCompare, unpackAndCompare,
                    unpackAndCompare, unpackAndCompare, unpackAndCompare, unpackAndCompare, unpackAndCompare))) {
                assertThat(same.get()).isTrue();
            }
        }
        assertThat(files(cache)).hasSize(1);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    /** The model as an entry of a jar, as {@code engine.jar} has it. */
    private URL packed() throws IOException {
        Path jar = temp.resolve("engine.jar");
        if (!Files.exists(jar)) {
            try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
                out.putNextEntry(new JarEntry(DefaultModel.RESOURCE));
                Files.copy(model, out);
                out.closeEntry();
            }
        }
        return URI.create("jar:" + jar.toUri() + "!/" + DefaultModel.RESOURCE).toURL();
    }
}
