package io.lanewise.generate;

import java.util.Arrays;
import java.util.List;

/**
 * What each family's {@code config.json} has beside the common settings. A setting that would change the model, and that
 * the engine has no key for, is refused.
 */
final class HuggingFaceFamilies {
    private HuggingFaceFamilies() {}

    /** Nothing but perhaps a window. */
    static void dense(HuggingFaceSettings s) {
        s.require("hidden_act", "silu", "swish");
        window(s);
    }

    /** Local layers as {@code layer_types} has them, or else all: those that were trained with a window. */
    private static void window(HuggingFaceSettings s) {
        int nLayers = s.size("num_hidden_layers");
        boolean[] local = s.localLayers(nLayers);
        if (s.count("sliding_window", 0) == 0 || !s.flag("use_sliding_window", true)) {
            return;
        }
        if (local == null) {
            local = new boolean[nLayers];
            // Qwen 2: the first layers look at everything.
            Arrays.fill(local, Math.min(nLayers, s.count("max_window_layers", 0)), nLayers, true);
        }
        for (boolean any : local) {
            if (any) {
                s.setWindow(s.size("sliding_window"), local);
                return;
            }
        }
    }

    static void granite(HuggingFaceSettings s) {
        dense(s);
        s.setNumber("embedding_scale", s.number("embedding_multiplier", 1));
        s.setNumber("residual_scale", s.number("residual_multiplier", 1));
        s.setNumber("attention.scale", s.number("attention_multiplier", 1));
        s.setNumber("logit_scale", s.number("logits_scaling", 1));
    }

    static void smollm3(HuggingFaceSettings s) {
        dense(s);
        s.require("no_rope_layer_interval", 4.0);
        if (s.value("no_rope_layers") instanceof List<?> turns) {
            for (int layer = 0; layer < turns.size(); layer++) {
                if (!Double.valueOf(layer % 4 == 3 ? 0 : 1).equals(turns.get(layer))) {
                    throw s.problem("no_rope_layers", "0 for every fourth layer and 1 for others", turns);
                }
            }
        }
    }

    static void mixtral(HuggingFaceSettings s) {
        dense(s);
        experts(s, "num_experts_per_tok");
    }

    static void qwen2moe(HuggingFaceSettings s) {
        dense(s);
        everyLayerHasExperts(s);
        experts(s, "num_experts_per_tok");
        s.setSize("expert_feed_forward_length", s.size("moe_intermediate_size"));
        s.setSize("expert_shared_feed_forward_length", s.size("shared_expert_intermediate_size"));
        s.setFlag("expert_weights_norm", s.flag("norm_topk_prob", false));
    }

    static void qwen3moe(HuggingFaceSettings s) {
        dense(s);
        everyLayerHasExperts(s);
        experts(s, "num_experts_per_tok");
        s.setSize("expert_feed_forward_length", s.size("moe_intermediate_size"));
        s.setFlag("expert_weights_norm", s.flag("norm_topk_prob", false));
    }

    private static void everyLayerHasExperts(HuggingFaceSettings s) {
        s.require("decoder_sparse_step", 1.0);
        s.require("mlp_only_layers", List.of());
    }

    private static void experts(HuggingFaceSettings s, String used) {
        s.setSize("expert_count", s.size("num_experts"));
        s.setSize("expert_used_count", s.size(used));
    }

    /** DeepSeek-MoE, the first version. */
    static void deepseek(HuggingFaceSettings s) {
        s.require("hidden_act", "silu");
        s.require("moe_layer_freq", 1.0);
        s.require("scoring_func", "softmax");
        deepseekExperts(s);
    }

    private static void deepseekExperts(HuggingFaceSettings s) {
        experts(s, "num_experts_per_tok");
        s.setSize("expert_feed_forward_length", s.size("moe_intermediate_size"));
        s.setSize("expert_shared_count", s.count("n_shared_experts", 0));
        s.setSize("leading_dense_block_count", s.count("first_k_dense_replace", 0));
        s.setFlag("expert_weights_norm", s.flag("norm_topk_prob", false));
    }

    /** DeepSeek-V2, V2-Lite and V3: latent attention; heads are as wide as both parts of a query. */
    static void deepseek2(HuggingFaceSettings s) {
        s.require("hidden_act", "silu");
        s.require("moe_layer_freq", 1.0);
        s.require("rope_interleave", true);
        boolean v3 = "deepseek_v3".equals(s.string("model_type", ""));
        s.require("scoring_func", v3 ? "sigmoid" : "softmax");
        s.require("topk_method", v3 ? new Object[] {"noaux_tc"} : new Object[] {"greedy", "group_limited_greedy"});
        deepseekExperts(s);
        s.setSize("expert_gating_func", v3 ? 2 : 1);
        s.setNumber("expert_weights_scale", s.number("routed_scaling_factor", 1));
        s.setFlag("expert_weights_norm", s.flag("norm_topk_prob", v3));
        if (v3 || "group_limited_greedy".equals(s.string("topk_method", ""))) {
            s.setSize("expert_group_count", s.size("n_group"));
            s.setSize("expert_group_used_count", s.size("topk_group"));
        }
        if (s.has("q_lora_rank")) {
            s.setSize("attention.q_lora_rank", s.size("q_lora_rank"));
        }
        s.setSize("attention.kv_lora_rank", s.size("kv_lora_rank"));
        s.setSize("attention.key_length", s.size("qk_nope_head_dim") + s.size("qk_rope_head_dim"));
        s.setSize("attention.value_length", s.size("v_head_dim"));
        s.setSize("rope.dimension_count", s.size("qk_rope_head_dim"));
    }

    static void gemma(HuggingFaceSettings s) {
        // The first files say gelu and mean the tanh form, as transformers itself assumes.
        s.require("hidden_act", "gelu_pytorch_tanh", "gelu");
    }

    static void gemma2(HuggingFaceSettings s) {
        gemma(s);
        s.setNumber("attn_logit_softcapping", s.number("attn_logit_softcapping", 50));
        s.setNumber("final_logit_softcapping", s.number("final_logit_softcapping", 30));
        s.setNumber("attention.scale", 1 / Math.sqrt(s.number("query_pre_attn_scalar", 256)));
        localLayers(s, s.size("sliding_window", 4096), 2);
    }

    static void gemma3(HuggingFaceSettings s) {
        gemma(s);
        s.setNumber("rope.freq_base_swa", s.number("rope_local_base_freq", 10_000));
        s.setNumber("attention.scale", 1 / Math.sqrt(s.number("query_pre_attn_scalar", 256)));
        if (s.has("final_logit_softcapping")) {
            s.setNumber("final_logit_softcapping", s.number("final_logit_softcapping", 30));
        }
        localLayers(s, s.size("sliding_window"), s.size("sliding_window_pattern", 6));
    }

    /** By a list of the file's, or all but the last of each period. */
    private static void localLayers(HuggingFaceSettings s, int window, int period) {
        int nLayers = s.size("num_hidden_layers");
        boolean[] local = s.localLayers(nLayers);
        if (local == null) {
            local = new boolean[nLayers];
            for (int layer = 0; layer < nLayers; layer++) {
                local[layer] = layer % period < period - 1;
            }
        }
        s.setWindow(window, local);
    }

    static void cohere(HuggingFaceSettings s) {
        s.require("hidden_act", "silu");
        s.setNumber("logit_scale", s.number("logit_scale", 0.0625));
    }

    static void stablelm(HuggingFaceSettings s) {
        s.require("hidden_act", "silu");
        s.require("qk_layernorm", false);
    }

    /** GPT-2 and StarCoder 2: no gate; the activation is the file's. */
    static void ungated(HuggingFaceSettings s) {
        s.require("scale_attn_weights", true);
        s.require("scale_attn_by_inverse_layer_idx", false);
        s.require("use_bias", true);
        s.setString("feed_forward.activation", activation(s));
        window(s);
    }

    static void falcon(HuggingFaceSettings s) {
        s.require("alibi", false);
        s.require("bias", false);
        if (!s.flag("new_decoder_architecture", false)) {
            s.require("parallel_attn", true);
            s.require("multi_query", true);
        }
        s.require("num_ln_in_parallel_attn", s.flag("new_decoder_architecture", false) ? 2.0 : 1.0);
        s.setString("feed_forward.activation", activation(s));
    }

    private static String activation(HuggingFaceSettings s) {
        String name = s.string("hidden_act", "gelu");
        return switch (name) {
            case "gelu" -> "gelu";
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> "gelu_tanh";
            default -> throw s.problem("hidden_act", "gelu, gelu_new or gelu_pytorch_tanh", name);
        };
    }
}
