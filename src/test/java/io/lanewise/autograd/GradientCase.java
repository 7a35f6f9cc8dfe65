package io.lanewise.autograd;

import io.lanewise.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.function.BiFunction;

/**
 * One gradient rule on one set of inputs: how a tape computes it, and what it is in double precision. The same list
 * serves the gradient check and the test of the kernels, see {@link GradientCases}.
 */
final class GradientCase {
    /** The rule in double precision: y of inputs, and the gradients of Σ y·dY. */
    interface Oracle {
        double[] forward(double[][] x);

        double[][] backward(double[][] x, double[] dY);
    }

    final String name;
    final Rule rule;
    final long[][] shapes;
    final Oracle oracle;
    final BiFunction<Tape, Variable[], Variable> graph;
    /** Error allowed in FP32, in units of 2^-24 of the largest value of a tensor: grows with the length of its sums. */
    final double ulps;
    float[][] inputs;

    GradientCase(String name, Rule rule, double ulps, Oracle oracle, BiFunction<Tape, Variable[], Variable> graph,
            long[]... shapes) {
        this.name = name;
        this.rule = rule;
        this.ulps = ulps;
        this.oracle = oracle;
        this.graph = graph;
        this.shapes = shapes;
        Random random = new Random(name.hashCode());
        inputs = new float[shapes.length][];
        for (int i = 0; i < shapes.length; i++) {
            inputs[i] = new float[Math.toIntExact(Shape.of(shapes[i]).elements())];
            for (int j = 0; j < inputs[i].length; j++) {
                float v = (float) random.nextGaussian();
                // No closer to 0 than the step of a central difference: relu has a kink there.
                inputs[i][j] = Math.abs(v) < 1e-3f ? 1e-3f : v;
            }
        }
    }

    double[][] wideInputs() {
        double[][] wide = new double[inputs.length][];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = wide(inputs[i]);
        }
        return wide;
    }

    Variable[] parameters(Arena arena) {
        Variable[] made = new Variable[inputs.length];
        for (int i = 0; i < made.length; i++) {
            made[i] = Variable.parameter(arena, "input" + i, shapes[i]);
            made[i].value().copyFrom(inputs[i]);
        }
        return made;
    }

    static double[] wide(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    @Override
    public String toString() {
        return name;
    }
}
