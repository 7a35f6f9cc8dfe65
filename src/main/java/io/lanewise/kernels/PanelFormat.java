package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * How a weight type lies in panels, one row of the table a type. A panel holds {@link FloatTile#NR} output rows, k-major
 * and lane = output row, so that neither one token nor many need a horizontal sum, and both read it front to back.
 * Rows past the matrix's last are zeros.
 */
abstract class PanelFormat {
    private static final Map<DType, PanelFormat> TABLE = new EnumMap<>(DType.class);

    static {
        TABLE.put(DType.F32, new FloatPanels());
        TABLE.put(DType.F16, new HalfPanels(DType.F16));
        TABLE.put(DType.BF16, new HalfPanels(DType.BF16));
        TABLE.put(DType.Q8_0, new BytePanels());
        TABLE.put(DType.Q4_0, new Q4_0Panels());
        TABLE.put(DType.Q4_1, new Q4_1Panels());
        TABLE.put(DType.Q4_K, new Q4_KPanels());
        TABLE.put(DType.Q5_K, new Q5_KPanels());
        TABLE.put(DType.Q6_K, new Q6_KPanels());
    }

    /** The format of a type; types that only have a codec are kept as the floats that they decode to. */
    static Optional<PanelFormat> of(DType dtype) {
        PanelFormat format = TABLE.get(dtype);
        if (format != null) {
            return Optional.of(format);
        }
        return WeightCodec.of(dtype).map(DecodedPanels::new);
    }

    /** Bytes of one panel of rows that are {@code inDim} long. */
    abstract long panelBytes(int inDim);

    /**
     * Writes one panel from rows as files have them.
     *
     * @param raw the rows of the weight type, [rows, inDim], dense
     * @param rows 1 to NR
     * @param at where the panel starts in {@code panels}, in bytes
     * @param floats scratch for [NR, inDim] floats where {@link #decodes()}
     */
    abstract void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats);

    /** Whether {@link #pack} needs its float scratch. */
    boolean decodes() {
        return false;
    }

    /** Whether a panel is a float tile as {@link FloatTile} reads it, so that nothing needs unpacking. */
    boolean isFloat() {
        return false;
    }

    /**
     * Whether {@link #multiplyRow} is to have all k of a row in one call, since its sums are in an order of their own: the
     * longer the stream of weights, the more of it the hardware fetches ahead.
     */
    boolean takesRowsWhole() {
        return false;
    }

    /** tile [depth, NR] = the floats of k0 to k0 + depth of the panel at byte {@code at}. */
    abstract void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile);

    /** c [NR] = x [depth] · the panel's k0 to k0 + depth; x0 and c0 count bytes. */
    abstract void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0);
}
