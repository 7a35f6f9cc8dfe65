package io.lanewise.cli;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;

/** The weight types that files can be written in. */
final class WeightTypes {
    private static final Set<DType> WRITABLE = EnumSet.of(DType.F32, DType.F16, DType.BF16);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private WeightTypes() {}

    /** The type of this name. */
    static DType of(String name) {
        return Arrays.stream(DType.values()).filter(type -> type.name().equalsIgnoreCase(name) && isWritable(type))
                .findFirst().orElseThrow(() -> new UserMistake("--type: expected one of " + names() + "; got '" + name
                        + "'"));
    }

    static boolean isWritable(DType type) {
        return WRITABLE.contains(type);
    }

    static String names() {
        return WRITABLE.stream().map(DType::name).collect(Collectors.joining(", "));
    }

    /** The type that a matrix with rows of this length gets, where it asked for {@code type}. */
    static DType forRows(DType type, int length) {
        return length % type.blockLength() == 0 ? type : DType.F16;
    }

    /** Fills {@code target} with {@code values} times {@code scale}. */
    static void encode(DType type, float[] values, float scale, MemorySegment target) {
        for (int i = 0; i < values.length; i++) {
            float value = values[i] * scale;
            switch (type) {
                case F32 -> target.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, value);
                case F16 -> target.setAtIndex(SHORT, i, Float.floatToFloat16(value));
                case BF16 -> target.setAtIndex(SHORT, i, bf16(value));
                default -> throw new IllegalArgumentException("cannot write " + type);
            }
        }
    }

    /** The nearest; ties to even. */
    private static short bf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
