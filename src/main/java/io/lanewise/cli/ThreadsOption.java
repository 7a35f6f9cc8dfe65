package io.lanewise.cli;

import io.lanewise.parallel.Machine;
import picocli.CommandLine.Option;

/** {@code --threads}. */
final class ThreadsOption {
    private static final int MOST = 1024;

    @Option(names = {"-t", "--threads"}, paramLabel = "N",
            description = "Threads that compute (default: one a physical core).")
    private Integer threads;

    int threads() {
        if (threads == null) {
            return Machine.PHYSICAL_CORES;
        }
        if (threads < 1 || threads > MOST) {
            throw new UserMistake("--threads: expected 1 to " + MOST + ", got " + threads);
        }
        return threads;
    }
}
