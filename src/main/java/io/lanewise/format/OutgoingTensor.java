package io.lanewise.format;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;

/** A tensor that waits to be written. */
record OutgoingTensor(String name, DType dtype, Shape shape, long byteSize, TensorContent content) {
    /** Bytes of the buffer through which tensors are written. */
    static final long CHUNK_BYTES = 4 << 20;

    static OutgoingTensor of(String name, DType dtype, Shape shape, TensorContent content) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException("a tensor without a name");
        }
        long row = shape.rank() == 0 ? 1 : shape.dim(-1);
        if (row % dtype.blockLength() != 0) {
            throw new IllegalArgumentException("tensor " + name + " " + dtype + " " + shape + ": rows of " + row
                    + " are not whole blocks of " + dtype.blockLength());
        }
        return new OutgoingTensor(name, dtype, shape, dtype.byteSize(shape.elements()), content);
    }

    /** Writes the content through {@code buffer} of {@link #CHUNK_BYTES}. */
    void writeTo(NewFile out, MemorySegment buffer) {
        long unit = shape.rank() == 0 ? dtype.blockBytes() : dtype.byteSize(shape.dim(-1));
        if (unit == 0 || unit > CHUNK_BYTES) {
            unit = dtype.blockBytes();
        }
        long chunk = CHUNK_BYTES / unit * unit;
        for (long offset = 0; offset < byteSize; offset += chunk) {
            MemorySegment piece = buffer.asSlice(0, Math.min(chunk, byteSize - offset));
            content.fill(offset, piece);
            out.segment(piece);
        }
    }
}
