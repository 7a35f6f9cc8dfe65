package io.lanewise.cli;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** What goes wrong becomes one line on stderr and an exit code: 2 for the user's mistakes, 1 for ours. */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {
    static final int OURS = 1;
    static final int USERS = 2;

    private final Console console;

    Failures(Console console) {
        this.console = console;
    }

    @Override
    public int handleParseException(ParameterException mistake, String[] args) {
        String hint = mistake.getCommandLine().getCommandSpec().qualifiedName() + " --help";
        console.news("engine: " + oneLine(mistake.getMessage()) + " (see " + hint + ")");
        if (mistake instanceof UnmatchedArgumentException unmatched) {
            UnmatchedArgumentException.printSuggestions(unmatched, console.errWriter());
        }
        return USERS;
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed) {
        boolean debug = parsed.subcommand() != null && parsed.subcommand().hasMatchedOption("--debug");
        boolean users = isUsersMistake(failure);
        String message = users ? message(failure) : failure + (debug ? "" : " (--debug shows where)");
        console.news("engine: " + oneLine(message));
        if (debug) {
            failure.printStackTrace(console.errWriter());
        }
        return users ? USERS : OURS;
    }

    private static boolean isUsersMistake(Exception failure) {
        return failure instanceof IllegalArgumentException || failure instanceof FileSystemException;
    }

    /** File system exceptions carry the bare path as their message, which says too little. */
    private static String message(Exception failure) {
        return switch (failure) {
            case NoSuchFileException missing -> missing.getFile() + ": no such file";
            case AccessDeniedException denied -> denied.getFile() + ": permission denied";
            default -> String.valueOf(failure.getMessage());
        };
    }

    private static String oneLine(String message) {
        return String.valueOf(message).strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
