package io.lanewise.tokenizer;

/** Runs of characters of one class: {@code \s?[...]{least,most}}, with or without the white space in front. */
final class RunSplitter extends Splitter {
    private final int mask;
    private final CharRanges ranges;
    private final boolean spaceInFront;
    private final int least;
    private final int most;

    /**
     * @param mask         bits of {@link CharClass}, any of which is wanted
     * @param ranges       further characters that are wanted, or null
     * @param spaceInFront whether {@code \s?} stands in front
     * @param least        characters of the shortest match
     * @param most         characters of the longest match
     */
    private RunSplitter(int mask, CharRanges ranges, boolean spaceInFront, int least, int most) {
        this.mask = mask;
        this.ranges = ranges;
        this.spaceInFront = spaceInFront;
        this.least = least;
        this.most = most;
    }

    /** {@code [...]+}. */
    static RunSplitter runs(int mask, CharRanges ranges) {
        return new RunSplitter(mask, ranges, false, 1, Integer.MAX_VALUE);
    }

    /** {@code [...]{least,most}}. */
    static RunSplitter runs(int mask, CharRanges ranges, int least, int most) {
        return new RunSplitter(mask, ranges, false, least, most);
    }

    /** {@code \s?[...]+}. */
    static RunSplitter runsAfterSpace(int mask, CharRanges ranges) {
        return new RunSplitter(mask, ranges, true, 1, Integer.MAX_VALUE);
    }

    @Override
    protected int match(char[] text, int from, int to) {
        int begin = from;
        if (spaceInFront && from + 1 < to && wanted(text, from + 1, to) > 0
                && (CharClass.at(text, from, to) & CharClass.SPACE) != 0) {
            begin = from + 1;
        }
        int count = 0;
        int at = begin;
        while (at < to && count < most) {
            int chars = wanted(text, at, to);
            if (chars == 0) {
                break;
            }
            at += chars;
            count++;
        }
        return count >= least ? at : -1;
    }

    /** How many chars the character at {@code i} takes if it is wanted, else 0. */
    private int wanted(char[] text, int i, int to) {
        if (mask != 0) {
            int bits = CharClass.at(text, i, to);
            if ((bits & mask) != 0) {
                return CharClass.chars(bits);
            }
        }
        return ranges == null ? 0 : ranges.chars(text, i, to);
    }
}
