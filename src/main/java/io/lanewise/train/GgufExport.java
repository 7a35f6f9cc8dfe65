package io.lanewise.train;

import io.lanewise.format.GgufWriter;
import io.lanewise.generate.VocabularyWriter;
import io.lanewise.model.LoraAdapter;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import io.lanewise.tokenizer.Vocabulary;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/**
 * Writes a trained Llama block as a GGUF file that any reader of the architecture {@code llama} loads. That architecture
 * turns neighbouring numbers of a head (interleaved RoPE), as the training model does, so that no rows change places.
 */
final class GgufExport {
    private static final String PREFIX = "llama.";
    private static final int ALL_F32 = 0;

    private GgufExport() {
    }

    /**
     * Writes all weights as F32.
     *
     * @param name what the model is called in the file
     * @param weights by canonical name, each dense F32
     * @param adapter a change to some of them, or null
     */
    static void write(Path file, String name, NetworkConfig shape, Vocabulary vocabulary, Map<String, Tensor> weights,
            LoraAdapter adapter) {
        GgufWriter out = new GgufWriter();
        out.string("general.architecture", "llama");
        out.string("general.name", name);
        out.uint32("general.file_type", ALL_F32);
        out.uint32(PREFIX + "vocab_size", shape.vocabSize());
        out.uint32(PREFIX + "context_length", shape.context());
        out.uint32(PREFIX + "embedding_length", shape.dim());
        out.uint32(PREFIX + "block_count", shape.nLayers());
        out.uint32(PREFIX + "feed_forward_length", shape.ffnDim());
        out.uint32(PREFIX + "attention.head_count", shape.nHeads());
        out.uint32(PREFIX + "attention.head_count_kv", shape.nKvHeads());
        out.uint32(PREFIX + "rope.dimension_count", shape.headDim());
        out.float32(PREFIX + "rope.freq_base", (float) shape.ropeBase());
        out.float32(PREFIX + "attention.layer_norm_rms_epsilon", shape.normEps());
        VocabularyWriter.write(vocabulary, out);
        weights.forEach((key, tensor) -> {
            TensorSource source = new Weight(key, tensor);
            out.tensor(adapter == null ? source : adapter.apply(source));
        });
        out.write(file);
    }

    /** A tensor in memory as a writer takes it. */
    private record Weight(String name, Tensor map) implements TensorSource {
        @Override
        public DType dtype() {
            return map.dtype();
        }

        @Override
        public Shape shape() {
            return map.shape();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            MemorySegment.copy(map.segment(), offset, target, 0, target.byteSize());
        }
    }
}
