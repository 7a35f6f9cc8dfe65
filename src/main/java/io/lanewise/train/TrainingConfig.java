package io.lanewise.train;

import io.lanewise.kernels.Activation;
import io.lanewise.nn.NetworkConfig;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Everything that decides what a run computes. Made with {@link #builder}, from a JSON or properties file, or by the flags
 * of {@code engine train}, which bear the same names; saved with every checkpoint. Zero stands for "by default" where the
 * text says so.
 */
public record TrainingConfig(
        @Setting("Text files to train on, UTF-8.") List<String> text,
        @Setting("What parts documents: none, file, line or paragraph; each gets an end-of-text token.")
        TextCorpus.Documents documents,
        @Setting(value = "The last part of each file that is held out for evaluation.", min = 0, max = 0.99)
        double heldOut,
        @Setting("How text becomes tokens: bpe or chars, trained on the text; a model of --from brings its own.")
        VocabularyKind vocabulary,
        @Setting(value = "Tokens of a bpe vocabulary.", min = 257, max = 1_000_000) int vocabSize,

        @Setting("A GGUF or safetensors model to go on training from, instead of random weights.") String from,
        @Setting("A GGUF file to take the vocabulary from, where the model of --from has none or there is no --from.")
        String vocabularyFrom,
        @Setting(value = "Rank of LoRA adapters on a frozen model of --from; 0 trains all weights.", min = 0,
                max = 4096) int loraRank,
        @Setting(value = "What LoRA's product is multiplied by, times the rank.", min = 0) double loraAlpha,
        @Setting("Matrices that get adapters, of attn_q, attn_k, attn_v, attn_output, ffn_gate, ffn_up, ffn_down.")
        List<String> loraTargets,

        @Setting("The kind of block: llama (RMSNorm, RoPE, SwiGLU) or gpt (LayerNorm, learned positions).")
        BlockKind block,
        @Setting("Between the matrices of gpt's feed-forward: relu, or gelu, with which GGUF files hold it as gpt2.")
        ActivationKind activation,
        @Setting(value = "Blocks.", min = 1, max = 1024) int layers,
        @Setting(value = "Width of the residual stream.", min = 2, max = 65_536) int width,
        @Setting(value = "Attention heads.", min = 1, max = 1024) int heads,
        @Setting(value = "Heads of keys and values; 0 for as many as heads.", min = 0, max = 1024) int kvHeads,
        @Setting(value = "Hidden width of the feed-forward; 0 for 4 x width (gpt) or 8/3 x width (llama).", min = 0,
                max = 1_000_000) int ffnWidth,
        @Setting(value = "Positions that the model sees.", min = 1, max = 1_000_000) int context,
        @Setting("The output matrix is the embedding.") boolean tied,
        @Setting(value = "Share of activations that are dropped in training.", min = 0, max = 0.95) double dropout,
        @Setting("Forget what attention and feed-forward compute, and compute it again for the gradient: less memory.")
        boolean recompute,

        @Setting(value = "Updates of the weights.", min = 1) long steps,
        @Setting(value = "Rows a micro-batch, each of context positions.", min = 1, max = 1_000_000) int batch,
        @Setting(value = "Micro-batches an update.", min = 1, max = 1_000_000) int accumulate,
        @Setting("The optimiser: adamw or sgd.") OptimizerKind optimizer,
        @Setting(value = "The highest learning rate.", min = 0) double learningRate,
        @Setting(value = "Where a cosine schedule ends.", min = 0) double minLearningRate,
        @Setting(value = "Updates over which the learning rate rises.", min = 0) int warmup,
        @Setting("What follows the warm-up: cosine or constant.") Schedule.Kind schedule,
        @Setting(value = "Decay of Adam's mean; momentum of sgd.", min = 0, max = 0.999999) double beta1,
        @Setting(value = "Decay of Adam's variance.", min = 0, max = 0.999999) double beta2,
        @Setting(value = "Decoupled decay of matrices; norms, biases and embeddings have none.", min = 0)
        double weightDecay,
        @Setting(value = "Greatest global norm of the gradient; 0 for any.", min = 0) double clip,
        @Setting("Seed of weights, batches and dropout.") long seed,

        @Setting(value = "Updates between evaluations.", min = 1) int evalEvery,
        @Setting(value = "Batches of held-out text an evaluation; 0 for all.", min = 0) int evalBatches,
        @Setting(value = "Updates between checkpoints; 0 for every evaluation.", min = 0) int saveEvery,
        @Setting(value = "Evaluations without a better loss after which the run stops; 0 for never.", min = 0)
        int patience,
        @Setting(value = "Tokens of the sample that is printed at every evaluation; 0 for none.", min = 0)
        int sampleTokens,
        @Setting("What a sample begins with.") String samplePrompt,
        @Setting(value = "Temperature of samples.", min = 0, max = 100) double sampleTemperature) {

    /** How text becomes tokens. */
    public enum VocabularyKind { BPE, CHARS }

    /** The two ready blocks. */
    public enum BlockKind { LLAMA, GPT }

    /** Activations of the gpt block; GELU is the tanh form. */
    public enum ActivationKind { RELU, GELU }

    /** The optimisers. */
    public enum OptimizerKind { ADAMW, SGD }

    /** A small Llama on byte-level BPE: minutes on a laptop. */
    public static final TrainingConfig DEFAULT = new TrainingConfig(
            List.of(), TextCorpus.Documents.NONE, 0.1, VocabularyKind.BPE, 1024,
            "", "", 0, 16, List.of("attn_q", "attn_v"),
            BlockKind.LLAMA, ActivationKind.RELU, 4, 128, 4, 0, 0, 128, true, 0, false,
            2000, 16, 1, OptimizerKind.ADAMW, 1e-3, 1e-4, 100, Schedule.Kind.COSINE, 0.9, 0.99, 0.1, 1, 1337,
            250, 0, 0, 0, 0, "\n", 0.8);

    /** @throws IllegalArgumentException naming the setting that is out of range */
    public TrainingConfig {
        text = List.copyOf(text);
        loraTargets = List.copyOf(loraTargets);
        if (width % heads != 0 || block == BlockKind.LLAMA && width / heads % 2 != 0) {
            throw new IllegalArgumentException("heads: width " + width + " must be " + heads
                    + " heads of equal" + (block == BlockKind.LLAMA ? ", even" : "") + " width");
        }
        if (kvHeads > 0 && heads % kvHeads != 0) {
            throw new IllegalArgumentException("kvHeads: expected a divisor of the " + heads + " heads, got " + kvHeads);
        }
        if (minLearningRate > learningRate || learningRate == 0) {
            throw new IllegalArgumentException("minLearningRate: expected at most learningRate, and that above 0, got "
                    + minLearningRate + " and " + learningRate);
        }
    }

    /** Begins with {@link #DEFAULT}. */
    public static Builder builder() {
        return DEFAULT.toBuilder();
    }

    /** Begins with these settings. */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Reads a {@code .json} or {@code .properties} file; what it does not name is as in {@link #DEFAULT}. */
    public static TrainingConfig read(Path file) {
        return builder().file(file).build();
    }

    /** All settings as JSON, a line each. */
    public String toJson() {
        return Settings.toJson(this);
    }

    /** The learning rates of the run. */
    public Schedule learningRates() {
        return new Schedule(schedule, learningRate, schedule == Schedule.Kind.COSINE ? minLearningRate : 0, warmup,
                Math.toIntExact(steps));
    }

    /** Hidden width of the feed-forward, worked out where it is 0: llama's 8/3 of the width, up to a multiple of 32. */
    int ffnDim() {
        if (ffnWidth > 0) {
            return ffnWidth;
        }
        return block == BlockKind.GPT ? 4 * width : (8 * width / 3 + 31) / 32 * 32;
    }

    /** The network with random weights that the settings ask for. */
    NetworkConfig network(int vocabSize) {
        NetworkConfig base = block == BlockKind.GPT ? NetworkConfig.gpt(vocabSize, width, layers, heads, context)
                : NetworkConfig.llama(vocabSize, width, layers, heads, heads, ffnDim(), context);
        return base.with(change -> {
            change.nKvHeads = kvHeads == 0 ? heads : kvHeads;
            change.ffnDim = ffnDim();
            change.tiedHead = tied;
            change.dropout = (float) dropout;
            if (block == BlockKind.GPT && activation == ActivationKind.GELU) {
                change.act = Activation.GELU_TANH;
            }
        });
    }

    /** Gathers settings; each method sets the one of its name. */
    public static final class Builder {
        private final Map<String, Object> values;

        private Builder(TrainingConfig config) {
            values = Settings.toMap(config);
        }

        /** Sets what a {@code .json} or {@code .properties} file names. Errors name the file and the setting. */
        public Builder file(Path file) {
            values.putAll(SettingsFile.read(file));
            return this;
        }

        /** Sets one by its name from text, as a flag does. @throws IllegalArgumentException if it cannot be that */
        public Builder set(String name, String value) {
            values.put(name, Settings.parse(name, value));
            return this;
        }

        public Builder text(Path... files) {
            return put("text", Arrays.stream(files).map(Path::toString).toList());
        }

        public Builder documents(TextCorpus.Documents border) {
            return put("documents", border);
        }

        public Builder heldOut(double fraction) {
            return put("heldOut", fraction);
        }

        public Builder vocabulary(VocabularyKind kind) {
            return put("vocabulary", kind);
        }

        public Builder vocabSize(int tokens) {
            return put("vocabSize", tokens);
        }

        public Builder from(Path model) {
            return put("from", model.toString());
        }

        public Builder vocabularyFrom(Path gguf) {
            return put("vocabularyFrom", gguf.toString());
        }

        public Builder lora(int rank, double alpha, String... targets) {
            return put("loraRank", rank).put("loraAlpha", alpha).put("loraTargets", List.of(targets));
        }

        public Builder block(BlockKind kind) {
            return put("block", kind);
        }

        public Builder activation(ActivationKind kind) {
            return put("activation", kind);
        }

        public Builder layers(int count) {
            return put("layers", count);
        }

        public Builder width(int width) {
            return put("width", width);
        }

        public Builder heads(int count) {
            return put("heads", count);
        }

        public Builder kvHeads(int count) {
            return put("kvHeads", count);
        }

        public Builder ffnWidth(int width) {
            return put("ffnWidth", width);
        }

        public Builder context(int positions) {
            return put("context", positions);
        }

        public Builder tied(boolean tied) {
            return put("tied", tied);
        }

        public Builder dropout(double share) {
            return put("dropout", share);
        }

        public Builder recompute(boolean wanted) {
            return put("recompute", wanted);
        }

        public Builder steps(long count) {
            return put("steps", count);
        }

        public Builder batch(int rows) {
            return put("batch", rows);
        }

        public Builder accumulate(int microBatches) {
            return put("accumulate", microBatches);
        }

        public Builder optimizer(OptimizerKind kind) {
            return put("optimizer", kind);
        }

        public Builder learningRate(double highest, double lowest) {
            return put("learningRate", highest).put("minLearningRate", lowest);
        }

        public Builder warmup(int updates) {
            return put("warmup", updates);
        }

        public Builder schedule(Schedule.Kind kind) {
            return put("schedule", kind);
        }

        public Builder betas(double beta1, double beta2) {
            return put("beta1", beta1).put("beta2", beta2);
        }

        public Builder weightDecay(double decay) {
            return put("weightDecay", decay);
        }

        public Builder clip(double norm) {
            return put("clip", norm);
        }

        public Builder seed(long seed) {
            return put("seed", seed);
        }

        public Builder evalEvery(int updates) {
            return put("evalEvery", updates);
        }

        public Builder evalBatches(int batches) {
            return put("evalBatches", batches);
        }

        public Builder saveEvery(int updates) {
            return put("saveEvery", updates);
        }

        public Builder patience(int evaluations) {
            return put("patience", evaluations);
        }

        public Builder sample(String prompt, int tokens, double temperature) {
            return put("samplePrompt", prompt).put("sampleTokens", tokens).put("sampleTemperature", temperature);
        }

        private Builder put(String name, Object value) {
            values.put(name, value);
            return this;
        }

        /** @throws IllegalArgumentException naming a setting that is out of range */
        public TrainingConfig build() {
            return Settings.toConfig(values);
        }
    }
}
