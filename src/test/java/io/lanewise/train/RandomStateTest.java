package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RandomStateTest {
    @Test
    void givesThePublishedNumbersOfSplitMix64() {
        RandomState random = new RandomState(1234567);
        assertThat(new long[] {random.nextLong(), random.nextLong(), random.nextLong()})
                .containsExactly(6457827717110365317L, 3203168211198807973L, 0x883EBCE5A3F27C77L);
    }

    @Test
    void goesOnFromASavedState() {
        RandomState random = new RandomState(5);
        random.nextGaussian();
        RandomState other = new RandomState(0);
        other.restore(random.state());
        assertThat(other.nextLong()).isEqualTo(random.nextLong());
    }

    @Test
    void numbersAreUniformAndNormalEnough() {
        RandomState random = new RandomState(9);
        int[] counts = new int[7];
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < 70_000; i++) {
            counts[random.nextInt(7)]++;
            double normal = random.nextGaussian();
            sum += normal;
            squares += normal * normal;
        }
        for (int count : counts) {
            assertThat(count).isBetween(9_600, 10_400);
        }
        assertThat(sum / 70_000).isEqualTo(0, within(0.02));
        assertThat(squares / 70_000).isEqualTo(1, within(0.03));
    }
}
