package io.lanewise.bench;

import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.MemorySegment;

/** Tensors of memory as if they lay in a file. */
final class Sources {
    private Sources() {}

    static TensorSource of(String name, Tensor tensor) {
        return new TensorSource() {
            @Override
            public String name() {
                return name;
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
        };
    }
}
