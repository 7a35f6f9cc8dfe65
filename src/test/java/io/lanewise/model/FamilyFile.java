package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.Metadata;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model file with the keys and tensors of another, to be changed one at a time. All weights are zeros and lie in a hole
 * of the file, so that writing one costs some kilobytes.
 */
final class FamilyFile {
    private static final int U32 = 4;
    private static final int I32 = 5;
    private static final int F32 = 6;
    private static final int BOOL = 7;
    private static final int TEXT = 8;
    private static final int ARRAY = 9;
    private static final int U64 = 10;

    /** Values as they stand in the file, type first; without the vocabulary. */
    private final Map<String, byte[]> values = new LinkedHashMap<>();
    private final Map<String, Entry> tensors = new LinkedHashMap<>();

    /** A tensor's type and extents, outermost first. */
    record Entry(int type, long... dims) {
        /** Room for elements of up to 8 bytes. */
        long bytes() {
            long elements = 1;
            for (long dim : dims) {
                elements *= dim;
            }
            return 8 * elements;
        }

        @Override
        public String toString() {
            return "type " + type + " " + Arrays.toString(dims);
        }
    }

    private FamilyFile() {}

    static FamilyFile like(Path model) {
        FamilyFile file = new FamilyFile();
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            Metadata metadata = checkpoint.metadata();
            for (String key : metadata.keys()) {
                if (!key.startsWith("tokenizer.")) {
                    file.values.put(key, encoded(metadata, key));
                }
            }
            for (TensorSource tensor : checkpoint.tensors()) {
                file.tensors.put(tensor.name(), new Entry(tensor.dtype().id(), tensor.shape().toArray()));
            }
        }
        return file;
    }

    private static byte[] encoded(Metadata metadata, String key) {
        if (metadata.isArray(key)) {
            boolean[] flags = metadata.flags(key);
            ByteBuffer bytes = buffer(16 + flags.length).putInt(ARRAY).putInt(BOOL).putLong(flags.length);
            for (boolean flag : flags) {
                bytes.put((byte) (flag ? 1 : 0));
            }
            return bytes.array();
        }
        return switch (metadata.type(key)) {
            case "str" -> text(metadata.string(key));
            case "bool" -> buffer(5).putInt(BOOL).put((byte) (metadata.flag(key) ? 1 : 0)).array();
            case "f32" -> f32((float) metadata.number(key));
            default -> u32(metadata.integer(key));
        };
    }

    static byte[] text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return buffer(12 + utf8.length).putInt(TEXT).putLong(utf8.length).put(utf8).array();
    }

    static byte[] u32(long value) {
        return buffer(8).putInt(U32).putInt((int) value).array();
    }

    static byte[] i32(int value) {
        return buffer(8).putInt(I32).putInt(value).array();
    }

    static byte[] u64(long value) {
        return buffer(12).putInt(U64).putLong(value).array();
    }

    static byte[] f32(float value) {
        return buffer(8).putInt(F32).putFloat(value).array();
    }

    static byte[] flag() {
        return buffer(5).putInt(BOOL).put((byte) 1).array();
    }

    static byte[] pairOfU32() {
        return buffer(24).putInt(ARRAY).putInt(U32).putLong(2).putInt(1).putInt(2).array();
    }

    private static ByteBuffer buffer(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    Map<String, byte[]> values() {
        return values;
    }

    Map<String, Entry> tensors() {
        return tensors;
    }

    boolean isFraction(String key) {
        return ByteBuffer.wrap(values.get(key)).order(ByteOrder.LITTLE_ENDIAN).getInt() == F32;
    }

    boolean isInteger(String key) {
        return ByteBuffer.wrap(values.get(key)).order(ByteOrder.LITTLE_ENDIAN).getInt() == U32;
    }

    int integer(String key) {
        return ByteBuffer.wrap(values.get(key)).order(ByteOrder.LITTLE_ENDIAN).getInt(4);
    }

    void write(Path path) throws IOException {
        ByteBuffer header = buffer(1 << 18).put("GGUF".getBytes(StandardCharsets.UTF_8)).putInt(3)
                .putLong(tensors.size()).putLong(values.size());
        values.forEach((key, value) -> name(header, key).put(value));
        long offset = 0;
        for (Map.Entry<String, Entry> tensor : tensors.entrySet()) {
            Entry entry = tensor.getValue();
            name(header, tensor.getKey()).putInt(entry.dims.length);
            for (int axis = entry.dims.length - 1; axis >= 0; axis--) {
                header.putLong(entry.dims[axis]);
            }
            header.putInt(entry.type).putLong(offset);
            offset += (entry.bytes() + 31) / 32 * 32;
        }
        Files.deleteIfExists(path);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.write(header.array(), 0, header.position());
            long data = (header.position() + 31) / 32 * 32;
            file.setLength(data + offset + 32);
            writeFactors(file, data);
        }
    }

    /** The factors of angles, which may not be zero, are ones. */
    private void writeFactors(RandomAccessFile file, long data) throws IOException {
        long offset = data;
        for (Map.Entry<String, Entry> tensor : tensors.entrySet()) {
            Entry entry = tensor.getValue();
            long bytes = entry.bytes();
            if (tensor.getKey().startsWith("rope_f") && bytes > 0 && bytes < 1 << 16) {
                ByteBuffer ones = buffer((int) bytes / 2);
                while (ones.hasRemaining()) {
                    ones.putFloat(1);
                }
                file.seek(offset);
                file.write(ones.array());
            }
            offset += (bytes + 31) / 32 * 32;
        }
    }

    private static ByteBuffer name(ByteBuffer header, String name) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        return header.putLong(utf8.length).put(utf8);
    }
}
