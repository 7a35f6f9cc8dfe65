package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/** A type without a panel layout of its own: decoded while it is packed, then kept and multiplied as F32. */
final class DecodedPanels extends PanelFormat {
    private final WeightCodec codec;
    private final FloatPanels panels = new FloatPanels();

    DecodedPanels(WeightCodec codec) {
        this.codec = codec;
    }

    @Override
    long panelBytes(int inDim) {
        return panels.panelBytes(inDim);
    }

    @Override
    boolean decodes() {
        return true;
    }

    @Override
    boolean isFloat() {
        return true;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment to, long at, MemorySegment floats) {
        codec.decode(raw, 0, floats, 0, (long) rows * inDim);
        FloatPanels.transpose(floats, rows, inDim, to, at);
    }

    @Override
    void unpack(MemorySegment from, long at, int inDim, int k0, int depth, MemorySegment tile) {
        panels.unpack(from, at, inDim, k0, depth, tile);
    }

    @Override
    void multiplyRow(MemorySegment x, long x0, MemorySegment from, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        panels.multiplyRow(x, x0, from, at, inDim, k0, depth, c, c0);
    }
}
