package io.lanewise.cli;

import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** The streams of one run: what was asked for goes to {@code out}, news of any other kind to {@code err}. */
final class Console {
    /** What lets a command end early and quietly: whoever read stdout has gone, as {@code head} does. */
    static final class OutputClosed extends RuntimeException {
        private static final long serialVersionUID = 1;

        OutputClosed() {
            super("stdout is closed", null, false, false);
        }
    }

    private final InputStream in;
    private final PrintStream out;
    private final PrintStream err;
    private final String terminals;
    private boolean quiet;
    private volatile Runnable onInterrupt;
    private volatile boolean interrupted;

    /** @param terminals which of {@code in} and {@code err} are terminals, as the launcher has found out */
    Console(InputStream in, PrintStream out, PrintStream err, String terminals) {
        this.in = in;
        this.out = out;
        this.err = err;
        this.terminals = terminals;
    }

    InputStream in() {
        return in;
    }

    boolean inIsTerminal() {
        return terminals.contains("in");
    }

    boolean outIsTerminal() {
        return terminals.contains("out");
    }

    void setQuiet(boolean quiet) {
        this.quiet = quiet;
    }

    /** Whether progress is worth showing. */
    boolean showsProgress() {
        return !quiet && terminals.contains("err");
    }

    /** Prints a part of the answer; seen at {@link #flush}. */
    void print(String text) {
        out.print(text);
    }

    /** Prints a line of the answer. */
    void println(String line) {
        out.print(line);
        out.print('\n');
    }

    /** Shows what was printed. @throws OutputClosed if nobody reads it any more */
    void flush() {
        if (out.checkError()) {
            throw new OutputClosed();
        }
    }

    /** A line of news for stderr, unless that is to be quiet. */
    void news(String line) {
        if (!quiet) {
            error(line);
        }
    }

    /** A line for stderr. */
    void error(String line) {
        err.print(line);
        err.print('\n');
        err.flush();
    }

    /** Shows a line of progress in place of the last one; an empty one clears it. */
    void progress(String line) {
        if (showsProgress()) {
            err.print("\r" + line + "\u001b[K");
            err.flush();
        }
    }

    PrintWriter outWriter() {
        return new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8), true);
    }

    PrintWriter errWriter() {
        return new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8), true);
    }

    /** Sets what ends the running command early, so that it can clean up. */
    void onInterrupt(Runnable action) {
        onInterrupt = action;
    }

    /** Ctrl-C. @return whether the running command will see to it that it ends */
    boolean interrupt() {
        interrupted = true;
        Runnable action = onInterrupt;
        if (action != null) {
            action.run();
        }
        return action != null;
    }

    boolean interrupted() {
        return interrupted;
    }
}
