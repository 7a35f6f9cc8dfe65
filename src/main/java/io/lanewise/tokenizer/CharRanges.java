package io.lanewise.tokenizer;

/** A set of code points given as ranges. */
final class CharRanges {
    private final long[] bmp = new long[1 << 10];
    private final int[] supplementary;

    /** @param ranges first and last code point of each range, those beyond U+FFFF last and in order */
    CharRanges(int... ranges) {
        int at = 0;
        for (; at < ranges.length && ranges[at] < 0x10000; at += 2) {
            for (int c = ranges[at]; c <= ranges[at + 1]; c++) {
                bmp[c >> 6] |= 1L << c;
            }
        }
        supplementary = new int[ranges.length - at];
        System.arraycopy(ranges, at, supplementary, 0, supplementary.length);
    }

    /** How many chars the character at {@code text[i]} takes if it is in the set, else 0. */
    int chars(char[] text, int i, int to) {
        char c = text[i];
        if (!Character.isHighSurrogate(c)) {
            return (int) (bmp[c >> 6] >>> c & 1);
        }
        if (i + 1 < to && Character.isLowSurrogate(text[i + 1])) {
            int codePoint = Character.toCodePoint(c, text[i + 1]);
            for (int r = 0; r < supplementary.length; r += 2) {
                if (codePoint >= supplementary[r] && codePoint <= supplementary[r + 1]) {
                    return 2;
                }
            }
        }
        return 0;
    }
}
