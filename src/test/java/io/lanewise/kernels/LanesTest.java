package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LanesTest {
    /** Why: see {@link Lanes}. */
    @Test
    void kernelsUseOneSpeciesOfFloatVector() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src/main/java/io/lanewise/kernels"))) {
            List<Path> strays = files.filter(file -> !file.endsWith("Lanes.java")).filter(LanesTest::namesASpecies)
                    .toList();
            assertThat(strays).isEmpty();
        }
    }

    private static boolean namesASpecies(Path file) {
        try {
            return Files.readString(file).contains("FloatVector.SPECIES_");
        } catch (IOException unreadable) {
            throw new AssertionError(unreadable);
        }
    }
}
