package io.lanewise.cli;

import io.lanewise.generate.GenerationOptions;
import io.lanewise.generate.GenerationResult;
import io.lanewise.generate.GenerationResult.StopReason;
import io.lanewise.generate.Model;
import io.lanewise.generate.SavedSession;
import io.lanewise.generate.Session;
import io.lanewise.generate.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code generate}: continues a text, word by word as it comes. */
@Command(name = "generate", description = "Continues a text.",
        footer = {"", "Examples:", "  engine generate --model model.gguf --prompt \"Once upon a time\"",
            "  engine generate --model model.gguf --temperature 0 --file story.txt --stats"})
final class GenerateCommand extends EngineCommand {
    @Mixin
    private LoadedModel model;

    @ArgGroup(exclusive = true)
    private Prompt prompt;

    @Mixin
    private SamplingOptions sampling;

    @Option(names = {"-c", "--ctx"}, paramLabel = "N", defaultValue = "0",
            description = "Positions of prompt and answer together (default: what they need, up to the model's own).")
    private int context;

    @Mixin
    private KvTypeOption kvType;

    @Option(names = "--load-session", paramLabel = "FILE",
            description = "Go on where --save-session stopped: the prompt, if any, follows that text, which is not read again.")
    private Path loadSession;

    @Option(names = "--save-session", paramLabel = "FILE",
            description = "At the end write the text and what the model remembers of it to this file.")
    private Path saveSession;

    @Option(names = "--no-echo", description = "Print the answer without the prompt before it.")
    private boolean noEcho;

    @Option(names = "--stats", description = "Print speeds on stderr at the end.")
    private boolean stats;

    /** Where the prompt comes from; stdin where nothing is named. */
    private static final class Prompt {
        @Option(names = {"-p", "--prompt"}, paramLabel = "TEXT", description = "The text to continue.")
        private String text;

        @Option(names = {"-f", "--file"}, paramLabel = "FILE",
                description = "A UTF-8 file with the text to continue; - is stdin, as is no option.")
        private Path file;

        @Parameters(paramLabel = "PROMPT", arity = "0..1", description = "The text to continue, without an option.")
        private String positional;
    }

    GenerateCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        GenerationOptions options = sampling.options();
        if (context < 0) {
            throw new UserMistake("--ctx: expected 1 or more, got " + context);
        }
        kvType.type();
        String text = promptText();
        long start = System.nanoTime();
        try (SavedSession saved = loadSession == null ? null : SavedSession.open(loadSession); Model loaded = model.load()) {
            long loadNanos = System.nanoTime() - start;
            int[] tokens = tokens(loaded, saved, text);
            try (Session session = loaded.newSession(sizedFor(loaded, tokens.length + options.maxTokens()))) {
                if (tokens.length > session.contextLength()) {
                    throw new UserMistake("the prompt has " + tokens.length + " tokens, the context "
                            + session.contextLength() + "; shorten the prompt"
                            + (context > 0 ? " or give a longer --ctx" : ""));
                }
                if (saved != null) {
                    session.restore(saved);
                }
                generate(session, text, tokens, options, loadNanos);
                if (saveSession != null) {
                    session.save(saveSession);
                }
            }
        }
    }

    /** The text to continue: the prompt, after the saved text if there is one. */
    private static int[] tokens(Model loaded, SavedSession saved, String text) {
        if (saved == null) {
            return loaded.tokenizer().encode(text, true, true);
        }
        int[] before = saved.text();
        int[] prompt = text.isEmpty() ? new int[0] : loaded.tokenizer().encode(text, false, true);
        int[] all = Arrays.copyOf(before, before.length + prompt.length);
        System.arraycopy(prompt, 0, all, before.length, prompt.length);
        return all;
    }

    private String promptText() throws IOException {
        if (prompt != null && prompt.text != null) {
            return prompt.text;
        }
        if (prompt != null && prompt.positional != null) {
            return prompt.positional;
        }
        if (prompt == null && loadSession != null) {
            return "";
        }
        if ((prompt == null || prompt.file == null) && console.inIsTerminal()) {
            throw new UserMistake("no prompt: give one with --prompt TEXT, with --file FILE or on stdin");
        }
        return Texts.withoutLastNewline(Texts.read(console, prompt == null ? null : prompt.file));
    }

    private SessionOptions sizedFor(Model loaded, int positions) {
        int length = context > 0 ? context : Math.min(loaded.config().contextLength(), positions);
        return SessionOptions.DEFAULT.withContextLength(Math.max(1, length)).withKvType(kvType.type());
    }

    private void generate(Session session, String text, int[] tokens, GenerationOptions options, long loadNanos) {
        console.onInterrupt(session::cancel);
        if (!noEcho) {
            console.print(text);
            console.flush();
        }
        GenerationResult result = session.generate(tokens, options, piece -> {
            console.print(piece);
            console.flush();
            return true;
        });
        console.println("");
        console.flush();
        if (result.stopReason() == StopReason.CONTEXT_FULL) {
            console.news("engine: the context of " + session.contextLength() + " positions is full; --ctx makes it longer");
        }
        if (stats) {
            printStats(result, loadNanos);
        }
    }

    private void printStats(GenerationResult result, long loadNanos) {
        console.error(Units.format("load     %8.3f s", loadNanos / 1e9));
        console.error(Units.format("prefill  %8.1f tokens/s  (%d tokens, %.3f s)", result.prefillTokensPerSecond(),
                result.promptTokens() - result.reusedTokens(), result.prefillNanos() / 1e9));
        console.error(Units.format("first    %8.3f s after the prompt was given", result.firstTokenNanos() / 1e9));
        if (result.guessedTokens() > 0) {
            console.error(Units.format("guessed  %8d of the tokens", result.guessedTokens()));
        }
        console.error(Units.format("decode   %8.1f tokens/s  (%d tokens, %.3f s, ended by %s)",
                result.decodeTokensPerSecond(), result.tokens().length, result.decodeNanos() / 1e9,
                result.stopReason().name().toLowerCase().replace('_', ' ')));
    }
}
