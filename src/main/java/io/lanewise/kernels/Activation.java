package io.lanewise.kernels;

/** What a matmul does to its sums before it stores them; error bounds stand at {@link VectorMath}. */
public enum Activation {
    /** x. */
    NONE,
    /** max(x, 0). */
    RELU,
    /** x·(1 + erf(x/√2)) / 2. */
    GELU_ERF,
    /** x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
    GELU_TANH,
    /** x / (1 + e^-x). */
    SILU
}
