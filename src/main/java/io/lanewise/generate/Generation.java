package io.lanewise.generate;

import io.lanewise.generate.GenerationResult.StopReason;
import io.lanewise.tokenizer.TokenDecoder;
import io.lanewise.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** A running generation: an iterator over pieces of text, each computed when it is asked for. */
public final class Generation implements Iterator<String> {
    private final Session session;
    private final GenerationOptions options;
    private final Tokenizer tokenizer;
    private final Sampler sampler;
    private final TokenDecoder decoder;
    private final StopTexts stopTexts;
    private final LookAhead lookAhead;
    private final int[] prompt;
    private final StringBuilder text = new StringBuilder();
    private final long startNanos = System.nanoTime();
    private int[] tokens = new int[16];
    private int count;
    private int reused;
    private long prefilledNanos = startNanos;
    private long firstTokenNanos = startNanos;
    private long endNanos = startNanos;
    private StopReason stopReason;
    private String nextPiece = "";

    Generation(Session session, int[] prompt, GenerationOptions options) {
        this.session = session;
        this.options = options;
        this.prompt = prompt;
        this.tokenizer = session.model().tokenizer();
        this.sampler = new Sampler(options, session.model().config().vocabSize());
        this.decoder = tokenizer.newDecoder();
        this.stopTexts = new StopTexts(options.stop());
        this.lookAhead = new LookAhead(session, options.lookAhead());
        reused = session.prefill(prompt);
        prefilledNanos = System.nanoTime();
        for (int token : prompt) {
            sampler.accept(token);
        }
    }

    /** Whether there is more text; computes the next piece. */
    @Override
    public boolean hasNext() {
        while (nextPiece.isEmpty() && stopReason == null) {
            step();
        }
        return !nextPiece.isEmpty();
    }

    /** The next piece of text, never empty and never cut within a character. */
    @Override
    public String next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the generation has ended: " + stopReason);
        }
        String piece = nextPiece;
        nextPiece = "";
        text.append(piece);
        return piece;
    }

    /** Ends the generation where it is. */
    public void stop() {
        if (stopReason == null) {
            stopReason = StopReason.CANCELLED;
            finish();
        }
        nextPiece = "";
    }

    /** What was generated so far, and once it has ended, why. */
    public GenerationResult result() {
        return new GenerationResult(text.toString(), Arrays.copyOf(tokens, count), stopReason, prompt.length, reused,
                prefilledNanos - startNanos, firstTokenNanos - startNanos, endNanos - firstTokenNanos, lookAhead.accepted());
    }

    /** Draws one token and takes it into the text; reads it only when another one is needed. */
    private void step() {
        if (session.isCancelled()) {
            end(StopReason.CANCELLED);
        } else if (count >= options.maxTokens()) {
            end(StopReason.MAX_TOKENS);
        } else if (count > 0 && lookAhead.position() == session.contextLength()) {
            end(StopReason.CONTEXT_FULL);
        } else {
            if (count > 0) {
                lookAhead.read(tokens[count - 1]);
            }
            int token = sampler.sample(session.logits().segment(), session.logits().stride(0) * lookAhead.row());
            endNanos = System.nanoTime();
            if (tokenizer.isEndOfGeneration(token)) {
                end(StopReason.END_OF_TEXT);
            } else {
                take(token);
            }
        }
    }

    private void take(int token) {
        if (count == 0) {
            firstTokenNanos = endNanos;
        }
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        sampler.accept(token);
        nextPiece = stopTexts.accept(decoder.accept(token));
        if (stopTexts.found()) {
            stopReason = StopReason.STOP_TEXT;
            finish();
        }
    }

    /** Leaves in the session what was written: the last token is never read. */
    private void finish() {
        lookAhead.drop();
        int written = session.position() - prompt.length;
        if (written >= 0 && written < count) {
            session.setUnread(Arrays.copyOfRange(tokens, written, count));
        }
    }

    private void end(StopReason reason) {
        stopReason = reason;
        finish();
        String rest = stopTexts.accept(decoder.flush());
        nextPiece = rest + stopTexts.flush();
    }
}
