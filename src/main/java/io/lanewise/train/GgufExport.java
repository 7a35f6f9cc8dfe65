package io.lanewise.train;

import io.lanewise.format.GgufWriter;
import io.lanewise.generate.VocabularyWriter;
import io.lanewise.kernels.Activation;
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
 * Writes a trained model as a GGUF file that any reader of the architecture loads: Llama's block as {@code llama}, GPT's
 * with GELU as {@code gpt2}. The former turns neighbouring numbers of a head (interleaved RoPE), as the training model
 * does, so that no rows change places.
 */
final class GgufExport {
    private static final int ALL_F32 = 0;

    private GgufExport() {
    }

    /** Whether GGUF has an architecture for this network. */
    static boolean supports(NetworkConfig shape) {
        return shape.rmsNorm() || isGpt2(shape);
    }

    private static boolean isGpt2(NetworkConfig shape) {
        return !shape.rmsNorm() && shape.fusedQkv() && shape.biases() && shape.act() == Activation.GELU_TANH;
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
        boolean gpt2 = isGpt2(shape);
        String prefix = gpt2 ? "gpt2." : "llama.";
        out.string("general.architecture", gpt2 ? "gpt2" : "llama");
        out.string("general.name", name);
        out.uint32("general.file_type", ALL_F32);
        out.uint32(prefix + "vocab_size", shape.vocabSize());
        out.uint32(prefix + "context_length", shape.context());
        out.uint32(prefix + "embedding_length", shape.dim());
        out.uint32(prefix + "block_count", shape.nLayers());
        out.uint32(prefix + "feed_forward_length", shape.ffnDim());
        out.uint32(prefix + "attention.head_count", shape.nHeads());
        out.uint32(prefix + "attention.head_count_kv", shape.nKvHeads());
        if (gpt2) {
            out.float32(prefix + "attention.layer_norm_epsilon", shape.normEps());
        } else {
            out.uint32(prefix + "rope.dimension_count", shape.headDim());
            out.float32(prefix + "rope.freq_base", (float) shape.ropeBase());
            out.float32(prefix + "attention.layer_norm_rms_epsilon", shape.normEps());
        }
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
