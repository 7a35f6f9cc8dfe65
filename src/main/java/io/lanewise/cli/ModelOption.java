package io.lanewise.cli;

import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** {@code --model}, and what stands in for it. */
final class ModelOption {
    @Option(names = {"-m", "--model"}, paramLabel = "MODEL",
            description = "A GGUF file, a folder with config.json and safetensors, or part of the name of a model in "
                    + "$LANEWISE_MODELS or a folder of another tool (default: weights/" + DefaultModel.NAME
                    + ", packed into engine.jar).")
    private Path file;

    /** The file or folder that was named, or the default model. */
    Path path() throws IOException {
        if (file != null) {
            return new LocalModels(System.getenv(), Path.of(System.getProperty("user.home", ""))).find(file);
        }
        return DefaultModel.find().orElseThrow(() -> new UserMistake(
                "no model: name one with --model FILE (there is no default model: this engine was built without weights/"
                        + DefaultModel.NAME + ")"));
    }

    boolean isGiven() {
        return file != null;
    }
}
