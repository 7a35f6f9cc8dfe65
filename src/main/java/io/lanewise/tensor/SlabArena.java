package io.lanewise.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An arena whose segments lie one behind the other in slabs of another arena. The kernel backs a slab with pages of 2 MiB
 * as a whole; matrices of one to eight MiB that were allocated one by one kept up to half of their bytes on small pages,
 * and decoding read them 10 % slower. May be used by all threads if the other arena may.
 */
public final class SlabArena implements Arena {
    private static final long MOST_BYTES = 64L << 20;

    private final Arena arena;
    private MemorySegment slab = MemorySegment.NULL;
    private long used;
    /** The next slab's size: as much as all before it, so that a small model takes little. */
    private long next = 256L << 10;

    /** Cuts slabs of {@code arena}, which {@link #close} closes. */
    public SlabArena(Arena arena) {
        this.arena = arena;
    }

    /** A segment of zeros; one that would fill half of the largest slab is allocated by itself. */
    @Override
    public synchronized MemorySegment allocate(long byteSize, long byteAlignment) {
        long alignment = Math.max(Tensor.ALIGNMENT, byteAlignment);
        if (byteSize >= MOST_BYTES / 2) {
            return arena.allocate(byteSize, alignment);
        }
        long at = aligned(alignment);
        if (at + byteSize > slab.byteSize()) {
            next = Math.clamp(Math.max(2 * next, 2 * byteSize), 0, MOST_BYTES);
            slab = arena.allocate(next, alignment);
            used = 0;
            at = aligned(alignment);
        }
        used = at + byteSize;
        return slab.asSlice(at, byteSize);
    }

    private long aligned(long alignment) {
        long address = slab.address() + used;
        return used + (-address & alignment - 1);
    }

    @Override
    public MemorySegment.Scope scope() {
        return arena.scope();
    }

    @Override
    public void close() {
        arena.close();
    }
}
