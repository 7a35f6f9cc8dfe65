package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Panels of 4-bit weights that are multiplied with {@link Codes} of x: whole numbers in 16-bit lanes, two to a lane of
 * floats. Such a panel is cut into streams, and a stream of a matrix goes on from panel to panel:
 *
 * <pre>
 *   stream 0 of panel 0 | stream 0 of panel 1 | … | stream 1 of panel 0 | stream 1 of panel 1 | …
 * </pre>
 *
 * <p>so that one token reads a few long runs of memory side by side. Where every panel lay by itself, the processor's
 * prefetching had to find each again: 16 GB/s on one core instead of 22, and one run alone gives 12.
 *
 * <p>Rows come in pairs of vectors: lane l of an int vector holds four weights of row l of the pair in its low half and
 * of row L + l in its high half, L floats being a vector. A vector of shorts then has both rows in turn, and its sums are
 * parted by shifts.
 */
abstract class CodedPanels extends PanelFormat {
    /** Pairs of vectors of rows in a panel. */
    static final int PAIRS = FloatTile.VECTORS / 2;
    static final int BLOCK = Codes.BLOCK;
    static final int NR = FloatTile.NR;
    static final int LANES = Lanes.FLOATS;
    static final int BYTES = Lanes.BITS / 8;

    /** Panels in a matrix, from how long it is: every panel takes {@link #panelBytes} and what aligns the next. */
    final int panelsOf(MemorySegment panels, int inDim) {
        return (int) (panels.byteSize() / alignedPanelBytes(inDim));
    }

    /** The number of the panel at a byte. */
    final int panelAt(long at, int inDim) {
        return (int) (at / alignedPanelBytes(inDim));
    }

    private long alignedPanelBytes(int inDim) {
        return PackedMatrix.aligned(panelBytes(inDim));
    }

    /**
     * c [NR] = x · panel.
     *
     * @param codes where x lies as {@link Codes} has it, from byte {@code x0} on
     * @param c0 byte of c
     */
    abstract void multiplyRow(MemorySegment codes, long x0, MemorySegment panels, long at, int inDim, MemorySegment c,
            long c0);

    /**
     * The weights of some blocks of a panel as {@link ShortTile} reads them.
     *
     * @param tile shorts [32·blocks, NR]
     * @param scales floats [blocks, NR]
     * @param offsets floats [blocks, NR]: what a weight of 0 stands for, where {@link #hasOffsets()}
     */
    abstract void unpack(MemorySegment panels, long at, int inDim, int block0, int blocks, MemorySegment tile,
            MemorySegment scales, MemorySegment offsets);

    /** Whether a weight of 0 stands for more than 0. */
    boolean hasOffsets() {
        return false;
    }

    @Override
    final void unpack(MemorySegment panels, long at, int k0, int depth, MemorySegment tile) {
        throw new IllegalStateException("panels of 4-bit weights are multiplied with codes");
    }

    @Override
    final void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        throw new IllegalStateException("panels of 4-bit weights are multiplied with codes");
    }
}
