package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tensors of a Hugging Face model under the names, and in the row order, that GGUF files have. */
final class HuggingFaceTensors {
    /** What may stand before the names of a language model's tensors. */
    private static final Pattern FRONT = Pattern.compile("^(?:language_model\\.)?(?:model\\.)?(?:language_model\\.)?"
            + "(?:transformer\\.)?");
    private static final Pattern BLOCK = Pattern.compile("(?:layers|h)\\.(\\d+)\\.(.+)\\.(weight|bias)");
    private static final Pattern EXPERT =
            Pattern.compile("(?:mlp|block_sparse_moe)\\.experts\\.(\\d+)\\.(gate_proj|up_proj|down_proj|w1|w2|w3)");
    /** What reads images, and buffers that are made from the settings. */
    private static final Pattern LEFT_OUT = Pattern.compile("(?:model\\.)?(?:vision_tower|multi_modal_projector)\\..*"
            + "|.*rotary_emb\\.inv_freq|.*\\.attn\\.(?:masked_)?bias");
    private static final Map<String, String> WHOLE = Map.ofEntries(
            Map.entry("embed_tokens.weight", "token_embd.weight"), Map.entry("wte.weight", "token_embd.weight"),
            Map.entry("word_embeddings.weight", "token_embd.weight"), Map.entry("wpe.weight", "position_embd.weight"),
            Map.entry("norm.weight", "output_norm.weight"), Map.entry("norm.bias", "output_norm.bias"),
            Map.entry("ln_f.weight", "output_norm.weight"), Map.entry("ln_f.bias", "output_norm.bias"),
            Map.entry("lm_head.weight", "output.weight"));
    private static final Map<String, String> OF_BLOCK = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"), Map.entry("ln_1", "attn_norm"),
            // Falcon 40B: the feed-forward's norm is the first in GGUF files.
            Map.entry("ln_mlp", "attn_norm"), Map.entry("ln_attn", "attn_norm_2"),
            Map.entry("self_attn.q_proj", "attn_q"), Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"), Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.qkv_proj", "attn_qkv"), Map.entry("attn.c_attn", "attn_qkv"),
            Map.entry("self_attention.query_key_value", "attn_qkv"),
            Map.entry("attn.c_proj", "attn_output"), Map.entry("self_attention.dense", "attn_output"),
            Map.entry("self_attn.q_norm", "attn_q_norm"), Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("self_attn.q_a_proj", "attn_q_a"), Map.entry("self_attn.q_b_proj", "attn_q_b"),
            Map.entry("self_attn.q_a_layernorm", "attn_q_a_norm"),
            Map.entry("self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"),
            Map.entry("self_attn.kv_a_layernorm", "attn_kv_a_norm"), Map.entry("self_attn.kv_b_proj", "attn_kv_b"),
            Map.entry("mlp.gate_proj", "ffn_gate"), Map.entry("mlp.up_proj", "ffn_up"), Map.entry("mlp.c_fc", "ffn_up"),
            Map.entry("mlp.dense_h_to_4h", "ffn_up"), Map.entry("mlp.gate_up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"), Map.entry("mlp.c_proj", "ffn_down"),
            Map.entry("mlp.dense_4h_to_h", "ffn_down"),
            Map.entry("mlp.gate", "ffn_gate_inp"), Map.entry("block_sparse_moe.gate", "ffn_gate_inp"),
            Map.entry("mlp.shared_experts.gate_proj", "ffn_gate_shexp"),
            Map.entry("mlp.shared_experts.up_proj", "ffn_up_shexp"),
            Map.entry("mlp.shared_experts.down_proj", "ffn_down_shexp"),
            Map.entry("mlp.shared_expert.gate_proj", "ffn_gate_shexp"),
            Map.entry("mlp.shared_expert.up_proj", "ffn_up_shexp"),
            Map.entry("mlp.shared_expert.down_proj", "ffn_down_shexp"),
            Map.entry("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
            Map.entry("pre_feedforward_layernorm", "ffn_norm"), Map.entry("ln_2", "ffn_norm"),
            Map.entry("post_self_attn_layernorm", "post_attention_norm"),
            Map.entry("post_feedforward_layernorm", "post_ffw_norm"), Map.entry("post_mlp_layernorm", "post_ffw_norm"));
    /** Its name is that of a norm before the feed-forward, except where there is one of that name as well. */
    private static final String POST_ATTENTION = "post_attention_layernorm";
    private static final String CHOICE_BIAS = ".mlp.gate.e_score_correction_bias";

    private final Checkpoint checkpoint;
    private final HuggingFaceConfig config;
    private final List<TensorSource> tensors = new ArrayList<>();
    /** Experts by the name that all of them get, each by its number. */
    private final Map<String, Map<Integer, TensorSource>> experts = new TreeMap<>();

    private HuggingFaceTensors(Checkpoint checkpoint, HuggingFaceConfig config) {
        this.checkpoint = checkpoint;
        this.config = config;
    }

    /** All tensors that the engine knows; others keep their names, for the loader to refuse or pass over. */
    static List<TensorSource> of(Checkpoint checkpoint, HuggingFaceConfig config) {
        HuggingFaceTensors all = new HuggingFaceTensors(checkpoint, config);
        for (TensorSource source : checkpoint.tensors()) {
            if (!LEFT_OUT.matcher(source.name()).matches()) {
                all.add(FRONT.matcher(source.name()).replaceFirst(""), source);
            }
        }
        all.experts.forEach(all::addExperts);
        return all.tensors;
    }

    private void add(String theirs, TensorSource source) {
        if (WHOLE.containsKey(theirs)) {
            String name = WHOLE.get(theirs);
            tensors.add(moved(HuggingFaceSources.as(name, source.shape(), source)));
            return;
        }
        Matcher block = BLOCK.matcher(theirs.endsWith(CHOICE_BIAS) ? theirs + ".bias" : theirs);
        if (!block.matches()) {
            tensors.add(source);
        } else if (isBeyond(block.group(1))) {
            // Layers that predict tokens beyond the next are not run.
            return;
        } else {
            addOfBlock(theirs, "blk." + block.group(1) + ".", block.group(2), block.group(3), source);
        }
    }

    private boolean isBeyond(String layer) {
        return config.kind().architecture().equals("deepseek2") && layer.length() < 6
                && Integer.parseInt(layer) >= config.nLayers();
    }

    private void addOfBlock(String theirs, String prefix, String part, String suffix, TensorSource source) {
        Matcher expert = EXPERT.matcher(part);
        if (expert.matches() && suffix.equals("weight") && expert.group(1).length() < 6) {
            String name = switch (expert.group(2)) {
                case "gate_proj", "w1" -> "ffn_gate_exps";
                case "up_proj", "w3" -> "ffn_up_exps";
                default -> "ffn_down_exps";
            };
            experts.computeIfAbsent(prefix + name + ".weight", each -> new TreeMap<>())
                    .put(Integer.parseInt(expert.group(1)), source);
            return;
        }
        String ours = part.equals(POST_ATTENTION) ? config.kind().postNorms() ? "post_attention_norm" : "ffn_norm"
                : theirs.endsWith(CHOICE_BIAS) ? "exp_probs_b" : OF_BLOCK.get(part);
        if (ours == null) {
            tensors.add(source);
            return;
        }
        Shape shape = ours.equals("ffn_gate_inp_shexp") ? Shape.of(source.shape().elements()) : source.shape();
        tensors.add(moved(HuggingFaceSources.as(prefix + ours + "." + suffix, shape, source)));
    }

    /** A tensor with its rows where GGUF files have them. */
    private TensorSource moved(TensorSource tensor) {
        HuggingFaceKind kind = config.kind();
        String name = tensor.name();
        boolean query = name.contains(".attn_q.");
        boolean matrix = tensor.shape().rank() == 2 && name.startsWith("blk.");
        if (kind.addsOneToNorms() && name.endsWith("norm.weight")) {
            return HuggingFaceSources.plusOne(tensor);
        }
        return switch (kind.rows()) {
            case AS_THEY_ARE -> tensor;
            case INTERLEAVED -> query || name.contains(".attn_k.")
                    ? interleaved(tensor, query ? config.nHeads() : config.nKvHeads()) : tensor;
            case TURNED -> matrix ? HuggingFaceSources.turned(tensor) : tensor;
            case GROUPED_QKV -> name.contains(".attn_qkv.") ? parted(tensor) : tensor;
        };
    }

    /**
     * Rows of queries or keys in the order of interleaved RoPE: half-split RoPE turns rows j and j + headDim/2 of a head
     * together, interleaved RoPE rows 2j and 2j + 1.
     */
    private static TensorSource interleaved(TensorSource tensor, int heads) {
        long headDim = Math.max(1, tensor.shape().dim(0) / heads);
        return HuggingFaceSources.reordered(tensor, row -> {
            long inHead = row % headDim;
            return row - inHead + inHead / 2 + inHead % 2 * (headDim / 2);
        });
    }

    /** All queries, all keys, all values, of groups of some queries, a key and a value each. */
    private TensorSource parted(TensorSource tensor) {
        int headDim = config.headDim();
        int groups = config.nKvHeads();
        int perGroup = config.nHeads() / groups;
        long queries = (long) config.nHeads() * headDim;
        long keys = (long) groups * headDim;
        if (config.nHeads() % groups != 0 || tensor.shape().dim(0) != queries + 2 * keys) {
            throw new FormatException(checkpoint.path(), "tensor " + tensor.name() + " has shape " + tensor.shape()
                    + ", the settings ask for " + (queries + 2 * keys) + " rows");
        }
        return HuggingFaceSources.reordered(tensor, row -> {
            long head = row < queries ? row / headDim : row < queries + keys ? (row - queries) / headDim
                    : (row - queries - keys) / headDim;
            long group = row < queries ? head / perGroup : head;
            long within = row < queries ? head % perGroup : row < queries + keys ? perGroup : perGroup + 1;
            return (group * (perGroup + 2) + within) * headDim + row % headDim;
        });
    }

    private void addExperts(String name, Map<Integer, TensorSource> parts) {
        List<TensorSource> inOrder = new ArrayList<>();
        TensorSource first = parts.get(0);
        for (int expert = 0; expert < parts.size(); expert++) {
            TensorSource part = parts.get(expert);
            if (part == null || part.shape().rank() != 2 || !part.shape().equals(first.shape())
                    || part.dtype() != first.dtype()) {
                throw new FormatException(checkpoint.path(), "experts of " + name + ": expected " + parts.size()
                        + " matrices of one type and shape, number " + expert + " is "
                        + (part == null ? "missing" : part.dtype() + " " + part.shape()));
            }
            inOrder.add(part);
        }
        tensors.add(HuggingFaceSources.stacked(name, inOrder));
    }
}
