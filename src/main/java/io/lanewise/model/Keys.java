package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.Metadata;
import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.util.Optional;

/** A family's metadata keys, without the architecture that stands before each, with the checks that all sizes need. */
final class Keys {
    private static final int MAX_SIZE = 1 << 24;
    private static final int MAX_LAYERS = 1 << 16;

    private final Checkpoint checkpoint;
    private final Metadata metadata;
    private final String architecture;

    Keys(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        this.metadata = checkpoint.metadata();
        this.architecture = metadata.string("general.architecture");
    }

    String architecture() {
        return architecture;
    }

    /** A required size: 1 to 16 million. */
    int size(String key) {
        return checked(key, metadata.integer(full(key)));
    }

    int size(String key, int otherwise) {
        return metadata.has(full(key)) ? size(key) : otherwise;
    }

    /** Width of a head: as the file says, or the model's width over the number of heads. */
    int headDim(String key, int dim, int nHeads) {
        if (metadata.has(full(key))) {
            return size(key);
        }
        check(dim % nHeads == 0, "embedding_length", "a multiple of attention.head_count " + nHeads, dim);
        return dim / nHeads;
    }

    float number(String key) {
        return checkedNumber(key, (float) metadata.number(full(key)));
    }

    float number(String key, float otherwise) {
        return metadata.has(full(key)) ? number(key) : otherwise;
    }

    /** Rows of the token embedding: what the file holds, whatever the vocabulary says. */
    int vocabSize() {
        return checked("vocab_size", checkpoint.tensor("token_embd.weight").shape().dim(0));
    }

    /** Number of layers: 1 to 65,536. */
    int layers(String key) {
        long layers = metadata.integer(full(key));
        check(layers >= 1 && layers <= MAX_LAYERS, key, "1 to " + MAX_LAYERS, layers);
        return (int) layers;
    }

    /** A required number above 0. */
    float positive(String key) {
        float value = number(key);
        check(value > 0, key, "a number above 0", value);
        return value;
    }

    float positive(String key, float otherwise) {
        return metadata.has(full(key)) ? positive(key) : otherwise;
    }

    boolean has(String key) {
        return metadata.has(full(key));
    }

    boolean flag(String key, boolean otherwise) {
        return metadata.flag(full(key), otherwise);
    }

    boolean hasTensor(String name) {
        return checkpoint.find(name).isPresent();
    }

    /** The rotation that the keys under {@code rope.} describe, for heads of this width. */
    RopeConfig rope(RopeStyle style, int headDim) {
        int ropeDim = size("rope.dimension_count", headDim);
        check(ropeDim % 2 == 0 && ropeDim <= headDim, "rope.dimension_count",
                "an even number up to the head's width of " + headDim, ropeDim);
        return new RopeConfig(style, ropeDim, positive("rope.freq_base", 10_000f), ropeScaling(ropeDim));
    }

    /** Linear scaling from the metadata, and llama3's from the factors that the file holds as a tensor. */
    private RopeScaling ropeScaling(int ropeDim) {
        String type = metadata.string(full("rope.scaling.type"), "none");
        double factor = switch (type) {
            case "none" -> 1;
            case "linear" -> number("rope.scaling.factor", 1);
            default -> throw error("rope.scaling.type", "expected none or linear, got '" + type + "'");
        };
        check(factor > 0, "rope.scaling.factor", "a number above 0", factor);
        RopeScaling linear = RopeScaling.linear(factor);
        return new RopeScaling(linear.freqScale(), frequencyFactors(ropeDim / 2), 0, 1, linear.betaFast(),
                linear.betaSlow(), 0);
    }

    private float[] frequencyFactors(int pairs) {
        Optional<TensorSource> factors = checkpoint.find("rope_freqs.weight");
        if (factors.isEmpty()) {
            return null;
        }
        TensorSource source = factors.get();
        if (source.dtype() != DType.F32 || !source.shape().equals(Shape.of(pairs))) {
            throw new FormatException(checkpoint.path(), "tensor rope_freqs.weight: expected F32 [" + pairs
                    + "], got " + source.dtype() + " " + source.shape());
        }
        return source.map().toFloatArray();
    }

    /** Refuses the file unless {@code valid}, saying what the key may be. */
    void check(boolean valid, String key, String expected, Object actual) {
        if (!valid) {
            throw error(key, "expected " + expected + ", got " + actual);
        }
    }

    private FormatException error(String key, String problem) {
        return new FormatException(checkpoint.path(), full(key) + ": " + problem);
    }

    private int checked(String key, long value) {
        check(value >= 1 && value <= MAX_SIZE, key, "1 to " + MAX_SIZE, value);
        return (int) value;
    }

    private float checkedNumber(String key, float value) {
        check(Float.isFinite(value), key, "a finite number", value);
        return value;
    }

    private String full(String key) {
        return architecture + "." + key;
    }
}
