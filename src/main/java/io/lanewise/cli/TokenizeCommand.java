package io.lanewise.cli;

import io.lanewise.format.Checkpoint;
import io.lanewise.generate.VocabularyReader;
import io.lanewise.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code tokenize}: text to ids, or ids to text. */
@Command(name = "tokenize", description = "Turns text into token ids, or with --decode ids into text.",
        footer = {"", "Examples:", "  engine tokenize --model model.gguf --text \"Once upon a time\"",
            "  engine tokenize --model model.gguf --decode 1,403,407"})
final class TokenizeCommand extends EngineCommand {
    @Mixin
    private ModelOption model;

    @ArgGroup(exclusive = true)
    private Input input;

    @Option(names = "--no-special", description = "Add no special tokens and recognise none in the text.")
    private boolean noSpecial;

    @Option(names = "--json", description = "Ids and the spelling of each as JSON.")
    private boolean json;

    /** Where text or ids come from; stdin where none is named. */
    private static final class Input {
        @Option(names = "--text", paramLabel = "TEXT", description = "The text itself.")
        private String text;

        @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "A UTF-8 text file; - is stdin, as is no option.")
        private Path file;

        @Option(names = "--decode", paramLabel = "IDS", description = "Token ids separated by commas or blanks.")
        private String decode;
    }

    TokenizeCommand(Console console) {
        super(console);
    }

    @Override
    void run() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(model.path())) {
            Tokenizer tokenizer = VocabularyReader.tokenizer(checkpoint);
            if (input != null && input.decode != null) {
                int[] ids = Texts.ids("--decode", input.decode, tokenizer.vocabSize());
                String text = tokenizer.decode(ids, !noSpecial);
                console.println(json ? Json.of(Map.of("text", text)) : text);
            } else {
                print(tokenizer, tokenizer.encode(text(), !noSpecial, !noSpecial));
            }
        }
    }

    private String text() throws IOException {
        return input != null && input.text != null ? input.text : Texts.read(console, input == null ? null : input.file);
    }

    private void print(Tokenizer tokenizer, int[] ids) {
        if (json) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("tokens", ids);
            answer.put("pieces", List.of(Arrays.stream(ids).mapToObj(tokenizer::token).toArray()));
            console.println(Json.of(answer));
        } else {
            console.println(Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" ")));
        }
    }
}
