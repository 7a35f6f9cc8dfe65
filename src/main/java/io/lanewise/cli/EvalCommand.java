package io.lanewise.cli;

import io.lanewise.train.Bleu;
import io.lanewise.train.Chrf;
import io.lanewise.train.LanguageLoss;
import io.lanewise.train.Trainer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code eval}: how good a trained model is, or how near texts are to their references. */
@Command(name = "eval",
        description = {"Evaluates the best checkpoint of a training run on the text that the run held out, or texts",
            "against references by BLEU and chrF. For a GGUF model see engine perplexity."},
        footer = {"", "Examples:", "  engine eval run", "  engine eval run --text other.txt",
            "  engine eval --candidates mine.txt --references theirs.txt"})
final class EvalCommand extends EngineCommand {
    @ArgGroup(exclusive = true, multiplicity = "1")
    private What what;

    @Option(names = "--json", description = "The result as JSON.")
    private boolean json;

    @Mixin
    private ThreadsOption threads;

    private static final class What {
        @ArgGroup(exclusive = false)
        private Run run;

        @ArgGroup(exclusive = false)
        private Texts texts;
    }

    private static final class Run {
        @Parameters(index = "0", paramLabel = "RUN", description = "The folder of a training run.")
        private Path folder;

        @Option(names = "--text", paramLabel = "FILE",
                description = "A text to evaluate on, all of it, instead of the one that was held out.")
        private Path text;

        @Option(names = "--last", description = "Evaluate the last checkpoint, not the best.")
        private boolean last;
    }

    private static final class Texts {
        @Option(names = "--candidates", required = true, paramLabel = "FILE", description = "Texts, one a line.")
        private Path candidates;

        @Option(names = "--references", required = true, paramLabel = "FILE",
                description = "What they should be, one a line.")
        private Path references;
    }

    EvalCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        Map<String, Object> result = what.run != null ? evaluate(what.run) : compare(what.texts);
        if (json) {
            console.println(Json.of(result));
        } else {
            result.forEach((name, value) -> console.println(
                    name + ": " + (value instanceof Double number ? Units.format("%.4f", number) : value)));
        }
    }

    private Map<String, Object> evaluate(Run run) {
        LanguageLoss loss = Trainer.evaluate(run.folder, !run.last, run.text, threads.threads());
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("loss", loss.meanLoss());
        result.put("perplexity", loss.perplexity());
        result.put("bitsPerByte", loss.bitsPerByte());
        result.put("tokens", loss.tokens());
        return result;
    }

    private static Map<String, Object> compare(Texts texts) throws IOException {
        List<String> candidates = Files.readAllLines(texts.candidates, StandardCharsets.UTF_8);
        List<String> references = Files.readAllLines(texts.references, StandardCharsets.UTF_8);
        if (candidates.size() != references.size()) {
            throw new UserMistake(texts.candidates + " has " + candidates.size() + " lines, " + texts.references + " has "
                    + references.size() + "; expected one reference a candidate");
        }
        Bleu bleu = new Bleu(Bleu.Smoothing.HALVING);
        Chrf chrf = new Chrf();
        for (int i = 0; i < candidates.size(); i++) {
            bleu.add(candidates.get(i), references.get(i));
            chrf.add(candidates.get(i), references.get(i));
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("bleu", bleu.score());
        result.put("chrf", chrf.score());
        result.put("lines", candidates.size());
        return result;
    }
}
