package io.lanewise.train;

/**
 * A short text that is learnt as a whole.
 *
 * @param ids its tokens, with what begins and ends it
 * @param lossFrom the first of them that is to be foreseen, at least 1: those before it are given (a prompt)
 */
public record TokenDocument(int[] ids, int lossFrom) {
    public TokenDocument {
        if (ids.length < 2 || lossFrom < 1 || lossFrom >= ids.length) {
            throw new IllegalArgumentException("document: expected at least 2 tokens and 1 <= lossFrom < tokens, got "
                    + ids.length + " tokens and lossFrom " + lossFrom);
        }
    }

    /** A document all of which is to be foreseen but its first token. */
    public TokenDocument(int... ids) {
        this(ids, 1);
    }
}
