package io.lanewise.cli;

import io.lanewise.format.GgufWriter;
import io.lanewise.kernels.Quantizer;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.function.DoubleConsumer;

/** Writes a GGUF file of random weights in a real model's shape. The same arguments give the same bytes. */
final class SynthModel {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final ModelShape shape;
    private final DType type;
    private final RandomRows rows;
    private final DoubleConsumer progress;
    private final GgufWriter file = new GgufWriter();
    private long totalBytes;
    private long writtenBytes;
    private long tensors;

    private SynthModel(ModelShape shape, DType type, RandomRows rows, DoubleConsumer progress) {
        this.shape = shape;
        this.type = type;
        this.rows = rows;
        this.progress = progress;
    }

    /**
     * Writes the file; it appears under its name when it is whole.
     *
     * @param type of all matrices; vectors are F32
     * @param progress receives the share done, from 0 to 1; what it throws ends the writing and leaves no file
     */
    static void write(ModelShape shape, DType type, long seed, Path target, DoubleConsumer progress) {
        try (Arena arena = Arena.ofShared()) {
            SynthModel model = new SynthModel(shape, type, new RandomRows(arena, seed), progress);
            model.addMetadata();
            model.addTensors();
            model.file.write(target);
        }
    }

    private void addMetadata() {
        String prefix = shape.architecture() + ".";
        file.string("general.architecture", shape.architecture())
                .string("general.name", "random weights in the shape of " + shape.name())
                .uint32(prefix + "block_count", shape.nLayers())
                .uint32(prefix + "context_length", shape.contextLength())
                .uint32(prefix + "embedding_length", shape.dim())
                .uint32(prefix + "feed_forward_length", shape.ffnDim())
                .uint32(prefix + "attention.head_count", shape.nHeads())
                .uint32(prefix + "attention.head_count_kv", shape.latents() == null ? shape.nKvHeads() : 1)
                .float32(prefix + "attention.layer_norm_rms_epsilon", shape.normEps())
                .float32(prefix + "rope.freq_base", shape.ropeBase());
        if (shape.architecture().equals("llama")) {
            file.uint32(prefix + "rope.dimension_count", shape.headDim())
                    .uint32(prefix + "vocab_size", shape.vocabulary().size);
        }
        if (shape.latents() != null) {
            addLatentMetadata(prefix, shape.latents());
        }
        if (shape.experts() != null) {
            addExpertMetadata(prefix, shape.experts());
        }
        file.uint32("general.quantization_version", 2).uint32("general.file_type", WeightTypes.fileType(type));
        shape.vocabulary().write(file);
    }

    private void addLatentMetadata(String prefix, ModelShape.Latents latents) {
        int rank = latents.kvLoraRank();
        file.uint32(prefix + "attention.kv_lora_rank", rank)
                .uint32(prefix + "attention.key_length", rank + latents.ropeDim())
                .uint32(prefix + "attention.value_length", rank)
                .uint32(prefix + "attention.key_length_mla", shape.headDim())
                .uint32(prefix + "attention.value_length_mla", latents.vHeadDim())
                .uint32(prefix + "rope.dimension_count", latents.ropeDim())
                .string(prefix + "rope.scaling.type", "yarn")
                .float32(prefix + "rope.scaling.factor", latents.yarnFactor())
                .uint32(prefix + "rope.scaling.original_context_length", latents.originalContext())
                .float32(prefix + "rope.scaling.yarn_log_multiplier", latents.logMultiplier());
    }

    private void addExpertMetadata(String prefix, ModelShape.Experts experts) {
        file.uint32(prefix + "leading_dense_block_count", experts.firstLayer())
                .uint32(prefix + "expert_feed_forward_length", experts.ffnDim())
                .uint32(prefix + "expert_count", experts.count())
                .uint32(prefix + "expert_used_count", experts.used())
                .uint32(prefix + "expert_shared_count", experts.shared())
                .float32(prefix + "expert_weights_scale", 1);
    }

    private void addTensors() {
        int dim = shape.dim();
        if (shape.llama3Rope()) {
            addVector("rope_freqs.weight", shape.ropeFactors());
        }
        addMatrix("token_embd.weight", shape.vocabulary().size, dim);
        for (int layer = 0; layer < shape.nLayers(); layer++) {
            String block = "blk." + layer + ".";
            addNorm(block + "attn_norm.weight");
            if (shape.latents() == null) {
                addAttention(block);
            } else {
                addLatentAttention(block, shape.latents());
            }
            addNorm(block + "ffn_norm.weight");
            if (shape.experts() == null || layer < shape.experts().firstLayer()) {
                addFeedForward(block, "", shape.ffnDim());
            } else {
                addExperts(block, shape.experts());
            }
        }
        addNorm("output_norm.weight");
        if (!shape.tied()) {
            addMatrix("output.weight", shape.vocabulary().size, dim);
        }
    }

    private void addAttention(String block) {
        int qDim = shape.nHeads() * shape.headDim();
        int kvDim = shape.nKvHeads() * shape.headDim();
        addProjection(block + "attn_q", qDim, shape.dim());
        addProjection(block + "attn_k", kvDim, shape.dim());
        addProjection(block + "attn_v", kvDim, shape.dim());
        addMatrix(block + "attn_output.weight", shape.dim(), qDim);
    }

    private void addLatentAttention(String block, ModelShape.Latents latents) {
        int dim = shape.dim();
        int nHeads = shape.nHeads();
        int rank = latents.kvLoraRank();
        addMatrix(block + "attn_q.weight", nHeads * shape.headDim(), dim);
        addMatrix(block + "attn_kv_a_mqa.weight", rank + latents.ropeDim(), dim);
        addVector(block + "attn_kv_a_norm.weight", rows.floats(tensors, rank, 1, 0.1f));
        addMatrix(block + "attn_k_b.weight", nHeads, rank, shape.headDim() - latents.ropeDim());
        addMatrix(block + "attn_v_b.weight", nHeads, latents.vHeadDim(), rank);
        addMatrix(block + "attn_output.weight", dim, nHeads * latents.vHeadDim());
    }

    private void addFeedForward(String block, String kind, int ffnDim) {
        addMatrix(block + "ffn_gate" + kind + ".weight", ffnDim, shape.dim());
        addMatrix(block + "ffn_up" + kind + ".weight", ffnDim, shape.dim());
        addMatrix(block + "ffn_down" + kind + ".weight", shape.dim(), ffnDim);
    }

    private void addExperts(String block, ModelShape.Experts experts) {
        int dim = shape.dim();
        addMatrix(block + "ffn_gate_inp.weight", DType.F32, Shape.of(experts.count(), dim));
        addMatrix(block + "ffn_gate_exps.weight", experts.count(), experts.ffnDim(), dim);
        addMatrix(block + "ffn_up_exps.weight", experts.count(), experts.ffnDim(), dim);
        addMatrix(block + "ffn_down_exps.weight", experts.count(), dim, experts.ffnDim());
        addFeedForward(block, "_shexp", experts.shared() * experts.ffnDim());
    }

    private void addProjection(String name, int out, int in) {
        addMatrix(name + ".weight", out, in);
        if (shape.qkvBias()) {
            addVector(name + ".bias", rows.floats(tensors, out, 0, 0.1f));
        }
    }

    private void addNorm(String name) {
        addVector(name, rows.floats(tensors, shape.dim(), 1, 0.1f));
    }

    private void addVector(String name, float[] values) {
        tensors++;
        file.tensor(name, DType.F32, Shape.of(values.length), (offset, chunk) -> MemorySegment.copy(values,
                (int) (offset / Float.BYTES), chunk, FLOAT, 0, (int) (chunk.byteSize() / Float.BYTES)));
    }

    private void addMatrix(String name, long... dims) {
        Shape extents = Shape.of(dims);
        addMatrix(name, Quantizer.typeFor(type, extents), extents);
    }

    /** A matrix [.., in] with numbers of deviation 1 / sqrt(in), so that activations keep their size. */
    private void addMatrix(String name, DType stored, Shape extents) {
        long number = tensors++;
        int in = extents.size(-1);
        long rowBytes = stored.byteSize(in);
        totalBytes += stored.byteSize(extents.elements());
        file.tensor(name, stored, extents, (offset, chunk) -> {
            MemorySegment stretch = rows.encoded(stored, (float) (1 / Math.sqrt(in)));
            long row = offset / rowBytes;
            for (long at = 0; at < chunk.byteSize(); at += rowBytes, row++) {
                MemorySegment.copy(stretch, rows.start(number, row, stored, in), chunk, at, rowBytes);
            }
            writtenBytes += chunk.byteSize();
            progress.accept((double) writtenBytes / totalBytes);
        });
    }
}
