package io.lanewise.cli;

import io.lanewise.generate.GenerationOptions;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** How text is drawn; the defaults are those of {@link GenerationOptions#DEFAULT}. */
final class SamplingOptions {
    private static final Pattern FIELD = Pattern.compile("^([a-z]+[A-Za-z]*)(?=:)");

    @Option(names = {"-n", "--max-tokens"}, paramLabel = "N", defaultValue = "256",
            description = "Most tokens to generate (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0.8",
            description = "0 takes the likeliest token always (default: ${DEFAULT-VALUE}).")
    private float temperature;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "40",
            description = "Only the K likeliest tokens stay; 0 keeps all (default: ${DEFAULT-VALUE}).")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.95",
            description = "Only the likeliest tokens that together reach P stay; 1 keeps all (default: ${DEFAULT-VALUE}).")
    private float topP;

    @Option(names = "--min-p", paramLabel = "P", defaultValue = "0.05",
            description = "Only tokens at least P times as likely as the likeliest stay (default: ${DEFAULT-VALUE}).")
    private float minP;

    @Option(names = "--repeat-penalty", paramLabel = "X", defaultValue = "1.0",
            description = "Above 1 makes tokens that came lately less likely (default: ${DEFAULT-VALUE}).")
    private float repeatPenalty;

    @Option(names = "--seed", paramLabel = "N",
            description = "The same seed gives the same text (default: another one every time).")
    private Long seed;

    @Option(names = "--look-ahead", paramLabel = "N", defaultValue = "0",
            description = "Guess up to N tokens from the text so far and check them at once: faster where text repeats, and "
                    + "the same text (default: ${DEFAULT-VALUE}).")
    private int lookAhead;

    @Option(names = "--stop", paramLabel = "TEXT", description = "End where this text appears; may be given again.")
    private List<String> stop = List.of();

    /** The options, checked; a mistake names the option as it is typed. */
    GenerationOptions options() {
        try {
            return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty,
                    GenerationOptions.DEFAULT.repeatWindow(), seed == null ? System.nanoTime() : seed, lookAhead,
                    stop);
        } catch (IllegalArgumentException mistake) {
            throw new UserMistake(withOptionName(mistake.getMessage()));
        }
    }

    /** {@code maxTokens: expected …} as {@code --max-tokens: expected …}. */
    private static String withOptionName(String message) {
        Matcher field = FIELD.matcher(message);
        return field.find() ? "--" + field.group(1).replaceAll("([A-Z])", "-$1").toLowerCase() + message.substring(
                field.end()) : message;
    }
}
