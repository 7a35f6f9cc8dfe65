package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Rows of a table by index. */
public final class Embedding {
    private Embedding() {}

    /**
     * dst = the row of token {@code id} as floats.
     *
     * @param table [vocabSize, dim], dense, of any type that {@link WeightCodec} has, mapped or not
     * @param dst [dim] from {@code dstOff} on
     * @throws IndexOutOfBoundsException if the table has no such row
     */
    public static void gather(Tensor table, int id, MemorySegment dst, long dstOff) {
        Shape shape = table.shape();
        if (id < 0 || id >= shape.dim(0)) {
            throw new IndexOutOfBoundsException("gather: row " + id + " of a table " + shape);
        }
        DType dtype = table.dtype();
        long dim = shape.dim(1);
        long rowBytes = dim / dtype.blockLength() * dtype.blockBytes();
        WeightCodec.require(dtype).decode(table.segment(), id * rowBytes, dst, dstOff, dim);
    }
}
