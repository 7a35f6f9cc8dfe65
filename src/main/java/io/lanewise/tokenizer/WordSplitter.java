package io.lanewise.tokenizer;

/**
 * The words of Llama 3, Qwen 2 and their kin:
 * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,d}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+}
 * with d = 3 or 1. Where combining marks count as letters, {@code [\p{L}\p{M}]} stands for the repeated {@code \p{L}},
 * and the symbols leave {@code \p{M}} out.
 */
final class WordSplitter extends Splitter {
    private final int maxDigits;
    private final int letter;
    private final int noSymbol;

    /**
     * @param maxDigits    the most digits of a piece
     * @param marksAreLetters whether combining marks count as letters
     */
    WordSplitter(int maxDigits, boolean marksAreLetters) {
        this.maxDigits = maxDigits;
        letter = marksAreLetters ? CharClass.LETTER | CharClass.MARK : CharClass.LETTER;
        noSymbol = letter | CharClass.NUMBER | CharClass.SPACE;
    }

    @Override
    protected int match(char[] text, int from, int to) {
        int bits = CharClass.at(text, from, to);
        int next = from + CharClass.chars(bits);
        if ((bits & letter) != 0) {
            return CharClass.run(text, next, to, letter);
        }
        if ((bits & CharClass.NUMBER) != 0) {
            return digits(text, next, to);
        }
        int end = contraction(text, from, to, true);
        if (end >= 0) {
            return end;
        }
        if (next < to && !isLineEnd(text[from]) && (CharClass.at(text, next, to) & letter) != 0) {
            return CharClass.run(text, next, to, letter);
        }
        return symbolsOrSpaces(text, from, to, bits);
    }

    private int digits(char[] text, int second, int to) {
        int end = second;
        for (int count = 1; count < maxDigits && end < to; count++) {
            int bits = CharClass.at(text, end, to);
            if ((bits & CharClass.NUMBER) == 0) {
                break;
            }
            end += CharClass.chars(bits);
        }
        return end;
    }

    private int symbolsOrSpaces(char[] text, int from, int to, int bits) {
        int begin = text[from] == ' ' ? from + 1 : from;
        if (begin == from && (bits & CharClass.SPACE) != 0) {
            return spacesOrLines(text, from, to);
        }
        int end = CharClass.runWithout(text, begin, to, noSymbol);
        return end > begin ? lineEnds(text, end, to) : spacesOrLines(text, from, to);
    }
}
