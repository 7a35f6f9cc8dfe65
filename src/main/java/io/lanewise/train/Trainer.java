package io.lanewise.train;

import io.lanewise.model.LoraAdapter;
import io.lanewise.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Trains a language model from text files: vocabulary, batches, updates, evaluation, checkpoints, export. The same
 * configuration on the same number of threads computes the same numbers, interrupted and resumed or not.
 *
 * <pre>{@code
 * TrainingConfig config = TrainingConfig.builder().text(Path.of("input.txt")).layers(4).width(128).steps(2000).build();
 * try (Trainer trainer = Trainer.begin(config, Path.of("run"), 2)) {
 *     trainer.run(TrainingListener.NONE);
 *     System.out.println(trainer.evaluate());
 * }
 * }</pre>
 *
 * For one thread at a time, but for {@link #stop}.
 */
public final class Trainer implements AutoCloseable {
    private static final long DROPOUT_STREAM = 0x6C62_272E_07BB_0142L;

    private final TrainingConfig config;
    private final RunFolder folder;
    private final Tokenizer tokenizer;
    private final TextCorpus corpus;
    private final TrainableModel model;
    private final TrainingState state;
    private final LossHistory history;
    private final Schedule schedule;
    private final BatchSource batches;
    private final TokenBatch[] microBatches;
    private final Evaluation evaluation;
    private volatile boolean stopping;

    private Trainer(TrainingConfig config, RunFolder folder, Tokenizer tokenizer, int threads) {
        this.config = config;
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.schedule = config.learningRates();
        this.state = new TrainingState(config.seed());
        this.history = LossHistory.open(folder.losses());
        this.corpus = TextCorpus.open(paths(config), tokenizer, config.documents(), config.heldOut(),
                folder.cache());
        this.batches = BatchSource.windows(corpus.train());
        this.microBatches = new TokenBatch[config.accumulate()];
        for (int i = 0; i < microBatches.length; i++) {
            microBatches[i] = new TokenBatch(config.batch(), config.context());
        }
        this.model = TrainableModels.create(config, tokenizer, threads);
        this.evaluation = corpus.validation().size() < 2 ? null
                : new Evaluation(BatchSource.windows(corpus.validation()), config.batch(), config.context(),
                        config.evalBatches());
    }

    /**
     * Begins a run in a folder of its own: trains the vocabulary, tokenises the texts, draws the weights.
     *
     * @throws IllegalArgumentException if a run has begun there already, or a text cannot be used
     */
    public static Trainer begin(TrainingConfig config, Path run, int threads) {
        RunFolder folder = new RunFolder(run);
        if (folder.isUsed()) {
            throw new IllegalArgumentException(
                    run + ": a run has begun here; resume it, or choose another folder for a new one");
        }
        return new Trainer(config, folder, Vocabularies.tokenizer(config), threads);
    }

    /**
     * Goes on from the last checkpoint of a run, with its own configuration.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Trainer resume(Path run, int threads) {
        return resume(run, RunFolder.config(lastOf(run)), threads);
    }

    /** Goes on from the last checkpoint of a run with a configuration that may ask for more steps, say. */
    public static Trainer resume(Path run, TrainingConfig config, int threads) {
        Path last = lastOf(run);
        Trainer trainer = new Trainer(config, new RunFolder(run), RunFolder.tokenizer(last), threads);
        RunFolder.loadWeights(last, trainer.model);
        RunFolder.loadState(last, trainer.model, trainer.state);
        trainer.model.resumeAt(trainer.state.step);
        trainer.history.truncate(trainer.state.step);
        return trainer;
    }

    /** The configuration with which a run was saved last. */
    public static TrainingConfig configOf(Path run) {
        return RunFolder.config(lastOf(run));
    }

    private static Path lastOf(Path run) {
        return CheckpointFolder.find(new RunFolder(run).last()).orElseThrow(() -> new IllegalArgumentException(
                run + ": holds no checkpoint to resume from; expected a folder " + run.resolve("last")));
    }

    /** Trains until all steps are done, patience ends or {@link #stop} is called; saves at the end. */
    public void run(TrainingListener listener) {
        while (!isDone() && !stopping) {
            double loss = step(listener);
            boolean evaluate = state.step % config.evalEvery() == 0 || state.step == config.steps();
            if (evaluate && evaluation != null) {
                evaluate(loss, listener);
            } else {
                history.add(state.step, loss, Double.NaN);
            }
            if (evaluate && config.sampleTokens() > 0) {
                sample(listener);
            }
            int saveEvery = config.saveEvery() == 0 ? config.evalEvery() : config.saveEvery();
            if (state.step % saveEvery == 0) {
                save(listener);
            }
        }
        if (evaluation == null) {
            exportModel();
        }
        save(listener);
    }

    /** Whether all steps are done, or patience has ended. */
    public boolean isDone() {
        return state.step >= config.steps() || outOfPatience();
    }

    private boolean outOfPatience() {
        return config.patience() > 0 && state.evaluationsSinceBest >= config.patience();
    }

    private double step(TrainingListener listener) {
        long start = System.nanoTime();
        int targets = 0;
        for (TokenBatch batch : microBatches) {
            batches.draw(batch, state.random);
            targets += batch.countTargets();
        }
        double sum = 0;
        for (int i = 0; i < microBatches.length; i++) {
            sum += model.forwardBackward(microBatches[i], 1.0 / Math.max(1, targets), dropoutSeed(i));
        }
        double learningRate = schedule.at(state.step);
        double norm = model.update(learningRate);
        state.step++;
        double loss = sum / Math.max(1, targets);
        if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
            throw new IllegalStateException("step " + state.step + " has loss " + loss + " and gradient norm " + norm
                    + ": lower the learning rate (" + config.learningRate() + ") or warm up longer; the last checkpoint"
                    + " is from before");
        }
        listener.updated(state.step, loss, learningRate, norm, targets * 1e9 / (System.nanoTime() - start));
        return loss;
    }

    /** Follows from seed, step and micro-batch alone, so that a resumed run drops the same. */
    private long dropoutSeed(int microBatch) {
        return new RandomState(config.seed() ^ DROPOUT_STREAM ^ state.step * microBatches.length + microBatch)
                .nextLong();
    }

    private void evaluate(double trainLoss, TrainingListener listener) {
        LanguageLoss loss = evaluate();
        history.add(state.step, trainLoss, loss.meanLoss());
        boolean best = loss.meanLoss() < state.bestLoss;
        state.evaluationsSinceBest = best ? 0 : state.evaluationsSinceBest + 1;
        if (best) {
            state.bestLoss = loss.meanLoss();
            RunFolder.save(folder.best(), config, tokenizer.vocabulary(), model, state);
            exportModel();
        }
        listener.evaluated(state.step, loss, best);
    }

    /** The loss on the held-out text. @throws IllegalStateException if none is held out */
    public LanguageLoss evaluate() {
        if (evaluation == null) {
            throw new IllegalStateException("heldOut: no text is held out for evaluation");
        }
        return evaluation.run(model);
    }

    /** The best evaluation of the run, if there was one. */
    public Optional<LanguageLoss> bestEvaluation() {
        return evaluation == null || Double.isInfinite(state.bestLoss) ? Optional.empty()
                : Optional.of(evaluation.of(state.bestLoss));
    }

    /**
     * Evaluates a checkpoint of a run.
     *
     * @param best the best checkpoint where there is one, else the last
     * @param text a text to evaluate on, all of it; null for what the run held out
     */
    public static LanguageLoss evaluate(Path run, boolean best, Path text, int threads) {
        RunFolder folder = new RunFolder(run);
        Path checkpoint = CheckpointFolder.find(best ? folder.best() : folder.last()).orElseGet(() -> lastOf(run));
        TrainingConfig config = RunFolder.config(checkpoint);
        Tokenizer tokenizer = RunFolder.tokenizer(checkpoint);
        List<Path> files = text == null ? paths(config) : List.of(text);
        double heldOut = text == null ? config.heldOut() : 0;
        try (TrainableModel model = TrainableModels.create(config, tokenizer, threads);
                TextCorpus corpus = TextCorpus.open(files, tokenizer, config.documents(), heldOut, folder.cache())) {
            RunFolder.loadWeights(checkpoint, model);
            TokenStream stream = text == null ? corpus.validation() : corpus.train();
            return new Evaluation(BatchSource.windows(stream), config.batch(), config.context(), 0).run(model);
        }
    }

    private static List<Path> paths(TrainingConfig config) {
        return config.text().stream().map(Path::of).toList();
    }

    private void sample(TrainingListener listener) {
        String prompt = config.samplePrompt();
        listener.sampled(state.step, prompt, sample(prompt, config.sampleTokens(), config.sampleTemperature(),
                config.seed() + state.step));
    }

    /** How the model goes on from a prompt; temperature 0 takes the likeliest token. */
    public String sample(String prompt, int tokens, double temperature, long seed) {
        return new TextSampler(model, tokenizer).sample(prompt, tokens, temperature, new RandomState(seed));
    }

    /** Writes the logits [vocabSize] behind the last of {@code ids}, at most as many as the model has positions. */
    public void logits(int[] ids, float[] logits) {
        model.logits(ids, logits);
    }

    /** Saves the run, so that it can be resumed. */
    public void save() {
        save(TrainingListener.NONE);
    }

    /** Adapters, where it is they that learn; else the model, if it is the block that other programs read. */
    private void exportModel() {
        if (config.loraRank() > 0) {
            LoraAdapter.write(folder.adapter(), config.loraAlpha(), config.loraRank(), model.learning());
        } else if (GgufExport.supports(model.config())) {
            exportGguf(folder.model());
        }
    }

    private void save(TrainingListener listener) {
        // Before the checkpoint: a resumed run cuts off what is ahead of it, but could not make up for what is missing.
        history.flush();
        RunFolder.save(folder.last(), config, tokenizer.vocabulary(), model, state);
        listener.saved(state.step, folder.last());
    }

    /** Lets {@link #run} end after the update that it does now. From any thread. */
    public void stop() {
        stopping = true;
    }

    /** Updates done. */
    public long stepsDone() {
        return state.step;
    }

    public TrainingConfig config() {
        return config;
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The folder of the run. */
    public Path folder() {
        return folder.root();
    }

    /** The best model as GGUF, or its adapters as safetensors; where nothing is held out the last. */
    public Optional<Path> exportedModel() {
        return Optional.of(config.loraRank() > 0 ? folder.adapter() : folder.model()).filter(Files::exists);
    }

    public long trainingTokens() {
        return corpus.train().size();
    }

    public long heldOutTokens() {
        return corpus.validation().size();
    }

    /** The losses so far. */
    public LossHistory history() {
        return history;
    }

    /** Weights that learn. */
    public long parameters() {
        return model.learning().values().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
    }

    /**
     * Writes the model as it is now, in F32, adapters merged: Llama blocks as {@code llama}, GPT blocks with GELU as
     * {@code gpt2}. GPT blocks with ReLU have no form that other programs read.
     *
     * @throws IllegalStateException if the model is of such blocks
     */
    public void exportGguf(Path file) {
        if (!GgufExport.supports(model.config())) {
            throw new IllegalStateException("export: GGUF has no architecture for the gpt block with relu; train with "
                    + "--activation gelu (written as gpt2) or --block llama");
        }
        LoraAdapter adapter = config.loraRank() == 0 ? null
                : LoraAdapter.of(config.loraAlpha(), config.loraRank(), model.learning());
        GgufExport.write(file, String.valueOf(folder.root().getFileName()), model.config(), tokenizer.vocabulary(),
                model.weights(), adapter);
    }

    @Override
    public void close() {
        model.close();
        corpus.close();
    }
}
