package io.lanewise.cli;

import io.lanewise.format.FormatException;
import io.lanewise.generate.ChatTemplate;
import io.lanewise.template.TemplateException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
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
    static final int INTERRUPTED = 130;

    private final Console console;

    Failures(Console console) {
        this.console = console;
    }

    @Override
    public int handleParseException(ParameterException mistake, String[] args) {
        CommandLine command = mistake.getCommandLine();
        StringBuilder line = new StringBuilder("engine: ").append(oneLine(mistake.getMessage()));
        if (mistake instanceof UnmatchedArgumentException unmatched) {
            List<String> near = unmatched.getSuggestions();
            if (!near.isEmpty()) {
                line.append("; did you mean ").append(String.join(" or ", near.subList(0, Math.min(3, near.size()))))
                        .append('?');
            }
        }
        console.error(line + " (see " + command.getCommandSpec().qualifiedName() + " --help)");
        return USERS;
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed) {
        if (failure instanceof Console.OutputClosed) {
            return 0;
        }
        console.progress("");
        if (console.interrupted()) {
            return INTERRUPTED;
        }
        boolean users = isUsersMistake(failure);
        return report(failure, message(failure, users), users, debugAsked(parsed));
    }

    /** What the JVM itself gives up on, as memory that runs out; settings that a class refuses come wrapped. */
    int handleError(Error fatal, boolean debug) {
        if (fatal instanceof OutOfMemoryError) {
            return report(fatal, "out of memory: " + fatal.getMessage() + "; try a shorter --ctx or a smaller model", false,
                    debug);
        }
        if (fatal instanceof ExceptionInInitializerError && fatal.getCause() instanceof IllegalArgumentException setting) {
            return report(fatal, setting.getMessage(), true, debug);
        }
        return report(fatal, fatal.toString(), false, debug);
    }

    private int report(Throwable failure, String message, boolean users, boolean debug) {
        console.error("engine: " + oneLine(message) + (users || debug ? "" : " (--debug shows where)"));
        if (debug) {
            failure.printStackTrace(console.errWriter());
        }
        return users ? USERS : OURS;
    }

    private static boolean debugAsked(ParseResult parsed) {
        ParseResult last = parsed;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        return last.hasMatchedOption("--debug");
    }

    private static boolean isUsersMistake(Exception failure) {
        return failure instanceof UserMistake || failure instanceof IllegalArgumentException
                || failure instanceof FormatException || failure instanceof TemplateException
                || failure instanceof FileSystemException
                || failure instanceof UncheckedIOException unchecked
                        && unchecked.getCause() instanceof FileSystemException;
    }

    /** File system exceptions carry little more than the bare path as their message. */
    static String message(Exception failure, boolean users) {
        return switch (failure) {
            case NoSuchFileException missing -> missing.getFile() + ": no such file";
            case AccessDeniedException denied -> denied.getFile() + ": permission denied";
            case IOException io -> String.valueOf(io.getMessage());
            case UncheckedIOException io -> String.valueOf(io.getMessage());
            case TemplateException template -> template.getMessage() + "; --template NAME|FILE takes another, as one of "
                    + String.join(", ", ChatTemplate.NAMES);
            default -> users ? String.valueOf(failure.getMessage()) : failure.toString();
        };
    }

    private static String oneLine(String message) {
        return message.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
