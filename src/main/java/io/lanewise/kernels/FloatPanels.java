package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/** F32: [inDim, NR] floats, which is what the microkernel reads. */
final class FloatPanels extends PanelFormat {
    private static final int NR = FloatTile.NR;
    private static final long STEP = NR * (long) Float.BYTES;

    @Override
    long panelBytes(int inDim) {
        return inDim * STEP;
    }

    @Override
    boolean isFloat() {
        return true;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        transpose(raw, rows, inDim, panels, at);
    }

    /** panel [inDim, NR] = the transpose of raw [rows, inDim], with zeros for the rows that are not there. */
    static void transpose(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at) {
        for (int k0 = 0; k0 < inDim; k0 += Transpose.BLOCK) {
            int depth = Math.min(Transpose.BLOCK, inDim - k0);
            long to = at + k0 * STEP;
            for (int row = 0; row < rows; row++) {
                Transpose.scatterFloats(raw, 4L * ((long) row * inDim + k0), depth, panels, to + 4L * row, STEP);
            }
            for (int row = rows; row < NR; row++) {
                Transpose.scatterZeroInts(depth, panels, to + 4L * row, STEP);
            }
        }
    }

    @Override
    void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile) {
        MemorySegment.copy(panels, at + k0 * STEP, tile, 0, depth * STEP);
    }

    @Override
    void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        FloatTile.multiply(1, x, x0, 0, panels, at + k0 * STEP, depth, c, c0, 0);
    }
}
