package io.lanewise.cli;

import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** {@code --model}, and what stands in for it. */
final class ModelOption {
    @Option(names = {"-m", "--model"}, paramLabel = "FILE",
            description = "A GGUF model file (default: weights/" + DefaultModel.NAME + ", packed into engine.jar).")
    private Path file;

    /** The file that was named, or the default model. */
    Path path() throws IOException {
        return file != null ? file : DefaultModel.find().orElseThrow(() -> new UserMistake(
                "no model: name one with --model FILE (there is no default model: this engine was built without weights/"
                        + DefaultModel.NAME + ")"));
    }

    boolean isGiven() {
        return file != null;
    }
}
