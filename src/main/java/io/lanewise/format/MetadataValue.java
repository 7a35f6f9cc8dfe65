package io.lanewise.format;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * A metadata value as the file has it. Arrays keep the file's bytes and are decoded when they are asked for: that costs
 * no more memory than the file, starts fast, and lets a copy of the file have the very same bytes, odd ones included.
 */
sealed interface MetadataValue {
    /** The type; {@link ValueType#ARRAY} for all arrays. */
    ValueType type();

    /** Writes the value as it stands in a GGUF file after its type. */
    void writeTo(NewFile out);

    /** The type, with the element type and length of arrays: {@code arr[str, 32000]}. */
    String describe();

    /** The value as a plain Java object; see {@link Metadata#asMap()}. */
    Object toObject();

    /** A number or bool; {@code bits} is an integer's value, a float's raw bits, or 0 and 1. */
    record Scalar(ValueType type, long bits) implements MetadataValue {
        double asDouble() {
            if (type == ValueType.FLOAT32) {
                return Float.intBitsToFloat((int) bits);
            }
            if (type == ValueType.FLOAT64) {
                return Double.longBitsToDouble(bits);
            }
            return exceedsLong() ? new BigInteger(Long.toUnsignedString(bits)).doubleValue() : bits;
        }

        boolean exceedsLong() {
            return type == ValueType.UINT64 && bits < 0;
        }

        @Override
        public void writeTo(NewFile out) {
            switch (type.bytes()) {
                case 1 -> out.u8((int) bits);
                case 2 -> out.u16((int) bits);
                case 4 -> out.i32((int) bits);
                default -> out.i64(bits);
            }
        }

        @Override
        public String describe() {
            return type.toString();
        }

        @Override
        public Object toObject() {
            if (type == ValueType.BOOL) {
                return bits != 0;
            }
            if (type == ValueType.FLOAT32) {
                return Float.intBitsToFloat((int) bits);
            }
            if (type == ValueType.FLOAT64) {
                return Double.longBitsToDouble(bits);
            }
            return exceedsLong() ? (Object) new BigInteger(Long.toUnsignedString(bits)) : (Object) bits;
        }
    }

    /** A string; bytes that are not UTF-8 are kept here and read as U+FFFD. */
    record Text(byte[] utf8) implements MetadataValue {
        static Text of(String text) {
            return new Text(text.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public ValueType type() {
            return ValueType.STRING;
        }

        @Override
        public void writeTo(NewFile out) {
            out.i64(utf8.length);
            out.bytes(utf8);
        }

        @Override
        public String describe() {
            return ValueType.STRING.toString();
        }

        @Override
        public String toObject() {
            return new String(utf8, StandardCharsets.UTF_8);
        }
    }

    /** An array of numbers or bools, as its little-endian bytes. */
    record Numbers(ValueType elementType, byte[] bytes) implements MetadataValue {
        int count() {
            return bytes.length / elementType.bytes();
        }

        ByteBuffer buffer() {
            return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** Element {@code i} of an array of integers or bools; of u64 the bits. */
        long integerAt(ByteBuffer buffer, int i) {
            return switch (elementType) {
                case UINT8, BOOL -> bytes[i] & 0xff;
                case INT8 -> bytes[i];
                case UINT16 -> buffer.getShort(2 * i) & 0xffff;
                case INT16 -> buffer.getShort(2 * i);
                case UINT32 -> buffer.getInt(4 * i) & 0xffffffffL;
                case INT32 -> buffer.getInt(4 * i);
                case UINT64, INT64 -> buffer.getLong(8 * i);
                default -> throw new AssertionError(elementType);
            };
        }

        long[] longs() {
            long[] longs = new long[count()];
            ByteBuffer buffer = buffer();
            for (int i = 0; i < longs.length; i++) {
                longs[i] = integerAt(buffer, i);
            }
            return longs;
        }

        float[] floats() {
            float[] floats = new float[count()];
            if (elementType == ValueType.FLOAT32) {
                buffer().asFloatBuffer().get(floats);
                return floats;
            }
            ByteBuffer buffer = buffer();
            for (int i = 0; i < floats.length; i++) {
                floats[i] = (float) buffer.getDouble(8 * i);
            }
            return floats;
        }

        boolean[] flags() {
            boolean[] flags = new boolean[bytes.length];
            for (int i = 0; i < flags.length; i++) {
                flags[i] = bytes[i] != 0;
            }
            return flags;
        }

        @Override
        public ValueType type() {
            return ValueType.ARRAY;
        }

        @Override
        public void writeTo(NewFile out) {
            out.i32(elementType.id());
            out.i64(count());
            out.bytes(bytes);
        }

        @Override
        public String describe() {
            return "arr[" + elementType + ", " + count() + "]";
        }

        @Override
        public Object toObject() {
            if (elementType == ValueType.BOOL) {
                return flags();
            }
            if (elementType == ValueType.FLOAT64) {
                double[] doubles = new double[count()];
                buffer().asDoubleBuffer().get(doubles);
                return doubles;
            }
            return elementType.isFloat() ? floats() : longs();
        }
    }

    /** An array of strings as in the file: each a length of eight bytes, then its UTF-8. */
    record Texts(int count, byte[] bytes) implements MetadataValue {
        static Texts of(List<String> strings) {
            byte[][] encoded = new byte[strings.size()][];
            long size = 0;
            for (int i = 0; i < encoded.length; i++) {
                encoded[i] = strings.get(i).getBytes(StandardCharsets.UTF_8);
                size += Long.BYTES + encoded[i].length;
            }
            ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(size)).order(ByteOrder.LITTLE_ENDIAN);
            for (byte[] text : encoded) {
                bytes.putLong(text.length).put(text);
            }
            return new Texts(encoded.length, bytes.array());
        }

        @Override
        public ValueType type() {
            return ValueType.ARRAY;
        }

        @Override
        public void writeTo(NewFile out) {
            out.i32(ValueType.STRING.id());
            out.i64(count);
            out.bytes(bytes);
        }

        @Override
        public String describe() {
            return "arr[" + ValueType.STRING + ", " + count + "]";
        }

        @Override
        public List<String> toObject() {
            return new TextList(this);
        }
    }

    /** The strings of {@link Texts}, each decoded whenever it is asked for: a vocabulary of 150,000 takes 27 MB as objects. */
    final class TextList extends AbstractList<String> implements RandomAccess {
        private final byte[] bytes;
        /** Where each string's bytes begin; the next one's length stands before its own. */
        private final int[] starts;

        private TextList(Texts texts) {
            bytes = texts.bytes;
            starts = new int[texts.count + 1];
            ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            starts[0] = Long.BYTES;
            for (int i = 0; i < texts.count; i++) {
                starts[i + 1] = starts[i] + buffer.getInt(starts[i] - Long.BYTES) + Long.BYTES;
            }
        }

        @Override
        public String get(int index) {
            Objects.checkIndex(index, size());
            int from = starts[index];
            return new String(bytes, from, starts[index + 1] - Long.BYTES - from, StandardCharsets.UTF_8);
        }

        @Override
        public int size() {
            return starts.length - 1;
        }
    }

    /** An array of arrays. */
    record Nested(List<MetadataValue> elements) implements MetadataValue {
        @Override
        public ValueType type() {
            return ValueType.ARRAY;
        }

        @Override
        public void writeTo(NewFile out) {
            out.i32(ValueType.ARRAY.id());
            out.i64(elements.size());
            for (MetadataValue element : elements) {
                element.writeTo(out);
            }
        }

        @Override
        public String describe() {
            return "arr[" + ValueType.ARRAY + ", " + elements.size() + "]";
        }

        @Override
        public List<Object> toObject() {
            List<Object> objects = new ArrayList<>(elements.size());
            for (MetadataValue element : elements) {
                objects.add(element.toObject());
            }
            return Collections.unmodifiableList(objects);
        }
    }
}
