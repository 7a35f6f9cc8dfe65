package io.lanewise.generate;

/**
 * Guesses the next tokens from the text itself and reads them in one pass with the token that is known: what followed the
 * last few tokens where they stood before often follows again, as in summaries, corrections and code (prompt look-up
 * decoding, Saxena 2023). A guess counts only where sampling gives the same token, and logits and cache are the bits that
 * tokens read one by one give, so the text is what it would be without. Allocates nothing while decoding.
 */
final class LookAhead {
    private static final int LONGEST_MATCH = 4;
    private static final int SHORTEST_MATCH = 2;
    /** Guesses of the first pass. A row more costs up to half of a pass, so only what has proven right goes further. */
    private static final int FIRST_GUESSES = 4;

    private final Session session;
    /** The token that is known, then guesses. */
    private final int[] tokens;
    private int rows;
    private int row;
    private int start;
    private int accepted;
    /** Most tokens to guess next: twice as many when all were right, else one more than were. */
    private int reach = FIRST_GUESSES;

    /** @param guesses most tokens to guess at a time; 0 for none */
    LookAhead(Session session, int guesses) {
        this.session = session;
        this.tokens = new int[1 + Math.min(guesses, session.logitRows() - 1)];
    }

    /** Tokens that were guessed right. */
    int accepted() {
        return accepted;
    }

    /** Positions that are taken, wrong guesses left out. */
    int position() {
        return rows == 0 ? session.position() : start + row + 1;
    }

    /** The row of the session's logits that belongs to the last token. */
    int row() {
        return row;
    }

    /** Reads a token, unless it has been read as a guess. */
    void read(int token) {
        if (row + 1 < rows && tokens[row + 1] == token) {
            row++;
            accepted++;
            return;
        }
        adapt();
        drop();
        start = session.position();
        tokens[0] = token;
        rows = 1 + guess(Math.min(reach, Math.min(tokens.length, session.contextLength() - start) - 1));
        session.decode(tokens, rows);
    }

    private void adapt() {
        if (rows > 1) {
            reach = Math.min(tokens.length, row == rows - 1 ? 2 * row : row + 1);
        }
    }

    /** Takes wrong guesses back. */
    void drop() {
        if (rows > 0) {
            session.truncate(start + row + 1);
            rows = 0;
            row = 0;
        }
    }

    /** How many tokens, up to {@code most}, what followed the longest earlier match of the text's end gives. */
    private int guess(int most) {
        if (most <= 0) {
            return 0;
        }
        for (int length = LONGEST_MATCH; length >= SHORTEST_MATCH; length--) {
            // The text's end: the token that is about to be read, and those before it.
            for (int end = start - 1; end >= length - 1; end--) {
                if (matches(end, length)) {
                    int count = Math.min(most, start - 1 - end);
                    for (int i = 0; i < count; i++) {
                        tokens[1 + i] = session.token(end + 1 + i);
                    }
                    return count;
                }
            }
        }
        return 0;
    }

    private boolean matches(int end, int length) {
        if (session.token(end) != tokens[0]) {
            return false;
        }
        for (int i = 1; i < length; i++) {
            if (session.token(end - i) != session.token(start - i)) {
                return false;
            }
        }
        return true;
    }
}
