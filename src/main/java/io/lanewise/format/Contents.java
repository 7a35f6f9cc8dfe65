package io.lanewise.format;

import io.lanewise.tensor.TensorSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a reader has found in a file.
 *
 * @param format the kind of file, for people
 * @param values the metadata in the file's order
 * @param tensors the tensors in the file's order
 * @param unreadable the tensors whose element type {@code DType} lacks, with the name of that type
 */
record Contents(String format, LinkedHashMap<String, MetadataValue> values, List<TensorSource> tensors,
        Map<String, String> unreadable) {
}
