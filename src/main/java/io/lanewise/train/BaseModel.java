package io.lanewise.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.Metadata;
import io.lanewise.generate.VocabularyReader;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import io.lanewise.tokenizer.Tokenizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model of the Llama family that a run goes on from: a GGUF file, or safetensors with the {@code config.json} that Hugging
 * Face puts beside them. Weights come as F32 under their canonical names, query and key rows in the order of interleaved
 * RoPE, whatever the file has.
 */
final class BaseModel implements AutoCloseable {
    private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d+)\\.(\\w+)\\.weight");
    private static final Map<String, String> HF_OF_BLOCK = Map.of(
            "attn_norm", "input_layernorm", "ffn_norm", "post_attention_layernorm",
            "attn_q", "self_attn.q_proj", "attn_k", "self_attn.k_proj", "attn_v", "self_attn.v_proj",
            "attn_output", "self_attn.o_proj",
            "ffn_gate", "mlp.gate_proj", "ffn_up", "mlp.up_proj", "ffn_down", "mlp.down_proj");
    private static final Map<String, String> HF_OF_WHOLE = Map.of("token_embd.weight", "model.embed_tokens.weight",
            "output_norm.weight", "model.norm.weight", "output.weight", "lm_head.weight");

    private final Checkpoint checkpoint;
    private final boolean gguf;
    private final NetworkConfig config;

    private BaseModel(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
        this.gguf = checkpoint.format().startsWith("GGUF");
        this.config = gguf ? configOfGguf() : configOfHuggingFace();
    }

    /** @throws FormatException if the file is damaged or not of the Llama family */
    static BaseModel open(Path path) {
        Checkpoint checkpoint = Checkpoint.open(path);
        try {
            return new BaseModel(checkpoint);
        } catch (RuntimeException failed) {
            checkpoint.close();
            throw failed;
        }
    }

    NetworkConfig config() {
        return config;
    }

    /** The vocabulary, which safetensors do not have. */
    Optional<Tokenizer> tokenizer() {
        return gguf ? Optional.of(VocabularyReader.tokenizer(checkpoint)) : Optional.empty();
    }

    private NetworkConfig configOfGguf() {
        Metadata metadata = checkpoint.metadata();
        String architecture = metadata.string("general.architecture");
        if (!architecture.equals("llama")) {
            throw new FormatException(checkpoint.path(), "is of architecture " + architecture
                    + "; training goes on from models of architecture llama");
        }
        if (checkpoint.find("rope_freqs.weight").isPresent()
                || !metadata.string("llama.rope.scaling.type", "none").equals("none")) {
            throw new FormatException(checkpoint.path(),
                    "scales its rotary positions for long contexts, which training does not do");
        }
        int nHeads = size("llama.attention.head_count", 0);
        int dim = size("llama.embedding_length", 0);
        int headDim = size("llama.attention.key_length", dim / nHeads);
        return NetworkConfig.llama(checkpoint.tensor("token_embd.weight").shape().size(0), dim,
                size("llama.block_count", 0), nHeads, size("llama.attention.head_count_kv", nHeads),
                size("llama.feed_forward_length", 0), size("llama.context_length", 0)).with(change -> {
                    change.headDim = headDim;
                    change.ropeBase = metadata.number("llama.rope.freq_base", 10_000);
                    change.normEps = (float) metadata.number("llama.attention.layer_norm_rms_epsilon");
                    change.tiedHead = checkpoint.find("output.weight").isEmpty();
                });
    }

    private int size(String key, int otherwise) {
        Metadata metadata = checkpoint.metadata();
        long size = otherwise > 0 ? metadata.integer(key, otherwise) : metadata.integer(key);
        if (size < 1 || size > 1 << 24) {
            throw new FormatException(checkpoint.path(), key + ": expected 1 to " + (1 << 24) + ", found " + size);
        }
        return (int) size;
    }

    private NetworkConfig configOfHuggingFace() {
        Path folder = Files.isDirectory(checkpoint.path()) ? checkpoint.path()
                : checkpoint.path().toAbsolutePath().getParent();
        Path file = folder.resolve("config.json");
        Map<String, String> values = readConfig(file);
        if (!"llama".equals(values.get("model_type"))) {
            throw new FormatException(file, "model_type is " + values.get("model_type") + "; expected llama");
        }
        if (values.containsKey("rope_scaling")) {
            throw new FormatException(file, "scales its rotary positions for long contexts, which training does not do");
        }
        int nHeads = size(file, values, "num_attention_heads", 0);
        int dim = size(file, values, "hidden_size", 0);
        return NetworkConfig.llama(size(file, values, "vocab_size", 0), dim,
                size(file, values, "num_hidden_layers", 0), nHeads, size(file, values, "num_key_value_heads", nHeads),
                size(file, values, "intermediate_size", 0), size(file, values, "max_position_embeddings", 0)).with(change -> {
                    change.headDim = size(file, values, "head_dim", dim / nHeads);
                    change.ropeBase = Double.parseDouble(values.getOrDefault("rope_theta", "10000"));
                    change.normEps = Float.parseFloat(values.getOrDefault("rms_norm_eps", "1e-6"));
                    change.tiedHead = Boolean.parseBoolean(values.getOrDefault("tie_word_embeddings", "false"));
                });
    }

    /** The scalars of the outermost object; null counts as absent, objects and arrays as their kind. */
    private static Map<String, String> readConfig(Path file) {
        Map<String, String> values = new HashMap<>();
        try (JsonParser json = new JsonFactory().createParser(Files.readString(file))) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                JsonToken token = json.nextToken();
                if (token != JsonToken.VALUE_NULL) {
                    values.put(name, token.isScalarValue() ? json.getText() : token.name());
                }
                json.skipChildren();
            }
        } catch (IOException failed) {
            throw new FormatException(file, "cannot be read: " + failed.getMessage(), failed);
        }
        return values;
    }

    private static int size(Path file, Map<String, String> values, String key, int otherwise) {
        String text = values.getOrDefault(key, otherwise > 0 ? Integer.toString(otherwise) : "");
        try {
            int size = Integer.parseInt(text);
            if (size > 0 && size <= 1 << 24) {
                return size;
            }
        } catch (NumberFormatException noNumber) {
            // Reported below with those out of range.
        }
        throw new FormatException(file, key + ": expected a number from 1 to " + (1 << 24) + ", found '" + text + "'");
    }

    /** Fills a dense F32 tensor with the weight of a canonical name. */
    void read(String name, Tensor target) {
        TensorSource source = checkpoint.tensor(gguf ? name : huggingFaceName(name));
        if (!source.shape().equals(target.shape())) {
            throw new FormatException(checkpoint.path(), "tensor " + source.name() + " is " + source.shape()
                    + "; expected " + target.shape());
        }
        WeightCodec codec = WeightCodec.of(source.dtype()).orElseThrow(() -> new FormatException(checkpoint.path(),
                "tensor " + source.name() + " is " + source.dtype() + ", which has no decoder"));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(source.dtype().byteSize(source.shape().elements()), 64);
            source.read(0, bytes);
            codec.decode(bytes, 0, target.segment(), 0, source.shape().elements());
        }
        if (!gguf && name.endsWith("attn_q.weight")) {
            interleave(target, config.nHeads());
        } else if (!gguf && name.endsWith("attn_k.weight")) {
            interleave(target, config.nKvHeads());
        }
    }

    private String huggingFaceName(String name) {
        if (name.equals("output.weight") && config.tiedHead()) {
            return HF_OF_WHOLE.get("token_embd.weight");
        }
        Matcher block = BLOCK.matcher(name);
        return block.matches() ? "model.layers." + block.group(1) + "." + HF_OF_BLOCK.get(block.group(2)) + ".weight"
                : HF_OF_WHOLE.get(name);
    }

    /** Half-split RoPE turns rows j and j + headDim/2 of a head together, interleaved RoPE rows 2j and 2j + 1. */
    private void interleave(Tensor matrix, int heads) {
        int headDim = config.headDim();
        int columns = matrix.shape().size(1);
        float[] head = new float[headDim * columns];
        for (int h = 0; h < heads; h++) {
            long at = (long) h * headDim * columns;
            MemorySegment.copy(matrix.segment(), ValueLayout.JAVA_FLOAT, at * Float.BYTES, head, 0, head.length);
            for (int row = 0; row < headDim; row++) {
                int from = row / 2 + row % 2 * (headDim / 2);
                MemorySegment.copy(head, from * columns, matrix.segment(), ValueLayout.JAVA_FLOAT,
                        (at + (long) row * columns) * Float.BYTES, columns);
            }
        }
    }

    @Override
    public void close() {
        checkpoint.close();
    }
}
