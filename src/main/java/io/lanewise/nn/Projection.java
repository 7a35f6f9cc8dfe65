package io.lanewise.nn;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.kernels.Activation;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/** A trainable matrix [out, in] with its bias, if any, under their names in a file. */
final class Projection {
    final Variable weight;
    /** [out] or null. */
    final Variable bias;
    /** Of each matrix, null where it has none; null as a whole where none has. */
    private LowRank[] changes;

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
        return apply(tape, x, Activation.NONE, null);
    }

    /** x Wᵀ + bias, then relu or + residual. */
    Variable apply(Tape tape, Variable x, Activation act, Variable residual) {
        return changes == null ? tape.linear(x, weight, bias, act, residual) : applyChanged(tape, x, act, residual);
    }

    /** Matrix by matrix, each with its change, side by side. */
    private Variable applyChanged(Tape tape, Variable x, Activation act, Variable residual) {
        Variable y = null;
        for (int i = 0; i < changes.length; i++) {
            Variable one = tape.linear(x, part(weight, i), bias == null ? null : part(bias, i));
            one = changes[i] == null ? one : changes[i].addTo(tape, x, one);
            y = y == null ? one : tape.concat(y, one);
        }
        y = residual == null ? y : tape.add(y, residual);
        return act == Activation.NONE ? y : tape.activation(act, y);
    }

    private static Variable part(Variable variable, int i) {
        return variable.parts().isEmpty() ? variable : variable.parts().get(i);
    }

    /** Puts low-rank changes beside the matrices that {@code targeted} picks by name, and adds their factors to a list. */
    void adapt(Predicate<String> targeted, Function<Variable, LowRank> make, List<Variable> factors) {
        LowRank[] made = new LowRank[Math.max(1, weight.parts().size())];
        boolean any = false;
        for (int i = 0; i < made.length; i++) {
            if (targeted.test(part(weight, i).name())) {
                made[i] = make.apply(part(weight, i));
                made[i].addTo(factors);
                any = true;
            }
        }
        changes = any ? made : changes;
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
