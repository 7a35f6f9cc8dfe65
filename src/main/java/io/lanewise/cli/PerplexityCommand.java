package io.lanewise.cli;

import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import io.lanewise.generate.SessionOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code perplexity}: how well a model foresees a text. */
@Command(name = "perplexity", description = {
        "Measures how well a model foresees a text: perplexity a token, and bits a byte, which compares models with",
        "different vocabularies. Windows of --ctx tokens move on by --stride; every token is foreseen once, from the",
        "window that shows most of what comes before it."},
        footer = {"", "Example:", "  engine perplexity --model model.gguf --file text.txt --ctx 512"})
final class PerplexityCommand extends EngineCommand {
    private static final int DEFAULT_CONTEXT = 2048;

    @Mixin
    private LoadedModel model;

    @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "A UTF-8 text file (default: stdin).")
    private Path file;

    @Option(names = {"-c", "--ctx"}, paramLabel = "N",
            description = "Tokens a window (default: the model's context, at most " + DEFAULT_CONTEXT + ").")
    private Integer context;

    @Option(names = "--stride", paramLabel = "N", description = "Tokens that a window moves on (default: half of --ctx).")
    private Integer stride;

    @Mixin
    private KvTypeOption kvType;

    @Option(names = "--json", description = "The result as JSON.")
    private boolean json;

    PerplexityCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        String text = Texts.read(console, file);
        try (Model loaded = model.load()) {
            int window = window(loaded);
            int step = step(window);
            int[] tokens = loaded.tokenizer().encode(text, true, false);
            if (tokens.length < 2) {
                throw new UserMistake("the text has " + tokens.length + " tokens; expected at least 2");
            }
            try (Session session = loaded.newSession(SessionOptions.DEFAULT.withContextLength(window)
                    .withKvType(kvType.type()))) {
                Progress progress = new Progress(console, "perplexity");
                console.onInterrupt(session::cancel);
                Perplexity measured = Perplexity.measure(session, tokens, window, step, progress::at);
                console.progress("");
                print(measured, text.getBytes(StandardCharsets.UTF_8).length - firstTokenBytes(loaded, tokens));
            }
        }
    }

    private int window(Model loaded) {
        int longest = loaded.config().contextLength();
        int window = context == null ? Math.min(longest, DEFAULT_CONTEXT) : context;
        if (window < 2 || window > longest) {
            throw new UserMistake("--ctx: expected 2 to " + longest + ", the model's context, got " + window);
        }
        return window;
    }

    private int step(int window) {
        int step = stride == null ? window / 2 : stride;
        if (step < 1 || step >= window) {
            throw new UserMistake("--stride: expected 1 to " + (window - 1) + ", less than a window, got " + step);
        }
        return step;
    }

    /** The first token is foreseen by nothing; its text counts unless it is a token that was put in front. */
    private static int firstTokenBytes(Model loaded, int[] tokens) {
        String first = loaded.tokenizer().decode(Arrays.copyOf(tokens, 1));
        return first.getBytes(StandardCharsets.UTF_8).length;
    }

    private void print(Perplexity measured, int bytes) {
        double bitsPerByte = measured.nats() / Math.log(2) / bytes;
        if (json) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("perplexity", measured.perTokenPerplexity());
            answer.put("bitsPerByte", bitsPerByte);
            answer.put("nllPerToken", measured.nats() / measured.tokens());
            answer.put("tokens", measured.tokens());
            answer.put("bytes", bytes);
            console.println(Json.of(answer));
        } else {
            console.println(Units.format("perplexity     %.4f", measured.perTokenPerplexity()));
            console.println(Units.format("bits per byte  %.4f", bitsPerByte));
            console.println(Units.format("tokens         %s (%s bytes)", Units.grouped(measured.tokens()),
                    Units.grouped(bytes)));
        }
    }
}
