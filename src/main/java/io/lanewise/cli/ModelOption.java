package io.lanewise.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** {@code --model}, and what stands in for it. */
final class ModelOption {
    @Option(names = {"-m", "--model"}, paramLabel = "FILE",
            description = "A GGUF model file (default: the one in weights/).")
    private Path file;

    /** The file that was named, or the first GGUF file in the project's {@code weights} folder. */
    Path path() throws IOException {
        if (file != null) {
            return file;
        }
        Path weights = Path.of(System.getProperty("lanewise.home", ""), "weights");
        if (Files.isDirectory(weights)) {
            try (Stream<Path> files = Files.list(weights)) {
                List<Path> models = files.filter(path -> path.toString().endsWith(".gguf")).sorted().toList();
                if (!models.isEmpty()) {
                    return models.getFirst();
                }
            }
        }
        throw new UserMistake("no model: name one with --model FILE (there is no GGUF file in " + weights + ")");
    }

    boolean isGiven() {
        return file != null;
    }
}
