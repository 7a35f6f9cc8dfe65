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

    /** Bytes of a block in a stream of weights. */
    static final long WEIGHTS = 4L * BYTES;

    /** Bytes of one pair's scales in a panel. */
    abstract long scaleBytes(int inDim);

    /** Weights k to k + 3 of a block, the first lowest, of the row that starts at byte {@code row}. */
    abstract int four(MemorySegment raw, long row, int block, int k);

    /**
     * Writes the scales of one row.
     *
     * @param row byte of {@code raw} where the row starts
     * @param to byte of the row in its pair's scales: where its lane and half of the first int vector are
     */
    abstract void packScales(MemorySegment raw, long row, int inDim, MemorySegment panels, long to);

    /** Bytes of a row as files have it. */
    abstract long rawRowBytes(int inDim);

    /**
     * c [NR] = (c +) the blocks' sums, scaled.
     *
     * @param sums of {@link NibbleRow}
     * @param codes the row of x; {@code xScales} and {@code xSums} are bytes of the first block's
     * @param s0 byte of the first pair's scales in the panel, {@code s1} of the last pair's
     */
    abstract void scaleRow(int[] sums, MemorySegment codes, long xScales, long xSums, MemorySegment panels, long s0,
            long s1, int block0, int blocks, boolean add, MemorySegment c, long c0);

    /**
     * Scales of one pair as floats.
     *
     * @param s0 byte of the pair's scales in the panel
     * @param scales floats [blocks, NR]
     * @param offsets floats [blocks, NR]: what a weight of 0 stands for, where {@link #hasOffsets()}
     * @param to byte of the pair within a row of both
     */
    abstract void unpackScales(MemorySegment panels, long s0, int block0, int blocks, MemorySegment scales,
            MemorySegment offsets, long to);

    /** Whether a weight of 0, in the middle of its range, stands for more than 0. */
    boolean hasOffsets() {
        return false;
    }

    @Override
    final long panelBytes(int inDim) {
        return PAIRS * (2 * WEIGHTS * (inDim / BLOCK) + scaleBytes(inDim));
    }

    /** Where the weights of a panel start in the stream of a pair and a half of every 8 k. */
    private static long weights(int panels, int panel, int blocks, int pair, int half) {
        return ((2L * pair + half) * panels + panel) * blocks * WEIGHTS;
    }

    private long scales(int panels, int panel, int inDim, int pair) {
        return 2L * PAIRS * panels * (inDim / BLOCK) * WEIGHTS + (pair * (long) panels + panel) * scaleBytes(inDim);
    }

    /** Panels in a matrix, from how long it is: every panel takes {@link #panelBytes} and what aligns the next. */
    private int panelsOf(MemorySegment panels, int inDim) {
        return (int) (panels.byteSize() / PackedMatrix.aligned(panelBytes(inDim)));
    }

    private int panelAt(long at, int inDim) {
        return (int) (at / PackedMatrix.aligned(panelBytes(inDim)));
    }

    @Override
    final void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        int count = panelsOf(panels, inDim);
        int panel = panelAt(at, inDim);
        int blocks = inDim / BLOCK;
        if (rows < NR) {
            clear(panels, count, panel, inDim);
        }
        for (int row = 0; row < rows; row++) {
            int pair = row / (2 * LANES);
            long lane = row % LANES * 4L + row / LANES % 2 * 2L;
            long from = row * rawRowBytes(inDim);
            packWeights(raw, from, blocks, panels, weights(count, panel, blocks, pair, 0) + lane,
                    weights(count, panel, blocks, pair, 1) + lane);
            packScales(raw, from, inDim, panels, scales(count, panel, inDim, pair) + lane);
        }
    }

    private void packWeights(MemorySegment raw, long row, int blocks, MemorySegment panels, long first, long second) {
        for (int block = 0; block < blocks; block++) {
            for (int k = 0; k < BLOCK; k += 8) {
                long to = block * WEIGHTS + k / 8 * BYTES;
                Bits.set16(panels, first + to, four(raw, row, block, k));
                Bits.set16(panels, second + to, four(raw, row, block, k + 4));
            }
        }
    }

    private void clear(MemorySegment panels, int count, int panel, int inDim) {
        int blocks = inDim / BLOCK;
        for (int pair = 0; pair < PAIRS; pair++) {
            panels.asSlice(weights(count, panel, blocks, pair, 0), blocks * WEIGHTS).fill((byte) 0);
            panels.asSlice(weights(count, panel, blocks, pair, 1), blocks * WEIGHTS).fill((byte) 0);
            panels.asSlice(scales(count, panel, inDim, pair), scaleBytes(inDim)).fill((byte) 0);
        }
    }

    /**
     * c [NR] = x · panel.
     *
     * @param codes where x lies as {@link Codes} has it, from byte {@code x0} on
     * @param sums scratch of {@link NibbleRow#SUMS} ints
     * @param c0 byte of c
     */
    final void multiplyRow(MemorySegment codes, long x0, MemorySegment panels, long at, int inDim, int[] sums,
            MemorySegment c, long c0) {
        int count = panelsOf(panels, inDim);
        int panel = panelAt(at, inDim);
        int blocks = inDim / BLOCK;
        long s0 = scales(count, panel, inDim, 0);
        long s1 = scales(count, panel, inDim, PAIRS - 1);
        for (int block = 0; block < blocks; block += NibbleRow.MOST_BLOCKS) {
            int part = Math.min(NibbleRow.MOST_BLOCKS, blocks - block);
            long from = block * WEIGHTS;
            NibbleRow.sum(codes, x0 + 4L * BLOCK * block, x0 + Codes.starts(inDim) + 4L * block, panels,
                    weights(count, panel, blocks, 0, 0) + from, weights(count, panel, blocks, 0, 1) + from,
                    weights(count, panel, blocks, PAIRS - 1, 0) + from, weights(count, panel, blocks, PAIRS - 1, 1) + from,
                    4 * part, NibbleRow.NIBBLES, sums);
            scaleRow(sums, codes, x0 + Codes.scales(inDim) + 4L * block, x0 + Codes.sums(inDim) + 4L * block, panels, s0, s1,
                    block, part, block > 0, c, c0);
        }
    }

    /**
     * The weights of some blocks of a panel as {@link ShortTile} reads them.
     *
     * @param tile shorts [32·blocks, NR]
     * @param scales floats [blocks, NR]
     * @param offsets floats [blocks, NR]
     */
    final void unpack(MemorySegment panels, long at, int inDim, int block0, int blocks, MemorySegment tile,
            MemorySegment scales, MemorySegment offsets) {
        int count = panelsOf(panels, inDim);
        int panel = panelAt(at, inDim);
        int all = inDim / BLOCK;
        for (int pair = 0; pair < PAIRS; pair++) {
            for (int half = 0; half < 2; half++) {
                Nibbles.unpack(panels, weights(count, panel, all, pair, half) + block0 * WEIGHTS, 4 * blocks, tile,
                        (4L * half * PAIRS + pair) * BYTES, NibbleRow.NIBBLES);
            }
            unpackScales(panels, scales(count, panel, inDim, pair), block0, blocks, scales, offsets, 2L * pair * BYTES);
        }
    }

    @Override
    final void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile) {
        throw new IllegalStateException("panels of 4-bit weights are multiplied with codes");
    }

    @Override
    final void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        throw new IllegalStateException("panels of 4-bit weights are multiplied with codes");
    }
}
