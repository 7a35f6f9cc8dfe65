package io.lanewise.tokenizer;

/**
 * Words that end where upper case follows lower case, of GPT-4o and Mistral's Tekken. With U for
 * {@code [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]}, l for {@code [\p{Ll}\p{Lm}\p{Lo}\p{M}]} and c for an optional contraction
 * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)?} (GPT-4o only):
 * {@code [^\r\n\p{L}\p{N}]?U*l+c|[^\r\n\p{L}\p{N}]?U+l*c|\p{N}{1,d}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+}.
 */
final class CaseSplitter extends Splitter {
    private static final int WORD = CharClass.LETTER | CharClass.NUMBER | CharClass.SPACE;
    private static final int NO_PREFIX = CharClass.LETTER | CharClass.NUMBER;

    private final RunSplitter digits;
    private final boolean contractions;

    /**
     * @param maxDigits    the most digits of a piece
     * @param contractions whether a contraction stays with its word
     */
    CaseSplitter(int maxDigits, boolean contractions) {
        digits = RunSplitter.runs(CharClass.NUMBER, null, 1, maxDigits);
        this.contractions = contractions;
    }

    @Override
    protected int match(char[] text, int from, int to) {
        int bits = CharClass.at(text, from, to);
        int end = word(text, from, to, bits);
        if (end >= 0) {
            int withSuffix = contractions && end < to ? contraction(text, end, to, true) : -1;
            return Math.max(end, withSuffix);
        }
        if ((bits & CharClass.NUMBER) != 0) {
            return digits.match(text, from, to);
        }
        int begin = text[from] == ' ' ? from + 1 : from;
        end = CharClass.runWithout(text, begin, to, WORD);
        return end > begin ? trailer(text, end, to) : spacesOrLines(text, from, to);
    }

    /** The alternatives in the order of the expression: each first with a character in front, then without. */
    private static int word(char[] text, int from, int to, int bits) {
        int second = (bits & NO_PREFIX) == 0 && !isLineEnd(text[from]) ? from + CharClass.chars(bits) : from;
        int end = second > from ? endsLower(text, second, to) : -1;
        if (end < 0) {
            end = endsLower(text, from, to);
        }
        if (end < 0 && second > from) {
            end = beginsUpper(text, second, to);
        }
        return end < 0 ? beginsUpper(text, from, to) : end;
    }

    /** {@code U*l+}: letters without case are both, so the last of them ends the word when no lower case follows. */
    private static int endsLower(char[] text, int from, int to) {
        int lastLower = -1;
        int at = from;
        while (at < to) {
            int bits = CharClass.at(text, at, to);
            if ((bits & CharClass.UPPER) == 0) {
                break;
            }
            at += CharClass.chars(bits);
            if ((bits & CharClass.LOWER) != 0) {
                lastLower = at;
            }
        }
        int end = CharClass.run(text, at, to, CharClass.LOWER);
        return end > at ? end : lastLower;
    }

    /** {@code U+l*}. */
    private static int beginsUpper(char[] text, int from, int to) {
        int end = CharClass.run(text, from, to, CharClass.UPPER);
        return end > from ? CharClass.run(text, end, to, CharClass.LOWER) : -1;
    }

    /** {@code [\r\n/]*}. */
    private static int trailer(char[] text, int from, int to) {
        int end = from;
        while (end < to && (isLineEnd(text[end]) || text[end] == '/')) {
            end++;
        }
        return end;
    }
}
