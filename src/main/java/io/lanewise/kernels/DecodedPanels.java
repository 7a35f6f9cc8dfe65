package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/**
 * A type without a panel layout of its own, or weights that its layout cannot hold: decoded while they are packed, then kept
 * and multiplied as F32.
 */
final class DecodedPanels extends PanelFormat {
    private final WeightCodec codec;
    private final FloatPanels floats = new FloatPanels();

    DecodedPanels(WeightCodec codec) {
        this.codec = codec;
    }

    @Override
    long bytes(int inDim, int panels) {
        return floats.bytes(inDim, panels);
    }

    @Override
    long packScratch(int inDim) {
        return FloatTile.NR * 4L * inDim;
    }

    @Override
    boolean isFloat() {
        return true;
    }

    @Override
    boolean pack(MemorySegment raw, int rows, PackedMatrix to, int panel, MemorySegment scratch) {
        codec.decode(raw, 0, scratch, 0, (long) rows * to.inDim());
        return floats.pack(scratch, rows, to, panel, MemorySegment.NULL);
    }

    @Override
    void unpack(PackedMatrix w, int panel, int k0, int depth, MemorySegment tile, UnpackScratch scratch) {
        floats.unpack(w, panel, k0, depth, tile, scratch);
    }
}
