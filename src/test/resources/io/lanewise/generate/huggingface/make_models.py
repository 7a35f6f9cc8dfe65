"""Writes tiny models of random weights as Hugging Face's transformers saves them, one folder a model beside this file:
config.json, model.safetensors (BF16), and expected.f32: the logits [TOKENS, VOCABULARY] that transformers itself gives in
double precision for the tokens (i * i + 3 * i) % VOCABULARY.

Run with Python 3, PyTorch and transformers (written with 2.13 and 5.18). The generator is seeded by the model's name.
"""
import pathlib
import shutil
import sys
import zlib

import numpy
import torch
from transformers import AutoModelForCausalLM
from transformers import (CohereConfig, DeepseekV2Config, DeepseekV3Config, FalconConfig, Gemma2Config, Gemma3TextConfig,
                          GemmaConfig, Glm4Config, GPT2Config, GraniteConfig, LlamaConfig, MistralConfig, MixtralConfig,
                          Olmo2Config, Olmo3Config, Phi3Config, Qwen2Config, Qwen2MoeConfig, Qwen3Config, Qwen3MoeConfig,
                          SmolLM3Config, StableLmConfig, Starcoder2Config)

HERE = pathlib.Path(__file__).parent
TOKENS = 40
VOCABULARY = 64
# Shorter than the text, so that a window that is not applied shows.
WINDOW = 12

SIZES = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0)
EXPERTS = dict(moe_intermediate_size=24, num_experts_per_tok=2)


def sizes(**changes):
    return SIZES | changes


LATENT = sizes(num_key_value_heads=4, kv_lora_rank=32, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16,
               moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3, first_k_dense_replace=1)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=32, beta_fast=32.0,
            beta_slow=1.0)
FACTORS = [1.0, 1.25, 1.5, 2.0]

MODELS = {
    "llama": LlamaConfig(**sizes(rope_parameters=dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
                                                      high_freq_factor=4.0, original_max_position_embeddings=32))),
    "llama-tied": LlamaConfig(**sizes(tie_word_embeddings=True, head_dim=16, attention_bias=True,
                                      rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0))),
    "mistral-window": MistralConfig(**sizes(sliding_window=WINDOW)),
    "mixtral": MixtralConfig(**sizes(num_local_experts=4, num_experts_per_tok=2, sliding_window=None)),
    "granite": GraniteConfig(**sizes(embedding_multiplier=6.0, residual_multiplier=0.3, attention_multiplier=0.2,
                                     logits_scaling=3.0)),
    "smollm3": SmolLM3Config(**sizes(num_hidden_layers=4)),
    "qwen2-window": Qwen2Config(**sizes(use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1)),
    "qwen2-yarn": Qwen2Config(**sizes(rope_parameters=YARN)),
    "qwen3": Qwen3Config(**sizes(head_dim=16, tie_word_embeddings=True)),
    "qwen2_moe": Qwen2MoeConfig(**sizes(shared_expert_intermediate_size=40, num_experts=4, **EXPERTS)),
    "qwen3_moe": Qwen3MoeConfig(**sizes(head_dim=16, num_experts=4, norm_topk_prob=True, **EXPERTS)),
    "deepseek_v2": DeepseekV2Config(**LATENT, q_lora_rank=None, n_shared_experts=2, topk_method="greedy"),
    "deepseek_v2-groups": DeepseekV2Config(**LATENT, q_lora_rank=24, n_shared_experts=2, n_group=4, topk_group=2,
                                           topk_method="group_limited_greedy", routed_scaling_factor=1.5),
    "deepseek_v3": DeepseekV3Config(**LATENT, q_lora_rank=24, n_shared_experts=1, n_group=4, topk_group=2,
                                    rope_parameters=YARN | dict(mscale=1.0, mscale_all_dim=1.0)),
    "phi3-window": Phi3Config(**sizes(sliding_window=WINDOW)),
    "phi3-longrope": Phi3Config(**sizes(sliding_window=None, original_max_position_embeddings=32, rope_parameters=dict(
        rope_type="longrope", rope_theta=10000.0, long_factor=[2 * f for f in FACTORS], short_factor=FACTORS,
        partial_rotary_factor=1.0))),
    "olmo2": Olmo2Config(**SIZES),
    "olmo3": Olmo3Config(**sizes(num_hidden_layers=3, sliding_window=WINDOW,
                                 layer_types=["sliding_attention", "sliding_attention", "full_attention"])),
    "gemma": GemmaConfig(**sizes(head_dim=16, num_key_value_heads=1)),
    "gemma2": Gemma2Config(**sizes(head_dim=16, sliding_window=WINDOW, query_pre_attn_scalar=20)),
    "gemma3_text": Gemma3TextConfig(**sizes(head_dim=16, num_hidden_layers=3, sliding_window=WINDOW, query_pre_attn_scalar=20,
                                            layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    "glm4": Glm4Config(**sizes(head_dim=16)),
    "cohere": CohereConfig(**sizes(logit_scale=0.25)),
    "cohere-norms": CohereConfig(**sizes(use_qk_norm=True)),
    "stablelm": StableLmConfig(**sizes(use_qkv_bias=True, partial_rotary_factor=0.5)),
    "stablelm-parallel": StableLmConfig(**sizes(use_parallel_residual=True)),
    "starcoder2-window": Starcoder2Config(**sizes(sliding_window=WINDOW)),
    "falcon": FalconConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                           bos_token_id=1, eos_token_id=2),
    "falcon-groups": FalconConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                  num_kv_heads=2, new_decoder_architecture=True, bos_token_id=1, eos_token_id=2),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=1,
                       eos_token_id=2),
}


def randomise(model, generator):
    """Weights that keep activations near 1, rounded to what BF16 holds."""
    choice_biases = [buffer for buffer in model.named_buffers() if buffer[0].endswith("e_score_correction_bias")]
    for name, value in list(model.named_parameters()) + choice_biases:
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() == 1 and "norm" in name.lower() or "ln_" in name:
            # Gemma holds what is added to 1.
            centre = 0 if "gemma" in model.config.model_type else 1
            noise = noise * 0.2 + (centre if name.endswith("weight") else 0)
        elif value.dim() == 1:
            noise = noise * 0.2
        elif "q_norm" in name or "k_norm" in name:
            noise = 1 + noise * 0.2
        elif "embed" in name or "wte" in name or "wpe" in name:
            noise = noise * 0.7
        else:
            fan_in = value.shape[0] if model.config.model_type == "gpt2" else value.shape[-1]
            noise = noise * 1.2 / fan_in ** 0.5
        value.data.copy_(noise.bfloat16().float())


def make(name):
    config = MODELS[name]
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    config.dtype = torch.float32
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    randomise(model, torch.Generator().manual_seed(zlib.crc32(name.encode())))
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    tokens = torch.tensor([[(i * i + 3 * i) % VOCABULARY for i in range(TOKENS)]])
    with torch.no_grad():
        logits = model.double()(tokens).logits[0]
    assert logits.shape == (TOKENS, VOCABULARY)
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    logits.to(torch.float32).numpy().astype("<f4").tofile(folder / "expected.f32")
    print(name, "rms", float(logits.square().mean().sqrt()))


for chosen in sys.argv[1:] or MODELS:
    make(chosen)
