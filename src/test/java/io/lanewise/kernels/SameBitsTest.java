package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Results must not depend on how warm the code is: the interpreter and what C2 made of a kernel give the same bits. */
@Timeout(120)
class SameBitsTest {
    private static final int WARM_ROUNDS = 3000;

    @Test
    void interpretedAndCompiledCodeGiveTheSameBits() throws Exception {
        Map<String, Long> cold = SameBits.checksums();
        for (int i = 0; i < WARM_ROUNDS; i++) {
            assertThat(SameBits.checksums()).as("round %d", i).isEqualTo(cold);
        }
        assertThat(interpreted()).isEqualTo(cold);
    }

    /** From a JVM that never compiles. */
    private static Map<String, Long> interpreted() throws Exception {
        String classes = Path.of("target/classes").toAbsolutePath() + java.io.File.pathSeparator
                + Path.of("target/test-classes").toAbsolutePath();
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xint",
                "--add-modules", "jdk.incubator.vector", "-Dlanewise.vectorBits=" + Lanes.BITS, "-cp", classes,
                SameBits.class.getName()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        Map<String, Long> sums = new TreeMap<>();
        child.inputReader().lines().forEach(line -> {
            int space = line.lastIndexOf(' ');
            sums.put(line.substring(0, space), Long.valueOf(line.substring(space + 1)));
        });
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return sums;
    }
}
