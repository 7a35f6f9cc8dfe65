package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tensors of a Hugging Face model under the names, and in the row order, that GGUF files have. */
final class HuggingFaceTensors {
    private static final Pattern BLOCK = Pattern.compile("(?:model\\.)?layers\\.(\\d+)\\.(.+)\\.(weight|bias)");
    private static final Map<String, String> WHOLE = Map.of("model.embed_tokens.weight", "token_embd.weight",
            "model.norm.weight", "output_norm.weight", "lm_head.weight", "output.weight");
    private static final Map<String, String> OF_BLOCK = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"), Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"), Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.qkv_proj", "attn_qkv"),
            Map.entry("self_attn.q_norm", "attn_q_norm"), Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"), Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.gate_up_proj", "ffn_up"), Map.entry("mlp.down_proj", "ffn_down"),
            Map.entry("pre_feedforward_layernorm", "ffn_norm"),
            Map.entry("post_feedforward_layernorm", "post_ffw_norm"));
    /** Its name is that of a norm before the feed-forward, except where there is one of that name as well. */
    private static final String POST_ATTENTION = "post_attention_layernorm";

    private HuggingFaceTensors() {}

    /** What a family's converter does to its weights beside giving them other names. */
    record Changes(boolean interleavesRope, boolean addsOneToNorms, boolean normsAfterAttention) {}

    /** All tensors that the engine knows; others keep their names, for the loader to refuse or pass over. */
    static List<TensorSource> of(Checkpoint checkpoint, Changes changes, int nHeads, int nKvHeads) {
        List<TensorSource> tensors = new ArrayList<>();
        for (TensorSource source : checkpoint.tensors()) {
            String name = name(source.name(), changes.normsAfterAttention);
            if (name.endsWith("rotary_emb.inv_freq")) {
                continue;
            }
            TensorSource renamed = new Renamed(name, source);
            boolean query = name.contains("attn_q.");
            if (changes.interleavesRope && (query || name.contains("attn_k."))) {
                renamed = new Interleaved(renamed, query ? nHeads : nKvHeads);
            } else if (changes.addsOneToNorms && name.endsWith("norm.weight")) {
                renamed = plusOne(renamed);
            }
            tensors.add(renamed);
        }
        return tensors;
    }

    private static String name(String theirs, boolean normsAfterAttention) {
        String whole = WHOLE.get(theirs);
        if (whole != null) {
            return whole;
        }
        Matcher block = BLOCK.matcher(theirs);
        if (!block.matches()) {
            return theirs;
        }
        String part = block.group(2).equals(POST_ATTENTION) ? normsAfterAttention ? "post_attention_norm" : "ffn_norm"
                : OF_BLOCK.get(block.group(2));
        return part == null ? theirs : "blk." + block.group(1) + "." + part + "." + block.group(3);
    }

    /** Numbers that stand in no file: F32 [n]. */
    static TensorSource ofNumbers(String name, float[] numbers) {
        Tensor tensor = Tensor.allocate(Arena.ofAuto(), numbers.length);
        MemorySegment.copy(numbers, 0, tensor.segment(), ValueLayout.JAVA_FLOAT, 0, numbers.length);
        return new InMemory(name, tensor);
    }

    /** Gemma's files hold what is added to 1. */
    private static TensorSource plusOne(TensorSource source) {
        float[] numbers = new float[Math.toIntExact(source.shape().elements())];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(source.dtype().byteSize(numbers.length), 64);
            source.read(0, bytes);
            MemorySegment floats = arena.allocate(4L * numbers.length, 64);
            WeightCodec.require(source.dtype()).decode(bytes, 0, floats, 0, numbers.length);
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = 1 + floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            }
        }
        return ofNumbers(source.name(), numbers);
    }

    private record InMemory(String name, Tensor tensor) implements TensorSource {
        @Override
        public DType dtype() {
            return tensor.dtype();
        }

        @Override
        public Shape shape() {
            return tensor.shape();
        }

        @Override
        public Tensor map() {
            return tensor;
        }

        @Override
        public void read(long offset, MemorySegment target) {
            target.copyFrom(tensor.segment().asSlice(offset, target.byteSize()));
        }
    }

    private record Renamed(String name, TensorSource source) implements TensorSource {
        @Override
        public DType dtype() {
            return source.dtype();
        }

        @Override
        public Shape shape() {
            return source.shape();
        }

        @Override
        public Tensor map() {
            return source.map();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            source.read(offset, target);
        }
    }

    /**
     * Rows of queries or keys in the order of interleaved RoPE: half-split RoPE turns rows j and j + headDim/2 of a head
     * together, interleaved RoPE rows 2j and 2j + 1.
     */
    private record Interleaved(TensorSource source, int heads) implements TensorSource {
        @Override
        public String name() {
            return source.name();
        }

        @Override
        public DType dtype() {
            return source.dtype();
        }

        @Override
        public Shape shape() {
            return source.shape();
        }

        @Override
        public Tensor map() {
            MemorySegment all = Arena.ofAuto().allocate(dtype().byteSize(shape().elements()), Tensor.ALIGNMENT);
            read(0, all);
            return Tensor.of(all, dtype(), shape());
        }

        @Override
        public void read(long offset, MemorySegment target) {
            long rows = shape().dim(0);
            long rowBytes = dtype().byteSize(shape().elements() / rows);
            long headDim = rows / heads;
            long end = offset + target.byteSize();
            for (long at = offset; at < end; ) {
                long row = at / rowBytes;
                long inRow = at % rowBytes;
                long length = Math.min(rowBytes - inRow, end - at);
                long inHead = row % headDim;
                long from = row - inHead + inHead / 2 + inHead % 2 * (headDim / 2);
                source.read(from * rowBytes + inRow, target.asSlice(at - offset, length));
                at += length;
            }
        }
    }
}
