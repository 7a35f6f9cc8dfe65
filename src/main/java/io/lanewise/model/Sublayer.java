package io.lanewise.model;

import io.lanewise.tensor.Tensor;

/** Attention or feed-forward of one layer: immutable weights; what it scribbles on lies in the session's state. */
interface Sublayer {
    /**
     * Gives out = f(in), or out += f(in) where {@code residual}, for the positions from {@code s.cache.length()} on. It
     * leaves {@code in} as it is. Called between the team's enter and exit; allocates nothing.
     *
     * @param in [rows, dim]
     * @param out [rows, dim]; not {@code in} unless {@code residual} is false
     */
    void forward(DecoderState s, Tensor in, int rows, Tensor out, boolean residual);
}
