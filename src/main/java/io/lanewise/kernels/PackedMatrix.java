package io.lanewise.kernels;

import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A weight matrix [out, in], repacked once into panels of {@link FloatTile#NR} output rows as {@link PanelFormat} lays
 * them out: one layout for one token and for many. Immutable, shared by threads, alive as long as its arena, which must
 * be one that all threads of the pool may use.
 *
 * <p>A gated matrix holds two of the same shape whose panels alternate, gate first, so that {@link Matmul} computes
 * act(gate)·up in one pass.
 */
public final class PackedMatrix {
    private static final long ALIGNMENT = Tensor.ALIGNMENT;

    private final DType dtype;
    private final PanelFormat format;
    private final int outDim;
    private final int inDim;
    private final boolean gated;
    private final int panels;
    private final MemorySegment memory;

    private PackedMatrix(DType dtype, PanelFormat format, int outDim, int inDim, boolean gated, Arena arena) {
        this.dtype = dtype;
        this.format = format;
        this.outDim = outDim;
        this.inDim = inDim;
        this.gated = gated;
        this.panels = gated ? 2 * columnPanels() : columnPanels();
        this.memory = arena.allocate(Math.max(ALIGNMENT, format.bytes(inDim, panels)), ALIGNMENT);
    }

    /** Whether matrices of this type can be packed and multiplied. */
    public static boolean supports(DType dtype) {
        return PanelFormat.of(dtype).isPresent();
    }

    /**
     * Packs a matrix [out, in] from its file, in parallel, reading a panel's rows at a time; axes before the last are
     * taken together as rows.
     *
     * @throws IllegalArgumentException naming the tensor if its type has no kernel or it is not a matrix
     */
    public static PackedMatrix pack(ComputePool pool, Arena arena, TensorSource w) {
        return packRows(pool, arena, w, 0, Rows.of(w).count());
    }

    /** Packs rows {@code fromRow} to {@code fromRow + outDim} of a source as {@link #pack} does: one expert of many. */
    public static PackedMatrix packRows(ComputePool pool, Arena arena, TensorSource w, long fromRow, long outDim) {
        return pack(pool, arena, Rows.of(w).part(fromRow, outDim), null);
    }

    /** Packs gate [ffnDim, in] and up [ffnDim, in], of one type, as a gated matrix with {@code outDim} = ffnDim. */
    public static PackedMatrix packGated(ComputePool pool, Arena arena, TensorSource gate, TensorSource up) {
        Rows rows = Rows.of(gate);
        return packGatedRows(pool, arena, gate, 0, up, 0, rows.count());
    }

    /** Packs {@code outDim} rows of gate and of up as {@link #packGated} does; both may be one fused source. */
    public static PackedMatrix packGatedRows(ComputePool pool, Arena arena, TensorSource gate, long gateRow,
            TensorSource up, long upRow, long outDim) {
        Rows gates = Rows.of(gate).part(gateRow, outDim);
        Rows ups = Rows.of(up).part(upRow, outDim);
        if (gates.dtype() != ups.dtype() || gates.inDim() != ups.inDim()) {
            throw new IllegalArgumentException("packGated: gate " + gate.name() + " is " + gate.dtype() + " "
                    + gate.shape() + ", up " + up.name() + " is " + up.dtype() + " " + up.shape()
                    + "; expected one type and one shape");
        }
        return pack(pool, arena, gates, ups);
    }

    /** Packs a dense tensor [out, in] of any supported type that lies in memory. */
    public static PackedMatrix pack(ComputePool pool, Arena arena, Tensor w) {
        return pack(pool, arena, Rows.of(w), null);
    }

    private static PackedMatrix pack(ComputePool pool, Arena arena, Rows rows, Rows up) {
        PanelFormat format = PanelFormat.of(rows.dtype()).orElseThrow(() -> new IllegalArgumentException(
                rows.name() + ": no kernel multiplies weights of type " + rows.dtype()));
        PackedMatrix matrix = pack(pool, arena, rows, up, format);
        return matrix != null ? matrix : pack(pool, arena, rows, up, PanelFormat.decoded(rows.dtype()).orElseThrow());
    }

    /** Null if the format cannot hold the weights; then its memory is lost until the arena closes. */
    private static PackedMatrix pack(ComputePool pool, Arena arena, Rows rows, Rows up, PanelFormat format) {
        int outDim = Math.toIntExact(rows.count());
        PackedMatrix matrix = new PackedMatrix(rows.dtype(), format, outDim, rows.inDim(), up != null, arena);
        try (Arena scratch = Arena.ofShared()) {
            return new Packing(matrix, rows, up, pool.threads(), scratch).run(pool) ? matrix : null;
        }
    }

    /** Output rows of the product. */
    public int outDim() {
        return outDim;
    }

    /** Length of a row, and of a row of x. */
    public int inDim() {
        return inDim;
    }

    /** The type that the weights came in; their panels may be of another. */
    public DType dtype() {
        return dtype;
    }

    /** Bytes of memory that the panels take. */
    public long byteSize() {
        return memory.byteSize();
    }

    /** Whether this is act(gate)·up of two matrices. */
    public boolean gated() {
        return gated;
    }

    PanelFormat format() {
        return format;
    }

    /** Where the panels lie, as the format says. */
    MemorySegment memory() {
        return memory;
    }

    /** Panels of memory: one for each of {@link #columnPanels}, two in a gated matrix. */
    int panels() {
        return panels;
    }

    /** Panels of output columns: {@code ceil(outDim / NR)}; a gated matrix has two of memory for each. */
    int columnPanels() {
        return (outDim + FloatTile.NR - 1) / FloatTile.NR;
    }

    @Override
    public String toString() {
        return (gated ? "gated " : "") + dtype + " " + Shape.of(outDim, inDim);
    }

    /** The work of packing one matrix: each worker reads a panel's rows into its scratch and lays them out. */
    private static final class Packing {
        private final PackedMatrix matrix;
        private final Rows rows;
        private final Rows up;
        private final MemorySegment[] raw;
        private final MemorySegment[] scratch;
        private final AtomicBoolean held = new AtomicBoolean(true);

        Packing(PackedMatrix matrix, Rows rows, Rows up, int workers, Arena arena) {
            this.matrix = matrix;
            this.rows = rows;
            this.up = up;
            int most = Math.min(FloatTile.NR, matrix.outDim);
            this.raw = new MemorySegment[workers];
            this.scratch = new MemorySegment[workers];
            for (int worker = 0; worker < workers; worker++) {
                raw[worker] = arena.allocate(Math.max(ALIGNMENT, most * rows.rowBytes()), ALIGNMENT);
                scratch[worker] = arena.allocate(Math.max(ALIGNMENT, matrix.format.packScratch(matrix.inDim)), ALIGNMENT);
            }
        }

        /** Whether all was packed. */
        boolean run(ComputePool pool) {
            pool.parallelFor(matrix.columnPanels(), 1, (from, to, worker) -> {
                for (int panel = from; panel < to; panel++) {
                    if (up == null) {
                        pack(rows, panel, panel, worker);
                    } else {
                        pack(rows, panel, 2 * panel, worker);
                        pack(up, panel, 2 * panel + 1, worker);
                    }
                }
            });
            return held.get();
        }

        private void pack(Rows source, int columnPanel, int panel, int worker) {
            long first = (long) columnPanel * FloatTile.NR;
            int count = (int) Math.min(FloatTile.NR, matrix.outDim - first);
            source.read(first, raw[worker].asSlice(0, count * source.rowBytes()));
            if (!matrix.format.pack(raw[worker], count, matrix, panel, scratch[worker])) {
                held.set(false);
            }
        }
    }
}
