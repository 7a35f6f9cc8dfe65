package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.parallel.ComputePool;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class RooflineTest {
    @Test
    void roofsBetweenOneAndAllThreadsAreInProportion() {
        Roofline roofline = new Roofline(5, 100, 420, 40, 60);
        assertThat(roofline.fma(1)).isEqualTo(100);
        assertThat(roofline.fma(2)).isCloseTo(180, Offset.offset(1e-9));
        assertThat(roofline.read(5)).isEqualTo(60);
        assertThat(roofline.read(9)).isEqualTo(60);
    }

    @Tag("slow")
    @Test
    void measuredRoofsArePlausible() {
        try (ComputePool pool = new ComputePool(2)) {
            Roofline roofline = Roofline.measure(pool);
            assertThat(roofline.threads()).isEqualTo(2);
            assertThat(roofline.fmaOne()).isBetween(1.0, 2000.0);
            assertThat(roofline.readOne()).isBetween(0.5, 2000.0);
            assertThat(roofline.fmaAll()).isGreaterThan(0.8 * roofline.fmaOne());
        }
    }
}
