package io.lanewise.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A GGUF file put together by hand, soundly or not. */
final class GgufBytes {
    private final ByteBuffer bytes = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);

    /** Magic, version 3 and the two counts. */
    static GgufBytes header(long tensors, long keys) {
        return new GgufBytes().text("GGUF").i32(3).i64(tensors).i64(keys);
    }

    GgufBytes text(String text) {
        return raw(text.getBytes(StandardCharsets.UTF_8));
    }

    GgufBytes raw(byte... raw) {
        bytes.put(raw);
        return this;
    }

    GgufBytes u8(int value) {
        bytes.put((byte) value);
        return this;
    }

    GgufBytes i32(int value) {
        bytes.putInt(value);
        return this;
    }

    GgufBytes i64(long value) {
        bytes.putLong(value);
        return this;
    }

    GgufBytes string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return i64(utf8.length).raw(utf8);
    }

    /** A key and the type of its value. */
    GgufBytes key(String key, ValueType type) {
        return string(key).i32(type.id());
    }

    GgufBytes alignment(int alignment) {
        return key("general.alignment", ValueType.UINT32).i32(alignment);
    }

    /** A key with an array, up to its elements. */
    GgufBytes array(String key, ValueType type, long count) {
        return key(key, ValueType.ARRAY).i32(type.id()).i64(count);
    }

    /** A tensor's entry; extents innermost first. */
    GgufBytes tensor(String name, int type, long offset, long... dims) {
        string(name).i32(dims.length);
        Arrays.stream(dims).forEach(this::i64);
        return i32(type).i64(offset);
    }

    /** Padding to 32 bytes, then as many bytes of data. */
    GgufBytes data(int length) {
        bytes.position((bytes.position() + 31) / 32 * 32 + length);
        return this;
    }

    byte[] toArray() {
        return Arrays.copyOf(bytes.array(), bytes.position());
    }
}
