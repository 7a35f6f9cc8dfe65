package io.lanewise.nn;

import io.lanewise.autograd.Variable;
import java.util.List;

/** Updates parameters from their gradients. */
public interface Optimizer {
    /**
     * One update of every parameter.
     *
     * @param gradScale factor on every gradient: what {@link GradientNorm#clipScale} gives, or 1
     */
    void step(double learningRate, double gradScale);

    /** Makes all gradients zero, for free: see {@link Variable#zeroGrad}. */
    default void zeroGrad() {
        for (Variable parameter : parameters()) {
            parameter.zeroGrad();
        }
    }

    /** What it updates, in order. */
    List<Variable> parameters();

    /** Updates done so far, those before a resume included. */
    long steps();

    /** Goes on as after {@code steps} updates, once {@link #state} has been filled. */
    void resumeAt(long steps);

    /** What it remembers between steps, by name, to save and restore: {@code adam_m.NAME}, {@code adam_v.NAME}. */
    List<Variable> state();
}
