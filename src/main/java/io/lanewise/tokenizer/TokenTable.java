package io.lanewise.tokenizer;

import java.util.Arrays;

/**
 * The bytes of every token in one array, and an open-addressing index from bytes to id.
 *
 * <p>The hash is the polynomial sum of (byte + 1) · K^(distance to the end) modulo 2^64, so that the hash of two texts
 * joined follows from their own: a search over all substrings of a word, or over the two halves of a merge, hashes each
 * byte once. Equal hashes are not trusted: the bytes are compared.
 */
final class TokenTable {
    private static final long K = 0x9E3779B97F4A7C15L;
    /** Answer of {@link #add(char[], int, short[])} to chars that stand for no bytes. */
    static final int UNSPELT = -2;
    private static final int KNOWN_POWERS = 64;
    private static final long[] POWER = powers();

    private final int[] offset;
    private byte[] pool;
    private final long[] slots;
    private final int shift;
    private int tokens;
    private int maxLength;

    /**
     * An empty table.
     *
     * @param capacity      the number of tokens that will be added
     * @param expectedBytes a guess of their bytes
     */
    TokenTable(int capacity, int expectedBytes) {
        offset = new int[capacity + 1];
        pool = new byte[Math.max(64, expectedBytes)];
        // Three fifths full at most.
        int bits = Math.max(4, Long.SIZE - Long.numberOfLeadingZeros(capacity * 5L / 3));
        slots = new long[2 << bits];
        shift = 64 - bits;
    }

    private static long[] powers() {
        long[] power = new long[KNOWN_POWERS];
        power[0] = 1;
        for (int i = 1; i < KNOWN_POWERS; i++) {
            power[i] = power[i - 1] * K;
        }
        return power;
    }

    /** The hash of a text that goes on with one more byte. */
    static long extend(long hash, byte next) {
        return hash * K + (next & 0xFF) + 1;
    }

    /** The hash of bytes [from, to). */
    static long hash(byte[] bytes, int from, int to) {
        long hash = 0;
        for (int i = from; i < to; i++) {
            hash = extend(hash, bytes[i]);
        }
        return hash;
    }

    /** The hash of two texts joined. */
    static long hashOfBoth(long left, long right, int rightLength) {
        return left * power(rightLength) + right;
    }

    /** The hash of a text without its beginning, from the hashes of the whole and of the beginning. */
    static long hashOfRest(long whole, long beginning, int restLength) {
        return whole - beginning * power(restLength);
    }

    private static long power(int n) {
        if (n < KNOWN_POWERS) {
            return POWER[n];
        }
        long result = POWER[n % (KNOWN_POWERS - 1)];
        for (int i = n / (KNOWN_POWERS - 1); i > 0; i--) {
            result *= POWER[KNOWN_POWERS - 1];
        }
        return result;
    }

    /**
     * Adds the next token.
     *
     * @return the id of an earlier token with the same bytes, or -1
     */
    int add(byte[] bytes, int length, boolean indexed) {
        int at = room(length);
        System.arraycopy(bytes, 0, pool, at, length);
        return close(at + length, indexed ? hash(bytes, 0, length) : 0, indexed);
    }

    /**
     * Adds the next token, each of whose chars stands for one byte by {@code byteOfChar} (-1 for none, as beyond its end).
     *
     * @return the id of an earlier token with the same bytes, -1 for none, or {@link #UNSPELT} when a char stands for no
     *     byte: then nothing was added
     */
    int add(char[] chars, int length, short[] byteOfChar) {
        int begin = room(length);
        byte[] bytes = pool;
        long hash = 0;
        for (int i = 0; i < length; i++) {
            char c = chars[i];
            int b = c < byteOfChar.length ? byteOfChar[c] : -1;
            if (b < 0) {
                return UNSPELT;
            }
            bytes[begin + i] = (byte) b;
            hash = hash * K + b + 1;
        }
        return close(begin + length, hash, true);
    }

    /** Where the next token begins, with room for its bytes. */
    private int room(int length) {
        int at = offset[tokens];
        if (at + length > pool.length) {
            pool = Arrays.copyOf(pool, Math.max(at + length, pool.length + (pool.length >> 1)));
        }
        return at;
    }

    private int close(int end, long hash, boolean indexed) {
        int id = tokens++;
        offset[tokens] = end;
        return indexed && end > offset[id] ? index(id, hash) : -1;
    }

    private int index(int id, long hash) {
        int from = offset[id];
        int to = offset[id + 1];
        int mask = slots.length / 2 - 1;
        int slot = slot(hash);
        while (slots[2 * slot + 1] != 0) {
            if (slots[2 * slot] == hash && matches((int) slots[2 * slot + 1] - 1, pool, from, to)) {
                return (int) slots[2 * slot + 1] - 1;
            }
            slot = slot + 1 & mask;
        }
        slots[2 * slot] = hash;
        slots[2 * slot + 1] = id + 1;
        maxLength = Math.max(maxLength, to - from);
        return -1;
    }

    private int slot(long hash) {
        return (int) ((hash ^ hash >>> 32) * K >>> shift);
    }

    /** The indexed token with the bytes [from, to), whose hash is given; -1 for none. */
    int find(byte[] bytes, int from, int to, long hash) {
        int mask = slots.length / 2 - 1;
        int slot = slot(hash);
        while (slots[2 * slot + 1] != 0) {
            if (slots[2 * slot] == hash) {
                int id = (int) slots[2 * slot + 1] - 1;
                if (matches(id, bytes, from, to)) {
                    return id;
                }
            }
            slot = slot + 1 & mask;
        }
        return -1;
    }

    /** Whether a token has the bytes [from, to). */
    boolean matches(int id, byte[] bytes, int from, int to) {
        int at = offset[id];
        if (offset[id + 1] - at != to - from) {
            return false;
        }
        for (int i = from; i < to; i++, at++) {
            if (pool[at] != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    /** The length in bytes of the longest indexed token. */
    int maxLength() {
        return maxLength;
    }

    int length(int id) {
        return offset[id + 1] - offset[id];
    }

    byte byteAt(int id, int index) {
        return pool[offset[id] + index];
    }

    /** Copies a token's bytes to {@code dst[at]} on and returns the end. */
    int copy(int id, byte[] dst, int at) {
        int length = length(id);
        System.arraycopy(pool, offset[id], dst, at, length);
        return at + length;
    }
}
