package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.MemorySegment;

/** A tensor in memory that is read as if it lay in a file. */
record SourceOf(Tensor tensor) implements TensorSource {
    @Override
    public String name() {
        return "test.weight";
    }

    @Override
    public DType dtype() {
        return tensor.dtype();
    }

    @Override
    public Shape shape() {
        return tensor.shape();
    }

    @Override
    public Tensor map() {
        return tensor;
    }

    @Override
    public void read(long offset, MemorySegment target) {
        MemorySegment.copy(tensor.segment(), offset, target, 0, target.byteSize());
    }
}
