package io.lanewise.generate;

import java.util.List;

/** Finds stop texts in a stream of pieces, and holds back what may be the beginning of one. */
final class StopTexts {
    private final List<String> texts;
    private final StringBuilder held = new StringBuilder();
    private boolean found;

    StopTexts(List<String> texts) {
        this.texts = texts;
    }

    /** Takes a piece and returns what is certain not to belong to a stop text. */
    String accept(String piece) {
        if (texts.isEmpty()) {
            return piece;
        }
        held.append(piece);
        int first = -1;
        for (String text : texts) {
            int at = held.indexOf(text);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        found = first >= 0;
        return release(found ? first : held.length() - longestBeginning());
    }

    /** Whether a stop text has appeared; what came before it was returned. */
    boolean found() {
        return found;
    }

    /** What is still held back when no more pieces come. */
    String flush() {
        return found ? "" : release(held.length());
    }

    private String release(int length) {
        String certain = held.substring(0, length);
        held.delete(0, length);
        return certain;
    }

    /** Length of the longest end of the held text with which a stop text begins. */
    private int longestBeginning() {
        int longest = 0;
        for (String text : texts) {
            for (int length = Math.min(text.length() - 1, held.length()); length > longest; length--) {
                if (text.startsWith(held.substring(held.length() - length))) {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
