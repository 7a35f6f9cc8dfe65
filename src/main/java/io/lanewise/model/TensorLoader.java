package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.nn.Experts;
import io.lanewise.nn.Linear;
import io.lanewise.nn.Normalization;
import io.lanewise.nn.PackedExperts;
import io.lanewise.nn.PackedExperts.Place;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.SlabArena;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Takes tensors from a checkpoint by name, with the shapes that the configuration asks for, and packs them. It remembers
 * which it took, so that a file with tensors that nobody asked for is refused: its model is not the one that would run.
 */
final class TensorLoader {
    private final Checkpoint checkpoint;
    /** Null where the weights are taken as they are. */
    private final LoraAdapter adapter;
    private final ComputePool pool;
    private final boolean expertsOnDemand;
    private final Arena arena;
    private final Set<String> taken = new HashSet<>();

    TensorLoader(Checkpoint checkpoint, LoraAdapter adapter, ComputePool pool, boolean expertsOnDemand,
            Arena arena) {
        this.checkpoint = checkpoint;
        this.adapter = adapter;
        this.pool = pool;
        this.expertsOnDemand = expertsOnDemand;
        this.arena = new SlabArena(arena);
        refuseUnsupportedTypes();
        if (adapter != null) {
            adapter.checkNames(checkpoint);
        }
    }

    ComputePool pool() {
        return pool;
    }

    Arena arena() {
        return arena;
    }

    boolean has(String name) {
        return checkpoint.find(name).isPresent();
    }

    /** {@code name.weight} [out, in] with {@code name.bias} [out] where asked for. */
    Linear linear(String name, int out, int in, boolean bias) {
        return new Linear(PackedMatrix.pack(pool, arena, weight(name, out, in)), bias ? vector(name + ".bias", out) : null);
    }

    /** A matrix [sum of outs, in] cut into its parts, one below the other. */
    Linear[] fused(String name, int in, boolean bias, int... outs) {
        int all = 0;
        for (int out : outs) {
            all = Math.addExact(all, out);
        }
        TensorSource weight = weight(name, all, in);
        Tensor biases = bias ? vector(name + ".bias", all) : null;
        Linear[] parts = new Linear[outs.length];
        int row = 0;
        for (int i = 0; i < outs.length; i++) {
            parts[i] = new Linear(PackedMatrix.packRows(pool, arena, weight, row, outs[i]),
                    bias ? part(biases, row, outs[i]) : null);
            row += outs[i];
        }
        return parts;
    }

    private Tensor part(Tensor vector, int from, int length) {
        Tensor part = Tensor.allocate(arena, length);
        part.segment().copyFrom(vector.segment().asSlice(4L * from, 4L * length));
        return part;
    }

    /** Gate and up, each [ffnDim, in], in one gated matrix, and so of one type: F32 where an adapter changes either. */
    Linear gated(String gateName, String upName, int ffnDim, int in) {
        TensorSource gate = require(gateName + ".weight", ffnDim, in);
        TensorSource up = require(upName + ".weight", ffnDim, in);
        if (adapter != null && (adapter.changes(gate.name()) || adapter.changes(up.name()))) {
            gate = adapter.applyOrWiden(gate);
            up = adapter.applyOrWiden(up);
        }
        requireOneType(gate, up);
        return new Linear(PackedMatrix.packGated(pool, arena, gate, up), null);
    }

    /** The same from one matrix [2 · ffnDim, in], gate first. */
    Linear fusedGated(String name, int ffnDim, int in) {
        TensorSource both = weight(name, Math.multiplyExact(2, ffnDim), in);
        return new Linear(PackedMatrix.packGatedRows(pool, arena, both, 0, both, ffnDim, ffnDim), null);
    }

    /**
     * Gate, up and down of experts, stacked as {@code ffn_gate_exps} [nExperts, ffnDim, dim], or one by one as older
     * files have them.
     */
    Experts experts(String prefix, int nExperts, int ffnDim, int dim) {
        boolean stacked = has(prefix + "ffn_gate_exps.weight") || !has(prefix + "ffn_gate.0.weight");
        List<Place> gates = experts(prefix + "ffn_gate", stacked, nExperts, ffnDim, dim);
        List<Place> ups = experts(prefix + "ffn_up", stacked, nExperts, ffnDim, dim);
        List<Place> downs = experts(prefix + "ffn_down", stacked, nExperts, dim, ffnDim);
        for (int expert = 0; expert < nExperts; expert++) {
            requireOneType(gates.get(expert).source(), ups.get(expert).source());
        }
        PackedExperts experts = new PackedExperts(pool, arena, gates, ups, downs, ffnDim, dim);
        return expertsOnDemand ? experts : experts.packAll();
    }

    private List<Place> experts(String name, boolean stacked, int nExperts, int out, int in) {
        if (stacked) {
            return Place.stacked(unchanged(require(name + "_exps.weight", nExperts, out, in)), nExperts);
        }
        List<Place> places = new ArrayList<>();
        for (int expert = 0; expert < nExperts; expert++) {
            places.add(new Place(unchanged(require(name + "." + expert + ".weight", out, in)), 0));
        }
        return places;
    }

    private TensorSource unchanged(TensorSource source) {
        if (adapter != null && adapter.changes(source.name())) {
            throw new FormatException(checkpoint.path(), "tensor " + source.name()
                    + ": adapters of stacked matrices are not supported; use one that leaves it as it is");
        }
        return source;
    }

    private void requireOneType(TensorSource gate, TensorSource up) {
        if (gate.dtype() != up.dtype()) {
            throw new FormatException(checkpoint.path(), "tensors " + gate.name() + " " + gate.dtype() + " and "
                    + up.name() + " " + up.dtype() + ": expected one type");
        }
    }

    /**
     * The matrices of heads that {@code name.weight} holds one below the other in {@code rows} rows of {@code in}.
     *
     * @param first the first head's first row
     * @param step rows from a head's first row to the next one's
     * @param out rows of a head
     */
    PackedMatrix[] heads(TensorSource stacked, int nHeads, long first, long step, int out) {
        PackedMatrix[] heads = new PackedMatrix[nHeads];
        for (int head = 0; head < nHeads; head++) {
            heads[head] = PackedMatrix.packRows(pool, arena, stacked, first + head * step, out);
        }
        return heads;
    }

    /** The same, each [out, in] turned into [in, out]: of the file's type where that is a plain one, else F32. */
    PackedMatrix[] transposedHeads(TensorSource stacked, int nHeads, long first, long step, int out) {
        int in = stacked.shape().size(-1);
        DType type = stacked.dtype().isQuantised() ? DType.F32 : stacked.dtype();
        long rowBytes = stacked.dtype().byteSize(in);
        PackedMatrix[] heads = new PackedMatrix[nHeads];
        try (Arena scratch = Arena.ofShared()) {
            MemorySegment raw = scratch.allocate(out * rowBytes, Tensor.ALIGNMENT);
            Tensor rows = Tensor.allocate(scratch, out, in);
            Tensor turned = Tensor.allocate(scratch, in, out);
            Tensor stored = Tensor.allocate(scratch, type, turned.shape());
            for (int head = 0; head < nHeads; head++) {
                stacked.read((first + head * step) * rowBytes, raw);
                codec(stacked.dtype()).orElseThrow().decode(raw, 0, rows.segment(), 0, (long) out * in);
                Elementwise.transpose(rows.segment(), 0, in, out, in, turned.segment(), 0, out);
                codec(type).orElseThrow().encode(turned.segment(), 0, stored.segment(), 0, (long) out * in);
                heads[head] = PackedMatrix.pack(pool, arena, stored);
            }
        }
        return heads;
    }

    /** A tensor of this shape whose parts are packed one by one; refused where an adapter changes it. */
    TensorSource stacked(String name, long... dims) {
        return unchanged(require(name + ".weight", dims));
    }

    /** {@code name.weight} [in] as a matrix of one row. */
    Linear row(String name, int in) {
        return new Linear(PackedMatrix.pack(pool, arena, vector(name + ".weight", in).reshape(1, in)), null);
    }

    /** Takes all tensors whose names begin so, and leaves them where they are. */
    void skip(String prefix) {
        checkpoint.tensors().stream().map(TensorSource::name).filter(name -> name.startsWith(prefix))
                .forEach(taken::add);
    }

    private TensorSource weight(String name, int out, int in) {
        TensorSource weight = require(name + ".weight", out, in);
        return adapter == null ? weight : adapter.apply(weight);
    }

    /** {@code name.weight} [dim] and {@code name.bias} of the model's norm. */
    Normalization norm(String name, ModelConfig config) {
        return norm(name, config, config.dim());
    }

    /** The same for rows of another width. */
    Normalization norm(String name, ModelConfig config, int width) {
        return new Normalization(config.norm().kind(), vector(name + ".weight", width),
                config.norm().bias() ? vector(name + ".bias", width) : null, config.norm().eps());
    }

    /** A tensor of one axis, widened to F32. */
    Tensor vector(String name, int length) {
        return widened(require(name, length), Tensor.allocate(arena, length));
    }

    /** A tensor of two axes, widened to F32 and not packed. */
    Tensor table(String name, int rows, int columns) {
        return widened(require(name, rows, columns), Tensor.allocate(arena, rows, columns));
    }

    private static Tensor widened(TensorSource source, Tensor values) {
        WeightCodec.of(source.dtype()).orElseThrow()
                .decode(source.map().segment(), 0, values.segment(), 0, values.shape().elements());
        return values;
    }

    /** A tensor of this shape, as the file has it. */
    TensorSource require(String name, long... dims) {
        TensorSource tensor = checkpoint.tensor(name);
        Shape expected = Shape.of(dims);
        if (!tensor.shape().equals(expected)) {
            throw new FormatException(checkpoint.path(), "tensor " + name + " has shape " + tensor.shape()
                    + ", the metadata asks for " + expected);
        }
        taken.add(name);
        return tensor;
    }

    /** Refuses a file with tensors that the model did not ask for, but for those that the configuration reads. */
    void refuseTheRest(String architecture) {
        List<String> rest = checkpoint.tensors().stream().map(TensorSource::name)
                .filter(name -> !taken.contains(name) && !name.startsWith("rope_f")).toList();
        if (!rest.isEmpty()) {
            throw new FormatException(checkpoint.path(), "tensor " + rest.getFirst()
                    + (rest.size() > 1 ? " and " + (rest.size() - 1) + " others are" : " is")
                    + " not part of a model of architecture " + architecture + " with this metadata");
        }
    }

    private void refuseUnsupportedTypes() {
        TreeSet<String> refused = new TreeSet<>();
        String example = null;
        for (TensorSource tensor : checkpoint.tensors()) {
            if (codec(tensor.dtype()).isEmpty()) {
                refused.add(tensor.dtype().name());
                example = tensor.name();
            }
        }
        if (!refused.isEmpty()) {
            throw new FormatException(checkpoint.path(), "no kernels for weight type " + String.join(", ", refused)
                    + " (as in " + example + "); use a file of another type");
        }
    }

    private static Optional<WeightCodec> codec(DType type) {
        return WeightCodec.of(type);
    }
}
