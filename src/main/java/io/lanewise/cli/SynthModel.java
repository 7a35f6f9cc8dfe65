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
                .uint32(prefix + "attention.head_count_kv", shape.nKvHeads())
                .float32(prefix + "attention.layer_norm_rms_epsilon", shape.normEps())
                .float32(prefix + "rope.freq_base", shape.ropeBase());
        if (shape.architecture().equals("llama")) {
            file.uint32(prefix + "rope.dimension_count", shape.headDim())
                    .uint32(prefix + "vocab_size", shape.vocabulary().size);
        }
        file.uint32("general.quantization_version", 2).uint32("general.file_type", WeightTypes.fileType(type));
        shape.vocabulary().write(file);
    }

    private void addTensors() {
        int dim = shape.dim();
        int qDim = shape.nHeads() * shape.headDim();
        int kvDim = shape.nKvHeads() * shape.headDim();
        if (shape.llama3Rope()) {
            addVector("rope_freqs.weight", shape.ropeFactors());
        }
        addMatrix("token_embd.weight", shape.vocabulary().size, dim);
        for (int layer = 0; layer < shape.nLayers(); layer++) {
            String block = "blk." + layer + ".";
            addNorm(block + "attn_norm.weight");
            addProjection(block + "attn_q", qDim, dim);
            addProjection(block + "attn_k", kvDim, dim);
            addProjection(block + "attn_v", kvDim, dim);
            addMatrix(block + "attn_output.weight", dim, qDim);
            addNorm(block + "ffn_norm.weight");
            addMatrix(block + "ffn_gate.weight", shape.ffnDim(), dim);
            addMatrix(block + "ffn_up.weight", shape.ffnDim(), dim);
            addMatrix(block + "ffn_down.weight", dim, shape.ffnDim());
        }
        addNorm("output_norm.weight");
        if (!shape.tied()) {
            addMatrix("output.weight", shape.vocabulary().size, dim);
        }
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

    /** A matrix [out, in] with numbers of deviation 1 / sqrt(in), so that activations keep their size. */
    private void addMatrix(String name, int out, int in) {
        long number = tensors++;
        Shape extents = Shape.of(out, in);
        DType stored = Quantizer.typeFor(type, extents);
        long rowBytes = stored.byteSize(in);
        totalBytes += rowBytes * out;
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
