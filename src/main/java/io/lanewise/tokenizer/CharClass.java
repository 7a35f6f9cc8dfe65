package io.lanewise.tokenizer;

/** The Unicode classes that pre-tokenizers ask for, as bits of a byte a char; the class of U+FFFD for lone surrogates. */
final class CharClass {
    /** {@code \p{L}}. */
    static final int LETTER = 1;
    /** {@code \p{N}}. */
    static final int NUMBER = 2;
    /** {@code \s}: the property White_Space. All of them are single chars. */
    static final int SPACE = 4;
    /** {@code \p{P}}. */
    static final int PUNCTUATION = 8;
    /** {@code \p{S}}. */
    static final int SYMBOL = 16;
    /** {@code \p{M}}. */
    static final int MARK = 32;
    /** {@code [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]}: what may stand in the upper-case part of a word. */
    static final int UPPER = 64;
    /** {@code [\p{Ll}\p{Lm}\p{Lo}\p{M}]}: what may stand in the lower-case part of a word. */
    static final int LOWER = 128;

    /** Set beside the bits of a character that takes two chars. */
    private static final int PAIR = 256;

    private static final byte[] BMP = table();

    private CharClass() {
    }

    private static byte[] table() {
        byte[] table = new byte[1 << 16];
        for (int c = 0; c < table.length; c++) {
            table[c] = (byte) of(c);
        }
        return table;
    }

    /** The class bits of a code point. */
    static int of(int codePoint) {
        int bits = switch (Character.getType(codePoint)) {
            case Character.UPPERCASE_LETTER, Character.TITLECASE_LETTER -> LETTER | UPPER;
            case Character.LOWERCASE_LETTER -> LETTER | LOWER;
            case Character.MODIFIER_LETTER, Character.OTHER_LETTER -> LETTER | UPPER | LOWER;
            case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK ->
                MARK | UPPER | LOWER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            case Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION, Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION, Character.OTHER_PUNCTUATION -> PUNCTUATION;
            case Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL, Character.OTHER_SYMBOL,
                    Character.SURROGATE -> SYMBOL;
            default -> 0;
        };
        return isSpace(codePoint) ? bits | SPACE : bits;
    }

    private static boolean isSpace(int codePoint) {
        return codePoint >= 9 && codePoint <= 13 || codePoint == 0x85 || codePoint != 0x200B
                && Character.isSpaceChar(codePoint);
    }

    /** The class bits of the character at {@code text[i]}, within [i, to). */
    static int at(char[] text, int i, int to) {
        char c = text[i];
        return Character.isHighSurrogate(c) ? pairAt(text, i, to) : BMP[c] & 0xFF;
    }

    private static int pairAt(char[] text, int i, int to) {
        if (i + 1 < to && Character.isLowSurrogate(text[i + 1])) {
            return of(Character.toCodePoint(text[i], text[i + 1])) | PAIR;
        }
        return SYMBOL;
    }

    /** How many chars the character takes whose bits {@link #at} gave. */
    static int chars(int bits) {
        return 1 + (bits >>> 8);
    }

    /** The end of the run of characters from {@code i} on that have any of these bits. */
    static int run(char[] text, int i, int to, int mask) {
        while (i < to) {
            int bits = at(text, i, to);
            if ((bits & mask) == 0) {
                break;
            }
            i += chars(bits);
        }
        return i;
    }

    /** The end of the run of characters from {@code i} on that have none of these bits. */
    static int runWithout(char[] text, int i, int to, int mask) {
        while (i < to) {
            int bits = at(text, i, to);
            if ((bits & mask) != 0) {
                break;
            }
            i += chars(bits);
        }
        return i;
    }
}
