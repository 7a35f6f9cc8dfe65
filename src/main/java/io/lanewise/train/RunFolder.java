package io.lanewise.train;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.format.SafetensorsWriter;
import io.lanewise.generate.VocabularyReader;
import io.lanewise.generate.VocabularyWriter;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Vocabulary;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The files of a run: checkpoints {@code last} and {@code best}, the curve {@code loss.csv}, the best model as
 * {@code model.gguf} or its adapters as {@code adapter.safetensors}, and the cache of tokens. A checkpoint is a folder of
 *
 * <ul>
 * <li>{@code config.json}: the {@link TrainingConfig};</li>
 * <li>{@code vocabulary.gguf}: the vocabulary, as GGUF metadata without tensors;</li>
 * <li>{@code model.safetensors}: the weights that learn, by canonical name;</li>
 * <li>{@code optimizer.safetensors}: what the optimiser remembers, and the {@link TrainingState} as metadata.</li>
 * </ul>
 */
final class RunFolder {
    private static final String CONFIG = "config.json";
    private static final String VOCABULARY = "vocabulary.gguf";
    private static final String WEIGHTS = "model.safetensors";
    private static final String OPTIMIZER = "optimizer.safetensors";

    private final Path root;

    RunFolder(Path root) {
        this.root = root;
    }

    Path last() {
        return root.resolve("last");
    }

    Path best() {
        return root.resolve("best");
    }

    Path losses() {
        return root.resolve("loss.csv");
    }

    Path model() {
        return root.resolve("model.gguf");
    }

    Path adapter() {
        return root.resolve("adapter.safetensors");
    }

    Path cache() {
        return root.resolve("cache");
    }

    Path root() {
        return root;
    }

    /** Saves a checkpoint over the one that is there; a kill at any moment leaves one of the two. */
    static void save(Path folder, TrainingConfig config, Vocabulary vocabulary, TrainableModel model,
            TrainingState state) {
        CheckpointFolder.replace(folder, part -> {
            CheckpointFolder.write(part.resolve(CONFIG), config.toJson());
            GgufWriter tokens = new GgufWriter();
            VocabularyWriter.write(vocabulary, tokens);
            tokens.write(part.resolve(VOCABULARY));
            SafetensorsWriter weights = new SafetensorsWriter();
            add(weights, model.learning());
            weights.write(part.resolve(WEIGHTS));
            SafetensorsWriter optimizer = new SafetensorsWriter();
            add(optimizer, model.optimizerState());
            state.write(optimizer);
            optimizer.write(part.resolve(OPTIMIZER));
        });
    }

    private static void add(SafetensorsWriter out, Map<String, Tensor> tensors) {
        tensors.forEach((name, tensor) -> out.tensor(name, DType.F32, tensor.shape(),
                (offset, chunk) -> MemorySegment.copy(tensor.segment(), offset, chunk, 0, chunk.byteSize())));
    }

    /** The configuration of a checkpoint. */
    static TrainingConfig config(Path checkpoint) {
        return TrainingConfig.read(checkpoint.resolve(CONFIG));
    }

    /** The tokenizer of a checkpoint. */
    static Tokenizer tokenizer(Path checkpoint) {
        try (Checkpoint file = Checkpoint.open(checkpoint.resolve(VOCABULARY))) {
            return VocabularyReader.tokenizer(file);
        }
    }

    /** Fills the weights that learn from a checkpoint. */
    static void loadWeights(Path checkpoint, TrainableModel model) {
        load(checkpoint.resolve(WEIGHTS), model.learning(), null);
    }

    /** Fills what the optimiser remembers, and where the run stands. */
    static void loadState(Path checkpoint, TrainableModel model, TrainingState state) {
        load(checkpoint.resolve(OPTIMIZER), model.optimizerState(), state);
    }

    private static void load(Path path, Map<String, Tensor> tensors, TrainingState state) {
        try (Checkpoint file = Checkpoint.open(path)) {
            tensors.forEach((name, tensor) -> {
                TensorSource source = file.tensor(name);
                Shape shape = source.shape();
                if (source.dtype() != DType.F32 || !shape.equals(tensor.shape())) {
                    throw new FormatException(path, "tensor " + name + " is " + source.dtype() + " " + shape
                            + "; the configuration asks for F32 " + tensor.shape());
                }
                source.read(0, tensor.segment());
            });
            if (state != null) {
                state.read(file.metadata());
            }
        }
    }

    /** Whether a run has begun here. */
    boolean isUsed() {
        return Files.exists(losses()) || CheckpointFolder.find(last()).isPresent();
    }
}
