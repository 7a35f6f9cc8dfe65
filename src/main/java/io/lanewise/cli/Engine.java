package io.lanewise.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;

/** The program {@code engine}: picks the command and turns whatever goes wrong into one line and an exit code. */
@Command(name = "engine", versionProvider = Engine.Version.class, synopsisSubcommandLabel = "COMMAND",
        description = "Runs transformer models on the JVM.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  engine COMMAND --help"
        })
public final class Engine implements Runnable {
    private static final Map<String, Function<Console, Object>> COMMANDS = new LinkedHashMap<>();

    private final Console console;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help and exit.")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Show the version and exit.")
    private boolean version;

    Engine(Console console) {
        this.console = console;
    }

    /** Runs a command line and ends the JVM with its exit code. */
    public static void main(String[] args) {
        PrintStream out = utf8(FileDescriptor.out);
        PrintStream err = utf8(FileDescriptor.err);
        int exit = run(args, System.in, out, err);
        out.flush();
        err.flush();
        System.exit(exit);
    }

    private static PrintStream utf8(FileDescriptor descriptor) {
        return new PrintStream(new BufferedOutputStream(new FileOutputStream(descriptor), 1 << 16), false,
                StandardCharsets.UTF_8);
    }

    /** Runs a command line inside this process and returns its exit code. */
    static int run(String[] args, InputStream in, PrintStream out, PrintStream err) {
        Console console = new Console(in, out, err);
        try {
            return commandLine(args, console).execute(args);
        } finally {
            out.flush();
            err.flush();
        }
    }

    /** Looking at a command's annotations takes milliseconds, so only the command that is named gets looked at. */
    private static CommandLine commandLine(String[] args, Console console) {
        CommandLine root = new CommandLine(new Engine(console));
        boolean known = args.length > 0 && COMMANDS.containsKey(args[0]);
        COMMANDS.forEach((name, command) -> {
            if (!known || name.equals(args[0])) {
                root.addSubcommand(name, command.apply(console));
            }
        });
        Failures failures = new Failures(console);
        return root.setOut(console.outWriter()).setErr(console.errWriter())
                .setParameterExceptionHandler(failures).setExecutionExceptionHandler(failures);
    }

    /** Without a command: how to use this. */
    @Override
    public void run() {
        new CommandLine(this).usage(console.outWriter());
    }

    /** The version in the jar's manifest. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Engine.class.getPackage().getImplementationVersion();
            return new String[] {"Lanewise " + (version == null ? "(not from a jar)" : version) + ", Java "
                    + System.getProperty("java.version")};
        }
    }
}
