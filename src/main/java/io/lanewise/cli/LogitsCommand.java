package io.lanewise.cli;

import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import io.lanewise.generate.SessionOptions;
import io.lanewise.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code logits}: the raw scores, for checking against another engine. */
@Command(name = "logits", description = {
        "Prints the logits at each position of a row of tokens as JSON, in the fewest digits that give the same floats:",
        "{\"tokens\":[...],\"vocabSize\":V,\"logits\":[[...],...]}"},
        footer = {"", "Example:", "  engine logits --model model.gguf --tokens 1,403,407 --last"})
final class LogitsCommand extends EngineCommand {
    @Mixin
    private LoadedModel model;

    @Option(names = "--tokens", required = true, paramLabel = "IDS", description = "Token ids, separated by commas.")
    private String tokens;

    @Option(names = "--last", description = "The last position only.")
    private boolean last;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "512",
            description = "Most positions in one pass; 1 goes token by token (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--json", hidden = true, description = "The answer is JSON anyway.")
    private boolean json;

    private boolean first = true;

    LogitsCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        try (Model loaded = model.load()) {
            int[] ids = Texts.ids("--tokens", tokens, loaded.config().vocabSize());
            if (batch < 1) {
                throw new UserMistake("--batch: expected 1 or more, got " + batch);
            }
            SessionOptions options = SessionOptions.DEFAULT.withContextLength(ids.length)
                    .withBatchRows(Math.min(batch, ids.length));
            try (Session session = loaded.newSession(options)) {
                console.print("{\"tokens\":" + Json.of(ids) + ",\"vocabSize\":" + loaded.config().vocabSize()
                        + ",\"logits\":[");
                printRows(session, ids);
                console.println("]}");
            }
        }
    }

    private void printRows(Session session, int[] ids) {
        if (last) {
            session.prefill(ids);
            printRow(session.logits().row(0));
        } else {
            session.logitsOf(ids, (position, logits) -> printRow(logits));
        }
    }

    /** @param logits F32 [vocabSize] */
    private void printRow(Tensor logits) {
        MemorySegment values = logits.segment();
        StringBuilder row = new StringBuilder(first ? "[" : ",[");
        first = false;
        for (int i = 0; i < logits.shape().size(0); i++) {
            if (i > 0) {
                row.append(',');
            }
            float value = values.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
            row.append(Float.isFinite(value) ? Float.toString(value) : "null");
        }
        console.print(row.append(']').toString());
    }
}
