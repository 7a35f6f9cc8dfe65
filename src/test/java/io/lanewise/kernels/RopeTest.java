package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RopeTest {
    private static final double BASE = 10_000;

    /** Turns one head by the definition. */
    private static void oracle(RopeStyle style, double[] head, int ropeDim, int position) {
        for (int i = 0; i < ropeDim / 2; i++) {
            int a = style == RopeStyle.INTERLEAVED ? 2 * i : i;
            int b = style == RopeStyle.INTERLEAVED ? 2 * i + 1 : i + ropeDim / 2;
            double angle = position / Math.pow(BASE, 2.0 * i / ropeDim);
            double turned = head[a] * Math.cos(angle) - head[b] * Math.sin(angle);
            head[b] = head[b] * Math.cos(angle) + head[a] * Math.sin(angle);
            head[a] = turned;
        }
    }

    private static void check(RopeStyle style, int nHeads, int headDim, int ropeDim, int position) {
        try (Arena arena = Arena.ofConfined()) {
            float[] values = FloatRow.random(new SplittableRandom(8), nHeads * headDim);
            FloatRow x = new FloatRow(arena, position % 3, values);
            RopeTable table = new RopeTable(style, ropeDim, BASE, RopeScaling.none());
            FloatRow row = new FloatRow(arena, position % 2, new float[table.rowLength()]);
            table.fillRow(position, row.segment, row.off);
            table.apply(x.segment, x.off, nHeads, headDim, row.segment, row.off);
            float[] turned = x.values();
            row.values();
            for (int head = 0; head < nHeads; head++) {
                double[] expected = new double[headDim];
                for (int i = 0; i < headDim; i++) {
                    expected[i] = values[head * headDim + i];
                }
                oracle(style, expected, ropeDim, position);
                for (int i = 0; i < headDim; i++) {
                    double tolerance = i < ropeDim ? 1e-6 : 0;
                    assertThat((double) turned[head * headDim + i])
                            .as("%s, head %d of %d, dimension %d of %d/%d", style, head, nHeads, i, ropeDim, headDim)
                            .isCloseTo(expected[i], within(tolerance));
                }
            }
        }
    }

    @Test
    void turnsEveryPairByItsAngle() {
        for (RopeStyle style : RopeStyle.values()) {
            for (int ropeDim = 2; ropeDim <= 6 * Lanes.FLOATS; ropeDim += 2) {
                check(style, 3, ropeDim, ropeDim, 17);
            }
            check(style, 2, 128, 128, 130_000);
        }
    }

    @Test
    void leavesDimensionsBeyondRopeDimAlone() {
        for (RopeStyle style : RopeStyle.values()) {
            for (int ropeDim = 2; ropeDim <= 64; ropeDim += 2) {
                check(style, 2, 80, ropeDim, 5);
                check(style, 2, ropeDim + 1, ropeDim, 5);
            }
        }
    }

    @Test
    void positionZeroTurnsNothing() {
        try (Arena arena = Arena.ofConfined()) {
            for (RopeStyle style : RopeStyle.values()) {
                float[] values = FloatRow.random(new SplittableRandom(9), 64);
                FloatRow x = new FloatRow(arena, 0, values);
                RopeTable table = new RopeTable(style, 64, BASE, RopeScaling.none());
                FloatRow rows = new FloatRow(arena, 0, new float[3 * table.rowLength()]);
                table.fill(0, 3, rows.segment, rows.off);
                table.apply(x.segment, x.off, 1, 64, rows.segment, rows.off);
                assertThat(x.values()).isEqualTo(values);
            }
        }
    }

    private static double[] angles(RopeScaling scaling, int ropeDim, int position) {
        try (Arena arena = Arena.ofConfined()) {
            RopeTable table = new RopeTable(RopeStyle.HALF_SPLIT, ropeDim, BASE, scaling);
            FloatRow row = new FloatRow(arena, 0, new float[ropeDim]);
            table.fillRow(position, row.segment, row.off);
            double[] angles = new double[ropeDim / 2];
            for (int i = 0; i < angles.length; i++) {
                angles[i] = Math.atan2(row.values()[ropeDim / 2 + i], row.values()[i]);
            }
            return angles;
        }
    }

    @Test
    void linearScalingDividesEveryAngle() {
        double[] scaled = angles(RopeScaling.linear(4), 8, 4);
        double[] plain = angles(RopeScaling.none(), 8, 1);
        for (int i = 0; i < 4; i++) {
            assertThat(scaled[i]).isCloseTo(plain[i], within(1e-6));
        }
    }

    @Test
    void frequencyFactorsDivideTheirPair() {
        double[] scaled = angles(RopeScaling.factors(new float[] {1, 2, 4, 8}), 8, 1);
        double[] plain = angles(RopeScaling.none(), 8, 1);
        for (int i = 0; i < 4; i++) {
            assertThat(scaled[i]).isCloseTo(plain[i] / (1 << i), within(1e-6));
        }
        assertThatThrownBy(() -> angles(RopeScaling.factors(new float[3]), 8, 1))
                .hasMessage("RoPE: expected 4 frequency factors, got 3");
    }

    @Test
    void yarnExtrapolatesFastPairsAndInterpolatesSlowOnes() {
        // 64 pairs, context 4,096 x 40: ramp from pair 20 (32 turns) to pair 46 (1 turn) by the paper's formula
        int ropeDim = 128;
        RopeScaling yarn = RopeScaling.yarn(40, 1, 1, 32, 1, 4096);
        double[] scaled = angles(yarn, ropeDim, 1);
        for (int i = 0; i < ropeDim / 2; i++) {
            double plain = Math.pow(BASE, -2.0 * i / ropeDim);
            double interpolated = Math.clamp((i - 20) / 26.0, 0, 1);
            assertThat(scaled[i]).as("pair %d", i)
                    .isCloseTo(plain * (1 - interpolated) + plain / 40 * interpolated, within(1e-6));
        }
    }

    @Test
    void yarnGrowsTheMagnitude() {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow row = new FloatRow(arena, 0, new float[128]);
            RopeScaling yarn = RopeScaling.yarn(40, 1, 0.5, 32, 1, 4096);
            new RopeTable(RopeStyle.HALF_SPLIT, 128, BASE, yarn).fillRow(0, row.segment, row.off);
            assertThat((double) row.values()[0]).isCloseTo(0.5 * (1 + 0.1 * Math.log(40)), within(1e-6));
            RopeScaling none = RopeScaling.none().withAttnFactor(1.5);
            new RopeTable(RopeStyle.HALF_SPLIT, 128, BASE, none).fillRow(0, row.segment, row.off);
            assertThat(row.values()[0]).isEqualTo(1.5f);
        }
    }

    @Test
    void oddDimensionsAreRefused() {
        assertThatThrownBy(() -> new RopeTable(RopeStyle.INTERLEAVED, 7, BASE, RopeScaling.none()))
                .hasMessageContaining("expected an even dimension").hasMessageContaining("7");
    }
}
