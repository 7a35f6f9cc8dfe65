package io.lanewise.tokenizer;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Finds the merges of a BPE. Pair counts are kept up to date: a merge touches only the words that hold the pair, which
 * its entry lists. The heap holds a pair once for every time its count rose; an entry whose count has fallen since goes
 * back with what is left, so that the first entry with a true count is the most frequent pair.
 */
final class BpeMerges {
    private static final int ANY = -1;

    private final int[] lefts;
    private final int[] rights;
    private int merged;

    private int[][] words = new int[1024][];
    private long[] counts = new long[1024];
    private int wordCount;
    private final Map<Long, Pair> pairs = new HashMap<>();
    private final PriorityQueue<Entry> heap = new PriorityQueue<>();

    /** Room for this many merges. */
    BpeMerges(int limit) {
        lefts = new int[limit];
        rights = new int[limit];
    }

    /** A pair of neighbours: how often it occurs now, and the words that have held it. */
    private static final class Pair {
        final long key;
        long count;
        int[] words = new int[4];
        int size;

        Pair(long key) {
            this.key = key;
        }

        void addWord(int word) {
            if (size > 0 && words[size - 1] == word) {
                return;
            }
            if (size == words.length) {
                words = Arrays.copyOf(words, 2 * size);
            }
            words[size++] = word;
        }
    }

    /** A pair with the count that it had when it was put on the heap. */
    private record Entry(Pair pair, long count) implements Comparable<Entry> {
        @Override
        public int compareTo(Entry other) {
            int byCount = Long.compare(other.count, count);
            return byCount != 0 ? byCount : Long.compare(pair.key, other.pair.key);
        }
    }

    /** Adds a word that occurs {@code count} times; kept, and changed by {@link #run}. */
    void addWord(int[] symbols, long count) {
        if (wordCount == words.length) {
            words = Arrays.copyOf(words, 2 * wordCount);
            counts = Arrays.copyOf(counts, 2 * wordCount);
        }
        words[wordCount] = symbols;
        counts[wordCount++] = count;
    }

    /** Merges until the limit or until no pair occurs twice; merge {@code r} makes the symbol {@code firstNew + r}. */
    void run(int firstNew) {
        for (int word = 0; word < wordCount; word++) {
            addPairs(word, ANY);
        }
        for (Pair pair : pairs.values()) {
            heap.add(new Entry(pair, pair.count));
        }
        while (merged < lefts.length) {
            Pair best = mostFrequent();
            if (best == null || best.count < 2) {
                return;
            }
            lefts[merged] = (int) (best.key >>> 32);
            rights[merged] = (int) best.key;
            merge(best, firstNew + merged);
            merged++;
        }
    }

    private Pair mostFrequent() {
        while (!heap.isEmpty()) {
            Entry entry = heap.poll();
            if (entry.count == entry.pair.count) {
                return entry.pair;
            }
            if (entry.pair.count > 0 && entry.count > entry.pair.count) {
                heap.add(new Entry(entry.pair, entry.pair.count));
            }
        }
        return null;
    }

    private void merge(Pair pair, int symbol) {
        pairs.remove(pair.key);
        for (int i = 0; i < pair.size; i++) {
            int word = pair.words[i];
            int[] before = words[word];
            int[] after = merged(before, (int) (pair.key >>> 32), (int) pair.key, symbol);
            if (after.length < before.length) {
                removePairs(word);
                words[word] = after;
                addPairs(word, symbol);
                pushGrown(word, symbol);
            }
        }
        pair.count = 0;
    }

    private static int[] merged(int[] symbols, int left, int right, int symbol) {
        int[] result = new int[symbols.length];
        int length = 0;
        for (int i = 0; i < symbols.length; i++) {
            boolean match = i + 1 < symbols.length && symbols[i] == left && symbols[i + 1] == right;
            result[length++] = match ? symbol : symbols[i];
            i += match ? 1 : 0;
        }
        return Arrays.copyOf(result, length);
    }

    private void removePairs(int word) {
        int[] symbols = words[word];
        for (int i = 0; i + 1 < symbols.length; i++) {
            Pair pair = pairs.get(key(symbols[i], symbols[i + 1]));
            if (pair != null) {
                pair.count -= counts[word];
            }
        }
    }

    /** Counts a word's pairs; those without the new symbol list the word already. */
    private void addPairs(int word, int symbol) {
        int[] symbols = words[word];
        for (int i = 0; i + 1 < symbols.length; i++) {
            Pair pair = pairs.computeIfAbsent(key(symbols[i], symbols[i + 1]), Pair::new);
            pair.count += counts[word];
            if (symbol == ANY || symbols[i] == symbol || symbols[i + 1] == symbol) {
                pair.addWord(word);
            }
        }
    }

    /** Only pairs with the new symbol can have become more frequent. */
    private void pushGrown(int word, int symbol) {
        int[] symbols = words[word];
        for (int i = 0; i + 1 < symbols.length; i++) {
            if (symbols[i] == symbol || symbols[i + 1] == symbol) {
                Pair pair = pairs.get(key(symbols[i], symbols[i + 1]));
                heap.add(new Entry(pair, pair.count));
            }
        }
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }

    int count() {
        return merged;
    }

    int left(int rank) {
        return lefts[rank];
    }

    int right(int rank) {
        return rights[rank];
    }
}
