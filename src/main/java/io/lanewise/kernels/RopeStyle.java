package io.lanewise.kernels;

/** Which two dimensions of a head turn together under rotary position embedding. */
public enum RopeStyle {
    /** Neighbours: (0, 1), (2, 3), … as in Llama's GGUF files. */
    INTERLEAVED,
    /** One of each half: (0, ropeDim/2), (1, ropeDim/2 + 1), … as in GPT-NeoX and Qwen. */
    HALF_SPLIT
}
