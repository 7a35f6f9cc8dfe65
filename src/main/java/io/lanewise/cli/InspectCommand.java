package io.lanewise.cli;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.Metadata;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.TensorSource;
import java.lang.reflect.Array;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code inspect}: what a model file holds, without loading it. */
@Command(name = "inspect", description = "Shows the metadata, sizes and tensors of a model file.",
        footer = {"", "Example:", "  engine inspect model.gguf --tensors"})
final class InspectCommand extends EngineCommand {
    private static final int ELEMENTS_SHOWN = 4;
    private static final int CHARACTERS_SHOWN = 100;

    @Parameters(paramLabel = "FILE", description = "A GGUF or safetensors file.")
    private Path file;

    @Option(names = "--tensors", description = "List all tensors too.")
    private boolean tensors;

    @Option(names = "--json", description = "As JSON, with all metadata and tensors in full.")
    private boolean json;

    InspectCommand(Console console) {
        super(console);
    }

    @Override
    void run() {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            if (json) {
                console.println(Json.of(asMap(checkpoint)));
            } else {
                printSummary(checkpoint);
                printMetadata(checkpoint.metadata());
                if (tensors) {
                    printTensors(checkpoint.tensors());
                }
            }
        }
    }

    private void printSummary(Checkpoint checkpoint) {
        console.println("file          " + checkpoint.path() + " (" + checkpoint.format() + ", "
                + Units.bytes(checkpoint.byteSize()) + ")");
        console.println("architecture  " + architecture(checkpoint.metadata()));
        console.println("parameters    " + Units.grouped(parameters(checkpoint)));
        typeCounts(checkpoint).forEach((type, count) -> console.println(Units.format("%-13s %s tensors, %s",
                "  " + type, count.tensors, Units.bytes(count.bytes))));
    }

    private void printMetadata(Metadata metadata) {
        console.println("metadata      " + metadata.keys().size() + " keys");
        int width = metadata.keys().stream().mapToInt(String::length).max().orElse(0);
        Map<String, Object> values = metadata.asMap();
        values.forEach((key, value) -> console.println(Units.format("  %-" + width + "s  %-18s %s", key,
                metadata.type(key), shortened(value))));
    }

    private void printTensors(List<TensorSource> all) {
        console.println("tensors       " + all.size());
        int width = all.stream().mapToInt(tensor -> tensor.name().length()).max().orElse(0);
        for (TensorSource tensor : all) {
            console.println(Units.format("  %-" + width + "s  %-8s %-18s %s", tensor.name(), tensor.dtype(),
                    tensor.shape(), Units.bytes(byteSize(tensor))));
        }
    }

    private static Map<String, Object> asMap(Checkpoint checkpoint) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("file", checkpoint.path().toString());
        map.put("format", checkpoint.format());
        map.put("bytes", checkpoint.byteSize());
        map.put("architecture", architecture(checkpoint.metadata()));
        map.put("parameters", parameters(checkpoint));
        map.put("metadata", checkpoint.metadata().asMap());
        List<Map<String, Object>> rows = new ArrayList<>();
        for (TensorSource tensor : checkpoint.tensors()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("name", tensor.name());
            row.put("type", tensor.dtype().name());
            row.put("shape", tensor.shape().toArray());
            row.put("bytes", byteSize(tensor));
            rows.add(row);
        }
        map.put("tensors", rows);
        return map;
    }

    private record TypeCount(int tensors, long bytes) {
        TypeCount plus(TypeCount other) {
            return new TypeCount(tensors + other.tensors, bytes + other.bytes);
        }
    }

    private static Map<DType, TypeCount> typeCounts(Checkpoint checkpoint) {
        Map<DType, TypeCount> counts = new EnumMap<>(DType.class);
        for (TensorSource tensor : checkpoint.tensors()) {
            counts.merge(tensor.dtype(), new TypeCount(1, byteSize(tensor)), TypeCount::plus);
        }
        return counts;
    }

    private static String architecture(Metadata metadata) {
        return metadata.string("general.architecture", "(the file does not say)");
    }

    private static long parameters(Checkpoint checkpoint) {
        return checkpoint.tensors().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
    }

    private static long byteSize(TensorSource tensor) {
        return tensor.dtype().byteSize(tensor.shape().elements());
    }

    /** The value on one line; of arrays and long texts the beginning. */
    private static String shortened(Object value) {
        List<?> elements = value instanceof List<?> list ? list : null;
        if (value.getClass().isArray()) {
            elements = new ArrayBrowser(value);
        }
        String text;
        if (elements == null) {
            text = value instanceof String ? Json.of(value) : value.toString();
        } else {
            text = Json.of(elements.subList(0, Math.min(elements.size(), ELEMENTS_SHOWN)));
            if (elements.size() > ELEMENTS_SHOWN) {
                text = text.substring(0, text.length() - 1) + ",…]";
            }
        }
        return text.length() <= CHARACTERS_SHOWN ? text : text.substring(0, CHARACTERS_SHOWN) + "…";
    }

    /** An array of any primitive type as a list. */
    private static final class ArrayBrowser extends AbstractList<Object> {
        private final Object array;

        ArrayBrowser(Object array) {
            this.array = array;
        }

        @Override
        public Object get(int index) {
            return Array.get(array, index);
        }

        @Override
        public int size() {
            return Array.getLength(array);
        }
    }
}
