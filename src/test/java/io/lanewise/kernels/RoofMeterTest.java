package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.parallel.ComputePool;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class RoofMeterTest {
    @Tag("slow")
    @Test
    void measuredRoofsArePlausible() {
        try (RoofMeter meter = new RoofMeter(2)) {
            for (int threads = 1; threads <= 2; threads++) {
                assertThat(meter.fma(threads)).isBetween(1.0, 2000.0);
                assertThat(meter.read(threads)).isBetween(0.5, 2000.0);
            }
            assertThatThrownBy(() -> meter.read(3)).hasMessageContaining("1 to 2 threads, got 3");
        }
    }

    @Tag("slow")
    @Test
    void theRooflineHasTheRoofsOfOneAndAllThreads() {
        try (ComputePool pool = new ComputePool(2)) {
            Roofline roofline = Roofline.measure(pool);
            assertThat(roofline.threads()).isEqualTo(2);
            assertThat(roofline.fmaOne()).isBetween(1.0, 2000.0);
            assertThat(roofline.readAll()).isBetween(0.5, 2000.0);
        }
    }
}
