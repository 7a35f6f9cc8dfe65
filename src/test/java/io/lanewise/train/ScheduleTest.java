package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScheduleTest {
    @Test
    void warmUpRisesToTheRateAndTheCosineFallsToTheFloor() {
        Schedule schedule = new Schedule(Schedule.Kind.COSINE, 1e-3, 1e-4, 3, 10);
        for (int k = 0; k < 3; k++) {
            assertThat(schedule.at(k)).isEqualTo(1e-3 * (k + 1) / 3, within(1e-18));
        }
        for (int k = 3; k < 10; k++) {
            assertThat(schedule.at(k))
                    .isEqualTo(1e-4 + 0.5 * (1 + Math.cos(Math.PI * (k - 3) / 7)) * 9e-4, within(1e-18));
        }
        assertThat(schedule.at(3)).isEqualTo(1e-3);
        assertThat(schedule.at(10)).isEqualTo(1e-4);
        assertThat(schedule.at(1_000_000)).isEqualTo(1e-4);
    }

    @Test
    void aConstantScheduleKeepsTheRate() {
        assertThat(Schedule.constant(0.5).at(0)).isEqualTo(0.5);
        assertThat(Schedule.constant(0.5).at(1L << 40)).isEqualTo(0.5);
        assertThat(new Schedule(Schedule.Kind.COSINE, 1, 0, 5, 5).at(5)).isZero();
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> Schedule.constant(0)).hasMessageContaining("rate");
        assertThatThrownBy(() -> Schedule.constant(Double.NaN)).hasMessageContaining("rate");
        assertThatThrownBy(() -> new Schedule(Schedule.Kind.COSINE, 1, 2, 0, 1)).hasMessageContaining("floor");
    }
}
