package io.lanewise.format;

import io.lanewise.tensor.TensorSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF model in several files, {@code NAME-00001-of-00003.gguf} and so on: the first holds the metadata, each some of
 * the tensors, and keys under {@code split.} say which it is.
 */
final class GgufSplit {
    static final String NUMBER = "split.no";
    static final String COUNT = "split.count";
    static final String TENSORS = "split.tensors.count";

    private static final Pattern NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
    private static final int MAX_PARTS = 10_000;

    private GgufSplit() {}

    /** The name of a part, counted from 0. */
    static Path part(Path whole, int number, int count) {
        String name = whole.getFileName().toString();
        String base = name.endsWith(".gguf") ? name.substring(0, name.length() - ".gguf".length()) : name;
        return whole.resolveSibling(String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", base, number + 1, count));
    }

    /**
     * What a file holds: itself, or with all other parts where it is one of several.
     *
     * @param open maps another file
     * @throws FormatException if a part is missing, or the parts do not belong together
     */
    static Contents read(MappedFile file, Function<Path, MappedFile> open) {
        Contents contents = GgufReader.read(file);
        long count = number(contents, COUNT);
        if (count <= 1) {
            return contents;
        }
        Path path = file.path();
        Matcher name = NAME.matcher(path.getFileName().toString());
        if (count > MAX_PARTS || !name.matches() || Integer.parseInt(name.group(3)) != count) {
            throw new FormatException(path, COUNT + " is " + count + ", so it is one of several files; expected a name like "
                    + "model-00001-of-" + String.format(Locale.ROOT, "%05d", Math.min(count, 99_999))
                    + ".gguf: give all parts back the names that they had");
        }
        Path whole = path.resolveSibling(name.group(1) + ".gguf");
        List<Contents> parts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Path part = part(whole, i, (int) count);
            boolean same = i + 1 == Integer.parseInt(name.group(2));
            if (!same && !Files.isRegularFile(part)) {
                throw new FormatException(path, "is one of " + count + " parts, and " + part.getFileName()
                        + " is not beside it: put all parts into one folder");
            }
            Contents read = same ? contents : GgufReader.read(open.apply(part));
            if (number(read, COUNT) != count || number(read, NUMBER) != i) {
                throw new FormatException(part, "says that it is part " + (number(read, NUMBER) + 1) + " of "
                        + number(read, COUNT) + "; expected part " + (i + 1) + " of " + count
                        + ": the file was renamed or belongs to another model");
            }
            parts.add(read);
        }
        return joined(path, parts);
    }

    private static Contents joined(Path path, List<Contents> parts) {
        Set<String> names = new HashSet<>();
        List<TensorSource> tensors = new ArrayList<>();
        for (Contents part : parts) {
            for (TensorSource tensor : part.tensors()) {
                if (!names.add(tensor.name())) {
                    throw new FormatException(path, "tensor " + FormatException.quote(tensor.name())
                            + " is in two parts; the parts belong to different models");
                }
                tensors.add(tensor);
            }
        }
        Contents first = parts.getFirst();
        long expected = number(first, TENSORS);
        if (first.values().containsKey(TENSORS) && expected != tensors.size()) {
            throw new FormatException(path, TENSORS + " is " + expected + ", the parts hold " + tensors.size()
                    + " tensors; the parts belong to different models");
        }
        LinkedHashMap<String, MetadataValue> values = new LinkedHashMap<>(first.values());
        for (String key : List.of(NUMBER, COUNT, TENSORS)) {
            values.remove(key);
        }
        return new Contents(first.format() + " in " + parts.size() + " parts", values, tensors, Map.of());
    }

    private static long number(Contents contents, String key) {
        return contents.values().get(key) instanceof MetadataValue.Scalar scalar && scalar.type().isInteger()
                ? scalar.bits() : -1;
    }
}
