package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.GgufWriter;
import io.lanewise.kernels.Quantizer;
import io.lanewise.format.FormatException;
import io.lanewise.model.Decoder;
import io.lanewise.model.LoraAdapter;
import io.lanewise.model.ModelConfig;
import io.lanewise.model.Warmup;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.TensorSource;
import io.lanewise.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A language model: weights and vocabulary. Immutable; load it once and open as many {@link Session sessions} from as
 * many threads as you like.
 */
public final class Model implements AutoCloseable {
    private final Checkpoint checkpoint;
    /** As the file has it, before any conversion. */
    private final Checkpoint original;
    private final LoadOptions options;
    private final Decoder decoder;
    private final Tokenizer tokenizer;
    private final ComputePool pool;
    private final boolean ownsPool;
    private final AtomicInteger openSessions = new AtomicInteger();

    private String fingerprint;

    private Model(Checkpoint checkpoint, Checkpoint original, LoadOptions options, Decoder decoder, Tokenizer tokenizer,
            ComputePool pool, boolean ownsPool) {
        this.checkpoint = checkpoint;
        this.original = original;
        this.options = options;
        this.decoder = decoder;
        this.tokenizer = tokenizer;
        this.pool = pool;
        this.ownsPool = ownsPool;
    }

    /** Loads a model with the default options; errors as {@link #load(Path, LoadOptions)}. */
    public static Model load(Path file) {
        return load(file, LoadOptions.DEFAULT);
    }

    /**
     * Loads a model from a GGUF file, or from a folder of Hugging Face's transformers with {@code config.json},
     * safetensors and {@code tokenizer.json}.
     *
     * @throws io.lanewise.format.FormatException if the file is damaged or not a model that this version runs
     * @throws java.io.UncheckedIOException if it cannot be read
     */
    public static Model load(Path file, LoadOptions options) {
        boolean ownsPool = options.threads() > 0;
        ComputePool pool = ownsPool ? new ComputePool(options.threads()) : ComputePool.shared();
        Checkpoint checkpoint = null;
        try {
            checkpoint = HuggingFaceFolder.is(file) ? HuggingFaceFolder.open(file) : Checkpoint.open(file);
            Checkpoint original = checkpoint;
            Warmup warmup = Warmup.begin(checkpoint, options.type());
            Tokenizer tokenizer = tokenizer(file, checkpoint, options.tokenizer());
            checkTokens(checkpoint, tokenizer);
            if (options.type() != null) {
                checkpoint = converted(checkpoint, options.type(), pool);
            }
            LoraAdapter adapter = options.lora() == null ? null : LoraAdapter.open(options.lora());
            Decoder decoder = Decoder.load(checkpoint, adapter, pool, options.expertsOnDemand());
            warmup.await();
            return new Model(checkpoint, original, options, decoder, tokenizer, pool, ownsPool);
        } catch (Throwable failed) {
            if (checkpoint != null) {
                checkpoint.close();
            }
            if (ownsPool) {
                pool.close();
            }
            throw failed;
        }
    }

    /** Every token must have its row; rows without a token are padding. */
    private static void checkTokens(Checkpoint checkpoint, Tokenizer tokenizer) {
        Shape embedding = checkpoint.tensor("token_embd.weight").shape();
        if (embedding.rank() > 0 && tokenizer.vocabSize() > embedding.dim(0)) {
            throw new FormatException(checkpoint.path(), "tokenizer.ggml.tokens: " + tokenizer.vocabSize()
                    + " tokens, but token_embd.weight " + embedding + " has only " + embedding.dim(0) + " rows");
        }
    }

    /** @param other where to take the vocabulary from, or null for the model's own */
    private static Tokenizer tokenizer(Path file, Checkpoint checkpoint, Path other) {
        if (other == null) {
            return HuggingFaceFolder.tokenizer(file).orElseGet(() -> VocabularyReader.tokenizer(checkpoint));
        }
        if (Files.isDirectory(other) || other.toString().endsWith(".json")) {
            return HuggingFaceTokenizerFile.tokenizer(other);
        }
        try (Checkpoint vocabulary = Checkpoint.open(other)) {
            return VocabularyReader.tokenizer(vocabulary);
        }
    }

    /** The same model with its matrices in another type, each converted when it is packed; the embedding stays. */
    private static Checkpoint converted(Checkpoint checkpoint, DType type, ComputePool pool) {
        List<TensorSource> tensors = checkpoint.tensors().stream().map(tensor -> {
            DType target = Quantizer.typeFor(type, tensor.shape());
            boolean stays = tensor.shape().rank() < 2 || tensor.name().equals("token_embd.weight")
                    || tensor.name().endsWith("ffn_gate_inp.weight");
            return stays || !Quantizer.supports(tensor.dtype(), target) ? tensor
                    : Quantizer.convert(pool, tensor, target);
        }).toList();
        return checkpoint.as(new GgufWriter().metadata(checkpoint.metadata()), tensors);
    }

    /** The model's sizes. */
    public ModelConfig config() {
        return decoder.config();
    }

    /** The model's vocabulary. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The name that the model's file gives it, or else the name of the file. */
    public String name() {
        return checkpoint.metadata().string("general.name", String.valueOf(checkpoint.path().getFileName()));
    }

    /** A hash that tells this model, as it was loaded, from others; the same in every run. */
    synchronized String fingerprint() {
        if (fingerprint == null) {
            fingerprint = Fingerprint.of(original, options.type(), options.lora());
        }
        return fingerprint;
    }

    /** The Jinja template that the model carries for conversations. */
    public Optional<String> chatTemplate() {
        return Optional.ofNullable(checkpoint.metadata().string("tokenizer.chat_template", null));
    }

    /** A conversation of up to 4,096 positions, or the model's own context where that is shorter. */
    public Session newSession() {
        return newSession(SessionOptions.DEFAULT);
    }

    /** A conversation sized as asked; all its memory is allocated here. */
    public Session newSession(SessionOptions options) {
        int contextLength = options.contextFor(config().contextLength());
        int maxRows = Math.min(options.batchRows(), contextLength);
        Session session = new Session(this, decoder, decoder.newState(contextLength, maxRows, options.kvType()));
        openSessions.incrementAndGet();
        return session;
    }

    void sessionClosed() {
        openSessions.decrementAndGet();
    }

    /**
     * Frees the weights.
     *
     * @throws IllegalStateException if sessions are still open
     */
    @Override
    public void close() {
        int open = openSessions.get();
        if (open > 0) {
            throw new IllegalStateException("close: " + open + " sessions of this model are open; close them first");
        }
        decoder.close();
        checkpoint.close();
        if (ownsPool) {
            pool.close();
        }
    }
}
