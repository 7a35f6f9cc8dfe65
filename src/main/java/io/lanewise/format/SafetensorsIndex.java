package io.lanewise.format;

import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.tensor.TensorSource;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Reads {@code model.safetensors.index.json}, which says which tensor lies in which file beside it, and those files.
 * Only tensors that it names count; a file's further tensors are left out, as in the format's own library.
 */
final class SafetensorsIndex {
    static final int MAX_SHARDS = 10_000;

    private final MappedFile file;
    private final Path path;
    private final LinkedHashMap<String, MetadataValue> values = new LinkedHashMap<>();
    private final LinkedHashMap<String, String> shardOf = new LinkedHashMap<>();

    private SafetensorsIndex(MappedFile file) {
        this.file = file;
        this.path = file.path();
    }

    /** Reads the index and the files that it names, each opened once by {@code open}. */
    static Contents read(MappedFile index, Function<Path, MappedFile> open) {
        return new SafetensorsIndex(index).read(open);
    }

    private Contents read(Function<Path, MappedFile> open) {
        if (file.size() > SafetensorsReader.MAX_HEADER_BYTES) {
            throw new FormatException(path, "an index of " + file.size() + " bytes; expected at most "
                    + SafetensorsReader.MAX_HEADER_BYTES);
        }
        byte[] bytes = file.bytes(0, (int) file.size());
        try (JsonReader json = new JsonReader(path, 0, bytes, "the safetensors index")) {
            readIndex(json);
        }
        Map<String, Contents> shards = new LinkedHashMap<>();
        for (String shard : shardOf.values()) {
            if (!shards.containsKey(shard)) {
                shards.put(shard, SafetensorsReader.read(open.apply(beside(shard))));
                if (shards.size() > MAX_SHARDS) {
                    throw new FormatException(path, "names more than " + MAX_SHARDS + " files; expected fewer");
                }
            }
        }
        return gather(shards);
    }

    private Path beside(String shard) {
        try {
            return path.resolveSibling(shard);
        } catch (InvalidPathException unusable) {
            throw new FormatException(path, "names the file " + FormatException.quote(shard)
                    + ", which this system cannot spell; rename it to plain letters", unusable);
        }
    }

    private void readIndex(JsonReader json) {
        boolean mapped = false;
        json.expect(JsonToken.START_OBJECT, "'{'");
        for (String field = json.nextField(); field != null; field = json.nextField()) {
            if (field.equals("weight_map") && !mapped) {
                mapped = true;
                readWeightMap(json);
            } else if (field.equals("weight_map")) {
                throw json.problem("weight_map appears twice; the file is damaged: download it again");
            } else if (field.equals("metadata")) {
                readMetadata(json);
            } else {
                json.skipValue();
            }
        }
        if (json.next() != null) {
            throw json.unexpected("nothing after the closing '}'");
        }
        if (!mapped) {
            throw new FormatException(path, "has no weight_map; expected a safetensors index: open the model's folder "
                    + "or its .safetensors file");
        }
    }

    private void readWeightMap(JsonReader json) {
        json.expect(JsonToken.START_OBJECT, "an object as weight_map");
        for (String name = json.nextField(); name != null; name = json.nextField()) {
            String shard = json.nextString("a file name for tensor " + FormatException.quote(name));
            if (!isPlainName(shard)) {
                throw json.problem("tensor " + FormatException.quote(name) + " lies in " + FormatException.quote(shard)
                        + "; expected the name of a .safetensors file in the index's own folder");
            }
            if (shardOf.put(name, shard) != null) {
                throw json.problem("tensor " + FormatException.quote(name)
                        + " appears twice; the file is damaged: download it again");
            }
            if (shardOf.size() > GgufReader.MAX_TENSORS) {
                throw json.problem("more than " + GgufReader.MAX_TENSORS + " tensors; expected fewer");
            }
        }
    }

    /** Whether this is the name of a safetensors file that cannot lead out of the folder. */
    private static boolean isPlainName(String shard) {
        return shard.length() > ".safetensors".length() && shard.length() <= 255 && shard.endsWith(".safetensors")
                && shard.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || Character.isISOControl(c));
    }

    private void readMetadata(JsonReader json) {
        json.expect(JsonToken.START_OBJECT, "an object as metadata");
        for (String key = json.nextField(); key != null; key = json.nextField()) {
            JsonToken token = json.next();
            if (token == JsonToken.VALUE_STRING) {
                values.put(key, MetadataValue.Text.of(json.text()));
            } else if (token == JsonToken.VALUE_NUMBER_INT) {
                values.put(key, new MetadataValue.Scalar(ValueType.INT64, json.natural("a size from 0 to 2^63 - 1")));
            } else {
                json.skipChildren();
            }
            if (values.size() > GgufReader.MAX_KEYS) {
                throw json.problem("more than " + GgufReader.MAX_KEYS + " keys of metadata; expected fewer");
            }
        }
    }

    private Contents gather(Map<String, Contents> shards) {
        Map<String, Map<String, TensorSource>> tensorsOf = new HashMap<>();
        shards.forEach((shard, contents) -> {
            contents.values().forEach(values::putIfAbsent);
            Map<String, TensorSource> byName = HashMap.newHashMap(contents.tensors().size());
            contents.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
            tensorsOf.put(shard, byName);
        });
        List<TensorSource> tensors = new ArrayList<>(shardOf.size());
        Map<String, String> unreadable = new HashMap<>();
        shardOf.forEach((name, shard) -> {
            TensorSource tensor = tensorsOf.get(shard).get(name);
            String type = shards.get(shard).unreadable().get(name);
            if (tensor != null) {
                tensors.add(tensor);
            } else if (type != null) {
                unreadable.put(name, type);
            } else {
                throw new FormatException(path, "tensor " + FormatException.quote(name) + " is not in "
                        + FormatException.quote(shard) + ", where the index has it; download both again");
            }
        });
        return new Contents("safetensors in " + shards.size() + " files", values, tensors, unreadable);
    }
}
