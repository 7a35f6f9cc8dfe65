package io.lanewise;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Test data that is too large, or another's, to lie in this repository: a folder beside the project. */
public final class SharedData {
    private SharedData() {
    }

    /** {@code ../shared/relative}, or that under {@code -Dlanewise.shared}; where it is missing the test is skipped. */
    public static Path require(String relative) {
        Path path = Path.of(System.getProperty("lanewise.shared", "../shared"), relative);
        Assumptions.assumeTrue(Files.exists(path), () -> "needs " + path.toAbsolutePath().normalize()
                + "; point -Dlanewise.shared at the folder of shared test data");
        return path;
    }
}
