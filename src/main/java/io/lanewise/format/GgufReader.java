package io.lanewise.format;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads the header of a GGUF file of version 2 or 3: metadata, then tensor names, shapes, types and places. Nothing is
 * believed: every count is held against the bytes that are left before anything is allocated for it.
 *
 * <p>Layout: magic, u32 version, u64 tensor count, u64 metadata count; metadata as (key, u32 type, value); tensors as
 * (name, u32 rank, u64 extents innermost first, u32 type, u64 offset into the data); padding; data.
 */
final class GgufReader {
    /** The bytes {@code GGUF} as a little-endian int. */
    static final int MAGIC = 0x46554747;
    static final String ALIGNMENT_KEY = "general.alignment";
    static final int DEFAULT_ALIGNMENT = 32;
    static final int MAX_RANK = 4;
    static final int MAX_KEY_BYTES = 65_535;
    /** Real files have under a hundred keys; more than this would only cost memory. */
    static final int MAX_KEYS = 65_536;
    static final int MAX_TENSORS = 1 << 20;
    static final int MAX_ARRAY_DEPTH = 4;
    /** Elements of all arrays of arrays together, each of which costs an object. */
    static final int MAX_NESTED_ELEMENTS = 65_536;

    private static final int MIN_KEY_VALUE_BYTES = 8 + 1 + 4 + 1;
    private static final int MIN_TENSOR_BYTES = 8 + 1 + 4 + 4 + 8;

    private final MappedFile file;
    private final Path path;
    private final Cursor cursor;
    private final CharsetDecoder strictUtf8 = StandardCharsets.UTF_8.newDecoder();
    private final LinkedHashMap<String, MetadataValue> values = new LinkedHashMap<>();
    private int version;
    private int nestedElements;

    private GgufReader(MappedFile file) {
        this.file = file;
        this.path = file.path();
        this.cursor = new Cursor(file);
    }

    /** @throws FormatException if the file is not a sound GGUF file */
    static Contents read(MappedFile file) {
        return new GgufReader(file).read();
    }

    private Contents read() {
        if (cursor.i32("the magic number") != MAGIC) {
            throw new FormatException(path, 0, "expected the magic number 'GGUF'; this is not a GGUF file");
        }
        readVersion();
        long tensorCount = cursor.count(MIN_TENSOR_BYTES, "tensor count");
        long at = cursor.position();
        long keyCount = cursor.count(MIN_KEY_VALUE_BYTES, "metadata count");
        if (keyCount > MAX_KEYS) {
            throw new FormatException(path, at, "metadata count " + keyCount + "; expected at most " + MAX_KEYS);
        }
        for (long i = 0; i < keyCount; i++) {
            readKeyValue();
        }
        return new Contents(version == 2 ? "GGUF v2" : "GGUF v3", values, readTensors(tensorCount), Map.of());
    }

    private void readVersion() {
        version = cursor.i32("the version");
        if (version == 2 || version == 3) {
            return;
        }
        long at = cursor.position() - 4;
        int swapped = Integer.reverseBytes(version);
        if (swapped >= 1 && swapped <= 3) {
            throw new FormatException(path, at, "a big-endian GGUF file; expected little-endian: convert it with "
                    + "gguf_convert_endian, or convert the model again on this machine");
        }
        throw new FormatException(path, at, "GGUF version " + Integer.toUnsignedString(version) + "; expected 2 or 3: "
                + (version == 1 ? "convert the model again with a current converter"
                : "the file is damaged or newer than this program"));
    }

    private void readKeyValue() {
        long at = cursor.position();
        String key = readName("a metadata key");
        long typeAt = cursor.position();
        ValueType type = readType(key);
        MetadataValue value = type == ValueType.ARRAY ? readArray(key, 1)
                : type == ValueType.STRING ? readText(key) : readScalar(type, key);
        if (values.putIfAbsent(key, value) != null) {
            throw new FormatException(path, at, "metadata key " + FormatException.quote(key)
                    + " appears twice; the file is damaged: convert it again");
        }
        if (key.equals(ALIGNMENT_KEY)) {
            checkAlignment(value, typeAt);
        }
    }

    private ValueType readType(String key) {
        long at = cursor.position();
        int id = cursor.i32("the type of a metadata value");
        ValueType type = ValueType.byId(id);
        if (type == null) {
            throw new FormatException(path, at, "metadata key " + FormatException.quote(key) + " has the value type "
                    + Integer.toUnsignedString(id) + "; expected 0 to 12: the file is damaged or newer than this "
                    + "program");
        }
        return type;
    }

    private void checkAlignment(MetadataValue value, long at) {
        if (!(value instanceof MetadataValue.Scalar scalar) || scalar.type() != ValueType.UINT32
                || Long.bitCount(scalar.bits()) != 1) {
            throw new FormatException(path, at, ALIGNMENT_KEY + " is " + value.describe() + " "
                    + (value instanceof MetadataValue.Scalar ? value.toObject() : "")
                    + "; expected a u32 that is a power of two: convert the file again");
        }
    }

    private MetadataValue readScalar(ValueType type, String key) {
        long at = cursor.position();
        String what = "a metadata value";
        long bits = switch (type) {
            case UINT8, BOOL -> cursor.u8(what);
            case INT8 -> (byte) cursor.u8(what);
            case UINT16 -> cursor.u16(what);
            case INT16 -> (short) cursor.u16(what);
            case UINT32, FLOAT32 -> cursor.u32(what);
            case INT32 -> cursor.i32(what);
            case UINT64, INT64, FLOAT64 -> cursor.i64(what);
            default -> throw new AssertionError(type);
        };
        if (type == ValueType.BOOL && bits > 1) {
            throw badBool(key, at, bits);
        }
        return new MetadataValue.Scalar(type, bits);
    }

    private FormatException badBool(String key, long at, long found) {
        return new FormatException(path, at, "metadata key " + FormatException.quote(key) + ": the bool is " + found
                + "; expected 0 or 1: the file is damaged: download or convert it again");
    }

    private MetadataValue readText(String key) {
        long length = cursor.count(1, "the length of a string");
        return new MetadataValue.Text(cursor.bytes(length, "a string"));
    }

    private MetadataValue readArray(String key, int depth) {
        long at = cursor.position();
        ValueType type = readType(key);
        if (depth > MAX_ARRAY_DEPTH) {
            throw new FormatException(path, at, "metadata key " + FormatException.quote(key) + ": arrays nest more "
                    + "than " + MAX_ARRAY_DEPTH + " deep; the file is damaged: convert it again");
        }
        long count = cursor.count(type.bytes(), "the length of an array");
        if (type == ValueType.STRING) {
            return readTexts(count);
        }
        if (type == ValueType.ARRAY) {
            return readNested(key, count, depth, at);
        }
        long start = cursor.position();
        byte[] bytes = cursor.bytes(count * type.bytes(), "an array");
        if (type == ValueType.BOOL) {
            for (int i = 0; i < bytes.length; i++) {
                if (bytes[i] < 0 || bytes[i] > 1) {
                    throw badBool(key, start + i, bytes[i] & 0xff);
                }
            }
        }
        return new MetadataValue.Numbers(type, bytes);
    }

    /** Walks over the strings to find their end, then takes them in one piece, to be decoded when they are wanted. */
    private MetadataValue readTexts(long count) {
        long start = cursor.position();
        for (long i = 0; i < count; i++) {
            long length = cursor.i64("the length of a string");
            cursor.skip(length, "a string of an array");
        }
        long bytes = cursor.position() - start;
        cursor.rewind(start);
        byte[] copy = cursor.bytes(bytes, "an array of strings");
        return new MetadataValue.Texts((int) count, copy);
    }

    private MetadataValue readNested(String key, long count, int depth, long at) {
        if (count > MAX_NESTED_ELEMENTS - nestedElements) {
            throw new FormatException(path, at, "metadata key " + FormatException.quote(key) + ": arrays of arrays "
                    + "with more than " + MAX_NESTED_ELEMENTS + " elements; expected fewer");
        }
        nestedElements += (int) count;
        List<MetadataValue> elements = new ArrayList<>((int) count);
        for (long i = 0; i < count; i++) {
            elements.add(readArray(key, depth + 1));
        }
        return new MetadataValue.Nested(elements);
    }

    private String readName(String what) {
        long at = cursor.position();
        long length = cursor.count(1, "the length of " + what);
        if (length == 0 || length > MAX_KEY_BYTES) {
            throw new FormatException(path, at, what + " of " + length + " bytes; expected 1 to " + MAX_KEY_BYTES
                    + ": the file is damaged: download or convert it again");
        }
        try {
            CharBuffer name = strictUtf8.decode(ByteBuffer.wrap(cursor.bytes(length, what)));
            return name.toString();
        } catch (CharacterCodingException notUtf8) {
            throw new FormatException(path, at + 8, what + " is not UTF-8; the file is damaged: download or convert it "
                    + "again");
        }
    }

    private List<TensorSource> readTensors(long count) {
        if (count > cursor.remaining() / MIN_TENSOR_BYTES) {
            throw new FormatException(path, 8, "tensor count " + count + " does not fit in the " + cursor.remaining()
                    + " bytes after the metadata; the file is damaged or cut short: download or convert it again");
        }
        if (count > MAX_TENSORS) {
            throw new FormatException(path, 8, "tensor count " + count + "; expected at most " + MAX_TENSORS);
        }
        Entry[] entries = new Entry[(int) count];
        Set<String> names = HashSet.newHashSet((int) count);
        for (int i = 0; i < entries.length; i++) {
            entries[i] = readEntry();
            if (!names.add(entries[i].name)) {
                throw new FormatException(path, entries[i].at, tensor(entries[i].name)
                        + " appears twice; the file is damaged: convert it again");
            }
        }
        return place(entries);
    }

    /** A tensor as the header lists it; {@code at} is where. */
    private record Entry(String name, long at, DType dtype, Shape shape, long offset, long byteSize) {
    }

    private Entry readEntry() {
        long at = cursor.position();
        String name = readName("a tensor name");
        Shape shape = readShape(name);
        long typeAt = cursor.position();
        int typeId = cursor.i32("the type of a tensor");
        Optional<DType> found = DType.byId(typeId);
        if (found.isEmpty()) {
            throw new FormatException(path, typeAt, tensor(name) + " has the type id "
                    + Integer.toUnsignedString(typeId) + "; " + aboutUnknownType(typeId));
        }
        DType dtype = found.get();
        long row = shape.rank() == 0 ? 1 : shape.dim(-1);
        if (row % dtype.blockLength() != 0) {
            throw new FormatException(path, typeAt, tensor(name) + ": rows of " + row + " elements are not whole "
                    + dtype + " blocks of " + dtype.blockLength() + "; the file is damaged: convert it again");
        }
        try {
            return new Entry(name, at, dtype, shape, cursor.i64("the offset of a tensor"),
                    dtype.byteSize(shape.elements()));
        } catch (ArithmeticException overflow) {
            throw new FormatException(path, typeAt, tensor(name) + " " + dtype + " " + shape
                    + " has more than 2^63 bytes; the file is damaged: download or convert it again");
        }
    }

    private Shape readShape(String name) {
        long at = cursor.position();
        int rank = cursor.i32("the rank of a tensor");
        if (rank < 0 || rank > MAX_RANK) {
            throw new FormatException(path, at, tensor(name) + " has " + Integer.toUnsignedString(rank)
                    + " dimensions; expected at most " + MAX_RANK + ": the file is damaged: download or convert it "
                    + "again");
        }
        long[] dims = new long[rank];
        for (int i = 0; i < rank; i++) {
            // The file has the innermost extent first, Shape the outermost.
            dims[rank - 1 - i] = cursor.i64("the extents of a tensor");
        }
        for (long dim : dims) {
            if (dim <= 0) {
                throw new FormatException(path, at, tensor(name) + " has the extents " + Arrays.toString(dims)
                        + "; expected each from 1 to 2^63 - 1: the file is damaged: download or convert it again");
            }
        }
        try {
            return Shape.of(dims);
        } catch (IllegalArgumentException overflow) {
            throw new FormatException(path, at, tensor(name) + ": " + overflow.getMessage()
                    + "; the file is damaged: download or convert it again");
        }
    }

    private static String aboutUnknownType(int id) {
        if (id == 4 || id == 5) {
            return "Q4_2 and Q4_3 were dropped from GGUF in 2023: convert the model again from its source";
        }
        if (id >= 31 && id <= 33) {
            return "Q4_0_4_4, Q4_0_4_8 and Q4_0_8_8 were dropped from GGUF: convert the model to Q4_0, which replaces "
                    + "them";
        }
        if (id >= 36 && id <= 38) {
            return "IQ4_NL_4_4, IQ4_NL_4_8 and IQ4_NL_8_8 were dropped from GGUF: convert the model to IQ4_NL, which "
                    + "replaces them";
        }
        return "expected a known ggml type: the file is damaged or newer than this program";
    }

    private List<TensorSource> place(Entry[] entries) {
        long alignment = alignment();
        long start = (cursor.position() + alignment - 1) / alignment * alignment;
        TensorSource[] tensors = new TensorSource[entries.length];
        for (int i = 0; i < entries.length; i++) {
            Entry entry = entries[i];
            checkPlace(entry, start, alignment);
            tensors[i] = new FileTensor(file, entry.name, entry.dtype, entry.shape, start + entry.offset,
                    entry.byteSize);
        }
        checkOverlaps(entries);
        return List.of(tensors);
    }

    private long alignment() {
        return values.get(ALIGNMENT_KEY) instanceof MetadataValue.Scalar scalar ? scalar.bits() : DEFAULT_ALIGNMENT;
    }

    private void checkPlace(Entry entry, long start, long alignment) {
        long data = Math.max(0, file.size() - start);
        if (entry.offset < 0 || entry.offset > data || entry.byteSize > data - entry.offset) {
            throw new FormatException(path, entry.at, tensor(entry.name) + " is to lie at offset "
                    + Long.toUnsignedString(entry.offset) + " with " + entry.byteSize + " bytes, but the file has only "
                    + data + " bytes of data; it is cut short or damaged: download or convert it again");
        }
        if (entry.offset % alignment != 0) {
            throw new FormatException(path, entry.at, tensor(entry.name) + " lies at offset " + entry.offset
                    + "; expected a multiple of the alignment " + alignment
                    + ": the file is damaged: convert it again");
        }
    }

    private void checkOverlaps(Entry[] entries) {
        if (inOrder(entries)) {
            return;
        }
        Entry[] ordered = entries.clone();
        Arrays.sort(ordered, Comparator.comparingLong(Entry::offset));
        for (int i = 1; i < ordered.length; i++) {
            Entry before = ordered[i - 1];
            if (ordered[i].offset < before.offset + before.byteSize) {
                throw new FormatException(path, ordered[i].at, tensor(ordered[i].name) + " overlaps "
                        + tensor(before.name) + "; the file is damaged: convert it again");
            }
        }
    }

    /** Whether each tensor lies behind the one listed before it, as in nearly every file. */
    private static boolean inOrder(Entry[] entries) {
        for (int i = 1; i < entries.length; i++) {
            if (entries[i].offset < entries[i - 1].offset + entries[i - 1].byteSize) {
                return false;
            }
        }
        return true;
    }

    private static String tensor(String name) {
        return "tensor " + FormatException.quote(name);
    }
}
