package io.lanewise.format;

import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads the header of a safetensors file.
 *
 * <p>Layout: u64 length of the header; the header, a JSON object from tensor names to {@code dtype}, {@code shape} and
 * {@code data_offsets} (begin and end in the data), beside {@code __metadata__} with strings; data, which the tensors
 * must cover without a gap.
 */
final class SafetensorsReader {
    /** The limit of the format's own library. */
    static final int MAX_HEADER_BYTES = 100_000_000;
    static final int MAX_RANK = 32;
    static final String METADATA_KEY = "__metadata__";

    private final MappedFile file;
    private final Path path;
    private final LinkedHashMap<String, MetadataValue> values = new LinkedHashMap<>();
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> names = new HashSet<>();

    private SafetensorsReader(MappedFile file) {
        this.file = file;
        this.path = file.path();
    }

    /** A tensor as the header lists it; {@code at} is where. */
    private record Entry(String name, long at, SafetensorsType type, Shape shape, long begin, long end) {
    }

    /** @throws FormatException if the file is not a sound safetensors file */
    static Contents read(MappedFile file) {
        return new SafetensorsReader(file).read();
    }

    private Contents read() {
        Cursor cursor = new Cursor(file);
        long length = cursor.i64("the header length");
        if (length < 2 || length > MAX_HEADER_BYTES || length > cursor.remaining()) {
            throw new FormatException(path, 0, "safetensors header of " + Long.toUnsignedString(length)
                    + " bytes; expected 2 to " + Math.min(MAX_HEADER_BYTES, cursor.remaining())
                    + ": the file is damaged, cut short or of another kind: download it again");
        }
        try (JsonReader json = new JsonReader(path, 8, cursor.bytes(length, "the header"), "the safetensors header")) {
            readHeader(json);
        }
        checkCover(8 + length);
        return contents(8 + length);
    }

    private void readHeader(JsonReader json) {
        json.expect(JsonToken.START_OBJECT, "'{'");
        for (String name = json.nextField(); name != null; name = json.nextField()) {
            if (name.isEmpty() || !names.add(name)) {
                throw json.problem(tensor(name) + (name.isEmpty() ? " has no name" : " appears twice")
                        + "; the file is damaged: download or convert it again");
            }
            if (names.size() > GgufReader.MAX_TENSORS) {
                throw json.problem("more than " + GgufReader.MAX_TENSORS + " tensors; expected fewer");
            }
            if (name.equals(METADATA_KEY)) {
                readMetadata(json);
            } else {
                entries.add(readEntry(json, name));
            }
        }
        if (json.next() != null) {
            throw json.unexpected("nothing after the closing '}'");
        }
    }

    private void readMetadata(JsonReader json) {
        json.expect(JsonToken.START_OBJECT, "an object as " + METADATA_KEY);
        for (String key = json.nextField(); key != null; key = json.nextField()) {
            if (values.put(key, MetadataValue.Text.of(json.nextString("a string in " + METADATA_KEY))) != null) {
                throw json.problem("metadata key " + FormatException.quote(key)
                        + " appears twice; the file is damaged: download or convert it again");
            }
            if (values.size() > GgufReader.MAX_KEYS) {
                throw json.problem("more than " + GgufReader.MAX_KEYS + " keys of metadata; expected fewer");
            }
        }
    }

    private Entry readEntry(JsonReader json, String name) {
        long at = json.position();
        SafetensorsType type = null;
        Shape shape = null;
        long[] offsets = null;
        json.expect(JsonToken.START_OBJECT, "an object for " + tensor(name));
        for (String field = json.nextField(); field != null; field = json.nextField()) {
            boolean again = false;
            switch (field) {
                case "dtype" -> {
                    again = type != null;
                    type = readType(json, name);
                }
                case "shape" -> {
                    again = shape != null;
                    shape = readShape(json, name);
                }
                case "data_offsets" -> {
                    again = offsets != null;
                    offsets = readNaturals(json, 2, "two data_offsets of " + tensor(name));
                }
                default -> json.skipValue();
            }
            if (again) {
                throw json.problem(tensor(name) + " has " + field + " twice; the file is damaged: download it again");
            }
        }
        if (type == null || shape == null || offsets == null || offsets.length != 2) {
            throw new FormatException(path, at, tensor(name)
                    + ": expected dtype, shape and two data_offsets; the file is damaged: download it again");
        }
        checkSize(name, at, type, shape, offsets);
        return new Entry(name, at, type, shape, offsets[0], offsets[1]);
    }

    private SafetensorsType readType(JsonReader json, String name) {
        String dtype = json.nextString("the dtype of " + tensor(name) + " as a string");
        return SafetensorsType.byName(dtype).orElseThrow(() -> json.problem(tensor(name) + " has the dtype "
                + FormatException.quote(dtype) + "; expected one of " + Arrays.toString(SafetensorsType.values())
                + ": convert the model to F32, F16 or BF16"));
    }

    private Shape readShape(JsonReader json, String name) {
        long[] dims = readNaturals(json, MAX_RANK, "a shape of at most " + MAX_RANK + " extents for " + tensor(name));
        try {
            return Shape.of(dims);
        } catch (IllegalArgumentException overflow) {
            throw json.problem(tensor(name) + ": " + overflow.getMessage()
                    + "; the file is damaged: download it again");
        }
    }

    private static long[] readNaturals(JsonReader json, int most, String expected) {
        json.expect(JsonToken.START_ARRAY, expected);
        long[] numbers = new long[most];
        int count = 0;
        while (json.next() != JsonToken.END_ARRAY) {
            if (count == most) {
                throw json.unexpected(expected);
            }
            numbers[count++] = json.natural(expected);
        }
        return Arrays.copyOf(numbers, count);
    }

    private void checkSize(String name, long at, SafetensorsType type, Shape shape, long[] offsets) {
        long bytes = -1;
        try {
            bytes = type.byteSize(shape.elements());
        } catch (ArithmeticException overflow) {
            // Refused just below: no file is that large.
        }
        if (offsets[1] < offsets[0] || bytes != offsets[1] - offsets[0]) {
            throw new FormatException(path, at, tensor(name) + " " + type + " " + shape + " has data_offsets "
                    + Arrays.toString(offsets) + (bytes < 0 ? "" : "; expected " + bytes + " bytes between them")
                    + ": the file is damaged: download or convert it again");
        }
    }

    private void checkCover(long start) {
        Entry[] ordered = entries.toArray(new Entry[0]);
        Arrays.sort(ordered, Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long expected = 0;
        for (Entry entry : ordered) {
            if (entry.begin != expected) {
                throw new FormatException(path, entry.at, tensor(entry.name) + " begins at data offset " + entry.begin
                        + (entry.begin < expected ? ", inside another tensor" : ", after a gap") + "; expected "
                        + expected + ": the file is damaged: download or convert it again");
            }
            expected = entry.end;
        }
        long data = file.size() - start;
        if (expected != data) {
            throw new FormatException(path, start, "the tensors take " + expected + " bytes, but the file has " + data
                    + " bytes of data; it is " + (data < expected ? "cut short" : "damaged")
                    + ": download or convert it again");
        }
    }

    private Contents contents(long start) {
        List<TensorSource> tensors = new ArrayList<>();
        Map<String, String> unreadable = new HashMap<>();
        for (Entry entry : entries) {
            if (entry.type.dtype() == null) {
                unreadable.put(entry.name, entry.type.name());
            } else {
                tensors.add(new FileTensor(file, entry.name, entry.type.dtype(), entry.shape, start + entry.begin,
                        entry.end - entry.begin));
            }
        }
        return new Contents("safetensors", values, tensors, unreadable);
    }

    private static String tensor(String name) {
        return "tensor " + FormatException.quote(name);
    }
}
