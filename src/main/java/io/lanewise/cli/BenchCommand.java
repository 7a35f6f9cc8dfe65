package io.lanewise.cli;

import io.lanewise.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench}: how fast a whole model runs. */
@Command(name = "bench", description = {
        "Measures how fast a model runs: prefill and decode in tokens a second and as shares of what this machine can do",
        "at most (see engine roofline), start-up, memory and garbage. With --shape the model is made of random weights in",
        "a temporary file, so that nothing has to be downloaded."},
        footer = {"", "Shapes: stories-260k, smollm2-135m, llama-3.2-1b, deepseek-r1-distill-qwen-1.5b, deepseek-v2-lite.", "",
            "Examples:", "  engine bench --model model.gguf", "  engine bench --shape smollm2-135m --type Q8_0 -p 512 -n 64",
                "  engine bench --kernels"})
final class BenchCommand extends EngineCommand {
    @Mixin
    private ModelOption model;

    @Option(names = "--shape", paramLabel = "NAME", description = "Random weights in this model's shape, instead of --model.")
    private String shape;

    @Option(names = "--type", paramLabel = "TYPE", description = "With --shape: the type of the matrices (default: F16).")
    private String type;

    @Option(names = "--kernels", description = "The FP32 kernels by themselves instead of a model.")
    private boolean kernels;

    @Option(names = "--layers", paramLabel = "N", description = "With --shape: fewer layers (or more) than the model has.")
    private Integer layers;

    @Option(names = {"-p", "--prompt-tokens"}, paramLabel = "N", defaultValue = "512",
            description = "Positions of a prefill (default: ${DEFAULT-VALUE}).")
    private int prompt;

    @Option(names = {"-n", "--max-tokens"}, paramLabel = "N", defaultValue = "64",
            description = "Tokens decoded in a repetition (default: ${DEFAULT-VALUE}).")
    private int decode;

    @Option(names = {"-r", "--repetitions"}, paramLabel = "N", defaultValue = "3",
            description = "How often both are measured (default: ${DEFAULT-VALUE}).")
    private int repetitions;

    @Option(names = {"-d", "--depth"}, paramLabel = "N", defaultValue = "0",
            description = "Positions in the KV cache before each (default: ${DEFAULT-VALUE}).")
    private int depth;

    @Option(names = {"-c", "--ctx"}, paramLabel = "N", description = "Positions of the KV cache (default: what is needed).")
    private Integer context;

    @Mixin
    private KvTypeOption kvType;

    @Mixin
    private ThreadsOption threads;

    @Option(names = "--json", description = "The figures as JSON.")
    private boolean json;

    BenchCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        ModelBench.Plan plan = plan();
        if (kernels) {
            List<String> lines = KernelBench.run(plan.threads(), repetitions, json, this::progress);
            console.progress("");
            lines.forEach(console::println);
        } else if (shape == null) {
            if (type != null || layers != null) {
                throw new UserMistake((type != null ? "--type" : "--layers")
                        + ": only with --shape, a model file has its own");
            }
            Path file = model.path();
            report(file.getFileName().toString(), bench(plan).run(file, () -> { }));
        } else if (model.isGiven()) {
            throw new UserMistake("--model and --shape exclude each other");
        } else {
            benchRandomModel(plan);
        }
    }

    private ModelBench.Plan plan() {
        require(prompt >= 1, "-p", "1 or more", prompt);
        require(decode >= 1, "-n", "1 or more", decode);
        require(repetitions >= 1, "-r", "1 or more", repetitions);
        require(depth >= 0, "--depth", "0 or more", depth);
        int needed = depth + Math.max(prompt, decode);
        require(context == null || context >= needed, "--ctx", needed + " or more", context);
        return new ModelBench.Plan(prompt, decode, repetitions, depth, context == null ? needed : context,
                threads.threads(), kvType.type());
    }

    private static void require(boolean valid, String option, String expected, Integer actual) {
        if (!valid) {
            throw new UserMistake(option + ": expected " + expected + ", got " + actual);
        }
    }

    private ModelBench bench(ModelBench.Plan plan) {
        return new ModelBench(plan, this::progress);
    }

    private void progress(String what) {
        if (console.interrupted()) {
            throw new IllegalStateException("interrupted");
        }
        console.progress("bench: " + what);
    }

    private void benchRandomModel(ModelBench.Plan plan) throws IOException {
        ModelShape wanted = layers == null ? ModelShape.of(shape) : ModelShape.of(shape).withLayers(layers);
        DType weights = WeightTypes.of(type == null ? "F16" : type);
        Path file = Files.createTempFile("lanewise-bench", ".gguf");
        file.toFile().deleteOnExit();
        console.onInterrupt(() -> { });
        try {
            SynthModel.write(wanted, weights, 1, file, new Progress(console, "making random weights")::at);
            report(wanted.name() + " " + weights, bench(plan).run(file, () -> file.toFile().delete()));
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private void report(String name, ModelBench.Result result) {
        console.progress("");
        if (json) {
            console.println(Json.of(BenchReport.asMap(name, result)));
        } else {
            BenchReport.lines(name, result).forEach(console::println);
        }
    }
}
