package io.lanewise.tokenizer;

/**
 * GPT-2's words:
 * {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}.
 */
final class GptSplitter extends Splitter {
    private static final int WORD = CharClass.LETTER | CharClass.NUMBER | CharClass.SPACE;

    @Override
    protected int match(char[] text, int from, int to) {
        int end = contraction(text, from, to, false);
        if (end >= 0) {
            return end;
        }
        int begin = text[from] == ' ' && from + 1 < to ? from + 1 : from;
        int bits = CharClass.at(text, begin, to);
        if ((bits & CharClass.SPACE) != 0) {
            return spaces(text, from, to);
        }
        int next = begin + CharClass.chars(bits);
        int kind = bits & (CharClass.LETTER | CharClass.NUMBER);
        return kind != 0 ? CharClass.run(text, next, to, kind) : CharClass.runWithout(text, next, to, WORD);
    }
}
