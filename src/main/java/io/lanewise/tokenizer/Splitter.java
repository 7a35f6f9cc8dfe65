package io.lanewise.tokenizer;

/**
 * One step of a pre-tokenizer: cuts a text into the matches of a pattern and the gaps between them. Subclasses are the
 * patterns, written as scanners; each quotes the regular expression it stands for, and the tests hold it against
 * {@link java.util.regex}.
 */
abstract class Splitter {
    /** The end of the match that begins at {@code from}, or -1 where none does. Never an empty match. */
    protected abstract int match(char[] text, int from, int to);

    /** The end of the first piece of [from, to), which is not empty: a match, or the gap before the next one. */
    final int end(char[] text, int from, int to) {
        int end = match(text, from, to);
        if (end >= 0) {
            return end;
        }
        int at = from;
        do {
            at += CharClass.chars(CharClass.at(text, at, to));
        } while (at < to && match(text, at, to) < 0);
        return at;
    }

    /** {@code \s*[\r\n]+|\s+(?!\S)|\s+}, where there is white space at {@code from}. */
    protected static int spacesOrLines(char[] text, int from, int to) {
        int end = CharClass.run(text, from, to, CharClass.SPACE);
        for (int i = end - 1; i >= from; i--) {
            if (isLineEnd(text[i])) {
                return i + 1;
            }
        }
        return leaveOne(from, end, to);
    }

    /** {@code \s+(?!\S)|\s+}, where there is white space at {@code from}. */
    protected static int spaces(char[] text, int from, int to) {
        return leaveOne(from, CharClass.run(text, from, to, CharClass.SPACE), to);
    }

    /** A run of white space gives its last char to the word behind it, unless it is that char alone. */
    private static int leaveOne(int from, int end, int to) {
        return end == to || end - from == 1 ? end : end - 1;
    }

    protected static boolean isLineEnd(char c) {
        return c == '\n' || c == '\r';
    }

    /** {@code [\r\n]*}. */
    protected static int lineEnds(char[] text, int from, int to) {
        int end = from;
        while (end < to && isLineEnd(text[end])) {
            end++;
        }
        return end;
    }

    /**
     * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)}, or with {@code anyCase} false the same in lower case only: the end, or -1.
     * Case is Unicode's, in which ſ is an s.
     */
    protected static int contraction(char[] text, int from, int to, boolean anyCase) {
        if (text[from] != '\'' || from + 1 >= to) {
            return -1;
        }
        char first = fold(text[from + 1], anyCase);
        switch (first) {
            case 's', 't', 'm', 'd' -> {
                return from + 2;
            }
            case 'r', 'v', 'l' -> {
                boolean complete = from + 2 < to && fold(text[from + 2], anyCase) == (first == 'l' ? 'l' : 'e');
                return complete ? from + 3 : -1;
            }
            default -> {
                return -1;
            }
        }
    }

    private static char fold(char c, boolean anyCase) {
        if (!anyCase) {
            return c;
        }
        return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c == 'ſ' ? 's' : c;
    }
}
