package io.lanewise.autograd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One piece of memory that rules share, each for the time that it runs; it grows to the largest that was asked for. */
final class Scratch implements AutoCloseable {
    private Arena arena = Arena.ofShared();
    private MemorySegment memory = MemorySegment.NULL;

    /** At least this many floats, with what the last user left in them. */
    MemorySegment floats(long count) {
        if (memory.byteSize() < 4 * count) {
            arena.close();
            arena = Arena.ofShared();
            memory = arena.allocate(4 * count, 64);
        }
        return memory;
    }

    long byteSize() {
        return memory.byteSize();
    }

    @Override
    public void close() {
        arena.close();
    }
}
