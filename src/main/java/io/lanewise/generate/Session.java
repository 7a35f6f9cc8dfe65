package io.lanewise.generate;

import io.lanewise.model.Decoder;
import io.lanewise.model.DecoderState;
import io.lanewise.nn.KvCache;
import io.lanewise.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * One conversation with a {@link Model}: the tokens so far and what the model remembers of them. For one thread at a
 * time; only {@link #cancel} may be called from another. All memory is allocated when the session starts, and decoding
 * a token allocates nothing.
 */
public final class Session implements AutoCloseable {
    private static final int[] NOTHING = {};

    private final Model model;
    private final Decoder decoder;
    private final DecoderState state;
    private final KvCache cache;
    /** The tokens in the cache, then room for the rest. */
    private final int[] history;
    /** Tokens of the text after those: what the last generation wrote and did not need to read. */
    private int[] unread = NOTHING;
    private volatile boolean cancelled;
    private boolean closed;

    Session(Model model, Decoder decoder, DecoderState state) {
        this.model = model;
        this.decoder = decoder;
        this.state = state;
        this.cache = state.cache();
        this.history = new int[cache.capacity()];
    }

    /** The model that this session talks to. */
    public Model model() {
        return model;
    }

    /** Positions that fit: prompt and answer together. */
    public int contextLength() {
        return cache.capacity();
    }

    /** Tokens that the model has read or written so far. */
    public int position() {
        return cache.length();
    }

    /** The tokens so far, a copy. */
    public int[] tokens() {
        return Arrays.copyOf(history, cache.length());
    }

    /** The whole text so far: the tokens that the model has read, and what the last generation wrote after them. */
    public int[] text() {
        int[] text = Arrays.copyOf(history, cache.length() + unread.length);
        System.arraycopy(unread, 0, text, cache.length(), unread.length);
        return text;
    }

    /** What a generation wrote and the model has not read: its last token as a rule. */
    void setUnread(int[] tokens) {
        unread = tokens;
    }

    /**
     * Writes the text so far and what the model remembers of it to a file.
     *
     * @throws IllegalArgumentException if there is no text yet
     * @throws io.lanewise.format.FormatException if nothing can be written there
     */
    public void save(Path file) {
        SavedSession.write(file, this, unread, List.of());
    }

    /**
     * Goes on where a saved session was, in place of the text so far.
     *
     * @throws io.lanewise.format.FormatException if it is of another model or cache type, longer than this session, or
     *     damaged; then this one is as it was
     */
    public void restore(SavedSession saved) {
        int[] tokens = saved.restore(model, cache);
        truncate(0);
        System.arraycopy(tokens, 0, history, 0, tokens.length);
        cache.advance(tokens.length);
        unread = saved.unread();
    }

    KvCache cache() {
        return cache;
    }

    /** Bytes of the KV cache. */
    public long cacheBytes() {
        return cache.byteSize();
    }

    /** Forgets all tokens from {@code position} on. */
    public void truncate(int position) {
        cache.truncate(position);
        unread = NOTHING;
    }

    /**
     * Makes {@code tokens} the whole text so far, reading only those that the cache does not hold yet, and leaves the
     * logits of the last one in {@link #logits}.
     *
     * @return how many tokens the cache already held
     * @throws IllegalArgumentException if there are none, too many for the context, or one outside the vocabulary
     */
    public int prefill(int[] tokens) {
        if (tokens.length == 0 || tokens.length > cache.capacity()) {
            throw new IllegalArgumentException("prompt: expected 1 to " + cache.capacity() + " tokens, got "
                    + tokens.length + "; shorten it or open a session with a longer context");
        }
        unread = NOTHING;
        int common = Arrays.mismatch(tokens, 0, tokens.length, history, 0, cache.length());
        int reused = Math.min(common < 0 ? tokens.length : common, tokens.length - 1);
        cache.truncate(reused);
        int from = reused;
        while (from < tokens.length && !(cancelled && from > reused)) {
            int rows = Math.min(state.maxRows(), tokens.length - from);
            forward(tokens, from, rows);
            from += rows;
            if (from == tokens.length) {
                decoder.logits(state, rows - 1, 1);
            }
        }
        return reused;
    }

    /** Appends one token and leaves the logits of the next in {@link #logits}; allocates nothing. */
    public void decode(int token) {
        int position = cache.length();
        if (position == history.length) {
            throw new IllegalStateException("decode: the context of " + history.length + " positions is full");
        }
        history[position] = token;
        unread = NOTHING;
        decoder.forward(state, history, position, 1);
        decoder.logits(state, 0, 1);
    }

    /**
     * Appends the first {@code count} tokens in one pass and leaves the logits after each in a row of its own: to the bits
     * that {@link #decode(int)} would give one by one.
     */
    void decode(int[] tokens, int count) {
        int position = cache.length();
        System.arraycopy(tokens, 0, history, position, count);
        decoder.forwardAlone(state, history, position, count);
    }

    /** Rows of logits that one pass can give. */
    int logitRows() {
        return Math.min(state.logits().shape().size(0), state.maxRows());
    }

    /** The token at a position of the text so far. */
    int token(int position) {
        return history[position];
    }

    private void forward(int[] tokens, int from, int rows) {
        System.arraycopy(tokens, from, history, cache.length(), rows);
        decoder.forward(state, tokens, from, rows);
    }

    /** Receives the logits of one position. */
    @FunctionalInterface
    public interface LogitsConsumer {
        /** @param logits F32 [vocabSize]; valid during the call only */
        void accept(int position, Tensor logits);
    }

    /**
     * Appends {@code tokens} and gives the logits at each of them.
     *
     * @throws IllegalArgumentException if they exceed the context or one is outside the vocabulary
     */
    public void logitsOf(int[] tokens, LogitsConsumer consumer) {
        int logitRows = state.logits().shape().size(0);
        unread = NOTHING;
        for (int from = 0; from < tokens.length; ) {
            int rows = Math.min(state.maxRows(), tokens.length - from);
            int start = cache.length();
            forward(tokens, from, rows);
            for (int first = 0; first < rows; first += logitRows) {
                int count = Math.min(logitRows, rows - first);
                decoder.logits(state, first, count);
                for (int row = 0; row < count; row++) {
                    consumer.accept(start + first + row, state.logits().row(row));
                }
            }
            from += rows;
        }
    }

    /** The logits after the last {@link #prefill} or {@link #decode}: F32, the first row of [rows, vocabSize]. */
    public Tensor logits() {
        return state.logits();
    }

    /**
     * Continues a text, giving pieces to {@code listener} as they come. Special tokens in the text are recognised. What
     * the prompt shares with the text so far is not read again.
     *
     * @throws IllegalArgumentException if the prompt does not fit the context
     */
    public GenerationResult generate(String prompt, GenerationOptions options, TokenListener listener) {
        return generate(model.tokenizer().encode(prompt, true, true), options, listener);
    }

    /** Continues a text and returns the whole answer. */
    public String generate(String prompt, GenerationOptions options) {
        return generate(prompt, options, piece -> true).text();
    }

    /** As {@link #generate(String, GenerationOptions, TokenListener)}, from tokens. */
    public GenerationResult generate(int[] prompt, GenerationOptions options, TokenListener listener) {
        Generation generation = stream(prompt, options);
        while (generation.hasNext()) {
            if (!listener.onText(generation.next())) {
                generation.stop();
            }
        }
        return generation.result();
    }

    /** Continues a text piece by piece, each computed when it is asked for. */
    public Generation stream(String prompt, GenerationOptions options) {
        return stream(model.tokenizer().encode(prompt, true, true), options);
    }

    /** As {@link #stream(String, GenerationOptions)}, from tokens. */
    public Generation stream(int[] prompt, GenerationOptions options) {
        cancelled = false;
        return new Generation(this, prompt, options);
    }

    /** Ends the running generation after the token that it is at. May be called from any thread. */
    public void cancel() {
        cancelled = true;
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** Frees the session's memory. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            state.close();
            model.sessionClosed();
        }
    }
}
