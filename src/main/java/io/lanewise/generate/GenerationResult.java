package io.lanewise.generate;

/**
 * What a generation gave.
 *
 * @param text the generated text, without the prompt
 * @param tokens the generated tokens, the ending one left out
 * @param stopReason why it ended
 * @param promptTokens tokens of the prompt
 * @param reusedTokens how many of them were in the cache already
 * @param prefillNanos time to read the rest of the prompt
 * @param firstTokenNanos from the call to the first token
 * @param decodeNanos time of all tokens after the first
 * @param guessedTokens how many tokens were guessed right ahead of time, see {@link GenerationOptions#lookAhead}
 */
public record GenerationResult(
        String text,
        int[] tokens,
        StopReason stopReason,
        int promptTokens,
        int reusedTokens,
        long prefillNanos,
        long firstTokenNanos,
        long decodeNanos,
        int guessedTokens) {

    /** Why a generation ended. */
    public enum StopReason {
        /** The model ended its text. */
        END_OF_TEXT,
        /** One of the stop texts appeared. */
        STOP_TEXT,
        /** The asked number of tokens is reached. */
        MAX_TOKENS,
        /** The session's context is full. */
        CONTEXT_FULL,
        /** {@link Session#cancel} was called, or the listener asked to stop. */
        CANCELLED
    }

    /** Prompt tokens read a second, those reused left out; 0 where there were none. */
    public double prefillTokensPerSecond() {
        return prefillNanos == 0 ? 0 : (promptTokens - reusedTokens) * 1e9 / prefillNanos;
    }

    /** Tokens decoded a second after the first; 0 where there was at most one. */
    public double decodeTokensPerSecond() {
        return decodeNanos == 0 ? 0 : (tokens.length - 1) * 1e9 / decodeNanos;
    }
}
