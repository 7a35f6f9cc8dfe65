package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * How a weight type lies in panels, one row of the table a type. A panel holds {@link FloatTile#NR} output rows, lane = output
 * row, so that neither one token nor many need a horizontal sum. Rows past the matrix's last are zeros.
 *
 * <p>A few rows of x are multiplied with the weights as they are packed ({@link #multiplyRow}); for more, a panel is unpacked
 * to floats in L2 and swept over by {@link FloatTile}.
 *
 * <p><b>Streams.</b> One token is as fast as memory, and that takes several reads from places far apart under way at once: the
 * hardware fetches ahead within a page of 4 KiB, some twenty lines, and a core that also computes does not get farther by
 * itself. So the weights of a panel lie in several streams, which {@link #multiplyRow} reads a vector of each in turn, and
 * each stream goes on from panel to panel:
 *
 * <pre>
 *   stream 0 of panel 0 | stream 0 of panel 1 | … | stream 1 of panel 0 | stream 1 of panel 1 | …
 * </pre>
 *
 * <p>With arithmetic of 20 operations a line, a C loop of the same accesses got 0.46 of the read roof of two cores of an Intel
 * Emerald Rapids from one stream, 0.7 from two and 0.87 from four; four streams taken 8 lines at a time gave 0.62.
 */
abstract class PanelFormat {
    private static final Map<DType, PanelFormat> TABLE = new EnumMap<>(DType.class);

    static {
        TABLE.put(DType.F32, new FloatPanels());
        TABLE.put(DType.F16, new HalfPanels(DType.F16));
        TABLE.put(DType.BF16, new HalfPanels(DType.BF16));
        TABLE.put(DType.Q8_0, new BytePanels());
        for (CodedPanels format : CodedPanels.all()) {
            TABLE.put(format.dtype(), format);
        }
    }

    /** The format of a type; types that only have a codec are kept as the floats that they decode to. */
    static Optional<PanelFormat> of(DType dtype) {
        PanelFormat format = TABLE.get(dtype);
        return format != null ? Optional.of(format) : decoded(dtype);
    }

    /** The type's weights as floats: for any type that can be decoded, and any weights of it. */
    static Optional<PanelFormat> decoded(DType dtype) {
        return WeightCodec.of(dtype).map(DecodedPanels::new);
    }

    /** Bytes of all panels of a matrix with rows that are {@code inDim} long. */
    abstract long bytes(int inDim, int panels);

    /** Bytes of scratch that {@link #pack} needs. */
    long packScratch(int inDim) {
        return 0;
    }

    /**
     * Writes one panel from rows as files have them.
     *
     * @param raw the rows of the weight type, [rows, inDim], dense
     * @param rows 1 to NR
     * @param scratch of {@link #packScratch}
     * @return false if the format cannot hold these weights exactly, which only scales of 128 and more do
     */
    abstract boolean pack(MemorySegment raw, int rows, PackedMatrix to, int panel, MemorySegment scratch);

    /** Whether a panel is a float tile as {@link FloatTile} reads it, so that nothing needs unpacking. */
    boolean isFloat() {
        return false;
    }

    /** tile [depth, NR] = the floats of k0 to k0 + depth of a panel; both are multiples of the type's block. */
    abstract void unpack(PackedMatrix w, int panel, int k0, int depth, MemorySegment tile, UnpackScratch scratch);

    /** Up to as many rows of x are multiplied one by one with {@link #multiplyRow}; 0 where that is not faster. */
    int fewRows() {
        return 0;
    }

    /**
     * Whether {@link #multiplyRow} is to have all k of a row in one call, since its sums are in an order of their own: a row
     * then gets other bits than it gets among many.
     */
    boolean takesRowsWhole() {
        return false;
    }

    /** What {@link #multiplyRow} wants x as, or null for floats. */
    RowForm rowForm() {
        return null;
    }

    /** Whether this panel can be multiplied by {@link #multiplyRow}. */
    boolean multipliesRows(PackedMatrix w, int panel) {
        return fewRows() > 0;
    }

    /**
     * c [NR] = x · the panel's k0 to k0 + depth.
     *
     * @param c0 byte of c
     */
    void multiplyRow(RowInput x, PackedMatrix w, int panel, int k0, int depth, MemorySegment c, long c0) {
        throw new IllegalStateException("rows of this type are multiplied by the tile");
    }
}
