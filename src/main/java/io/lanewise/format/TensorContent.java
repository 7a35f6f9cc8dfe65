package io.lanewise.format;

import java.lang.foreign.MemorySegment;

/** Gives a tensor's bytes to a writer in pieces, so that no tensor need lie in memory as a whole. */
@FunctionalInterface
public interface TensorContent {
    /**
     * Fills {@code chunk} with the tensor's bytes from {@code offset} on. Chunks come in order and are whole blocks of
     * the tensor's type, and whole rows where a row has under 4 MB.
     */
    void fill(long offset, MemorySegment chunk);
}
