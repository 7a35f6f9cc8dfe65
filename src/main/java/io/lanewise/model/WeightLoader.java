package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.nn.Linear;
import io.lanewise.nn.Normalization;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** Finds a model's tensors by their canonical names, checks their shapes and packs them. */
final class WeightLoader {
    private final Checkpoint checkpoint;
    /** Null where the weights are taken as they are. */
    private final LoraAdapter adapter;
    private final ModelConfig config;
    private final ComputePool pool;
    private final Arena arena;

    WeightLoader(Checkpoint checkpoint, LoraAdapter adapter, ModelConfig config, ComputePool pool, Arena arena) {
        this.checkpoint = checkpoint;
        this.adapter = adapter;
        this.config = config;
        this.pool = pool;
        this.arena = arena;
    }

    ModelWeights load() {
        refuseUnsupportedTypes();
        if (adapter != null) {
            adapter.checkNames(checkpoint);
        }
        List<LayerWeights> layers = new ArrayList<>();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            layers.add(layer("blk." + layer + "."));
        }
        TensorSource embedding = require("token_embd.weight", config.vocabSize(), config.dim());
        TensorSource output = checkpoint.find("output.weight").isPresent()
                ? require("output.weight", config.vocabSize(), config.dim())
                : embedding;
        return new ModelWeights(embedding.map(), List.copyOf(layers), norm("output_norm.weight"),
                new Linear(PackedMatrix.pack(pool, arena, output), null));
    }

    private LayerWeights layer(String prefix) {
        AttentionConfig attention = config.attention();
        int dim = config.dim();
        int ffnDim = config.feedForward().ffnDim();
        return new LayerWeights(
                norm(prefix + "attn_norm.weight"),
                linear(prefix + "attn_q", attention.nHeads() * attention.headDim(), dim),
                linear(prefix + "attn_k", attention.nKvHeads() * attention.headDim(), dim),
                linear(prefix + "attn_v", attention.nKvHeads() * attention.vHeadDim(), dim),
                linear(prefix + "attn_output", dim, attention.nHeads() * attention.vHeadDim()),
                norm(prefix + "ffn_norm.weight"),
                gated(require(prefix + "ffn_gate.weight", ffnDim, dim), require(prefix + "ffn_up.weight", ffnDim, dim)),
                linear(prefix + "ffn_down", dim, ffnDim));
    }

    private Linear linear(String name, int out, int in) {
        Tensor bias = vector(name + ".bias", out).orElse(null);
        TensorSource weight = require(name + ".weight", out, in);
        return new Linear(PackedMatrix.pack(pool, arena, adapter == null ? weight : adapter.apply(weight)), bias);
    }

    /** Both in one matrix, and so of one type: F32 where an adapter changes either. */
    private Linear gated(TensorSource gate, TensorSource up) {
        if (adapter == null || !adapter.changes(gate.name()) && !adapter.changes(up.name())) {
            return new Linear(PackedMatrix.packGated(pool, arena, gate, up), null);
        }
        return new Linear(PackedMatrix.packGated(pool, arena, adapter.applyOrWiden(gate), adapter.applyOrWiden(up)), null);
    }

    private Normalization norm(String name) {
        Tensor weight = vector(name, config.dim()).orElseThrow(() -> missing(name));
        return new Normalization(Normalization.Kind.RMS, weight, null, config.normEps());
    }

    /** A tensor of one axis, widened to F32. */
    private Optional<Tensor> vector(String name, int length) {
        if (checkpoint.find(name).isEmpty()) {
            return Optional.empty();
        }
        TensorSource source = require(name, length);
        Tensor values = Tensor.allocate(arena, length);
        codec(source.dtype()).orElseThrow()
                .decode(source.map().segment(), 0, values.segment(), 0, length);
        return Optional.of(values);
    }

    private TensorSource require(String name, long... dims) {
        TensorSource tensor = checkpoint.tensor(name);
        Shape expected = Shape.of(dims);
        if (!tensor.shape().equals(expected)) {
            throw new FormatException(checkpoint.path(), "tensor " + name + " has shape " + tensor.shape()
                    + ", the metadata asks for " + expected);
        }
        return tensor;
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

    private FormatException missing(String name) {
        return new FormatException(checkpoint.path(), "tensor " + name + " is missing");
    }
}
