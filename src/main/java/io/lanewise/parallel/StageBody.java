package io.lanewise.parallel;

/** One stage of parallel work over a range of indices. */
@FunctionalInterface
public interface StageBody {
    /**
     * Does indices {@code from} (inclusive) to {@code to} (exclusive).
     *
     * @param worker who does it, from 0 (the team's leader) to {@code threads - 1}: no two chunks of a team run with the
     *     same worker at once, so that it can pick scratch memory
     */
    void run(int from, int to, int worker);
}
