package io.lanewise.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * An arena whose segments lie one behind the other in slabs of another arena. The kernel backs a slab with pages of 2 MiB
 * as a whole; matrices of one to eight MiB that were allocated one by one kept up to half of their bytes on small pages,
 * and decoding read them 10 % slower. May be used by all threads if the other arena may.
 */
public final class SlabArena implements Arena {
    private static final long MOST_BYTES = 64L << 20;

    private final Arena arena;
    private final List<Slab> slabs = new ArrayList<>();
    /** The next slab's size: as much as all before it, so that a small model takes little. */
    private long next = 256L << 10;

    /** Cuts slabs of {@code arena}, which {@link #close} closes. */
    public SlabArena(Arena arena) {
        this.arena = arena;
    }

    private static final class Slab {
        private final MemorySegment memory;
        private long used;

        Slab(MemorySegment memory) {
            this.memory = memory;
        }

        /** The next segment of this size, or null where there is no room. */
        MemorySegment cut(long byteSize, long alignment) {
            long address = memory.address() + used;
            long at = used + (-address & alignment - 1);
            if (byteSize > memory.byteSize() - at) {
                return null;
            }
            used = at + byteSize;
            return memory.asSlice(at, byteSize);
        }
    }

    /**
     * A segment of zeros, from the first slab that has room: what a large matrix left at a slab's end, a sixth of all where
     * layers are 26 MB, small ones fill. One that would fill half of the largest slab is allocated by itself.
     */
    @Override
    public synchronized MemorySegment allocate(long byteSize, long byteAlignment) {
        long alignment = Math.max(Tensor.ALIGNMENT, byteAlignment);
        if (byteSize >= MOST_BYTES / 2) {
            return arena.allocate(byteSize, alignment);
        }
        for (Slab slab : slabs) {
            MemorySegment segment = slab.cut(byteSize, alignment);
            if (segment != null) {
                return segment;
            }
        }
        next = Math.clamp(Math.max(2 * next, 2 * byteSize), 0, MOST_BYTES);
        slabs.add(new Slab(arena.allocate(next, alignment)));
        return slabs.getLast().cut(byteSize, alignment);
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
