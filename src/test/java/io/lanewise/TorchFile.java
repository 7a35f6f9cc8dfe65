package io.lanewise;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.format.Checkpoint;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tensors and settings of {@code golden/torch}. */
public final class TorchFile implements AutoCloseable {
    private static final JsonFactory JSON = new JsonFactory();

    private final Checkpoint checkpoint;

    private TorchFile(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    public static TorchFile open(Path path) {
        return new TorchFile(Checkpoint.open(path));
    }

    public List<String> names() {
        return checkpoint.tensors().stream().map(TensorSource::name).toList();
    }

    public boolean has(String name) {
        return checkpoint.find(name).isPresent();
    }

    public long[] shape(String name) {
        return checkpoint.tensor(name).shape().toArray();
    }

    public float[] floats(String name) {
        Tensor tensor = checkpoint.tensor(name).map();
        return tensor.segment().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    public double[] doubles(String name) {
        Tensor tensor = checkpoint.tensor(name).map();
        if (tensor.dtype() == DType.F64) {
            return tensor.segment().toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED);
        }
        float[] floats = floats(name);
        double[] wide = new double[floats.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = floats[i];
        }
        return wide;
    }

    public int[] ints(String name) {
        long[] longs = checkpoint.tensor(name).map().segment().toArray(ValueLayout.JAVA_LONG_UNALIGNED);
        int[] narrow = new int[longs.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = Math.toIntExact(longs[i]);
        }
        return narrow;
    }

    /** Copies a tensor's floats over {@code target}. */
    public void load(String name, Tensor target) {
        MemorySegment source = checkpoint.tensor(name).map().segment();
        if (source.byteSize() != target.byteSize()) {
            throw new IllegalArgumentException(name + ": " + source.byteSize() + " bytes for " + target);
        }
        target.segment().copyFrom(source);
    }

    @Override
    public void close() {
        checkpoint.close();
    }

    /** A JSON file as maps, lists, strings, doubles and booleans. */
    public static Object json(Path path) {
        try (JsonParser parser = JSON.createParser(Files.readString(path))) {
            parser.nextToken();
            return value(parser);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static Object value(JsonParser parser) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String key = parser.currentName();
                    parser.nextToken();
                    map.put(key, value(parser));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(parser));
                }
                yield list;
            }
            case VALUE_STRING -> parser.getText();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> parser.getDoubleValue();
        };
    }
}
