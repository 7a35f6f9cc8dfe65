package io.lanewise.nn;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.kernels.Activation;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A low-rank change beside a frozen matrix (Hu et al., LoRA, ICLR 2022): y + scale · (x Aᵀ) Bᵀ with A [rank, in] and B
 * [out, rank]. A starts from N(0, 1 / in) and B from zero, so that training begins at the matrix as it is.
 */
record LowRank(Variable a, Variable b, float scale) {
    static LowRank of(Arena arena, Variable weight, int rank, double scale, SplittableRandom random) {
        int in = weight.shape().size(1);
        Variable a = Variable.parameter(arena, weight.name() + ".lora_a", rank, in);
        Variable b = Variable.parameter(arena, weight.name() + ".lora_b", weight.shape().size(0), rank);
        float[] values = new float[rank * in];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() / Math.sqrt(in));
        }
        a.value().copyFrom(values);
        return new LowRank(a, b, (float) scale);
    }

    /** y [.., out] with the change that x [.., in] makes. */
    Variable addTo(Tape tape, Variable x, Variable y) {
        return tape.linear(tape.scale(tape.linear(x, a, null), scale), b, null, Activation.NONE, y);
    }

    void addTo(List<Variable> parameters) {
        parameters.add(a);
        parameters.add(b);
    }
}
