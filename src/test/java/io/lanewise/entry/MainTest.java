package io.lanewise.entry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The program as a JVM starts it, with and without the flags that it needs. */
class MainTest {
    private static final String JAVA = Path.of(System.getProperty("java.home"), "bin", "java").toString();

    private record Result(int exit, String out, String err) {}

    @Test
    void withoutTheVectorModuleItNamesTheCommandToUse() throws Exception {
        Result result = run(JAVA, List.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.out).isEmpty();
        assertThat(result.err).isEqualTo("engine: the Vector API module is not enabled; "
                + "run: java --add-modules jdk.incubator.vector -jar engine.jar" + System.lineSeparator());
    }

    @Test
    void withTheVectorModuleItRuns() throws Exception {
        Result result = run(JAVA, List.of("--add-modules", "jdk.incubator.vector"));

        assertThat(result.exit).isZero();
        assertThat(result.out).startsWith("Lanewise ");
    }

    @Test
    void withTheFlagsOfTheLauncherItRunsAndTheJvmWarnsOfNothing() throws Exception {
        Result result = run(JAVA, List.of("-XX:+UnlockExperimentalVMOptions", "-XX:+EnableVectorSupport",
                "-Dlanewise.loadVectorModule=true", "--add-exports", "java.base/jdk.internal.module=ALL-UNNAMED"));

        assertThat(result.err).isEmpty();
        assertThat(result.exit).isZero();
        assertThat(result.out).startsWith("Lanewise ");
    }

    @Test
    void anOldJvmIsToldWhatIsNeeded() throws Exception {
        Path old = Path.of("/usr/lib/jvm/default-java/bin/java").toAbsolutePath();
        for (String name : List.of("java-8-openjdk-amd64", "java-11-openjdk-amd64", "java-17-openjdk-amd64")) {
            Path candidate = Path.of("/usr/lib/jvm", name, "bin", "java");
            old = Files.isExecutable(candidate) ? candidate : old;
        }
        assumeTrue(Files.isExecutable(old), "no older Java in its usual place: what it is told was not tried");

        Result result = run(old.toString(), List.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err).matches("engine: this is Java [0-9]+, Lanewise needs Java 25 or newer; run: .*\\R");
    }

    private static Result run(String java, List<String> flags) throws Exception {
        List<String> command = new ArrayList<>(List.of(java));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "io.lanewise.entry.Main", "--version"));
        Process process = new ProcessBuilder(command).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes());
        String err = new String(process.getErrorStream().readAllBytes());
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), out, err);
    }
}
