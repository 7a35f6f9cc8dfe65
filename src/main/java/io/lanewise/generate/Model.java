package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.model.Decoder;
import io.lanewise.model.LoraAdapter;
import io.lanewise.model.ModelConfig;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Shape;
import io.lanewise.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A language model: weights and vocabulary. Immutable; load it once and open as many {@link Session sessions} from as
 * many threads as you like.
 */
public final class Model implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Decoder decoder;
    private final Tokenizer tokenizer;
    private final ComputePool pool;
    private final boolean ownsPool;
    private final AtomicInteger openSessions = new AtomicInteger();

    private Model(Checkpoint checkpoint, Decoder decoder, Tokenizer tokenizer, ComputePool pool, boolean ownsPool) {
        this.checkpoint = checkpoint;
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
     * Loads a model from a GGUF file.
     *
     * @throws io.lanewise.format.FormatException if the file is damaged or not a model that this version runs
     * @throws java.io.UncheckedIOException if it cannot be read
     */
    public static Model load(Path file, LoadOptions options) {
        boolean ownsPool = options.threads() > 0;
        ComputePool pool = ownsPool ? new ComputePool(options.threads()) : ComputePool.shared();
        Checkpoint checkpoint = null;
        try {
            checkpoint = Checkpoint.open(file);
            Tokenizer tokenizer = VocabularyReader.tokenizer(checkpoint);
            checkTokens(checkpoint, tokenizer);
            LoraAdapter adapter = options.lora() == null ? null : LoraAdapter.open(options.lora());
            Decoder decoder = Decoder.load(checkpoint, adapter, pool);
            return new Model(checkpoint, decoder, tokenizer, pool, ownsPool);
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

    /** The model's sizes. */
    public ModelConfig config() {
        return decoder.config();
    }

    /** The model's vocabulary. */
    public Tokenizer tokenizer() {
        return tokenizer;
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
