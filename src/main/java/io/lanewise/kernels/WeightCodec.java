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
        row(DType.F32, PlainTypes::decodeF32, PlainTypes::encodeF32);
        row(DType.F16, PlainTypes::decodeF16, PlainTypes::encodeF16);
        row(DType.BF16, PlainTypes::decodeBF16, PlainTypes::encodeBF16);
        row(DType.Q8_0, SmallBlocks::decodeQ8_0, SmallEncoders::encodeQ8_0);
        row(DType.Q4_0, SmallBlocks::decodeQ4_0, SmallEncoders::encodeQ4_0);
        row(DType.Q4_1, SmallBlocks::decodeQ4_1, SmallEncoders::encodeQ4_1);
        row(DType.Q5_0, SmallBlocks::decodeQ5_0, SmallEncoders::encodeQ5_0);
        row(DType.Q5_1, SmallBlocks::decodeQ5_1, SmallEncoders::encodeQ5_1);
        row(DType.IQ4_NL, SmallBlocks::decodeIQ4_NL, SmallEncoders::encodeIQ4_NL);
        row(DType.MXFP4, SmallBlocks::decodeMXFP4, SmallEncoders::encodeMXFP4);
        row(DType.Q2_K, SuperBlocks::decodeQ2_K, SuperEncoders::encodeQ2_K);
        row(DType.Q3_K, SuperBlocks::decodeQ3_K, SuperEncoders::encodeQ3_K);
        row(DType.Q4_K, SuperBlocks::decodeQ4_K, SuperEncoders::encodeQ4_K);
        row(DType.Q5_K, SuperBlocks::decodeQ5_K, SuperEncoders::encodeQ5_K);
        row(DType.Q6_K, SuperBlocks::decodeQ6_K, SuperEncoders::encodeQ6_K);
        row(DType.IQ4_XS, SuperBlocks::decodeIQ4_XS, SuperEncoders::encodeIQ4_XS);
        row(DType.Q1_0, TinyBlocks::decodeQ1_0, null);
        row(DType.Q2_0, TinyBlocks::decodeQ2_0, null);
        row(DType.TQ1_0, TinyBlocks::decodeTQ1_0, null);
        row(DType.TQ2_0, TinyBlocks::decodeTQ2_0, null);
        row(DType.NVFP4, TinyBlocks::decodeNVFP4, null);
    }

    /** Decodes {@code blocks} blocks at byte {@code at} of src to floats from index {@code to} of dst on. */
    @FunctionalInterface
    interface Decoder {
        void decode(MemorySegment src, long at, MemorySegment dst, long to, long blocks);
    }

    /** Encodes the floats from index {@code from} of src to {@code blocks} blocks at byte {@code at} of dst. */
    @FunctionalInterface
    interface Encoder {
        void encode(MemorySegment src, long from, MemorySegment dst, long at, long blocks);
    }

    private final DType dtype;
    private final Decoder decoder;
    /** Null where the type is only read. */
    private final Encoder encoder;

    private WeightCodec(DType dtype, Decoder decoder, Encoder encoder) {
        this.dtype = dtype;
        this.decoder = decoder;
        this.encoder = encoder;
    }

    private static void row(DType dtype, Decoder decoder, Encoder encoder) {
        ROWS.put(dtype, new WeightCodec(dtype, decoder, encoder));
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

    /** Whether the type can be written too. */
    public boolean encodes() {
        return encoder != null;
    }

    /**
     * The blocks at byte {@code byteOffset} of dst = src [elements], with the least squared error that our search
     * finds, and the same bytes on every machine. F16 rounds to nearest even and overflows to infinity, BF16 rounds to
     * nearest even, NaN stays NaN. Quantised types refuse NaN and infinities; magnitudes too
     * large for a block's half-precision scale saturate, and those too small become zero.
     *
     * @param elements whole blocks
     * @throws IllegalArgumentException on numbers that are not finite, where the type is quantised
     * @throws UnsupportedOperationException if the type is only read, see {@link #encodes}
     */
    public void encode(MemorySegment src, long floatOffset, MemorySegment dst, long byteOffset, long elements) {
        if (encoder == null) {
            throw new UnsupportedOperationException(dtype + " can be read but not written");
        }
        encoder.encode(src, floatOffset, dst, byteOffset, blocks(elements));
    }

    private long blocks(long elements) {
        if (elements < 0 || elements % dtype.blockLength() != 0) {
            throw new IllegalArgumentException(
                    dtype + ": " + elements + " elements are not whole blocks of " + dtype.blockLength());
        }
        return elements / dtype.blockLength();
    }
}
