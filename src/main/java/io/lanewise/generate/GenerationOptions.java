package io.lanewise.generate;

import java.util.List;

/**
 * How text is drawn from a model. Start from {@link #DEFAULT} or {@link #GREEDY} and change what differs.
 *
 * @param maxTokens most tokens to generate
 * @param temperature logits are divided by it; 0 takes the likeliest token always
 * @param topK only the k likeliest tokens stay; 0 keeps all
 * @param topP only the likeliest tokens that together reach this probability stay; 1 keeps all
 * @param minP only tokens at least this fraction as likely as the likeliest stay; 0 keeps all
 * @param repeatPenalty logits of recent tokens are divided (if positive) or multiplied by it; 1 leaves them
 * @param repeatWindow how many tokens back count as recent
 * @param seed of the random generator: the same seed, prompt and options give the same text
 * @param lookAhead most tokens to guess from the text so far and check in one pass; 0 for none. It saves time where text
 *     repeats, and does not change what is written
 * @param stop texts that end the generation when they appear; they are not part of the result
 */
public record GenerationOptions(
        int maxTokens,
        float temperature,
        int topK,
        float topP,
        float minP,
        float repeatPenalty,
        int repeatWindow,
        long seed,
        int lookAhead,
        List<String> stop) {

    /** 256 tokens at temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, as llama.cpp has it; seed 0. */
    public static final GenerationOptions DEFAULT =
            new GenerationOptions(256, 0.8f, 40, 0.95f, 0.05f, 1f, 64, 0, 0, List.of());
    /** 256 tokens, always the likeliest. */
    public static final GenerationOptions GREEDY = DEFAULT.withTemperature(0);

    /** Checks every value. @throws IllegalArgumentException that names the option, what it may be and what it was */
    public GenerationOptions {
        require(maxTokens >= 0, "maxTokens", "0 or more", maxTokens);
        require(temperature >= 0 && Float.isFinite(temperature), "temperature", "0 or more", temperature);
        require(topK >= 0, "topK", "0 or more", topK);
        require(topP > 0 && topP <= 1, "topP", "above 0 and at most 1", topP);
        require(minP >= 0 && minP <= 1, "minP", "0 to 1", minP);
        require(repeatPenalty > 0 && Float.isFinite(repeatPenalty), "repeatPenalty", "above 0", repeatPenalty);
        require(lookAhead >= 0 && lookAhead <= 64, "lookAhead", "0 to 64", lookAhead);
        require(repeatWindow >= 0, "repeatWindow", "0 or more", repeatWindow);
        stop = List.copyOf(stop);
        require(stop.stream().noneMatch(String::isEmpty), "stop", "texts that are not empty", stop);
    }

    private static void require(boolean valid, String option, String expected, Object actual) {
        if (!valid) {
            throw new IllegalArgumentException(option + ": expected " + expected + ", got " + actual);
        }
    }

    public GenerationOptions withMaxTokens(int maxTokens) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withTemperature(float temperature) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withTopK(int topK) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withTopP(float topP) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withMinP(float minP) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withRepeatPenalty(float repeatPenalty) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withRepeatWindow(int repeatWindow) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withSeed(long seed) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withLookAhead(int lookAhead) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                stop);
    }

    public GenerationOptions withStop(String... stop) {
        return new GenerationOptions(maxTokens, temperature, topK, topP, minP, repeatPenalty, repeatWindow, seed, lookAhead,
                List.of(stop));
    }
}
