package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import io.lanewise.generate.GenerationResult.StopReason;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class LookAheadTest {
    private static final String REPEATING = "Tom had a red ball. Tom had a red ball. Tom had a red ball. Tom had";

    private static Model model;

    @BeforeAll
    static void load() {
        model = Model.load(SharedData.require("models/stories260K/stories260K.F32.gguf"));
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
        }
    }

    private static GenerationResult run(String prompt, GenerationOptions options, SessionOptions sized) {
        try (Session session = model.newSession(sized)) {
            GenerationResult result = session.generate(prompt, options, piece -> true);
            assertThat(session.tokens()).endsWith(Arrays.copyOf(result.tokens(),
                    Math.min(result.tokens().length, session.position() - result.promptTokens())));
            return result;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 8, 31, 64})
    void greedyTextIsTheSame(int guesses) {
        for (String prompt : new String[] {REPEATING, "Once upon a time"}) {
            GenerationOptions options = GenerationOptions.GREEDY.withMaxTokens(120);
            GenerationResult plain = run(prompt, options, SessionOptions.DEFAULT);
            GenerationResult ahead = run(prompt, options.withLookAhead(guesses), SessionOptions.DEFAULT);
            assertThat(ahead.tokens()).isEqualTo(plain.tokens());
            assertThat(ahead.text()).isEqualTo(plain.text());
            assertThat(plain.guessedTokens()).isZero();
        }
    }

    @Test
    void repeatingTextIsGuessed() {
        GenerationResult ahead = run(REPEATING, GenerationOptions.GREEDY.withMaxTokens(40).withLookAhead(8),
                SessionOptions.DEFAULT);
        assertThat(ahead.guessedTokens()).isPositive().isLessThan(40);
    }

    @Test
    void sampledTextIsTheSame() {
        GenerationOptions options = GenerationOptions.DEFAULT.withSeed(5).withMaxTokens(60).withRepeatPenalty(1.1f);
        assertThat(run(REPEATING, options.withLookAhead(6), SessionOptions.DEFAULT).tokens())
                .isEqualTo(run(REPEATING, options, SessionOptions.DEFAULT).tokens());
    }

    @ParameterizedTest
    @ValueSource(ints = {48, 49, 50, 51, 52, 60})
    void aFullContextEndsAtTheSameToken(int context) {
        SessionOptions sized = SessionOptions.DEFAULT.withContextLength(context);
        GenerationResult plain = run(REPEATING, GenerationOptions.GREEDY, sized);
        GenerationResult ahead = run(REPEATING, GenerationOptions.GREEDY.withLookAhead(8), sized);
        assertThat(plain.stopReason()).isEqualTo(StopReason.CONTEXT_FULL);
        assertThat(ahead.stopReason()).isEqualTo(StopReason.CONTEXT_FULL);
        assertThat(ahead.tokens()).isEqualTo(plain.tokens());
    }

    @Test
    void stoppingTakesGuessesBack() {
        try (Session session = model.newSession()) {
            Generation generation = session.stream(REPEATING, GenerationOptions.GREEDY.withLookAhead(8));
            for (int i = 0; i < 5 && generation.hasNext(); i++) {
                generation.next();
            }
            generation.stop();
            GenerationResult result = generation.result();
            assertThat(session.position()).isBetween(result.promptTokens(), result.promptTokens()
                    + result.tokens().length);
        }
    }
}
