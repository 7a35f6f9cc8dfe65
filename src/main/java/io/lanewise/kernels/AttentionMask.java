package io.lanewise.kernels;

/**
 * Which keys a query sees and how scores are formed: score = softCap(scale · q·k), softCap(s) = cap · tanh(s / cap).
 * Make one for a model or a batch and keep it: nothing is allocated per call.
 *
 * @param causal the query at position p sees keys at positions up to p only
 * @param window the query at position p sees keys at positions above p - window only; 0 for no window
 * @param softCap the cap of the scores; 0 for none
 * @param scale factor of q·k, usually 1/√headDim
 * @param padding [batch · kvLen], true for keys that nobody sees; null where there are none
 */
public record AttentionMask(boolean causal, int window, float softCap, float scale, boolean[] padding) {
    /** @throws IllegalArgumentException for a negative window or soft-cap, or a scale that is not finite */
    public AttentionMask {
        if (window < 0) {
            throw new IllegalArgumentException("attention window: expected 0 (none) or more, got " + window);
        }
        if (!(softCap >= 0) || Float.isInfinite(softCap)) {
            throw new IllegalArgumentException("attention soft-cap: expected 0 (none) or more, got " + softCap);
        }
        if (!Float.isFinite(scale)) {
            throw new IllegalArgumentException("attention scale: expected a finite number, got " + scale);
        }
    }

    /** A mask without padding. */
    public AttentionMask(boolean causal, int window, float softCap, float scale) {
        this(causal, window, softCap, scale, null);
    }

    /** The first position that the query at {@code position} sees. */
    int firstKey(int position) {
        return window == 0 ? 0 : Math.max(0, position - window + 1);
    }

    /** The position after the last one that the query at {@code position} sees. */
    int endKey(int position, int kvLen) {
        return causal ? Math.min(kvLen, position + 1) : kvLen;
    }
}
