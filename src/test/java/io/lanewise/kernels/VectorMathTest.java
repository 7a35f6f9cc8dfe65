package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

class VectorMathTest {
    private interface Scalar {
        float of(float x);
    }

    private interface Loop {
        void run(MemorySegment x, long xOff, MemorySegment y, long yOff, int n);
    }

    private static final Loop EXP = (x, xOff, y, yOff, n) -> CrossEntropy.scaledExp(x, xOff, 0f, 1f, y, yOff, n, false);
    private static final Loop TANH = (x, xOff, y, yOff, n) -> VectorMath.softCap(x, xOff, 1f, 1f, y, yOff, n);

    /** Largest error over [from, to] in steps, relative to |true value| + floor; vectors must give the scalar's bits. */
    private static double worst(double from, double to, double floor, Scalar scalar, Loop loop,
            DoubleUnaryOperator truth) {
        double worst = 0;
        int steps = 40_000;
        float[] xs = new float[steps];
        for (int i = 0; i < steps; i++) {
            xs[i] = (float) (from + (to - from) * i / steps);
        }
        float[] ys = of(loop, xs);
        for (int i = 0; i < steps; i++) {
            assertThat(ys[i]).as("at %s", xs[i]).isEqualTo(scalar.of(xs[i]));
            double expected = truth.applyAsDouble(xs[i]);
            worst = Math.max(worst, Math.abs(ys[i] - expected) / (Math.abs(expected) + floor));
        }
        return worst;
    }

    private static float[] of(Loop loop, float... xs) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(4L * xs.length, 64);
            MemorySegment y = arena.allocate(4L * xs.length, 64);
            MemorySegment.copy(MemorySegment.ofArray(xs), 0, x, 0, 4L * xs.length);
            loop.run(x, 0, y, 0, xs.length);
            return FloatRow.valuesOf(y, 0, xs.length);
        }
    }

    /** A whole vector of one value. */
    private static float vectorOf(Loop loop, float value) {
        float[] xs = new float[Lanes.FLOATS];
        Arrays.fill(xs, value);
        return of(loop, xs)[0];
    }

    @Test
    void expIsRightToTheLastBits() {
        assertThat(worst(-86.9, 88.7, 0, VectorMath::exp, EXP, Math::exp)).isLessThan(1.5e-7);
        assertThat(worst(-1, 1, 0, VectorMath::exp, EXP, Math::exp)).isLessThan(1.5e-7);
    }

    @Test
    void expOfExtremesIsZeroOneInfinityOrNaN() {
        float[] xs = {0f, -0f, -87.5f, -1000f, Float.NEGATIVE_INFINITY, 89f, 1e30f, Float.POSITIVE_INFINITY, Float.NaN};
        float[] expected = {1f, 1f, 0f, 0f, 0f, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY,
            Float.POSITIVE_INFINITY, Float.NaN};
        for (int i = 0; i < xs.length; i++) {
            assertThat(VectorMath.exp(xs[i])).as("scalar exp of %s", xs[i]).isEqualTo(Float.valueOf(expected[i]));
            float vector = vectorOf(EXP, xs[i]);
            assertThat(vector).as("vector exp of %s", xs[i]).isEqualTo(Float.valueOf(expected[i]));
        }
    }

    @Test
    void tanhIsRightNearZeroAndSaturates() {
        assertThat(worst(-12, 12, 1e-30, VectorMath::tanh, TANH, Math::tanh)).isLessThan(3e-7);
        assertThat(worst(1e-6, 1e-2, 0, VectorMath::tanh, TANH, Math::tanh)).isLessThan(3e-7);
        assertThat(VectorMath.tanh(1e30f)).isEqualTo(1f);
        assertThat(VectorMath.tanh(Float.NEGATIVE_INFINITY)).isEqualTo(-1f);
        assertThat(vectorOf(TANH, Float.POSITIVE_INFINITY)).isEqualTo(1f);
        assertThat(VectorMath.tanh(Float.NaN)).isNaN();
    }

    @Test
    void sigmoidAndSiluAreRight() {
        DoubleUnaryOperator sigmoid = x -> 1 / (1 + Math.exp(-x));
        assertThat(worst(-80, 80, 0, VectorMath::sigmoid, VectorMath::sigmoid, sigmoid)).isLessThan(4e-7);
        assertThat(worst(-80, 80, 1e-30, VectorMath::silu, VectorMath::silu, x -> x * sigmoid.applyAsDouble(x)))
                .isLessThan(4e-7);
        assertThat(VectorMath.silu(-1e30f)).isZero();
        assertThat(VectorMath.silu(1e30f)).isEqualTo(1e30f);
    }

    @Test
    void geluTanhIsRight() {
        DoubleUnaryOperator truth = x -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
        assertThat(worst(-4, 20, 1e-30, VectorMath::geluTanh, VectorMath::geluTanh, truth)).isLessThan(2e-6);
        assertThat(worst(-20, 0, 1, VectorMath::geluTanh, VectorMath::geluTanh, truth)).isLessThan(1e-7);
        assertThat(VectorMath.geluTanh(-1e20f)).isZero();
        assertThat(VectorMath.geluTanh(1e20f)).isEqualTo(1e20f);
    }

    @Test
    void geluErfIsRight() {
        DoubleUnaryOperator truth = x -> x / 2 * erfc(-x / Math.sqrt(2));
        assertThat(worst(-4, 20, 1e-30, VectorMath::geluErf, VectorMath::geluErf, truth)).isLessThan(1e-6);
        assertThat(worst(-20, 0, 1, VectorMath::geluErf, VectorMath::geluErf, truth)).isLessThan(1e-7);
        assertThat(VectorMath.geluErf(-1e18f)).isZero();
        assertThat(VectorMath.geluErf(1e18f)).isEqualTo(1e18f);
    }

    /** erfc by its Taylor series, and by its continued fraction where the series loses digits. */
    static double erfc(double x) {
        if (x < 2) {
            double term = x;
            double sum = x;
            for (int n = 1; n < 200; n++) {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
            }
            return x < -5 ? 2 : 1 - 2 / Math.sqrt(Math.PI) * sum;
        }
        double fraction = x;
        for (int n = 200; n > 0; n--) {
            fraction = x + n / 2.0 / fraction;
        }
        return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
    }
}
