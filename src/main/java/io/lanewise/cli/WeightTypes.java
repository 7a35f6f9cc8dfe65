package io.lanewise.cli;

import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The weight types that files can be written in. */
final class WeightTypes {
    /** What {@code general.file_type} says of a file whose matrices have this type (llama.h, {@code llama_ftype}). */
    private static final Map<DType, Integer> FILE_TYPES = new EnumMap<>(Map.ofEntries(
            Map.entry(DType.F32, 0), Map.entry(DType.F16, 1), Map.entry(DType.BF16, 32), Map.entry(DType.Q8_0, 7),
            Map.entry(DType.Q4_0, 2), Map.entry(DType.Q4_1, 3), Map.entry(DType.Q5_0, 8), Map.entry(DType.Q5_1, 9),
            Map.entry(DType.Q2_K, 10), Map.entry(DType.Q3_K, 11), Map.entry(DType.Q4_K, 14),
            Map.entry(DType.Q5_K, 16), Map.entry(DType.Q6_K, 18), Map.entry(DType.IQ4_NL, 25),
            Map.entry(DType.IQ4_XS, 30), Map.entry(DType.MXFP4, 38)));

    private WeightTypes() {}

    /** The type of this name. */
    static DType of(String name) {
        return writable().stream().filter(type -> type.name().equalsIgnoreCase(name)).findFirst().orElseThrow(
                () -> new UserMistake("--type: expected one of " + names() + "; got '" + name + "'"));
    }

    static int fileType(DType type) {
        return FILE_TYPES.get(type);
    }

    private static String names() {
        return String.join(", ", writable().stream().map(DType::name).toList());
    }

    private static List<DType> writable() {
        return Arrays.stream(DType.values()).filter(type -> FILE_TYPES.containsKey(type)
                && WeightCodec.of(type).filter(WeightCodec::encodes).isPresent()).toList();
    }
}
