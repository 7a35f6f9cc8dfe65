package io.lanewise.format;

import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model file that is open: metadata and named tensors. Its tensors are mapped, not read: they cost memory only where
 * they are touched, and are valid until the checkpoint is closed; access after that throws
 * {@link IllegalStateException}. Safe for use by many threads.
 */
public final class Checkpoint implements AutoCloseable {
    private final Path path;
    private final String format;
    private final Arena arena;
    private final List<MappedFile> files;
    private final Metadata metadata;
    private final List<TensorSource> tensors;
    private final Map<String, TensorSource> byName;

    private Checkpoint(Path path, String format, Arena arena, List<MappedFile> files, Metadata metadata,
            List<TensorSource> tensors) {
        this.path = path;
        this.format = format;
        this.arena = arena;
        this.files = files;
        this.metadata = metadata;
        this.tensors = tensors;
        this.byName = HashMap.newHashMap(tensors.size());
        for (TensorSource tensor : tensors) {
            byName.put(tensor.name(), tensor);
        }
    }

    /**
     * Opens a GGUF file of version 2 or 3.
     *
     * @throws FormatException if there is no such file, or it is not a sound model file
     */
    public static Checkpoint open(Path path) {
        Arena arena = Arena.ofShared();
        MappedFile file = null;
        try {
            file = MappedFile.open(path, arena);
            GgufReader.Contents contents = GgufReader.read(file);
            return new Checkpoint(path, "GGUF v" + contents.version(), arena, List.of(file), contents.metadata(),
                    contents.tensors());
        } catch (RuntimeException | Error failed) {
            if (file != null) {
                file.close();
            }
            arena.close();
            throw failed;
        }
    }

    /** The path that was opened. */
    public Path path() {
        return path;
    }

    /** The kind of file, as {@code GGUF v3}. */
    public String format() {
        return format;
    }

    /** Bytes of all files of the checkpoint. */
    public long byteSize() {
        long bytes = 0;
        for (MappedFile file : files) {
            bytes += file.size();
        }
        return bytes;
    }

    public Metadata metadata() {
        return metadata;
    }

    /** All tensors in the file's order. */
    public List<TensorSource> tensors() {
        return tensors;
    }

    /** The tensor of this name, or empty where the file has none. */
    public Optional<TensorSource> find(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** The tensor of this name. @throws FormatException if the file has none */
    public TensorSource tensor(String name) {
        return find(name).orElseThrow(() -> new FormatException(path, "tensor " + FormatException.quote(name)
                + " is missing from its " + tensors.size() + " tensors; convert the model again with a current "
                + "converter"));
    }

    /** Unmaps the files; a second call does nothing. */
    @Override
    public void close() {
        if (!arena.scope().isAlive()) {
            return;
        }
        arena.close();
        for (MappedFile file : files) {
            file.close();
        }
    }

    /** As {@code model.gguf (GGUF v3, 291 tensors)}. */
    @Override
    public String toString() {
        return path + " (" + format + ", " + tensors.size() + " tensors)";
    }
}
