package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.Metadata;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.util.Optional;

/** A family's metadata keys, without the architecture that stands before each, with the checks that all sizes need. */
final class Keys {
    static final int MAX_SIZE = 1 << 24;
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

    /** A count that may be zero: 0 to 16 million. */
    int count(String key, int otherwise) {
        long value = metadata.integer(full(key), otherwise);
        check(value >= 0 && value <= MAX_SIZE, key, "0 to " + MAX_SIZE, value);
        return (int) value;
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

    boolean isArray(String key) {
        return metadata.isArray(full(key));
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
        float base = number("rope.freq_base", 10_000f);
        check(base > 1, "rope.freq_base", "a number above 1", base);
        return new RopeScalingKeys(this, ropeDim).read(style, base);
    }

    /** Which layers are local: as an array of the file says, or by a period of its own or the family's. */
    boolean[] pattern(String key, int nLayers, int defaultPeriod) {
        if (metadata.isArray(full(key))) {
            boolean[] pattern = metadata.flags(full(key));
            check(pattern.length == nLayers, key, "one value a layer, " + nLayers, pattern.length);
            return pattern;
        }
        int period = size(key, defaultPeriod);
        boolean[] pattern = new boolean[nLayers];
        for (int layer = 0; layer < nLayers; layer++) {
            pattern[layer] = layer % period < period - 1;
        }
        return pattern;
    }

    /** The numbers of an F32 tensor of one axis, all above 0, or null where the file has none. */
    float[] factors(String name, int length) {
        Optional<TensorSource> found = checkpoint.find(name);
        if (found.isEmpty()) {
            return null;
        }
        TensorSource source = found.get();
        if (source.dtype() != DType.F32 || !source.shape().equals(Shape.of(length))) {
            throw new FormatException(checkpoint.path(), "tensor " + name + ": expected F32 [" + length + "], got "
                    + source.dtype() + " " + source.shape());
        }
        float[] factors = source.map().toFloatArray();
        for (float factor : factors) {
            if (!(factor > 0 && factor <= Float.MAX_VALUE)) {
                throw new FormatException(checkpoint.path(), "tensor " + name + ": expected numbers above 0, got "
                        + factor);
            }
        }
        return factors;
    }

    String string(String key, String otherwise) {
        return metadata.string(full(key), otherwise);
    }

    /** Refuses the file unless {@code valid}, saying what the key may be. */
    void check(boolean valid, String key, String expected, Object actual) {
        if (!valid) {
            throw error(key, "expected " + expected + ", got " + actual);
        }
    }

    FormatException error(String key, String problem) {
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
