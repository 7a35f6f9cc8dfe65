package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * Between a weight type's blocks and floats, one row a type. Decoding is scalar code that C2 compiles well; it
 * allocates nothing and any thread may call it.
 */
public final class WeightCodec {
    private static final Map<DType, WeightCodec> ROWS = new EnumMap<>(DType.class);

    static {
        row(DType.F32, PlainTypes::decodeF32);
        row(DType.F16, PlainTypes::decodeF16);
        row(DType.BF16, PlainTypes::decodeBF16);
        row(DType.Q8_0, SmallBlocks::decodeQ8_0);
        row(DType.Q4_0, SmallBlocks::decodeQ4_0);
        row(DType.Q4_1, SmallBlocks::decodeQ4_1);
        row(DType.Q5_0, SmallBlocks::decodeQ5_0);
        row(DType.Q5_1, SmallBlocks::decodeQ5_1);
        row(DType.IQ4_NL, SmallBlocks::decodeIQ4_NL);
        row(DType.MXFP4, SmallBlocks::decodeMXFP4);
        row(DType.Q2_K, SuperBlocks::decodeQ2_K);
        row(DType.Q3_K, SuperBlocks::decodeQ3_K);
        row(DType.Q4_K, SuperBlocks::decodeQ4_K);
        row(DType.Q5_K, SuperBlocks::decodeQ5_K);
        row(DType.Q6_K, SuperBlocks::decodeQ6_K);
        row(DType.IQ4_XS, SuperBlocks::decodeIQ4_XS);
        row(DType.Q1_0, TinyBlocks::decodeQ1_0);
        row(DType.Q2_0, TinyBlocks::decodeQ2_0);
        row(DType.TQ1_0, TinyBlocks::decodeTQ1_0);
        row(DType.TQ2_0, TinyBlocks::decodeTQ2_0);
        row(DType.NVFP4, TinyBlocks::decodeNVFP4);
    }

    /** Decodes {@code blocks} blocks at byte {@code at} of src to floats from index {@code to} of dst on. */
    @FunctionalInterface
    interface Decoder {
        void decode(MemorySegment src, long at, MemorySegment dst, long to, long blocks);
    }

    private final DType dtype;
    private final Decoder decoder;

    private WeightCodec(DType dtype, Decoder decoder) {
        this.dtype = dtype;
        this.decoder = decoder;
    }

    private static void row(DType dtype, Decoder decoder) {
        ROWS.put(dtype, new WeightCodec(dtype, decoder));
    }

    /** The codec of a type, or empty where we know the type's size only. */
    public static Optional<WeightCodec> of(DType dtype) {
        return Optional.ofNullable(ROWS.get(dtype));
    }

    /** The codec of a type. @throws IllegalArgumentException where there is none */
    public static WeightCodec require(DType dtype) {
        WeightCodec codec = ROWS.get(dtype);
        if (codec == null) {
            throw new IllegalArgumentException("no codec for " + dtype + ", expected one of " + ROWS.keySet());
        }
        return codec;
    }

    public DType dtype() {
        return dtype;
    }

    /**
     * dst [elements] = the values of the blocks at byte {@code byteOffset} of src.
     *
     * @param elements whole blocks
     */
    public void decode(MemorySegment src, long byteOffset, MemorySegment dst, long floatOffset, long elements) {
        decoder.decode(src, byteOffset, dst, floatOffset, blocks(elements));
    }

    private long blocks(long elements) {
        if (elements < 0 || elements % dtype.blockLength() != 0) {
            throw new IllegalArgumentException(
                    dtype + ": " + elements + " elements are not whole blocks of " + dtype.blockLength());
        }
        return elements / dtype.blockLength();
    }
}
