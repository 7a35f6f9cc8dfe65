package io.lanewise.tokenizer;

import java.util.Arrays;

/** A growing list of ids. */
final class Ids {
    private int[] values;
    private int size;

    Ids(int expected) {
        values = new int[Math.max(8, expected)];
    }

    void add(int id) {
        if (size == values.length) {
            values = Arrays.copyOf(values, size + (size >> 1) + 8);
        }
        values[size++] = id;
    }

    /** Adds an id unless it is {@link Tokenizer#NONE}. */
    void addIfAny(int id) {
        if (id >= 0) {
            add(id);
        }
    }

    int size() {
        return size;
    }

    int last() {
        return values[size - 1];
    }

    /** Drops what was added after the list had this size. */
    void truncate(int newSize) {
        size = newSize;
    }

    int[] toArray() {
        return Arrays.copyOf(values, size);
    }
}
