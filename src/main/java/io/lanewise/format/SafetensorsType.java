package io.lanewise.format;

import io.lanewise.tensor.DType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The element types of safetensors files, one row a type: its name there, its bits, and our type, or null. */
enum SafetensorsType {
    F64(64, DType.F64),
    F32(32, DType.F32),
    F16(16, DType.F16),
    BF16(16, DType.BF16),
    I64(64, DType.I64),
    I32(32, DType.I32),
    I16(16, DType.I16),
    I8(8, DType.I8),
    BOOL(8, null),
    U8(8, null),
    U16(16, null),
    U32(32, null),
    U64(64, null),
    C64(64, null),
    F8_E4M3(8, null),
    F8_E5M2(8, null),
    F8_E8M0(8, null),
    F8_E4M3FNUZ(8, null),
    F8_E5M2FNUZ(8, null),
    F6_E2M3(6, null),
    F6_E3M2(6, null),
    F4(4, null);

    private static final Map<String, SafetensorsType> BY_NAME = new HashMap<>();

    static {
        for (SafetensorsType type : values()) {
            BY_NAME.put(type.name(), type);
        }
    }

    private final int bits;
    private final DType dtype;

    SafetensorsType(int bits, DType dtype) {
        this.bits = bits;
        this.dtype = dtype;
    }

    static Optional<SafetensorsType> byName(String name) {
        return Optional.ofNullable(BY_NAME.get(name));
    }

    /** The type that holds {@code dtype}, or empty for those that only GGUF has. */
    static Optional<SafetensorsType> of(DType dtype) {
        return byName(dtype.name());
    }

    /** Our type, or null where we have none. */
    DType dtype() {
        return dtype;
    }

    /** Bytes of {@code elements}, or -1 if they do not fill whole bytes. @throws ArithmeticException on overflow */
    long byteSize(long elements) {
        long total = Math.multiplyExact(elements, (long) bits);
        return total % 8 == 0 ? total / 8 : -1;
    }
}
