package io.lanewise.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code synth}: a model file of random weights. */
@Command(name = "synth", description = {
        "Writes a GGUF file of random weights in a real model's shape, for benchmarks without downloads.",
        "Shapes: stories-260k, smollm2-135m, llama-3.2-1b, deepseek-r1-distill-qwen-1.5b,",
        "deepseek-v2-lite."},
        footer = {"", "Example:", "  engine synth --shape smollm2-135m --type F16 --out smollm2.gguf"})
final class SynthCommand extends EngineCommand {
    @Option(names = "--shape", required = true, paramLabel = "NAME", description = "Which model's shape.")
    private String shape;

    @Option(names = "--type", defaultValue = "F16", paramLabel = "TYPE",
            description = "Type of the matrices, as F32, BF16, Q8_0 or Q4_K (default: ${DEFAULT-VALUE}).")
    private String type;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "The file to write.")
    private Path out;

    @Option(names = "--layers", paramLabel = "N", description = "Fewer layers (or more) than the model has.")
    private Integer layers;

    @Option(names = "--seed", defaultValue = "1", paramLabel = "N",
            description = "The same seed gives the same file (default: ${DEFAULT-VALUE}).")
    private long seed;

    SynthCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws Exception {
        ModelShape full = ModelShape.of(shape);
        ModelShape wanted = layers == null ? full : full.withLayers(layers);
        console.onInterrupt(() -> { });
        long start = System.nanoTime();
        SynthModel.write(wanted, WeightTypes.of(type), seed, out, new Progress(console, "writing " + out)::at);
        double seconds = (System.nanoTime() - start) / 1e9;
        console.progress("");
        console.news(Units.format("%s: %s in %.1f s", out, Units.bytes(Files.size(out)), seconds));
    }
}
