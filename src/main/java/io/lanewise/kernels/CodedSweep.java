package io.lanewise.kernels;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The macro loops of products of {@link Codes} and {@link CodedPanels}; one a worker, since it owns scratch memory. */
final class CodedSweep {
    private static final int NR = FloatTile.NR;
    private static final long ROW = NR * (long) Float.BYTES;
    /** Up to as many rows, each reads the packed weights; of more, unpacking them once is repaid. */
    private static final int FEW = 3;

    private final Blocks blocks;
    /** Weights [KC, NR], two bytes each. */
    private final MemorySegment tile;
    private final MemorySegment scales;
    private final MemorySegment offsets;
    /** Whole numbers on their way to be scaled: in an array, see {@link ShortTile}. */
    private final int[] sums = new int[Math.max(ShortTile.SUMS, NibbleRow.SUMS)];
    /** Products [MR, NR] of offsets and sums of x. */
    private final MemorySegment products;
    /** Results [MC, NR] that cannot go to their place at once. */
    private final MemorySegment results;

    CodedSweep(Arena arena, Blocks blocks, int maxRows) {
        this.blocks = blocks;
        int most = blocks.kc() / Codes.BLOCK;
        tile = arena.allocate(blocks.kc() * (long) NR * Short.BYTES, Tensor.ALIGNMENT);
        scales = arena.allocate(most * ROW, Tensor.ALIGNMENT);
        offsets = arena.allocate(most * ROW, Tensor.ALIGNMENT);
        products = arena.allocate(ShortTile.MR * ROW, Tensor.ALIGNMENT);
        results = arena.allocate(Math.max(ShortTile.MR, maxRows) * ROW, Tensor.ALIGNMENT);
    }

    /**
     * c [count, cols] = (c +) x · panel.
     *
     * @param x0 byte of the first of {@code count} rows of codes
     * @param c0 float of c; {@code cStride} counts floats too
     */
    void run(PackedMatrix w, int panel, MemorySegment codes, long x0, int count, MemorySegment c, long c0, long cStride,
            int cols, boolean add) {
        boolean direct = !add && cols == NR;
        MemorySegment to = direct ? c : results;
        long to0 = direct ? c0 << 2 : 0;
        long toStride = direct ? cStride << 2 : ROW;
        if (count <= FEW) {
            CodedPanels format = (CodedPanels) w.format();
            for (int row = 0; row < count; row++) {
                format.multiplyRow(codes, x0 + row * Codes.rowBytes(w.inDim()), w.panels(), w.panelAt(panel), w.inDim(),
                        sums, to, to0 + row * toStride);
            }
        } else {
            unpackAndSweep(w, panel, codes, x0, count, to, to0, toStride);
        }
        if (!direct) {
            Epilogue.store(results, count, cols, !add, c, c0, cStride);
        }
    }

    private void unpackAndSweep(PackedMatrix w, int panel, MemorySegment codes, long x0, int count, MemorySegment c, long c0,
            long cStride) {
        CodedPanels format = (CodedPanels) w.format();
        int inDim = w.inDim();
        int depth = blocks.depth(inDim);
        for (int k0 = 0; k0 < inDim; k0 += depth) {
            int part = Math.min(depth, inDim - k0) / Codes.BLOCK;
            int block0 = k0 / Codes.BLOCK;
            format.unpack(w.panels(), w.panelAt(panel), inDim, block0, part, tile, scales, offsets);
            sweep(codes, x0 + 4L * k0, x0 + Codes.scales(inDim) + 4L * block0, Codes.rowBytes(inDim), part, count, k0 > 0,
                    c, c0, cStride);
            if (format.hasOffsets()) {
                addOffsets(codes, x0 + Codes.sums(inDim) + 4L * block0, Codes.rowBytes(inDim), part, count, c, c0, cStride);
            }
        }
    }

    /** c [count, NR] += sums of x [count, part] · offsets [part, NR]: floats, and a 32nd of the work. */
    private void addOffsets(MemorySegment codes, long xSums, long xStride, int part, int count, MemorySegment c, long c0,
            long cStride) {
        for (int row = 0; row < count; ) {
            int step = FloatTile.rowsOf(count - row);
            FloatTile.multiply(step, codes, xSums + row * xStride, xStride, offsets, 0, part, products, 0, ROW);
            Epilogue.store(products, step, NR, false, c, c0 + row * cStride >> 2, cStride >> 2);
            row += step;
        }
    }

    private void sweep(MemorySegment codes, long x0, long xScales, long xStride, int part, int count, boolean add,
            MemorySegment c, long c0, long cStride) {
        for (int row = 0; row < count; row += ShortTile.MR) {
            ShortTile.multiply(Math.min(ShortTile.MR, count - row), codes, x0 + row * xStride, xScales + row * xStride,
                    xStride, tile, 0, scales, 0, part, sums, add, c, c0 + row * cStride, cStride);
        }
    }
}
