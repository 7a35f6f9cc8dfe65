package io.lanewise.generate;

import io.lanewise.tensor.DType;
import java.nio.file.Path;

/**
 * How a model is loaded.
 *
 * @param threads that compute, the caller's included; 0 for one on each physical core, shared by all such models
 * @param lora a safetensors file of low-rank adapters that the weights are changed by, or null
 * @param type what matrices are converted to as they are loaded, or null for as they are in the file
 * @param tokenizer a GGUF file, a {@code tokenizer.json} or a folder with one, to take the vocabulary from; null for the
 *     model's own
 * @param expertsOnDemand whether experts are packed when a token is first sent to them rather than now: loading is
 *     faster, and memory holds those alone that the texts so far have used
 */
public record LoadOptions(int threads, Path lora, DType type, Path tokenizer, boolean expertsOnDemand) {
    /** As many threads as the machine has cores, the weights as they are. */
    public static final LoadOptions DEFAULT = new LoadOptions(0, null, null, null, false);

    /** @throws IllegalArgumentException if threads is negative or over 1,024 */
    public LoadOptions {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads: expected 1 to 1024, or 0 for the number of cores, got "
                    + threads);
        }
    }

    public LoadOptions withThreads(int threads) {
        return new LoadOptions(threads, lora, type, tokenizer, expertsOnDemand);
    }

    public LoadOptions withLora(Path adapters) {
        return new LoadOptions(threads, adapters, type, tokenizer, expertsOnDemand);
    }

    public LoadOptions withType(DType type) {
        return new LoadOptions(threads, lora, type, tokenizer, expertsOnDemand);
    }

    public LoadOptions withTokenizer(Path tokenizer) {
        return new LoadOptions(threads, lora, type, tokenizer, expertsOnDemand);
    }

    public LoadOptions withExpertsOnDemand(boolean expertsOnDemand) {
        return new LoadOptions(threads, lora, type, tokenizer, expertsOnDemand);
    }
}
