package io.lanewise.tokenizer;

/**
 * Which chars stand side by side in some token: a bitmap over hashed pairs. A pair that was added is always contained;
 * one that was not may be by chance, which costs a longer piece and never a wrong id. The halves of a surrogate pair are
 * always neighbours, so that no cut falls inside a character.
 */
final class Neighbours {
    private static final int BITS = 20;
    private final long[] bitmap = new long[1 << BITS - 6];

    /** Adds all neighbours in a token. */
    void add(char[] token) {
        for (int i = 1; i < token.length; i++) {
            int bit = bit(token[i - 1], token[i]);
            bitmap[bit >> 6] |= 1L << bit;
        }
    }

    boolean contain(char left, char right) {
        int bit = bit(left, right);
        return (bitmap[bit >> 6] >>> bit & 1) != 0 || Character.isSurrogatePair(left, right);
    }

    private static int bit(char left, char right) {
        return (left << 16 | right) * 0x9E3779B1 >>> 32 - BITS;
    }
}
