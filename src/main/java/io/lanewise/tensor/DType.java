package io.lanewise.tensor;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The element types of tensors, one row a type: its id in a GGUF file, elements a block and bytes a block. Plain types
 * are blocks of one element. Names and ids are those of ggml ({@code enum ggml_type} in {@code ggml.h}). That a type
 * stands here says only that we know its size; which types have kernels is for {@code kernels} to say.
 */
public enum DType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q8_1(9, 32, 36),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ4_NL(20, 32, 18),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ4_XS(23, 256, 136),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4),
    I64(27, 1, 8),
    F64(28, 1, 8),
    IQ1_M(29, 256, 56),
    BF16(30, 1, 2),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36),
    Q1_0(41, 128, 18),
    Q2_0(42, 64, 18);

    private static final Map<Integer, DType> BY_ID = new HashMap<>();

    static {
        for (DType type : values()) {
            BY_ID.put(type.id, type);
        }
    }

    private final int id;
    private final int blockLength;
    private final int blockBytes;

    DType(int id, int blockLength, int blockBytes) {
        this.id = id;
        this.blockLength = blockLength;
        this.blockBytes = blockBytes;
    }

    /** The type with this GGUF id, or empty where no type has it. */
    public static Optional<DType> byId(int id) {
        return Optional.ofNullable(BY_ID.get(id));
    }

    /** The type's number in a GGUF file. */
    public int id() {
        return id;
    }

    /** Elements a block; 1 for plain types. */
    public int blockLength() {
        return blockLength;
    }

    /** Bytes a block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Whether elements come in blocks that share scales, so that a single element has no address. */
    public boolean isQuantised() {
        return blockLength > 1;
    }

    /**
     * Bytes of {@code elements} consecutive elements.
     *
     * @throws IllegalArgumentException if they are negative or not whole blocks
     * @throws ArithmeticException if the size exceeds 2^63 - 1
     */
    public long byteSize(long elements) {
        if (elements < 0 || elements % blockLength != 0) {
            throw new IllegalArgumentException(
                    name() + ": " + elements + " elements are not whole blocks of " + blockLength);
        }
        return Math.multiplyExact(elements / blockLength, (long) blockBytes);
    }
}
