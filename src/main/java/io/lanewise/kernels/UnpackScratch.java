package io.lanewise.kernels;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What unpacking a block of a panel needs beside its target: scales and offsets as floats, rows [NR], one for 16 k at most. */
final class UnpackScratch {
    final MemorySegment scales;
    final MemorySegment offsets;

    /** @param depth most k of a block */
    UnpackScratch(Arena arena, int depth) {
        long bytes = (depth + 15) / 16 * (long) FloatTile.NR * Float.BYTES;
        scales = arena.allocate(bytes, Tensor.ALIGNMENT);
        offsets = arena.allocate(bytes, Tensor.ALIGNMENT);
    }
}
