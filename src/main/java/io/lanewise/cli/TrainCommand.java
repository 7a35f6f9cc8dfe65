package io.lanewise.cli;

import io.lanewise.train.EventFile;
import io.lanewise.train.LanguageLoss;
import io.lanewise.train.Trainer;
import io.lanewise.train.TrainingBenchmark;
import io.lanewise.train.TrainingConfig;
import io.lanewise.train.TrainingListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train}: from text files to a model, or on from a checkpoint or another model. */
@Command(name = "train", abbreviateSynopsis = true, modelTransformer = TrainFlags.class,
        description = {"Trains a language model on text files. Settings come from --config and from flags; flags win.",
            "Ctrl-C saves; --resume goes on exactly where the run stood."},
        footer = {"", "Examples:",
            "  engine train --text input.txt --out run --steps 2000 --plot loss.png",
            "  engine train --resume run",
            "  engine train --text mine.txt --from model.gguf --lora-rank 8 --out tuned"})
final class TrainCommand extends EngineCommand {
    @Option(names = "--text", paramLabel = "FILE", description = "A UTF-8 text to train on; may be given several times.")
    private List<Path> texts;

    @Option(names = {"-o", "--out"}, paramLabel = "FOLDER",
            description = "Where checkpoints, curve and model go (default: run).")
    private Path out;

    @Option(names = "--resume", paramLabel = "FOLDER", description = "Go on with the run in this folder.")
    private Path resume;

    @Option(names = "--config", paramLabel = "FILE", description = "Settings as JSON or as Java properties.")
    private Path config;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw the loss curve as a PNG picture.")
    private Path plot;

    @Option(names = "--tensorboard", paramLabel = "FOLDER", description = "Write event files that TensorBoard shows.")
    private Path events;

    @Option(names = "--export", paramLabel = "FILE",
            description = "Write the model of the last step as GGUF in F32, beside the best one in the run's folder.")
    private Path export;

    @Option(names = "--bench", paramLabel = "SHAPE",
            description = "Instead of training, time updates on random tokens, as a share of this machine's peak: "
                    + "gpt-10m, gpt2-124m, encoder-3m, or settings for the network of the other flags.")
    private String bench;

    @Option(names = "--bench-seconds", paramLabel = "N", defaultValue = "8",
            description = "How long to warm up, and how long to time (default: 8).")
    private double benchSeconds;

    @Option(names = "--json", description = "The result as JSON.")
    private boolean json;

    @Mixin
    private ThreadsOption threads;

    private final Map<String, String> settings = new LinkedHashMap<>();

    TrainCommand(Console console) {
        super(console);
    }

    /** A flag of {@link TrainFlags}. */
    void set(String name, String value) {
        settings.put(name, value);
    }

    @Override
    void run() throws IOException {
        if (bench != null) {
            benchmark();
            return;
        }
        long start = System.nanoTime();
        try (Trainer trainer = trainer(); EventFile eventFile = events == null ? null : EventFile.create(events)) {
            console.onInterrupt(trainer::stop);
            console.news(Units.format("%s weights, %s tokens to train on, %s held out, vocabulary of %s",
                    Units.grouped(trainer.parameters()), Units.grouped(trainer.trainingTokens()),
                    Units.grouped(trainer.heldOutTokens()), Units.grouped(trainer.tokenizer().vocabSize())));
            long before = trainer.stepsDone();
            try (TrainingBar bar = new TrainingBar(console, before, trainer.config().steps())) {
                trainer.run(new Listener(bar, eventFile));
            }
            if (plot != null) {
                LossPlot.write(trainer.history(), "loss of " + trainer.folder().getFileName(), plot);
            }
            if (export != null) {
                trainer.exportGguf(export);
            }
            report(trainer, (System.nanoTime() - start) / 1e9);
        }
    }

    private void benchmark() {
        TrainingBenchmark.Result result = TrainingBenchmark.run(bench, settings(TrainingConfig.builder()),
                threads.threads(), benchSeconds);
        if (json) {
            console.println(Json.of(Json.fields(result)));
            return;
        }
        console.println(Units.format("%s: %s weights, %s tokens an update, %d threads", result.shape(),
                Units.grouped(result.parameters()), Units.grouped(result.tokens()), result.threads()));
        console.println(Units.format("update: median %.1f ms of %d, %.1f to %.1f", 1e3 * result.medianSeconds(),
                result.updates(), 1e3 * result.leastSeconds(), 1e3 * result.mostSeconds()));
        console.println(Units.format("speed: %s tokens/s, %.0f GFLOP/s; the peak beside it %.0f GFLOP/s",
                Units.grouped(Math.round(result.tokensPerSecond())), result.gigaflops(), result.peakGigaflops()));
        console.println(Units.format("share of the peak: median %.3f, quartiles %.3f and %.3f", result.peakShare(),
                result.lowShare(), result.highShare()));
        console.println(Units.format("memory: %s of Java heap an update, %s of activations",
                Units.bytes(result.heapBytes()), Units.bytes(result.tapeBytes())));
    }

    private Trainer trainer() {
        if (resume != null) {
            if (out != null) {
                throw new UserMistake("--resume goes on in its own folder; leave out --out");
            }
            return Trainer.resume(resume, settings(Trainer.configOf(resume).toBuilder()), threads.threads());
        }
        TrainingConfig wanted = settings(TrainingConfig.builder());
        if (wanted.text().isEmpty()) {
            throw new UserMistake("no text to train on: name one with --text FILE, or a run with --resume FOLDER");
        }
        return Trainer.begin(wanted, out == null ? Path.of("run") : out, threads.threads());
    }

    private TrainingConfig settings(TrainingConfig.Builder builder) {
        if (config != null) {
            builder.file(config);
        }
        if (texts != null) {
            builder.text(texts.toArray(Path[]::new));
        }
        settings.forEach(builder::set);
        return builder.build();
    }

    private void report(Trainer trainer, double seconds) {
        boolean done = trainer.isDone();
        if (!done) {
            console.news("stopped at step " + trainer.stepsDone() + " and saved; go on with: engine train --resume "
                    + trainer.folder());
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("steps", trainer.stepsDone());
        result.put("seconds", Math.round(seconds * 10) / 10.0);
        trainer.bestEvaluation().ifPresent(best -> {
            result.put("bestLoss", best.meanLoss());
            result.put("perplexity", best.perplexity());
            result.put("bitsPerByte", best.bitsPerByte());
        });
        trainer.exportedModel().ifPresent(model -> result.put("model", model.toString()));
        if (json) {
            console.println(Json.of(result));
            return;
        }
        List<String> lines = new ArrayList<>();
        lines.add(Units.format("%d steps, %.1f s", trainer.stepsDone(), seconds));
        trainer.bestEvaluation().ifPresent(best -> lines.add("best on held-out text: " + best));
        trainer.exportedModel().ifPresent(model -> lines.add("model: " + model));
        lines.forEach(console::println);
    }

    /** Shows the run on the terminal and in event files. */
    private final class Listener implements TrainingListener {
        private final TrainingBar bar;
        private final EventFile file;

        Listener(TrainingBar bar, EventFile file) {
            this.bar = bar;
            this.file = file;
        }

        @Override
        public void updated(long step, double loss, double learningRate, double gradientNorm, double tokensPerSecond) {
            bar.at(step, loss, tokensPerSecond);
            if (file != null) {
                file.scalar("loss/train", step, loss);
                file.scalar("learning_rate", step, learningRate);
                file.scalar("gradient_norm", step, gradientNorm);
                file.scalar("tokens_per_second", step, tokensPerSecond);
            }
        }

        @Override
        public void evaluated(long step, LanguageLoss loss, boolean best) {
            news("step " + step + ": held-out " + loss + (best ? ", best so far" : ""));
            if (file != null) {
                file.scalar("loss/held_out", step, loss.meanLoss());
                file.scalar("bits_per_byte", step, loss.bitsPerByte());
            }
        }

        @Override
        public void sampled(long step, String prompt, String continuation) {
            news("step " + step + " writes: " + (prompt + continuation).strip());
        }

        private void news(String line) {
            console.progress("");
            console.news(line);
        }
    }
}
