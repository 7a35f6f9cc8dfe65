package io.lanewise.format;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects metadata and tensors and writes them as a GGUF v3 file. Keys and tensors keep the order in which they were
 * added, and equal input gives equal bytes. Tensors are asked for their bytes while the file is written, a few
 * megabytes at a time. The file appears under its name only when it is whole and on the disk.
 */
public final class GgufWriter {
    private final LinkedHashMap<String, MetadataValue> values = new LinkedHashMap<>();
    private final LinkedHashMap<String, OutgoingTensor> tensors = new LinkedHashMap<>();

    /** Sets all values of a file that is being copied, of the same types and with the same bytes. */
    public GgufWriter metadata(Metadata metadata) {
        for (Map.Entry<String, MetadataValue> entry : metadata.values().entrySet()) {
            put(entry.getKey(), entry.getValue());
        }
        return this;
    }

    /** The values so far, a copy. */
    LinkedHashMap<String, MetadataValue> values() {
        return new LinkedHashMap<>(values);
    }

    /** Removes a key, if it is there. */
    public GgufWriter remove(String key) {
        values.remove(key);
        return this;
    }

    public GgufWriter string(String key, String value) {
        return put(key, MetadataValue.Text.of(value));
    }

    /** An integer of a given width; of u64 the bits. @throws IllegalArgumentException if it does not fit */
    public GgufWriter integer(String key, ValueType type, long value) {
        if (!type.isInteger() || !type.fits(value)) {
            throw new IllegalArgumentException("metadata key " + key + ": " + value + " is no " + type);
        }
        return put(key, new MetadataValue.Scalar(type, value));
    }

    public GgufWriter uint32(String key, long value) {
        return integer(key, ValueType.UINT32, value);
    }

    public GgufWriter int32(String key, int value) {
        return integer(key, ValueType.INT32, value);
    }

    public GgufWriter float32(String key, float value) {
        return put(key, new MetadataValue.Scalar(ValueType.FLOAT32, Float.floatToRawIntBits(value) & 0xffffffffL));
    }

    public GgufWriter float64(String key, double value) {
        return put(key, new MetadataValue.Scalar(ValueType.FLOAT64, Double.doubleToRawLongBits(value)));
    }

    public GgufWriter bool(String key, boolean value) {
        return put(key, new MetadataValue.Scalar(ValueType.BOOL, value ? 1 : 0));
    }

    public GgufWriter strings(String key, List<String> elements) {
        return put(key, MetadataValue.Texts.of(elements));
    }

    /** An array of integers of a given width; of u64 the bits. @throws IllegalArgumentException if one does not fit */
    public GgufWriter integers(String key, ValueType type, long... elements) {
        ByteBuffer bytes = arrayOf(type, elements.length);
        for (int i = 0; i < elements.length; i++) {
            if (!type.isInteger() || !type.fits(elements[i])) {
                throw new IllegalArgumentException("metadata key " + key + "[" + i + "]: " + elements[i] + " is no "
                        + type);
            }
            switch (type.bytes()) {
                case 1 -> bytes.put((byte) elements[i]);
                case 2 -> bytes.putShort((short) elements[i]);
                case 4 -> bytes.putInt((int) elements[i]);
                default -> bytes.putLong(elements[i]);
            }
        }
        return put(key, new MetadataValue.Numbers(type, bytes.array()));
    }

    public GgufWriter int32s(String key, int... elements) {
        ByteBuffer bytes = arrayOf(ValueType.INT32, elements.length);
        bytes.asIntBuffer().put(elements);
        return put(key, new MetadataValue.Numbers(ValueType.INT32, bytes.array()));
    }

    public GgufWriter float32s(String key, float... elements) {
        ByteBuffer bytes = arrayOf(ValueType.FLOAT32, elements.length);
        bytes.asFloatBuffer().put(elements);
        return put(key, new MetadataValue.Numbers(ValueType.FLOAT32, bytes.array()));
    }

    public GgufWriter float64s(String key, double... elements) {
        ByteBuffer bytes = arrayOf(ValueType.FLOAT64, elements.length);
        bytes.asDoubleBuffer().put(elements);
        return put(key, new MetadataValue.Numbers(ValueType.FLOAT64, bytes.array()));
    }

    public GgufWriter bools(String key, boolean... elements) {
        byte[] bytes = new byte[elements.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (elements[i] ? 1 : 0);
        }
        return put(key, new MetadataValue.Numbers(ValueType.BOOL, bytes));
    }

    private static ByteBuffer arrayOf(ValueType type, int count) {
        return ByteBuffer.allocate(Math.multiplyExact(count, type.bytes())).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Sets a value; one that is there keeps its place. */
    GgufWriter put(String key, MetadataValue value) {
        int bytes = key.getBytes(StandardCharsets.UTF_8).length;
        if (bytes == 0 || bytes > GgufReader.MAX_KEY_BYTES) {
            throw new IllegalArgumentException("a metadata key of " + bytes + " bytes; expected 1 to "
                    + GgufReader.MAX_KEY_BYTES);
        }
        if (key.equals(GgufReader.ALIGNMENT_KEY) && !(value instanceof MetadataValue.Scalar scalar
                && scalar.type() == ValueType.UINT32 && Long.bitCount(scalar.bits()) == 1)) {
            throw new IllegalArgumentException(key + " must be a u32 that is a power of two");
        }
        values.put(key, value);
        return this;
    }

    /** A tensor whose bytes are copied from another file. */
    public GgufWriter tensor(TensorSource source) {
        return tensor(source.name(), source.dtype(), source.shape(), source::read);
    }

    /**
     * A tensor that is made while the file is written.
     *
     * @param shape at most four extents, outermost first, none of them zero
     * @throws IllegalArgumentException if the format cannot hold it, or there is one of this name
     */
    public GgufWriter tensor(String name, DType dtype, Shape shape, TensorContent content) {
        if (shape.rank() > GgufReader.MAX_RANK || shape.elements() == 0) {
            throw new IllegalArgumentException("tensor " + name + " " + shape + ": GGUF holds tensors of up to "
                    + GgufReader.MAX_RANK + " dimensions with at least one element");
        }
        if (tensors.putIfAbsent(name, OutgoingTensor.of(name, dtype, shape, content)) != null) {
            throw new IllegalArgumentException("tensor " + name + " was added twice");
        }
        return this;
    }

    /** Writes the file, over one that is there. @throws FormatException if nothing can be written at {@code target} */
    public void write(Path target) {
        try (NewFile out = NewFile.at(target); Arena arena = Arena.ofConfined()) {
            writeHeader(out);
            MemorySegment buffer = arena.allocate(OutgoingTensor.CHUNK_BYTES);
            for (OutgoingTensor tensor : tensors.values()) {
                tensor.writeTo(out, buffer);
                out.align(alignment(), (byte) 0);
            }
            out.commit();
        }
    }

    /**
     * Writes the model as several files beside each other, {@code NAME-00001-of-00003.gguf} and so on for a target
     * {@code NAME.gguf}; {@link Checkpoint#open} takes any of them.
     *
     * @param maxBytes most bytes of tensors in a file; a tensor that exceeds it alone gets a file of its own
     * @return the files in order
     */
    public List<Path> writeSplit(Path target, long maxBytes) {
        List<GgufWriter> parts = new ArrayList<>();
        long bytes = 0;
        for (OutgoingTensor tensor : tensors.values()) {
            if (parts.isEmpty() || bytes + tensor.byteSize() > maxBytes) {
                parts.add(new GgufWriter());
                bytes = 0;
            }
            parts.getLast().tensors.put(tensor.name(), tensor);
            bytes += tensor.byteSize();
        }
        if (parts.isEmpty()) {
            parts.add(new GgufWriter());
        }
        parts.getFirst().values.putAll(values);
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            files.add(GgufSplit.part(target, i, parts.size()));
            parts.get(i).integer(GgufSplit.NUMBER, ValueType.UINT16, i)
                    .integer(GgufSplit.COUNT, ValueType.UINT16, parts.size())
                    .int32(GgufSplit.TENSORS, tensors.size());
            parts.get(i).write(files.getLast());
        }
        return files;
    }

    private long alignment() {
        return values.get(GgufReader.ALIGNMENT_KEY) instanceof MetadataValue.Scalar scalar ? scalar.bits()
                : GgufReader.DEFAULT_ALIGNMENT;
    }

    private void writeHeader(NewFile out) {
        out.i32(GgufReader.MAGIC);
        out.i32(3);
        out.i64(tensors.size());
        out.i64(values.size());
        for (Map.Entry<String, MetadataValue> entry : values.entrySet()) {
            writeString(out, entry.getKey());
            out.i32(entry.getValue().type().id());
            entry.getValue().writeTo(out);
        }
        long offset = 0;
        for (OutgoingTensor tensor : tensors.values()) {
            writeString(out, tensor.name());
            out.i32(tensor.shape().rank());
            for (int axis = tensor.shape().rank() - 1; axis >= 0; axis--) {
                out.i64(tensor.shape().dim(axis));
            }
            out.i32(tensor.dtype().id());
            out.i64(offset);
            offset += (tensor.byteSize() + alignment() - 1) / alignment() * alignment();
        }
        if (!tensors.isEmpty()) {
            out.align(alignment(), (byte) 0);
        }
    }

    private static void writeString(NewFile out, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.i64(utf8.length);
        out.bytes(utf8);
    }
}
