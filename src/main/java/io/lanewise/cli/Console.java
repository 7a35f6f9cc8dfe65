package io.lanewise.cli;

import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** The streams of one run: what was asked for goes to {@code out}, everything else to {@code err}. */
final class Console {
    final InputStream in;
    private final PrintStream out;
    private final PrintStream err;

    Console(InputStream in, PrintStream out, PrintStream err) {
        this.in = in;
        this.out = out;
        this.err = err;
    }

    /** Prints part of the answer. Seen at {@link #flush}. */
    void print(String text) {
        out.print(text);
        checkOut();
    }

    /** Prints a line of the answer. */
    void println(String line) {
        out.print(line);
        out.print('\n');
        checkOut();
    }

    /** Makes what was printed visible. */
    void flush() {
        out.flush();
        checkOut();
    }

    /** Prints a line of news to stderr. */
    void news(String line) {
        err.print(line);
        err.print('\n');
        err.flush();
    }

    private void checkOut() {
        // checkError flushes, so it is asked for only where a flush is due anyway.
    }

    PrintWriter outWriter() {
        return new PrintWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8), true);
    }

    PrintWriter errWriter() {
        return new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8), true);
    }
}
