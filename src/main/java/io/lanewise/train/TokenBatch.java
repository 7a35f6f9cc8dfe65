package io.lanewise.train;

import java.util.Arrays;

/**
 * Token ids and what each position is to foresee: {@link #ids} and {@link #targets}, both [rows, seqLen], row-major. A
 * target of {@link #IGNORED} counts neither in the loss nor in the number of tokens. Filled anew for each step.
 */
public final class TokenBatch {
    /** The target of a position that has none. */
    public static final int IGNORED = -1;

    private final int rows;
    private final int seqLen;
    private final int[] ids;
    private final int[] targets;

    /** A batch of zeros without targets. */
    public TokenBatch(int rows, int seqLen) {
        if (rows < 1 || seqLen < 1) {
            throw new IllegalArgumentException(
                    "batch: expected at least one row and one position, got [" + rows + ", " + seqLen + "]");
        }
        this.rows = rows;
        this.seqLen = seqLen;
        this.ids = new int[Math.multiplyExact(rows, seqLen)];
        this.targets = new int[ids.length];
        Arrays.fill(targets, IGNORED);
    }

    public int rows() {
        return rows;
    }

    public int seqLen() {
        return seqLen;
    }

    /** [rows, seqLen] ids, the array itself. */
    public int[] ids() {
        return ids;
    }

    /** [rows, seqLen] targets, the array itself. */
    public int[] targets() {
        return targets;
    }

    /** Positions that have a target. */
    public int countTargets() {
        int count = 0;
        for (int target : targets) {
            count += target == IGNORED ? 0 : 1;
        }
        return count;
    }

    /** Empties a row: id 0 everywhere and no targets. */
    public void clearRow(int row) {
        Arrays.fill(ids, row * seqLen, (row + 1) * seqLen, 0);
        Arrays.fill(targets, row * seqLen, (row + 1) * seqLen, IGNORED);
    }
}
