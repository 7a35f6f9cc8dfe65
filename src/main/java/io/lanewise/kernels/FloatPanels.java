package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/** F32: [inDim, NR] floats, which is what the microkernel reads. */
final class FloatPanels extends PanelFormat {
    private static final int NR = FloatTile.NR;
    private static final long STEP = NR * (long) Float.BYTES;

    @Override
    long bytes(int inDim, int panels) {
        return panels * panelBytes(inDim);
    }

    static long panelBytes(int inDim) {
        return inDim * STEP;
    }

    @Override
    boolean isFloat() {
        return true;
    }

    @Override
    boolean pack(MemorySegment raw, int rows, PackedMatrix to, int panel, MemorySegment scratch) {
        transpose(raw, rows, to.inDim(), to.memory(), panel * panelBytes(to.inDim()));
        return true;
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
    void unpack(PackedMatrix w, int panel, int k0, int depth, MemorySegment tile, UnpackScratch scratch) {
        MemorySegment.copy(w.memory(), panel * panelBytes(w.inDim()) + k0 * STEP, tile, 0, depth * STEP);
    }
}
