package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final GenerationOptions PLAIN = GenerationOptions.DEFAULT
            .withTemperature(1).withTopK(0).withTopP(1).withMinP(0);

    private static MemorySegment logits(float... values) {
        return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, values);
    }

    private static double[] frequencies(GenerationOptions options, float... logits) {
        MemorySegment segment = logits(logits);
        Sampler sampler = new Sampler(options, logits.length);
        double[] frequency = new double[logits.length];
        for (int i = 0; i < 40_000; i++) {
            frequency[sampler.sample(segment, 0)] += 1 / 40_000.0;
        }
        return frequency;
    }

    @Test
    void drawsInProportionToTheSoftmax() {
        float[] logits = {0.5f, -1, 2, 0, 1.5f};
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit / 0.7);
        }
        double[] frequency = frequencies(PLAIN.withTemperature(0.7f), logits);
        for (int i = 0; i < logits.length; i++) {
            assertThat(frequency[i]).isCloseTo(Math.exp(logits[i] / 0.7) / sum, within(0.012));
        }
    }

    @Test
    void topKKeepsTheKLikeliestWhateverTheirPlace() {
        SplittableRandom random = new SplittableRandom(1);
        for (int round = 0; round < 200; round++) {
            int size = 1 + random.nextInt(60);
            int k = 1 + random.nextInt(size);
            float[] logits = new float[size];
            for (int i = 0; i < size; i++) {
                logits[i] = random.nextInt(20);
            }
            float[] sorted = logits.clone();
            Arrays.sort(sorted);
            float smallestKept = sorted[size - k];
            Sampler sampler = new Sampler(PLAIN.withTopK(k).withTemperature(50), size);
            for (int draw = 0; draw < 20; draw++) {
                assertThat(logits[sampler.sample(logits(logits), 0)]).isGreaterThanOrEqualTo(smallestKept);
            }
        }
    }

    @Test
    void topPKeepsTheSmallestSetThatReachesIt() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.15), (float) Math.log(0.05)};
        assertThat(frequencies(PLAIN.withTopP(0.7f), logits)).satisfies(f -> {
            assertThat(f[0]).isCloseTo(0.625, within(0.012));
            assertThat(f[1]).isCloseTo(0.375, within(0.012));
            assertThat(f[2] + f[3]).isZero();
        });
        assertThat(frequencies(PLAIN.withTopP(1e-6f), logits)[0]).isCloseTo(1, within(1e-9));
    }

    @Test
    void minPDropsWhatIsFarLessLikelyThanTheBest() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.15), (float) Math.log(0.05)};
        double[] frequency = frequencies(PLAIN.withMinP(0.2f), logits);
        assertThat(frequency[3]).isZero();
        assertThat(frequency[2]).isPositive();
    }

    @Test
    void repeatPenaltyCountsATokenOnceAndOnlyInItsWindow() {
        Sampler sampler = new Sampler(PLAIN.withRepeatPenalty(2).withRepeatWindow(3).withTemperature(0), 4);
        for (int token : new int[] {3, 0, 1, 1}) {
            sampler.accept(token);
        }
        MemorySegment logits = logits(4, -4, 1, 3);
        assertThat(sampler.sample(logits, 0)).isEqualTo(3);
        assertThat(logits.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(2, -8, 1, 3);
    }

    @Test
    void theSameSeedGivesTheSameTokensAndAnotherSeedOthers() {
        assertThat(draws(7)).isEqualTo(draws(7)).isNotEqualTo(draws(8));
    }

    private static int[] draws(long seed) {
        Sampler sampler = new Sampler(PLAIN.withSeed(seed), 50);
        MemorySegment logits = logits(new float[50]);
        int[] draws = new int[40];
        for (int i = 0; i < draws.length; i++) {
            draws[i] = sampler.sample(logits, 0);
        }
        return draws;
    }

    @Test
    void infinitiesAndNaNsAreHandled() {
        float inf = Float.POSITIVE_INFINITY;
        assertThat(frequencies(PLAIN, 1, inf, 2)[1]).isCloseTo(1, within(1e-9));
        assertThat(frequencies(PLAIN, -inf, 0, Float.NaN, -inf)[1]).isCloseTo(1, within(1e-9));
        assertThat(frequencies(PLAIN.withTopK(2), Float.NaN, Float.NaN, 0, 1, -inf))
                .satisfies(f -> assertThat(f[2] + f[3]).isCloseTo(1, within(1e-9)));
        assertThatThrownBy(() -> new Sampler(PLAIN, 2).sample(logits(Float.NaN, Float.NaN), 0))
                .hasMessageContaining("NaN");
    }

    @Test
    void optionsOutOfRangeAreNamed() {
        assertThatThrownBy(() -> PLAIN.withTopP(0)).hasMessage("topP: expected above 0 and at most 1, got 0.0");
        assertThatThrownBy(() -> PLAIN.withTemperature(-1)).hasMessageStartingWith("temperature: ");
        assertThatThrownBy(() -> PLAIN.withStop("")).hasMessageStartingWith("stop: ");
        assertThatThrownBy(() -> PLAIN.withMaxTokens(-1)).hasMessageStartingWith("maxTokens: ");
    }
}
