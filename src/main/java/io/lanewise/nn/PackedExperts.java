package io.lanewise.nn;

import io.lanewise.kernels.PackedMatrix;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;

/**
 * Experts packed one by one from a file, all at once or each when it is first chosen: then a model of many experts of
 * which a text uses few costs the memory of those few.
 */
public final class PackedExperts implements Experts {
    /**
     * Where an expert's matrix begins.
     *
     * @param source rows of one expert, or of all stacked
     * @param firstRow the expert's first one
     */
    public record Place(TensorSource source, long firstRow) {
        /** The places of {@code nExperts} in a tensor [nExperts, rows, in]. */
        public static List<Place> stacked(TensorSource source, int nExperts) {
            long rows = source.shape().dim(1);
            return IntStream.range(0, nExperts)
                    .mapToObj(expert -> new Place(source, expert * rows)).toList();
        }
    }

    private final ComputePool pool;
    private final Arena arena;
    private final List<Place> gates;
    private final List<Place> ups;
    private final List<Place> downs;
    private final int ffnDim;
    private final int dim;
    private final AtomicReferenceArray<PackedMatrix> gateUp;
    private final AtomicReferenceArray<PackedMatrix> down;

    /**
     * Experts whose places are known and of which none is packed.
     *
     * @param arena where they are packed to, one that all threads may use; the sources must stay open as long
     * @param gates of each expert, [ffnDim, dim]; {@code ups} likewise
     * @param downs of each expert, [dim, ffnDim]
     */
    public PackedExperts(ComputePool pool, Arena arena, List<Place> gates, List<Place> ups, List<Place> downs,
            int ffnDim, int dim) {
        this.pool = pool;
        this.arena = arena;
        this.gates = gates;
        this.ups = ups;
        this.downs = downs;
        this.ffnDim = ffnDim;
        this.dim = dim;
        this.gateUp = new AtomicReferenceArray<>(gates.size());
        this.down = new AtomicReferenceArray<>(gates.size());
    }

    /** Packs all experts now; returns this. */
    public PackedExperts packAll() {
        for (int expert = 0; expert < gates.size(); expert++) {
            pack(expert);
        }
        return this;
    }

    @Override
    public PackedMatrix gateUp(int expert) {
        PackedMatrix packed = gateUp.get(expert);
        return packed != null ? packed : pack(expert);
    }

    @Override
    public PackedMatrix down(int expert) {
        PackedMatrix packed = down.get(expert);
        if (packed == null) {
            pack(expert);
            packed = down.get(expert);
        }
        return packed;
    }

    /** Packs both matrices of an expert unless another thread has; returns gate and up. */
    private synchronized PackedMatrix pack(int expert) {
        if (gateUp.get(expert) == null) {
            Place gate = gates.get(expert);
            Place up = ups.get(expert);
            Place place = downs.get(expert);
            down.set(expert, PackedMatrix.packRows(pool, arena, place.source(), place.firstRow(), dim));
            gateUp.set(expert, PackedMatrix.packGatedRows(pool, arena, gate.source(), gate.firstRow(), up.source(),
                    up.firstRow(), ffnDim));
        }
        return gateUp.get(expert);
    }

    @Override
    public int packedCount() {
        int count = 0;
        for (int expert = 0; expert < gateUp.length(); expert++) {
            count += gateUp.get(expert) == null ? 0 : 1;
        }
        return count;
    }

    @Override
    public long byteSize() {
        long bytes = 0;
        for (int expert = 0; expert < gateUp.length(); expert++) {
            PackedMatrix packed = gateUp.get(expert);
            bytes += packed == null ? 0 : packed.byteSize() + down.get(expert).byteSize();
        }
        return bytes;
    }
}
