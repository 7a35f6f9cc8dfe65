package io.lanewise.nn;

/** How a network knows where a token stands. */
public enum Positions {
    /** It does not. */
    NONE,
    /** A trained row for each position, added to the embedding. */
    LEARNED,
    /** Fixed sines and cosines, added to the embedding (Vaswani et al. 2017). */
    SINUSOIDAL,
    /** Queries and keys are turned by their position (Su et al. 2021). */
    ROTARY
}
