package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.MemorySegment;

/** Rows [count, inDim] of a weight, wherever they lie. */
record Rows(String name, DType dtype, long first, long count, int inDim, Reader reader) {
    /** Fills {@code target} with the bytes of the weight from {@code offset} on. */
    @FunctionalInterface
    interface Reader {
        void read(long offset, MemorySegment target);
    }

    /** All rows of a tensor in a file. */
    static Rows of(TensorSource source) {
        return of(source.name(), source.dtype(), source.shape(), source::read);
    }

    /** All rows of a dense tensor in memory. */
    static Rows of(Tensor tensor) {
        if (!tensor.isDense()) {
            throw new IllegalArgumentException("pack: " + tensor + " is strided, expected a dense matrix");
        }
        return of(tensor.toString(), tensor.dtype(), tensor.shape(), (offset, target) ->
                MemorySegment.copy(tensor.segment(), offset, target, 0, target.byteSize()));
    }

    private static Rows of(String name, DType dtype, Shape shape, Reader reader) {
        if (shape.rank() < 2 || shape.dim(-1) > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + ": expected a matrix [out, in], got shape " + shape);
        }
        int inDim = shape.size(-1);
        return new Rows(name, dtype, 0, inDim == 0 ? shape.dim(0) : shape.elements() / inDim, inDim, reader);
    }

    /** {@code count} rows from {@code from} on. @throws IndexOutOfBoundsException if there are not as many */
    Rows part(long from, long part) {
        if (from < 0 || part < 0 || from > count - part) {
            throw new IndexOutOfBoundsException(
                    name + ": rows " + from + " to " + (from + part) + " of " + count);
        }
        return new Rows(name, dtype, first + from, part, inDim, reader);
    }

    long rowBytes() {
        return dtype.byteSize(inDim);
    }

    /** Fills {@code target} with whole rows from row {@code row} of this part on. */
    void read(long row, MemorySegment target) {
        reader.read((first + row) * rowBytes(), target);
    }
}
