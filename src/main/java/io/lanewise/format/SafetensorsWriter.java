package io.lanewise.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects tensors and strings of metadata and writes them as a safetensors file. Types with larger elements come
 * first, so that every tensor is aligned to its elements; else tensors keep the order in which they were added. Equal
 * input gives equal bytes. The file appears under its name only when it is whole and on the disk.
 */
public final class SafetensorsWriter {
    private final LinkedHashMap<String, String> metadata = new LinkedHashMap<>();
    private final LinkedHashMap<String, OutgoingTensor> tensors = new LinkedHashMap<>();

    /** Sets a string of metadata. */
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /** A tensor whose bytes are copied from another file. */
    public SafetensorsWriter tensor(TensorSource source) {
        return tensor(source.name(), source.dtype(), source.shape(), source::read);
    }

    /**
     * A tensor that is made while the file is written.
     *
     * @throws IllegalArgumentException if the format cannot hold it (quantised types), or there is one of this name
     */
    public SafetensorsWriter tensor(String name, DType dtype, Shape shape, TensorContent content) {
        if (SafetensorsType.of(dtype).isEmpty()) {
            throw new IllegalArgumentException("tensor " + name + ": safetensors has no type " + dtype
                    + "; dequantise it to F32, F16 or BF16, or write GGUF");
        }
        if (name.equals(SafetensorsReader.METADATA_KEY) || shape.rank() > SafetensorsReader.MAX_RANK) {
            throw new IllegalArgumentException("tensor " + name + " " + shape + ": safetensors holds at most "
                    + SafetensorsReader.MAX_RANK + " dimensions and no name " + SafetensorsReader.METADATA_KEY);
        }
        if (tensors.putIfAbsent(name, OutgoingTensor.of(name, dtype, shape, content)) != null) {
            throw new IllegalArgumentException("tensor " + name + " was added twice");
        }
        return this;
    }

    /** Writes the file, over one that is there. @throws FormatException if nothing can be written at {@code target} */
    public void write(Path target) {
        List<OutgoingTensor> ordered = new ArrayList<>(tensors.values());
        ordered.sort(Comparator.comparingInt(tensor -> -tensor.dtype().blockBytes()));
        byte[] header = header(ordered);
        if (header.length > SafetensorsReader.MAX_HEADER_BYTES) {
            throw new IllegalArgumentException("a safetensors header of " + header.length + " bytes; expected at most "
                    + SafetensorsReader.MAX_HEADER_BYTES + ": write fewer tensors or less metadata");
        }
        try (NewFile out = NewFile.at(target); Arena arena = Arena.ofConfined()) {
            out.i64((header.length + 7) / 8 * 8);
            out.bytes(header);
            out.align(8, (byte) ' ');
            MemorySegment buffer = arena.allocate(OutgoingTensor.CHUNK_BYTES);
            for (OutgoingTensor tensor : ordered) {
                tensor.writeTo(out, buffer);
            }
            out.commit();
        }
    }

    private byte[] header(List<OutgoingTensor> ordered) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(SafetensorsReader.METADATA_KEY);
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long offset = 0;
            for (OutgoingTensor tensor : ordered) {
                json.writeObjectFieldStart(tensor.name());
                json.writeStringField("dtype", tensor.dtype().name());
                writeArray(json, "shape", tensor.shape().toArray());
                writeArray(json, "data_offsets", offset, offset + tensor.byteSize());
                json.writeEndObject();
                offset += tensor.byteSize();
            }
            json.writeEndObject();
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    private static void writeArray(JsonGenerator json, String name, long... numbers) throws IOException {
        json.writeFieldName(name);
        json.writeArray(numbers, 0, numbers.length);
    }
}
