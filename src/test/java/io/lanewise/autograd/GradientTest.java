package io.lanewise.autograd;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradient check: oracles against central differences, kernels against oracles, one list of cases for both. */
class GradientTest {
    static Stream<GradientCase> cases() {
        return GradientCases.all().stream();
    }

    @Test
    void everyRuleOfTheTableHasACase() {
        Set<Rule> covered = EnumSet.noneOf(Rule.class);
        GradientCases.all().forEach(c -> covered.add(c.rule));
        assertThat(covered).containsExactlyInAnyOrder(Rule.values());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void oracleAgreesWithCentralDifferences(GradientCase c) {
        double[][] x = c.wideInputs();
        double[] dY = upstream(c.oracle.forward(x).length);
        double[][] gradients = c.oracle.backward(x, dY);
        Random random = new Random(2);
        for (int input = 0; input < x.length; input++) {
            double largest = largest(gradients[input]);
            for (int probe = 0; probe < 12; probe++) {
                int at = random.nextInt(x[input].length);
                double difference = difference(c, x, dY, input, at);
                double expected = gradients[input][at];
                assertThat(Math.abs(difference - expected) / Math.max(Math.abs(expected), Math.max(0.01 * largest, 1e-3)))
                        .as("input %d, element %d: %s against %s", input, at, difference, expected).isLessThan(1e-6);
            }
        }
    }

    /** The best of several steps: large ones leave out curvature, small ones lose digits. */
    private static double difference(GradientCase c, double[][] x, double[] dY, int input, int at) {
        double exact = c.oracle.backward(x, dY)[input][at];
        double best = Double.NaN;
        for (double h : new double[] {3e-4, 1e-4, 3e-5, 1e-5, 3e-6}) {
            double kept = x[input][at];
            x[input][at] = kept + h;
            double above = weighted(c.oracle.forward(x), dY);
            x[input][at] = kept - h;
            double below = weighted(c.oracle.forward(x), dY);
            x[input][at] = kept;
            double slope = (above - below) / (2 * h);
            if (Double.isNaN(best) || Math.abs(slope - exact) < Math.abs(best - exact)) {
                best = slope;
            }
        }
        return best;
    }

    private static double weighted(double[] y, double[] dY) {
        double sum = 0;
        for (int i = 0; i < y.length; i++) {
            sum += y[i] * dY[i];
        }
        return sum;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void kernelsAgreeWithTheOracle(GradientCase c) {
        double[][] x = c.wideInputs();
        double[] expected = c.oracle.forward(x);
        double[] dY = upstream(expected.length);
        double[][] gradients = c.oracle.backward(x, dY);
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            Variable[] inputs = c.parameters(arena);
            Variable y = run(c, tape, inputs, arena, dY);
            assertClose(c, "y", y.value(), expected, 1);
            for (int i = 0; i < inputs.length; i++) {
                assertClose(c, "gradient of input " + i, inputs[i].grad(), gradients[i], 1);
            }
            // Once more without zeroGrad: parameters' gradients add up.
            run(c, tape, inputs, arena, dY);
            for (int i = 0; i < inputs.length; i++) {
                assertClose(c, "twice the gradient of input " + i, inputs[i].grad(), gradients[i], 2);
            }
        }
    }

    /**
     * The same rule on activations whose gradients are already there: x is used by two operations after it, so that its
     * gradient is written by one and added to by the other, in place or not.
     */
    @ParameterizedTest
    @MethodSource("cases")
    void gradientsOfActivationsAddUp(GradientCase c) {
        if (c.rule == Rule.EMBEDDING) {
            return; // its table is a parameter in every network
        }
        double[][] x = c.wideInputs();
        double[] expected = c.oracle.forward(x);
        double[] dY = upstream(expected.length);
        double[][] gradients = c.oracle.backward(x, dY);
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(2); Tape tape = new Tape(pool)) {
            Variable[] inputs = c.parameters(arena);
            tape.begin();
            Variable[] copies = new Variable[inputs.length];
            for (int i = 0; i < inputs.length; i++) {
                copies[i] = tape.scale(inputs[i], 1f);
            }
            if (c.rule == Rule.DROPOUT) {
                tape.seed(0);
                return; // its mask depends on the position
            }
            Variable first = c.graph.apply(tape, copies);
            Variable second = c.graph.apply(tape, copies);
            Variable y = tape.add(first, tape.scale(second, 2f));
            tape.backward(y, narrow(arena, dY, y));
            for (int i = 0; i < inputs.length; i++) {
                assertClose(c, "gradient of input " + i, inputs[i].grad(), gradients[i], 3);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void bitsDoNotDependOnThreads(GradientCase c) {
        double[] dY = upstream(c.oracle.forward(c.wideInputs()).length);
        float[][] one = gradients(c, 1, dY);
        assertThat(gradients(c, 2, dY)).isDeepEqualTo(one);
        assertThat(gradients(c, 5, dY)).isDeepEqualTo(one);
    }

    private static float[][] gradients(GradientCase c, int threads, double[] dY) {
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(threads); Tape tape = new Tape(pool)) {
            Variable[] inputs = c.parameters(arena);
            run(c, tape, inputs, arena, dY);
            return Stream.of(inputs).map(input -> input.grad().toFloatArray()).toArray(float[][]::new);
        }
    }

    private static Variable run(GradientCase c, Tape tape, Variable[] inputs, Arena arena, double[] dY) {
        tape.begin();
        Variable y = c.graph.apply(tape, inputs);
        tape.backward(y, narrow(arena, dY, y));
        return y;
    }

    private static Tensor narrow(Arena arena, double[] values, Variable like) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return Tensor.allocate(arena, like.shape().toArray()).copyFrom(floats);
    }

    /** Numbers that FP32 holds exactly. */
    private static double[] upstream(int n) {
        return new Random(9).ints(n, -512, 512).mapToDouble(i -> i / 256.0 + 0x1p-10).toArray();
    }

    private static double largest(double[] values) {
        double largest = 0;
        for (double value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    private static void assertClose(GradientCase c, String what, Tensor actual, double[] expected, double factor) {
        float[] values = actual.toFloatArray();
        assertThat(values).as(what).hasSize(expected.length);
        double allowed = c.ulps * 0x1p-24 * Math.max(largest(expected) * factor, 1e-6);
        for (int i = 0; i < values.length; i++) {
            assertThat(Math.abs(values[i] - factor * expected[i])).as("%s, element %d: %s against %s", what, i, values[i],
                    factor * expected[i]).isLessThanOrEqualTo(allowed);
        }
    }

    @Test
    void theTableSaysWhatEachRuleDoes() {
        assertThat(List.of(Rule.values())).allSatisfy(rule -> {
            assertThat(rule.forward()).contains("=");
            assertThat(rule.backward()).isNotBlank();
        });
    }
}
