package io.lanewise.tokenizer;

/** The steps of DeepSeek's pre-tokenizers, one below the other. */
final class DeepSeekSplitters {
    /** Letters that have a case, of the scripts that DeepSeek LLM lists. */
    private static final CharRanges CASED = new CharRanges('A', 'Z', 'a', 'z', 0xB5, 0xB5, 0xC0, 0xD6, 0xD8, 0xF6,
            0xF8, 0x1BA, 0x1BC, 0x1BF, 0x1C4, 0x293, 0x295, 0x2AF, 0x370, 0x373, 0x376, 0x377, 0x37B, 0x37D, 0x37F,
            0x37F, 0x386, 0x386, 0x388, 0x38A, 0x38C, 0x38C, 0x38E, 0x3A1, 0x3A3, 0x3F5, 0x3F7, 0x481, 0x48A, 0x52F,
            0x531, 0x556, 0x10A0, 0x10C5, 0x13A0, 0x13F5, 0x13F8, 0x13FD, 0x1C90, 0x1CBA, 0x1CBD, 0x1CBF, 0x1D00,
            0x1D2B, 0x1D6B, 0x1D77, 0x1D79, 0x1D9A, 0x1E00, 0x1F15, 0x1F18, 0x1F1D, 0x1F20, 0x1F45, 0x1F48, 0x1F4D,
            0x1F50, 0x1F57, 0x1F59, 0x1F59, 0x1F5B, 0x1F5B, 0x1F5D, 0x1F5D, 0x1F5F, 0x1F7D, 0x1F80, 0x1FB4, 0x1FB6,
            0x1FBC, 0x1FBE, 0x1FBE, 0x1FC2, 0x1FC4, 0x1FC6, 0x1FCC, 0x1FD0, 0x1FD3, 0x1FD6, 0x1FDB, 0x1FE0, 0x1FEC,
            0x1FF2, 0x1FF4, 0x1FF6, 0x1FFC, 0x2102, 0x2102, 0x2107, 0x2107, 0x210A, 0x2113, 0x2115, 0x2115, 0x2119,
            0x211D, 0x2124, 0x2124, 0x2126, 0x2126, 0x2128, 0x2128, 0x212A, 0x212D, 0x212F, 0x2134, 0x2139, 0x2139,
            0x213C, 0x213F, 0x2145, 0x2149, 0x214E, 0x214E, 0x2183, 0x2184, 0x2C00, 0x2C7B, 0x2C7E, 0x2CE4, 0x2CEB,
            0x2CEE, 0x2CF2, 0x2CF3, 0xA640, 0xA66D, 0xA680, 0xA69B, 0xA722, 0xA76F, 0xA771, 0xA787, 0xA78B, 0xA78E,
            0xAB70, 0xABBF, 0xFB00, 0xFB06, 0xFB13, 0xFB17, 0xFF21, 0xFF3A, 0xFF41, 0xFF5A, 0x10400, 0x1044F, 0x104B0,
            0x104D3, 0x104D8, 0x104FB, 0x10C80, 0x10CB2, 0x10CC0, 0x10CF2, 0x118A0, 0x118DF, 0x1E900, 0x1E943);

    /** {@code [!-/:-~！-／：-～‘-‟　-。]}. */
    private static final CharRanges MARKS = new CharRanges('!', '/', ':', '~', 0xFF01, 0xFF0F, 0xFF1A, 0xFF5E, 0x2018,
            0x201F, 0x3000, 0x3002);

    /** {@code [一-龥ࠀ-一가-퟿]}. */
    private static final CharRanges EASTERN = new CharRanges(0x0800, 0x9FA5, 0xAC00, 0xD7FF);

    /** {@code [一-龥぀-ゟ゠-ヿ]}. */
    private static final CharRanges HAN_AND_KANA = new CharRanges(0x4E00, 0x9FA5, 0x3040, 0x30FF);

    private static final CharRanges LINE_ENDS = new CharRanges('\n', '\n', '\r', '\r');

    private DeepSeekSplitters() {
    }

    static Splitter[] llm() {
        return new Splitter[] {
            RunSplitter.runs(0, LINE_ENDS, 1, 1),
            RunSplitter.runsAfterSpace(0, CASED),
            RunSplitter.runsAfterSpace(0, MARKS),
            new LastSpaces(),
            RunSplitter.runs(0, EASTERN),
            RunSplitter.runs(CharClass.NUMBER, null)
        };
    }

    static Splitter[] coder() {
        return new Splitter[] {
            RunSplitter.runs(0, LINE_ENDS, 1, 1),
            RunSplitter.runsAfterSpace(CharClass.LETTER, null),
            RunSplitter.runsAfterSpace(CharClass.PUNCTUATION, null),
            RunSplitter.runs(0, EASTERN),
            RunSplitter.runs(CharClass.NUMBER, null, 1, 1)
        };
    }

    static Splitter[] v3() {
        return new Splitter[] {
            RunSplitter.runs(CharClass.NUMBER, null, 1, 3),
            RunSplitter.runs(0, HAN_AND_KANA),
            new V3Words()
        };
    }

    /** {@code \s+$}. */
    private static final class LastSpaces extends Splitter {
        @Override
        protected int match(char[] text, int from, int to) {
            if ((CharClass.at(text, from, to) & CharClass.SPACE) == 0
                    || (CharClass.at(text, to - 1, to) & CharClass.SPACE) == 0) {
                return -1;
            }
            return CharClass.run(text, from, to, CharClass.SPACE) == to ? to : -1;
        }
    }

    /**
     * <pre>[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</pre>
     */
    private static final class V3Words extends Splitter {
        private static final int LETTER = CharClass.LETTER | CharClass.MARK;
        private static final int SIGN = CharClass.PUNCTUATION | CharClass.SYMBOL;

        @Override
        protected int match(char[] text, int from, int to) {
            char c = text[from];
            int bits = CharClass.at(text, from, to);
            if ((bits & LETTER) != 0) {
                return CharClass.run(text, from, to, LETTER);
            }
            int next = from + CharClass.chars(bits);
            if ((bits & SIGN) != 0) {
                if (c < 0x80 && next < to && isAsciiLetter(text[next])) {
                    return asciiLetters(text, next, to);
                }
                return lineEnds(text, CharClass.run(text, next, to, SIGN), to);
            }
            if (next < to && !isLineEnd(c) && (CharClass.at(text, next, to) & LETTER) != 0) {
                return CharClass.run(text, next, to, LETTER);
            }
            if (c == ' ' && next < to && (CharClass.at(text, next, to) & SIGN) != 0) {
                return lineEnds(text, CharClass.run(text, next, to, SIGN), to);
            }
            return (bits & CharClass.SPACE) != 0 ? spacesOrLines(text, from, to) : -1;
        }

        private static boolean isAsciiLetter(char c) {
            return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z';
        }

        private static int asciiLetters(char[] text, int from, int to) {
            int end = from;
            while (end < to && isAsciiLetter(text[end])) {
                end++;
            }
            return end;
        }
    }
}
