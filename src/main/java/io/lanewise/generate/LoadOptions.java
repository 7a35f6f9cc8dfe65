package io.lanewise.generate;

import java.nio.file.Path;

/**
 * How a model is loaded.
 *
 * @param threads that compute, the caller's included; 0 for one on each physical core, shared by all such models
 * @param lora a safetensors file of low-rank adapters that the weights are changed by, or null
 */
public record LoadOptions(int threads, Path lora) {
    /** As many threads as the machine has cores, the weights as they are. */
    public static final LoadOptions DEFAULT = new LoadOptions(0, null);

    /** @throws IllegalArgumentException if threads is negative or over 1,024 */
    public LoadOptions {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads: expected 1 to 1024, or 0 for the number of cores, got "
                    + threads);
        }
    }

    public LoadOptions withThreads(int threads) {
        return new LoadOptions(threads, lora);
    }

    public LoadOptions withLora(Path adapters) {
        return new LoadOptions(threads, adapters);
    }
}
