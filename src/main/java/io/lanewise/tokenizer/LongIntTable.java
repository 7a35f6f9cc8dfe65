package io.lanewise.tokenizer;

/** An open-addressing map from non-negative longs to non-negative ints; key and value lie in one cache line. */
final class LongIntTable {
    private final long[] slots;
    private final int shift;

    /** A table for at most this many keys. */
    LongIntTable(int capacity) {
        // Three fifths full at most.
        int bits = Math.max(4, Long.SIZE - Long.numberOfLeadingZeros(capacity * 5L / 3));
        slots = new long[2 << bits];
        shift = 64 - bits;
    }

    private int slot(long key) {
        return (int) (key * 0x9E3779B97F4A7C15L >>> shift);
    }

    /** Stores a value unless the key has one; returns the value that was there, or -1. */
    int putIfAbsent(long key, int value) {
        int mask = slots.length / 2 - 1;
        int slot = slot(key);
        while (slots[2 * slot + 1] != 0) {
            if (slots[2 * slot] == key) {
                return (int) slots[2 * slot + 1] - 1;
            }
            slot = slot + 1 & mask;
        }
        slots[2 * slot] = key;
        slots[2 * slot + 1] = value + 1L;
        return -1;
    }

    /** The value of a key, or -1. */
    int get(long key) {
        int mask = slots.length / 2 - 1;
        int slot = slot(key);
        while (slots[2 * slot + 1] != 0) {
            if (slots[2 * slot] == key) {
                return (int) slots[2 * slot + 1] - 1;
            }
            slot = slot + 1 & mask;
        }
        return -1;
    }
}
