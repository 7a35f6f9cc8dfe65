package io.lanewise.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What all commands share. */
@Command(sortOptions = false, usageHelpAutoWidth = true)
abstract class EngineCommand implements Callable<Integer> {
    private static final int LAST = 100;

    final Console console;

    @Option(names = "--quiet", order = LAST, description = "No progress, timings or warnings on stderr.")
    private boolean quiet;

    @Option(names = "--debug", order = LAST + 1, description = "Where an error came from, in full.")
    private boolean debug;

    @Option(names = {"-h", "--help"}, order = LAST + 2, usageHelp = true, description = "Show this help and exit.")
    private boolean help;

    EngineCommand(Console console) {
        this.console = console;
    }

    @Override
    public final Integer call() throws Exception {
        console.setQuiet(quiet);
        run();
        console.flush();
        return console.interrupted() ? Failures.INTERRUPTED : 0;
    }

    /** Does the work; whatever it throws is reported by {@link Failures}. */
    abstract void run() throws Exception;
}
