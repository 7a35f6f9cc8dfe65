package io.lanewise.nn;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import java.lang.foreign.Arena;
import java.util.List;

/** A trainable LayerNorm or RMSNorm. */
final class TrainableNorm {
    private final Variable weight;
    private final Variable bias;
    private final boolean rms;
    private final float eps;

    TrainableNorm(Arena arena, String name, NetworkConfig config) {
        rms = config.rmsNorm();
        eps = config.normEps();
        weight = Variable.parameter(arena, name + ".weight", config.dim());
        bias = config.biases() && !rms ? Variable.parameter(arena, name + ".bias", config.dim()) : null;
    }

    /** The norm of each row of x [.., dim]. */
    Variable apply(Tape tape, Variable x) {
        return rms ? tape.rmsNorm(x, weight, eps) : tape.layerNorm(x, weight, bias, eps);
    }

    void addTo(List<Variable> parameters) {
        parameters.add(weight);
        if (bias != null) {
            parameters.add(bias);
        }
    }

    void requireGrad(boolean required) {
        weight.requireGrad(required);
        if (bias != null) {
            bias.requireGrad(required);
        }
    }
}
