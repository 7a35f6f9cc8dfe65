package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script, with a java and a mvn that only say how they were called. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
    private record Result(int exit, String out, String err) {
        List<String> arguments() {
            return Arrays.asList(out.split("\u0001", -1)).subList(1, out.split("\u0001", -1).length);
        }

        List<String> programArguments() {
            List<String> all = arguments();
            return all.subList(all.indexOf("-jar") + 2, all.size());
        }
    }

    @TempDir
    Path temp;
    private Path project;
    private Path tools;

    /** A project in a directory with blanks in its name, whose jar is newer than its sources. */
    @BeforeEach
    void makeProject() throws IOException {
        project = Files.createDirectories(temp.resolve("a project"));
        tools = Files.createDirectories(temp.resolve("tools"));
        Files.createDirectories(project.resolve("src/main/java"));
        Files.createDirectories(project.resolve("src/entry/java"));
        Files.writeString(project.resolve("pom.xml"), "<project/>");
        Files.writeString(project.resolve("src/main/java/A.java"), "class A {}");
        Files.createDirectories(project.resolve("target"));
        Files.writeString(jar(), "jar");
        Files.setLastModifiedTime(jar(), FileTime.from(Instant.now().plusSeconds(60)));
        script(project.resolve("engine"), Files.readString(Path.of("engine")));
    }

    private Path jar() {
        return project.resolve("target/engine.jar");
    }

    @Test
    void argumentsArriveUnharmed() throws Exception {
        String[] odd = {"generate", "two  blanks", "", "quote ' and \"", "back\\slash", "*", "$HOME `x`", "line\nbreak",
            "\u00fc \u2603 \ud834\udd1e", "--", "-n", "%s"};

        Result result = run(Map.of("JAVA_HOME", jdk("jdk-25", "25.0.1")), project.resolve("engine"), odd);

        assertThat(result.exit).isZero();
        assertThat(result.err).isEmpty();
        assertThat(result.programArguments()).containsExactly(odd);
        assertThat(result.arguments()).contains("-jar", jar().toRealPath().toString());
    }

    @Test
    void theExitCodeIsThatOfJava() throws Exception {
        String jdk = jdk("jdk-25", "25");
        script(Path.of(jdk, "bin/java"), "#!/bin/sh\nexit 130\n");

        assertThat(run(Map.of("JAVA_HOME", jdk), project.resolve("engine")).exit).isEqualTo(130);
    }

    @Test
    void aSymbolicLinkFindsTheProject() throws Exception {
        Path first = Files.createSymbolicLink(temp.resolve("first"), project.resolve("engine"));
        Path relative = Files.createSymbolicLink(temp.resolve("second"), temp.relativize(first));

        Result result = run(Map.of("JAVA_HOME", jdk("jdk-25", "25")), relative, "x");

        assertThat(result.arguments()).contains(jar().toRealPath().toString());
        assertThat(result.programArguments()).containsExactly("x");
    }

    @Test
    void extraOptionsForTheJvmAreSplitAtBlanks() throws Exception {
        Result result = run(Map.of("JAVA_HOME", jdk("jdk-25", "25"), "LANEWISE_JAVA_OPTS", " -Xmx1g  -Da=*"),
                project.resolve("engine"));

        assertThat(result.arguments()).containsSubsequence("-Xmx1g", "-Da=*", "-jar");
    }

    @Test
    void anArchiveOfClassesIsUsedWhereThereIsOne() throws Exception {
        Map<String, String> environment = Map.of("JAVA_HOME", jdk("jdk-25", "25"));
        assertThat(run(environment, project.resolve("engine")).out).doesNotContain("SharedArchiveFile");

        Path archive = Files.writeString(project.resolve("target/engine.jsa"), "classes");

        assertThat(run(environment, project.resolve("engine")).arguments())
                .contains("-XX:SharedArchiveFile=" + archive.toRealPath());
    }

    @Test
    void withoutMavenAnOldJarStillRuns() throws Exception {
        Files.setLastModifiedTime(jar(), FileTime.from(Instant.now().minusSeconds(60)));
        Map<String, String> environment = Map.of("JAVA_HOME", jdk("jdk-25", "25"), "PATH", toolsWithoutMaven());

        Result result = run(environment, project.resolve("engine"), "x");

        assertThat(result.err).startsWith("engine: running an old target/engine.jar").hasLineCount(1);
        assertThat(result.programArguments()).containsExactly("x");
        Files.delete(jar());
        assertThat(run(environment, project.resolve("engine"), "x").exit).isEqualTo(2);
    }

    /** A folder with the few tools that the script needs. */
    private String toolsWithoutMaven() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("few tools"));
        for (String tool : List.of("sh", "find", "dirname", "readlink", "ln", "rm", "mkdir", "sleep", "touch", "mv")) {
            Path place = Files.exists(Path.of("/bin", tool)) ? Path.of("/bin", tool) : Path.of("/usr/bin", tool);
            script(folder.resolve(tool), "#!/bin/sh\nexec " + place + " \"$@\"\n");
        }
        return folder.toString();
    }

    @Test
    void anOldJavaHomeIsPassedOverForANewerJavaOnThePath() throws Exception {
        String modern = jdk("jdk-26", "26");
        Files.createSymbolicLink(tools.resolve("java"), Path.of(modern, "bin/java"));

        Result result = run(Map.of("JAVA_HOME", jdk("jdk-17", "17.0.9")), project.resolve("engine"));

        assertThat(result.out).startsWith("jdk-26");
        assertThat(result.arguments()).containsSubsequence("--add-modules", "jdk.incubator.vector");
    }

    @Test
    void javaEightIsNotTakenForEighty() throws Exception {
        String old = jdk("jdk-8", "1.8.0_392");

        Result result = run(Map.of("JAVA_HOME", old), project.resolve("engine"));

        assertThat(result.out).doesNotStartWith("jdk-8");
    }

    @Test
    void aJdkInTheHomeDirectoryIsFound() throws Exception {
        Path candidates = Files.createDirectories(temp.resolve(".jdks"));
        Files.move(Path.of(jdk("newest", "99")), candidates.resolve("newest"));

        Result result = run(Map.of(), project.resolve("engine"));

        // Another JDK in a system directory may come first; one of them must be found.
        assertThat(result.err).doesNotContain("needs a JDK");
    }

    @Test
    void aMissingJarIsBuiltOnceWithOneLineOfNews() throws Exception {
        Files.delete(jar());
        Map<String, String> environment = Map.of("JAVA_HOME", jdk("jdk-25", "25"));
        fakeMaven("sleep 1; echo built > target/engine.jar");

        Process other = start(environment, project.resolve("engine"), "other");
        Result result = run(environment, project.resolve("engine"), "mine");
        assertThat(other.waitFor(20, TimeUnit.SECONDS)).isTrue();

        assertThat(Files.readAllLines(temp.resolve("mvn.calls"))).hasSize(1);
        assertThat(result.programArguments()).containsExactly("mine");
        assertThat(result.err + new String(other.getErrorStream().readAllBytes()))
                .isEqualTo("engine: building target/engine.jar, once\n");
        assertThat(project.resolve("target/engine.lock")).doesNotExist();
        assertThat(run(environment, project.resolve("engine"), "again").err).isEmpty();
    }

    @Test
    void aNewerSourceOrARemovedOneBuildsAgain() throws Exception {
        Map<String, String> environment = Map.of("JAVA_HOME", jdk("jdk-25", "25"));
        fakeMaven("echo built > target/engine.jar");
        Files.setLastModifiedTime(jar(), FileTime.from(Instant.now().minusSeconds(60)));
        run(environment, project.resolve("engine"));
        assertThat(Files.readAllLines(temp.resolve("mvn.calls"))).hasSize(1);

        Files.delete(project.resolve("src/main/java/A.java"));
        run(environment, project.resolve("engine"));

        assertThat(Files.readAllLines(temp.resolve("mvn.calls"))).hasSize(2);
    }

    @Test
    void aFailedBuildShowsItsErrors() throws Exception {
        Files.delete(jar());
        fakeMaven("echo '[INFO] noise'; echo '[ERROR] A.java:[1,1] broken'; exit 1");

        Result result = run(Map.of("JAVA_HOME", jdk("jdk-25", "25")), project.resolve("engine"));

        assertThat(result.exit).isEqualTo(1);
        assertThat(result.out).isEmpty();
        assertThat(result.err).contains("[ERROR] A.java:[1,1] broken").contains("engine: the build failed")
                .doesNotContain("noise");
        assertThat(project.resolve("target/engine.lock")).doesNotExist();
    }

    @Test
    void aLockThatADeadBuilderLeftIsTakenOver() throws Exception {
        Files.delete(jar());
        Process gone = new ProcessBuilder("sh", "-c", "exit 0").start();
        gone.waitFor();
        Files.createSymbolicLink(project.resolve("target/engine.lock"), Path.of(Long.toString(gone.pid())));
        fakeMaven("echo built > target/engine.jar");

        assertThat(run(Map.of("JAVA_HOME", jdk("jdk-25", "25")), project.resolve("engine")).exit).isZero();
    }

    /** A directory that looks like a JDK of this version; its java prints the directory's name and its arguments. */
    private String jdk(String name, String version) throws IOException {
        Path home = temp.resolve(name);
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"none\"\nJAVA_VERSION=\"" + version + "\"\n");
        script(home.resolve("bin/java"), "#!/bin/sh\nprintf '%s' " + name + "\nprintf '\\001%s' \"$@\"\n");
        return home.toString();
    }

    private void fakeMaven(String action) throws IOException {
        script(tools.resolve("mvn"), "#!/bin/sh\necho \"$*\" >> '" + temp.resolve("mvn.calls") + "'\ncd '" + project
                + "' || exit 1\n" + action + "\n");
    }

    private static void script(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Process start(Map<String, String> environment, Path engine, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(engine.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(temp.toFile());
        builder.environment().remove("JAVA_HOME");
        builder.environment().put("HOME", temp.toString());
        builder.environment().put("PATH", tools + ":/usr/bin:/bin");
        builder.environment().putAll(environment);
        return builder.start();
    }

    private Result run(Map<String, String> environment, Path engine, String... arguments) throws Exception {
        Process process = start(environment, engine, arguments);
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes());
        String err = new String(process.getErrorStream().readAllBytes());
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), out, err);
    }
}
