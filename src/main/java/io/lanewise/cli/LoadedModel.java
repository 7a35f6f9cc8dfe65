package io.lanewise.cli;

import io.lanewise.generate.LoadOptions;
import io.lanewise.generate.Model;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What commands that run a model have in common: which one, changed by what, on how many threads. */
final class LoadedModel {
    @Mixin
    private ModelOption model;

    @Option(names = "--lora", paramLabel = "FILE", description = "A safetensors file of low-rank adapters for the model.")
    private Path lora;

    @Option(names = "--type", paramLabel = "TYPE",
            description = "Convert the matrices as they are loaded, as to Q8_0 or Q4_K (default: as they are in the file).")
    private String type;

    @Option(names = "--tokenizer", paramLabel = "FILE",
            description = "Take the vocabulary from this GGUF file, tokenizer.json or folder (default: the model's own).")
    private Path tokenizer;

    @Option(names = "--experts-on-demand", description = "Pack the experts of a mixture when a token is first sent to them: "
            + "loads faster, and memory holds only those that are used.")
    private boolean expertsOnDemand;

    @Mixin
    private ThreadsOption threads;

    Model load() throws IOException {
        return Model.load(model.path(), LoadOptions.DEFAULT.withThreads(threads.threads()).withLora(lora)
                .withType(type == null ? null : WeightTypes.of(type)).withTokenizer(tokenizer)
                .withExpertsOnDemand(expertsOnDemand));
    }
}
