package io.lanewise.format;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The key-value part of a model file, read by type. A key that is missing or of another type than the one asked for is
 * a {@link FormatException} that names the file, the key and what stands there; a default stands in for a missing key
 * only. Immutable, and valid after its checkpoint is closed. Arrays are decoded at every call: keep what they return. A list
 * of strings decodes each of them when it is asked for, and so takes no more memory than the file.
 */
public final class Metadata {
    private final Path file;
    private final LinkedHashMap<String, MetadataValue> values;

    Metadata(Path file, LinkedHashMap<String, MetadataValue> values) {
        this.file = file;
        this.values = values;
    }

    /** Whether the file has this key. */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** All keys in the file's order. */
    public Set<String> keys() {
        return Collections.unmodifiableSet(values.keySet());
    }

    /** The type of a value as {@code u32}, {@code str} or {@code arr[f32, 100]}. */
    public String type(String key) {
        return require(key, "a value").describe();
    }

    /** Whether the key is there and holds an array. */
    public boolean isArray(String key) {
        MetadataValue value = values.get(key);
        return value != null && !(value instanceof MetadataValue.Scalar) && !(value instanceof MetadataValue.Text);
    }

    /** A string; bytes that are not UTF-8 come as U+FFFD. */
    public String string(String key) {
        MetadataValue value = require(key, "a string");
        if (value instanceof MetadataValue.Text text) {
            return text.toObject();
        }
        throw mismatch(key, "a string", value);
    }

    public String string(String key, String defaultValue) {
        return has(key) ? string(key) : defaultValue;
    }

    /** An integer of any width; an unsigned one that exceeds a long is an error. */
    public long integer(String key) {
        MetadataValue value = require(key, "an integer");
        if (!(value instanceof MetadataValue.Scalar scalar) || !scalar.type().isInteger()) {
            throw mismatch(key, "an integer", value);
        }
        if (scalar.exceedsLong()) {
            throw outOfRange(key, Long.toUnsignedString(scalar.bits()), "an integer below 2^63");
        }
        return scalar.bits();
    }

    public long integer(String key, long defaultValue) {
        return has(key) ? integer(key) : defaultValue;
    }

    /** A floating-point number or integer. */
    public double number(String key) {
        MetadataValue value = require(key, "a number");
        if (value instanceof MetadataValue.Scalar scalar && scalar.type() != ValueType.BOOL) {
            return scalar.asDouble();
        }
        throw mismatch(key, "a number", value);
    }

    public double number(String key, double defaultValue) {
        return has(key) ? number(key) : defaultValue;
    }

    public boolean flag(String key) {
        MetadataValue value = require(key, "a bool");
        if (value instanceof MetadataValue.Scalar scalar && scalar.type() == ValueType.BOOL) {
            return scalar.bits() != 0;
        }
        throw mismatch(key, "a bool", value);
    }

    public boolean flag(String key, boolean defaultValue) {
        return has(key) ? flag(key) : defaultValue;
    }

    /** The elements of an array of strings, unmodifiable; bytes that are not UTF-8 come as U+FFFD. */
    public List<String> strings(String key) {
        MetadataValue value = require(key, "an array of strings");
        if (value instanceof MetadataValue.Texts texts) {
            return texts.toObject();
        }
        if (isEmptyArray(value)) {
            return List.of();
        }
        throw mismatch(key, "an array of strings", value);
    }

    /** The elements of an array of integers of any width; one that exceeds an int is an error. */
    public int[] ints(String key) {
        MetadataValue value = require(key, "an array of integers");
        if (isEmptyArray(value)) {
            return new int[0];
        }
        if (!(value instanceof MetadataValue.Numbers numbers) || !numbers.elementType().isInteger()) {
            throw mismatch(key, "an array of integers", value);
        }
        int[] ints = new int[numbers.count()];
        ByteBuffer buffer = numbers.buffer();
        if (numbers.elementType() == ValueType.INT32) {
            buffer.asIntBuffer().get(ints);
            return ints;
        }
        for (int i = 0; i < ints.length; i++) {
            long element = numbers.integerAt(buffer, i);
            ints[i] = (int) element;
            boolean unsigned = numbers.elementType() == ValueType.UINT64;
            if (ints[i] != element || unsigned && element < 0) {
                throw outOfRange(key + "[" + i + "]", unsigned ? Long.toUnsignedString(element)
                        : Long.toString(element), "an integer from -2^31 to 2^31 - 1");
            }
        }
        return ints;
    }

    /** The elements of an array of floats; f64 is narrowed. */
    public float[] floats(String key) {
        MetadataValue value = require(key, "an array of floats");
        if (value instanceof MetadataValue.Numbers numbers && numbers.elementType().isFloat()) {
            return numbers.floats();
        }
        if (isEmptyArray(value)) {
            return new float[0];
        }
        throw mismatch(key, "an array of floats", value);
    }

    /** The elements of an array of bools. */
    public boolean[] flags(String key) {
        MetadataValue value = require(key, "an array of bools");
        if (value instanceof MetadataValue.Numbers numbers && numbers.elementType() == ValueType.BOOL) {
            return numbers.flags();
        }
        if (isEmptyArray(value)) {
            return new boolean[0];
        }
        throw mismatch(key, "an array of bools", value);
    }

    /** The number of elements of an array of any type. */
    public int length(String key) {
        MetadataValue value = require(key, "an array");
        int length = lengthOf(value);
        if (length < 0) {
            throw mismatch(key, "an array", value);
        }
        return length;
    }

    /**
     * All values in the file's order, as plain objects: integers as {@link Long} (u64 beyond it as
     * {@link java.math.BigInteger}), f32 as {@link Float}, f64 as {@link Double}, bools, strings; arrays as
     * {@code long[]} (u64 as bits), {@code float[]}, {@code double[]}, {@code boolean[]}, {@code List<String>}, and
     * lists of these where they nest. Decodes everything.
     */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        for (Map.Entry<String, MetadataValue> entry : values.entrySet()) {
            map.put(entry.getKey(), entry.getValue().toObject());
        }
        return map;
    }

    /** A value of any type as {@link #asMap} has it. */
    public Object value(String key) {
        return require(key, "a value").toObject();
    }

    /** The values as the file has them, for a writer that copies them. */
    Map<String, MetadataValue> values() {
        return values;
    }

    /** Converters write an empty array with whatever element type: one fits every type that is asked for. */
    private static boolean isEmptyArray(MetadataValue value) {
        return lengthOf(value) == 0;
    }

    private static int lengthOf(MetadataValue value) {
        if (value instanceof MetadataValue.Numbers numbers) {
            return numbers.count();
        }
        if (value instanceof MetadataValue.Texts texts) {
            return texts.count();
        }
        return value instanceof MetadataValue.Nested nested ? nested.elements().size() : -1;
    }

    private MetadataValue require(String key, String expected) {
        MetadataValue value = values.get(key);
        if (value == null) {
            throw new FormatException(file, "metadata key " + FormatException.quote(key) + " is missing; expected "
                    + expected + ": convert the model again with a current converter");
        }
        return value;
    }

    private FormatException mismatch(String key, String expected, MetadataValue value) {
        return new FormatException(file, "metadata key " + FormatException.quote(key) + ": expected " + expected
                + ", found " + value.describe() + ": convert the model again with a current converter");
    }

    private FormatException outOfRange(String key, String value, String expected) {
        return new FormatException(file, "metadata key " + FormatException.quote(key) + ": expected " + expected
                + ", found " + value);
    }
}
