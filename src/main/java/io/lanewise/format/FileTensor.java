package io.lanewise.format;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** A tensor at a place in a mapped file; the reader that made it has checked that the place is there. */
final class FileTensor implements TensorSource {
    private final MappedFile file;
    private final String name;
    private final DType dtype;
    private final Shape shape;
    private final long position;
    private final long byteSize;

    FileTensor(MappedFile file, String name, DType dtype, Shape shape, long position, long byteSize) {
        this.file = file;
        this.name = name;
        this.dtype = dtype;
        this.shape = shape;
        this.position = position;
        this.byteSize = byteSize;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public Shape shape() {
        return shape;
    }

    @Override
    public Tensor map() {
        if (!file.memory().scope().isAlive()) {
            throw new IllegalStateException("tensor " + name + ": " + file.path() + " is closed");
        }
        return Tensor.of(file.memory().asSlice(position, byteSize), dtype, shape);
    }

    @Override
    public void read(long offset, MemorySegment target) {
        Objects.checkFromIndexSize(offset, target.byteSize(), byteSize);
        file.read(position + offset, target);
    }

    /** As {@code blk.0.attn_q.weight F32 [64, 64]}. */
    @Override
    public String toString() {
        return name + " " + dtype + " " + shape;
    }
}
