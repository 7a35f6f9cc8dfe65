package io.lanewise.bench;

/** What the runner must know of a benchmark besides its time. Depends on the benchmark's parameters alone. */
public interface Case {
    /** Operations, or bytes where {@link #memory()}, of one call. */
    double work();

    /** Whether the case is judged by the bytes it moves (GB/s) rather than by its operations (GFLOP/s). */
    boolean memory();

    /** Threads that it runs on. */
    int threads();
}
