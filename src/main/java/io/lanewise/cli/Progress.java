package io.lanewise.cli;

/** A bar on a terminal's stderr that also lets Ctrl-C through. */
final class Progress {
    private static final long NANOS_BETWEEN = 100_000_000;
    private static final int WIDTH = 30;

    private final Console console;
    private final String label;
    private final long start = System.nanoTime();
    private long lastShown = start;

    Progress(Console console, String label) {
        this.console = console;
        this.label = label;
    }

    /** Shows the share done, 0 to 1. @throws IllegalStateException if the user has interrupted the command */
    void at(double share) {
        if (console.interrupted()) {
            throw new IllegalStateException("interrupted");
        }
        long now = System.nanoTime();
        if (now - lastShown > NANOS_BETWEEN && console.showsProgress()) {
            lastShown = now;
            int done = (int) (share * WIDTH);
            long secondsLeft = share > 0 ? Math.round((now - start) / 1e9 * (1 - share) / share) : 0;
            console.progress(Units.format("%s [%s%s] %d%% %d:%02d left", label, "#".repeat(done),
                    ".".repeat(WIDTH - done), (int) (share * 100), secondsLeft / 60, secondsLeft % 60));
        }
    }
}
