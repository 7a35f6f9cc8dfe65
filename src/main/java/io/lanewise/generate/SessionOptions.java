package io.lanewise.generate;

import io.lanewise.tensor.DType;

/**
 * What a session is sized for.
 *
 * @param contextLength positions of prompt and answer together; 0 for the model's own, at most
 *     {@value #DEFAULT_CONTEXT}
 * @param batchRows most positions of the prompt that one pass takes: more is faster, up to a point, and takes memory
 * @param kvType how the KV cache stores numbers: F32, F16 in half the memory, or Q8_0 in little more than a quarter
 */
public record SessionOptions(int contextLength, int batchRows, DType kvType) {
    static final int DEFAULT_CONTEXT = 4096;

    /** The model's context up to 4,096 positions, batches of 512, F32 cache. */
    public static final SessionOptions DEFAULT = new SessionOptions(0, 512, DType.F32);

    /** @throws IllegalArgumentException that names the option */
    public SessionOptions {
        if (contextLength < 0) {
            throw new IllegalArgumentException("contextLength: expected 0 or more, got " + contextLength);
        }
        if (batchRows < 1 || batchRows > 1 << 16) {
            throw new IllegalArgumentException("batchRows: expected 1 to 65536, got " + batchRows);
        }
    }

    public SessionOptions withContextLength(int contextLength) {
        return new SessionOptions(contextLength, batchRows, kvType);
    }

    public SessionOptions withBatchRows(int batchRows) {
        return new SessionOptions(contextLength, batchRows, kvType);
    }

    public SessionOptions withKvType(DType kvType) {
        return new SessionOptions(contextLength, batchRows, kvType);
    }

    int contextFor(int modelContext) {
        return contextLength > 0 ? contextLength : Math.min(modelContext, DEFAULT_CONTEXT);
    }
}
