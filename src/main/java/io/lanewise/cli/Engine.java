package io.lanewise.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The program {@code engine}: picks the command and turns whatever goes wrong into one line and an exit code. */
@Command(name = "engine", versionProvider = Engine.Version.class, synopsisSubcommandLabel = "COMMAND",
        description = "Runs transformer models on the JVM.",
        footer = {
            "",
            "Examples:",
            "  engine generate --model model.gguf --prompt \"Once upon a time\"",
            "  engine inspect model.gguf --tensors",
            "  engine synth --shape stories-260k --type F16 --out tiny.gguf",
            "  engine COMMAND --help"
        })
public final class Engine implements Runnable {
    private static final Map<String, Function<Console, EngineCommand>> COMMANDS = new LinkedHashMap<>();
    /** How long Ctrl-C waits for a command to end by itself. */
    private static final long INTERRUPT_SECONDS = 5;

    static {
        COMMANDS.put("generate", GenerateCommand::new);
        COMMANDS.put("chat", ChatCommand::new);
        COMMANDS.put("logits", LogitsCommand::new);
        COMMANDS.put("perplexity", PerplexityCommand::new);
        COMMANDS.put("tokenize", TokenizeCommand::new);
        COMMANDS.put("inspect", InspectCommand::new);
        COMMANDS.put("bench", BenchCommand::new);
        COMMANDS.put("roofline", RooflineCommand::new);
        COMMANDS.put("synth", SynthCommand::new);
        COMMANDS.put("quantize", QuantizeCommand::new);
        COMMANDS.put("train", TrainCommand::new);
        COMMANDS.put("eval", EvalCommand::new);
    }

    private final Console console;

    @Spec
    private CommandSpec spec;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Show the version and exit.")
    private boolean version;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help and exit.")
    private boolean help;

    private Engine(Console console) {
        this.console = console;
    }

    /** Runs a command line and ends the JVM with its exit code. */
    public static void main(String[] args) {
        PrintStream out = utf8(FileDescriptor.out);
        PrintStream err = utf8(FileDescriptor.err);
        Console console = new Console(System.in, out, err, System.getProperty("lanewise.terminals", ""));
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (ended.getCount() > 0 && console.interrupt()) {
                await(ended);
            }
        }, "lanewise-interrupt"));
        int exit = run(args, console);
        out.flush();
        err.flush();
        ended.countDown();
        System.exit(exit);
    }

    private static void await(CountDownLatch ended) {
        try {
            ended.await(INTERRUPT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static PrintStream utf8(FileDescriptor descriptor) {
        return new PrintStream(new BufferedOutputStream(new FileOutputStream(descriptor), 1 << 16), false,
                StandardCharsets.UTF_8);
    }

    /** Runs a command line inside this process, without terminals, and returns its exit code. */
    static int run(String[] args, InputStream in, PrintStream out, PrintStream err) {
        int exit = run(args, new Console(in, out, err, ""));
        out.flush();
        err.flush();
        return exit;
    }

    /** Runs a command line on a console of its own and returns its exit code. */
    static int run(String[] args, Console console) {
        Failures failures = new Failures(console);
        try {
            return commandLine(args, console).setParameterExceptionHandler(failures)
                    .setExecutionExceptionHandler(failures).execute(args);
        } catch (Error fatal) {
            return failures.handleError(fatal, Arrays.asList(args).contains("--debug"));
        }
    }

    /** Looking at a command's annotations takes milliseconds, so only the command that is named gets looked at. */
    private static CommandLine commandLine(String[] args, Console console) {
        CommandLine root = new CommandLine(new Engine(console));
        boolean known = args.length > 0 && COMMANDS.containsKey(args[0]);
        COMMANDS.forEach((name, command) -> {
            if (!known || name.equals(args[0])) {
                root.addSubcommand(name, new CommandLine(command.apply(console)));
            }
        });
        return root.setOut(console.outWriter()).setErr(console.errWriter());
    }

    /** Without a command: how to use this. */
    @Override
    public void run() {
        spec.commandLine().usage(console.outWriter());
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
