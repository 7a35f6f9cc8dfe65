package io.lanewise.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.lanewise.nn.ExpertRouting.Gating;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RouterTest {
    /** What a router chose. */
    private record Choice(int[] experts, float[] weights) {}

    private static Choice choose(ExpertRouting routing, float[] bias, float... logits) {
        try (Arena arena = Arena.ofConfined()) {
            Tensor x = Tensor.allocate(arena, logits.length).copyFrom(logits);
            Tensor b = bias == null ? null : Tensor.allocate(arena, bias.length).copyFrom(bias);
            int[] experts = new int[routing.topK()];
            float[] weights = new float[routing.topK()];
            new Router(routing).choose(x.segment(), 0, b == null ? null : b.segment(), experts, weights, 0);
            return new Choice(experts, weights);
        }
    }

    @Test
    void softmaxBeforeAndAfterTheChoiceAgreeWhenWeightsAreNormalised() {
        float[] logits = {0.1f, 2, -1, 1.5f, 0.3f};
        Choice before = choose(ExpertRouting.plain(5, 2, Gating.SOFTMAX, true), null, logits);
        Choice after = choose(ExpertRouting.plain(5, 2, Gating.SOFTMAX_OF_CHOSEN, false), null, logits);
        double first = 1 / (1 + Math.exp(-0.5));
        for (Choice choice : new Choice[] {before, after}) {
            assertThat(choice.experts).containsExactly(1, 3);
            assertThat(choice.weights[0]).isCloseTo((float) first, within(1e-6f));
            assertThat(choice.weights[1]).isCloseTo((float) (1 - first), within(1e-6f));
        }
    }

    @Test
    void softmaxWeightsKeepTheirShareOfAllExpertsUnlessNormalised() {
        Choice choice = choose(ExpertRouting.plain(3, 2, Gating.SOFTMAX, false), null, 1, 0, 2);
        double sum = Math.exp(1) + 1 + Math.exp(2);
        assertThat(choice.experts).containsExactly(2, 0);
        assertThat(choice.weights[0]).isCloseTo((float) (Math.exp(2) / sum), within(1e-6f));
        assertThat(choice.weights[1]).isCloseTo((float) (Math.exp(1) / sum), within(1e-6f));
    }

    @Test
    void theBiasChoosesButDoesNotWeigh() {
        ExpertRouting routing = new ExpertRouting(4, 2, Gating.SIGMOID, 1, 1, true, 2.5f);
        Choice choice = choose(routing, new float[] {0, 0, 0, 10}, 1, 0, -1, -2);
        float first = sigmoid(-2);
        float second = sigmoid(1);
        assertThat(choice.experts).containsExactly(3, 0);
        assertThat(choice.weights[0]).isCloseTo(2.5f * first / (first + second), within(1e-6f));
        assertThat(choice.weights[1]).isCloseTo(2.5f * second / (first + second), within(1e-6f));
    }

    @Test
    void onlyTheBestGroupsAreChosenFrom() {
        // Sums of two: group 0 has the best expert, groups 1 and 2 the best pairs.
        float[] logits = {3, -9, -9, 1, 1, -9, 1.2f, 0.9f, -9};
        ExpertRouting sums = new ExpertRouting(9, 3, Gating.SIGMOID, 3, 2, false, 1);
        assertThat(choose(sums, null, logits).experts).containsExactly(6, 3, 4);
        ExpertRouting best = new ExpertRouting(9, 3, Gating.SOFTMAX, 3, 2, false, 1);
        assertThat(choose(best, null, logits).experts).containsExactly(0, 6, 7);
    }

    @Test
    void equalsGoToTheLowestNumberAndNaNsToNobodyWhileThereAreOthers() {
        ExpertRouting routing = ExpertRouting.plain(6, 3, Gating.SIGMOID, false);
        assertThat(choose(routing, null, 1, 1, 1, 1, 1, 1).experts).containsExactly(0, 1, 2);
        assertThat(choose(routing, null, Float.NaN, 1, Float.NaN, 1, -5, Float.NaN).experts).containsExactly(1, 3, 4);
        float[] nothing = new float[6];
        Arrays.fill(nothing, Float.NaN);
        assertThat(choose(routing, null, nothing).experts).doesNotHaveDuplicates();
    }

    @Test
    void manyExpertsAreChosenAsASortWouldChooseThem() {
        Random random = new Random(3);
        for (int n = 1; n <= 70; n++) {
            float[] logits = new float[n];
            for (int i = 0; i < n; i++) {
                logits[i] = (float) random.nextGaussian();
            }
            int topK = 1 + random.nextInt(n);
            int[] expected = IntStream.range(0, n).boxed()
                    .sorted((a, b) -> Float.compare(logits[b], logits[a])).limit(topK).mapToInt(i -> i).toArray();
            ExpertRouting routing = ExpertRouting.plain(n, topK, Gating.SOFTMAX_OF_CHOSEN, false);
            assertThat(choose(routing, null, logits.clone()).experts).isEqualTo(expected);
        }
    }

    @Test
    void impossibleRoutingIsRefused() {
        assertThatThrownBy(() -> ExpertRouting.plain(4, 5, Gating.SOFTMAX, true)).hasMessageContaining("5 of 4");
        assertThatThrownBy(() -> ExpertRouting.plain(0, 0, Gating.SOFTMAX, true)).hasMessageContaining("impossible");
        assertThatThrownBy(() -> new ExpertRouting(10, 2, Gating.SIGMOID, 3, 1, true, 1)).hasMessageContaining("groups");
        assertThatThrownBy(() -> new ExpertRouting(8, 4, Gating.SIGMOID, 4, 1, true, 1)).hasMessageContaining("groups");
    }

    private static float sigmoid(double x) {
        return (float) (1 / (1 + Math.exp(-x)));
    }
}
