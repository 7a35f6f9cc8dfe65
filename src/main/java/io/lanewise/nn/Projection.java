package io.lanewise.nn;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.kernels.Activation;
import java.lang.foreign.Arena;
import java.util.List;

/** A trainable matrix [out, in] with its bias, if any, under their names in a file. */
final class Projection {
    final Variable weight;
    /** [out] or null. */
    final Variable bias;

    Projection(Arena arena, String name, int out, int in, boolean hasBias) {
        weight = Variable.parameter(arena, name + ".weight", out, in);
        bias = hasBias ? Variable.parameter(arena, name + ".bias", out) : null;
    }

    /** Several matrices over the same input, one below the other, each with its own name. */
    Projection(Arena arena, String name, List<String> names, int[] outs, int in, boolean hasBias) {
        weight = Variable.stacked(arena, name + ".weight", names.stream().map(part -> part + ".weight").toList(), outs, in);
        bias = hasBias
                ? Variable.stacked(arena, name + ".bias", names.stream().map(part -> part + ".bias").toList(), outs, 0)
                : null;
    }

    /** x Wᵀ + bias. */
    Variable apply(Tape tape, Variable x) {
        return tape.linear(x, weight, bias);
    }

    /** x Wᵀ + bias, then relu or + residual. */
    Variable apply(Tape tape, Variable x, Activation act, Variable residual) {
        return tape.linear(x, weight, bias, act, residual);
    }

    void addTo(List<Variable> parameters) {
        addLeaves(parameters, weight);
        if (bias != null) {
            addLeaves(parameters, bias);
        }
    }

    private static void addLeaves(List<Variable> parameters, Variable variable) {
        if (variable.parts().isEmpty()) {
            parameters.add(variable);
        } else {
            parameters.addAll(variable.parts());
        }
    }

    void requireGrad(boolean required) {
        weight.requireGrad(required);
        if (bias != null) {
            bias.requireGrad(required);
        }
    }
}
