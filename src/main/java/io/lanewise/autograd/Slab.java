package io.lanewise.autograd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory for one step's activations: handed out front to back, taken back all at once or down to a mark, never returned
 * to the system before {@link #close}. Grows by chunks, each as large as all before it within bounds, so what was handed
 * out does not move.
 */
final class Slab implements AutoCloseable {
    private static final long LEAST_CHUNK_BYTES = 1L << 20;
    private static final long MOST_CHUNK_BYTES = 32L << 20;
    private static final long ALIGNMENT = 64;

    private final Arena arena = Arena.ofShared();
    private final List<MemorySegment> chunks = new ArrayList<>();
    private int chunk;
    private long used;

    /** How far a slab had been used. */
    record Mark(int chunk, long used) {}

    /** Where a slab begins. */
    static final Mark EMPTY = new Mark(0, 0);

    Mark mark() {
        return new Mark(chunk, used);
    }

    /** Takes back everything handed out since {@code mark}. */
    void reset(Mark mark) {
        chunk = mark.chunk();
        used = mark.used();
    }

    /** {@code bytes} of memory, not cleared. */
    MemorySegment allocate(long bytes) {
        long rounded = (bytes + ALIGNMENT - 1) & -ALIGNMENT;
        while (chunk < chunks.size() && chunks.get(chunk).byteSize() - used < rounded) {
            chunk++;
            used = 0;
        }
        if (chunk == chunks.size()) {
            chunks.add(arena.allocate(
                    Math.max(rounded, Math.clamp(byteSize(), LEAST_CHUNK_BYTES, MOST_CHUNK_BYTES)), ALIGNMENT));
        }
        MemorySegment taken = chunks.get(chunk).asSlice(used, bytes);
        used += rounded;
        return taken;
    }

    /** Bytes of native memory held. */
    long byteSize() {
        return chunks.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    @Override
    public void close() {
        arena.close();
    }
}
