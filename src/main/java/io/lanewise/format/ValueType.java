package io.lanewise.format;

/** The types of metadata values in a GGUF file; the ordinal is the type's id there. */
public enum ValueType {
    UINT8("u8", 1),
    INT8("i8", 1),
    UINT16("u16", 2),
    INT16("i16", 2),
    UINT32("u32", 4),
    INT32("i32", 4),
    FLOAT32("f32", 4),
    BOOL("bool", 1),
    STRING("str", 8),
    ARRAY("arr", 12),
    UINT64("u64", 8),
    INT64("i64", 8),
    FLOAT64("f64", 8);

    private static final ValueType[] BY_ID = values();

    private final String label;
    private final int bytes;

    ValueType(String label, int bytes) {
        this.label = label;
        this.bytes = bytes;
    }

    /** The type with this id, or null. */
    static ValueType byId(int id) {
        return id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
    }

    int id() {
        return ordinal();
    }

    /** Bytes of a value; for strings and arrays the fewest that one can have. */
    int bytes() {
        return bytes;
    }

    boolean isFloat() {
        return this == FLOAT32 || this == FLOAT64;
    }

    boolean isInteger() {
        return this != STRING && this != ARRAY && this != BOOL && !isFloat();
    }

    /** Whether an integer fits in this integer type; any does in u64, by its bits. */
    boolean fits(long value) {
        return switch (this) {
            case UINT8, UINT16, UINT32 -> value >>> 8 * bytes == 0;
            case INT8, INT16, INT32 -> value << 64 - 8 * bytes >> 64 - 8 * bytes == value;
            default -> true;
        };
    }

    /** As {@code u32}. */
    @Override
    public String toString() {
        return label;
    }
}
