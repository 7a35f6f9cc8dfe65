package io.lanewise.tokenizer;

import java.util.Arrays;

/**
 * Merges neighbouring symbols of one word, best rank first and leftmost among equals, until no pair can merge. Scratch
 * of one encode call; subclasses say which pairs merge.
 *
 * <p>A short word looks for its best pair by a scan over an array that fits in a few cache lines; a long one keeps its
 * pairs in a heap of (rank, position), so that even a megabyte of one letter takes O(n log n). Entries of the heap that
 * a merge has overtaken are recognised when they come up: their rank is no longer the rank at their position.
 */
abstract class Merger {
    /** No merge: ranks lower than any real one sort behind it. */
    static final int NO_RANK = Integer.MAX_VALUE;
    /** Up to this many symbols the scan was the faster one. */
    private static final int LONGEST_SCAN = 64;

    /** The token of each symbol; -1 where the vocabulary does not know it. */
    protected int[] token = new int[LONGEST_SCAN];
    /** Where each symbol begins in the word, and behind the last one where it ends. */
    protected int[] start = new int[LONGEST_SCAN + 1];

    private int[] merge = new int[LONGEST_SCAN];
    private int[] rank = new int[LONGEST_SCAN];
    private int[] next = {};
    private int[] previous = {};
    private long[] heap = {};
    private int heapSize;

    /** The merge of two neighbours, as a handle, or -1. The symbols cover [from, to) of the word. */
    protected abstract int pair(int leftToken, int rightToken, int from, int to);

    /** The rank of a merge; the lowest goes first. */
    protected abstract int rankOf(int merge);

    /** The token that a merge gives. */
    protected abstract int tokenOf(int merge);

    /** Makes room for a word of this many symbols. */
    final void reserve(int symbols) {
        if (symbols > token.length) {
            token = new int[symbols];
            start = new int[symbols + 1];
            merge = new int[symbols];
            rank = new int[symbols];
        }
    }

    /** Merges the first {@code n} symbols in place and returns how many are left. */
    final int merge(int n) {
        return n <= LONGEST_SCAN ? mergeByScan(n) : mergeByHeap(n);
    }

    private int mergeByScan(int n) {
        for (int i = 0; i + 1 < n; i++) {
            look(i, i + 1, start[i + 2]);
        }
        while (n > 1) {
            int best = 0;
            for (int i = 1; i + 1 < n; i++) {
                if (rank[i] < rank[best]) {
                    best = i;
                }
            }
            if (rank[best] == NO_RANK) {
                break;
            }
            token[best] = tokenOf(merge[best]);
            close(best + 1, n);
            n--;
            if (best > 0) {
                look(best - 1, best, start[best + 1]);
            }
            if (best + 1 < n) {
                look(best, best + 1, start[best + 2]);
            }
        }
        return n;
    }

    /** Takes symbol {@code gone} out; the symbol before it grows over its text. */
    private void close(int gone, int n) {
        for (int i = gone; i + 1 < n; i++) {
            token[i] = token[i + 1];
            merge[i - 1] = merge[i];
            rank[i - 1] = rank[i];
        }
        for (int i = gone; i < n; i++) {
            start[i] = start[i + 1];
        }
    }

    /** Looks up the pair of symbol {@code left} and its right neighbour, which ends at {@code to}. */
    private void look(int left, int right, int to) {
        int found = pair(token[left], token[right], start[left], to);
        merge[left] = found;
        rank[left] = found < 0 ? NO_RANK : rankOf(found);
    }

    private int mergeByHeap(int n) {
        linkAll(n);
        for (int i = 0; i + 1 < n; i++) {
            look(i, i + 1, start[i + 2]);
            push(i);
        }
        while (heapSize > 0) {
            long top = pop();
            int left = (int) top;
            if (rank[left] == (int) (top >> 32) && rank[left] != NO_RANK) {
                join(left, n);
            }
        }
        return compact(n);
    }

    private void linkAll(int n) {
        if (next.length < n) {
            next = new int[n];
            previous = new int[n];
            heap = new long[n + n / 2];
        }
        heapSize = 0;
        for (int i = 0; i < n; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
        }
        rank[n - 1] = NO_RANK;
    }

    private void join(int left, int n) {
        int right = next[left];
        int after = next[right];
        token[left] = tokenOf(merge[left]);
        next[left] = after;
        rank[right] = NO_RANK;
        rank[left] = NO_RANK;
        if (after < n) {
            previous[after] = left;
            look(left, after, endOf(after, n));
            push(left);
        }
        int before = previous[left];
        if (before >= 0) {
            look(before, left, endOf(left, n));
            push(before);
        }
    }

    private int endOf(int symbol, int n) {
        return next[symbol] < n ? start[next[symbol]] : start[n];
    }

    private int compact(int n) {
        int count = 0;
        for (int i = 0; i < n; i = next[i]) {
            token[count] = token[i];
            start[count++] = start[i];
        }
        start[count] = start[n];
        return count;
    }

    private void push(int position) {
        if (rank[position] == NO_RANK) {
            return;
        }
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, heapSize + (heapSize >> 1) + 8);
        }
        long entry = (long) rank[position] << 32 | position;
        int at = heapSize++;
        while (at > 0) {
            int parent = at - 1 >> 1;
            if (heap[parent] <= entry) {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = entry;
    }

    private long pop() {
        long top = heap[0];
        long entry = heap[--heapSize];
        int at = 0;
        for (int child = 1; child < heapSize; child = 2 * at + 1) {
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= entry) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = entry;
        return top;
    }
}
