package io.lanewise.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;

/**
 * A dense tensor that lies in a file: known by name, type and shape, read in pieces so that a model can be repacked
 * without two copies of it in memory.
 */
public interface TensorSource {
    /** The tensor's canonical name, as {@code blk.0.attn_q.weight}. */
    String name();

    DType dtype();

    Shape shape();

    /** The whole tensor over mapped memory, valid until its checkpoint is closed. */
    Tensor map();

    /**
     * Fills {@code target} with the tensor's bytes from {@code offset} on, without mapping them. Safe to call from
     * several threads.
     *
     * @throws IndexOutOfBoundsException if the range leaves the tensor
     * @throws UncheckedIOException around an {@link IOException} of the file
     */
    void read(long offset, MemorySegment target);
}
