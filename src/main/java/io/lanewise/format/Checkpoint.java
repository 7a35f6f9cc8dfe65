package io.lanewise.format;

import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
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
    private final Arena arena;
    private final List<MappedFile> files = new ArrayList<>();
    private final Contents contents;
    private final Metadata metadata;
    private final List<TensorSource> tensors;
    private final Map<String, TensorSource> byName;

    private Checkpoint(Path path, Arena arena) {
        this.path = path;
        this.arena = arena;
        try {
            MappedFile file = map(FileKind.locate(path));
            contents = switch (FileKind.of(file)) {
                case GGUF -> GgufSplit.read(file, this::map);
                case SAFETENSORS -> SafetensorsReader.read(file);
                case SAFETENSORS_INDEX -> SafetensorsIndex.read(file, this::map);
            };
        } catch (RuntimeException | Error failed) {
            close();
            throw failed;
        }
        this.metadata = new Metadata(path, contents.values());
        this.tensors = List.copyOf(contents.tensors());
        this.byName = HashMap.newHashMap(tensors.size());
        for (TensorSource tensor : tensors) {
            byName.put(tensor.name(), tensor);
        }
    }

    private Checkpoint(Checkpoint base, Contents contents) {
        this.path = base.path;
        this.arena = base.arena;
        this.files.addAll(base.files);
        this.contents = contents;
        this.metadata = new Metadata(path, contents.values());
        this.tensors = List.copyOf(contents.tensors());
        this.byName = HashMap.newHashMap(tensors.size());
        for (TensorSource tensor : tensors) {
            byName.put(tensor.name(), tensor);
        }
    }

    /**
     * The same files under other names: how a model in another layout is read as if it were a GGUF file. Closing either
     * checkpoint closes both.
     *
     * @param described whose metadata, and not whose tensors, count
     */
    public Checkpoint as(GgufWriter described, List<TensorSource> tensors) {
        return new Checkpoint(this, new Contents(contents.format(), described.values(), tensors, Map.of()));
    }

    private MappedFile map(Path file) {
        MappedFile mapped = MappedFile.open(file, arena);
        files.add(mapped);
        return mapped;
    }

    /**
     * Opens a GGUF file of version 2 or 3, or any part of one that is split into several; a safetensors file, a {@code model.safetensors.index.json} with the files
     * that it names, or a folder with one of the latter two under their usual names.
     *
     * @throws FormatException if there is no such file, or it is not a sound model file
     */
    public static Checkpoint open(Path path) {
        return new Checkpoint(path, Arena.ofShared());
    }

    /** The path that was opened. */
    public Path path() {
        return path;
    }

    /** The kind of file, as {@code GGUF v3}. */
    public String format() {
        return contents.format();
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

    /** All tensors in the file's order, but those of safetensors whose element type the engine does not know. */
    public List<TensorSource> tensors() {
        return tensors;
    }

    /**
     * The tensor of this name, or empty where the file has none.
     *
     * @throws FormatException if the engine does not know its element type
     */
    public Optional<TensorSource> find(String name) {
        if (contents.unreadable().containsKey(name)) {
            throw new FormatException(path, "tensor " + FormatException.quote(name) + " has the dtype "
                    + contents.unreadable().get(name) + ", which this program cannot read; convert the model to F32, "
                    + "F16 or BF16");
        }
        return Optional.ofNullable(byName.get(name));
    }

    /** The tensor of this name. @throws FormatException if the file has none */
    public TensorSource tensor(String name) {
        return find(name).orElseThrow(() -> new FormatException(path, "tensor " + FormatException.quote(name)
                + " is missing from its " + tensors.size() + " tensors; convert the model again with a current converter"));
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
        return path + " (" + contents.format() + ", " + tensors.size() + " tensors)";
    }
}
