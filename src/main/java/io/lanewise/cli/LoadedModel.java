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

    @Mixin
    private ThreadsOption threads;

    Model load() throws IOException {
        return Model.load(model.path(), LoadOptions.DEFAULT.withThreads(threads.threads()).withLora(lora));
    }
}
