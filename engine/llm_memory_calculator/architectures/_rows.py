"""Families without a body: another family, by another name or with other defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_NONE: Mapping[str, Any] = MappingProxyType({})


class Row(NamedTuple):
    """A model_type that is described as another one."""

    family: str
    """The module that builds it."""
    defaults: Mapping[str, Any] = _NONE
    """What its own configuration class takes for fields that a config leaves out."""


# The text configs of Qwen2-VL and Qwen2.5-VL in transformers.
_QWEN2_VL_TEXT = {
    "hidden_size": 8192,
    "intermediate_size": 29_568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 152_064,
    "max_position_embeddings": 32_768,
    "max_window_layers": 80,
}

# The text config of MiniMax-M3 in transformers and vLLM.
MINIMAX_M3_TEXT = {
    "hidden_size": 6144,
    "intermediate_size": 3072,
    "num_hidden_layers": 60,
    "num_attention_heads": 64,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_local_experts": 128,
    "num_experts_per_tok": 4,
    "dense_intermediate_size": 12_288,
    "shared_intermediate_size": 3072,
    "vocab_size": 200_064,
    "max_position_embeddings": 524_288,
}

ROWS: Mapping[str, Row] = {
    # Falcon 40B and its kind, Falcon 7B and RW, by the names that they had before they came into transformers
    "RefinedWeb": Row("falcon", {"parallel_attn": False}),
    "RefinedWebModel": Row("falcon", {"parallel_attn": False}),
    # Aquila and Aquila2
    "aquila": Row("llama"),
    # Ling 2.0 by the model_type of its own class
    "bailing_moe_v2": Row("bailing_moe"),
    # a French RoBERTa
    "camembert": Row("roberta"),
    # DeepSeek-MoE 16B, DeepSeek-Prover: attention without latents
    "deepseek": Row("deepseek_v2", {"kv_lora_rank": None}),
    # DeepSeek-V4 by the name that its own code gives it
    "deepseek_ref": Row("deepseek_v4"),
    # GLM-4.7-Flash: the first layer is dense
    "glm4_moe_lite": Row(
        "deepseek_v3",
        {
            "q_lora_rank": 768,
            "kv_lora_rank": 512,
            "qk_rope_head_dim": 64,
            "qk_nope_head_dim": 192,
            "v_head_dim": 256,
            "n_shared_experts": 1,
            "num_experts_per_tok": 4,
            "first_k_dense_replace": 1,
        },
    ),
    # the decoder of GLM-4.5V alone
    "glm4v_moe_text": Row(
        "glm4_moe",
        {
            "hidden_size": 4096,
            "intermediate_size": 10_944,
            "moe_intermediate_size": 1408,
            "num_hidden_layers": 46,
            "num_attention_heads": 96,
            "num_key_value_heads": 8,
            "n_routed_experts": 128,
            "num_experts_per_tok": 8,
            "vocab_size": 151_424,
            "max_position_embeddings": 65_536,
            "attention_bias": True,
        },
    ),
    # GPT-SW3, by the name of its tokenizer
    "gpt_sw3": Row("gpt2"),
    # Granite 3: multipliers, which cost nothing
    "granite": Row("llama"),
    # HuBERT: another way of training
    "hubert": Row("wav2vec2"),
    # IQuest-Coder-V1 40B
    "iquestcoder": Row("llama", {"num_key_value_heads": 8, "head_dim": 128}),
    # Jais 2 8B and 70B: biases throughout
    "jais2": Row("nemotron", {"attention_bias": True, "mlp_bias": True}),
    # 384 experts, 64 heads and one leading dense layer
    "kimi_k2": Row("deepseek_v3"),
    # frames are pooled without further weights
    "llava_next_video": Row("llava_next"),
    # MiniMax-M3's text alone, by the names that engines give it
    "minimax_m3_text": Row("minimax_m3_vl_text", MINIMAX_M3_TEXT),
    # MiniMax-M1 and MiniMax-Text-01 as their own repositories have them, with code of their own
    "minimax_m1": Row("minimax"),
    "minimax_text_01": Row("minimax"),
    # Ministral 8B: layer_types tells the windowed layers
    "ministral": Row("mistral"),
    # Ministral 3, 3B to 14B: no window, unless the config says otherwise
    "ministral3": Row("mistral", {"sliding_window": None, "head_dim": 128}),
    # GTE as its checkpoints call it (gte-large-en-v1.5, gte-multilingual-base)
    "new": Row("gte"),
    # the decoders of Qwen's models of images alone
    "qwen2_5_vl_text": Row("qwen2", _QWEN2_VL_TEXT),
    "qwen2_vl_text": Row("qwen2", _QWEN2_VL_TEXT),
    "qwen3_vl_moe_text": Row(
        "qwen3_moe",
        {
            "hidden_size": 2048,
            "intermediate_size": 5632,
            "moe_intermediate_size": 1408,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "num_experts": 60,
            "num_experts_per_tok": 4,
            "vocab_size": 151_936,
            "max_position_embeddings": 128_000,
        },
    ),
    "qwen3_vl_text": Row(
        "qwen3",
        {
            "hidden_size": 4096,
            "intermediate_size": 22_016,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "vocab_size": 151_936,
            "max_position_embeddings": 128_000,
        },
    ),
    # phi-1.5 and phi-2 of before
    "phi_msft": Row("mixformer_sequential"),
    # Sarvam 105B: one plain query projection
    "sarvam_mla": Row(
        "deepseek_v3",
        {
            "q_lora_rank": None,
            "kv_lora_rank": 512,
            "qk_rope_head_dim": 64,
            "qk_nope_head_dim": 128,
            "v_head_dim": 128,
            "num_shared_experts": 1,
            "num_experts_per_tok": 8,
            "first_k_dense_replace": 1,
        },
    ),
    # Sarvam 30B: Ling 2.0's layers with narrower heads
    "sarvam_moe": Row(
        "bailing_moe",
        {
            "num_key_value_heads": 4,
            "head_dim": 64,
            "use_qk_norm": True,
            "num_shared_experts": 1,
            "first_k_dense_replace": 1,
            "moe_router_enable_expert_bias": True,
        },
    ),
    # Skywork 13B
    "skywork": Row("llama"),
    # SmolVLM and SmolVLM2, with a small Llama
    "smolvlm": Row("idefics3"),
    # StableLM 3B and 2 by the name that they had before they came into transformers
    "stablelm_epoch": Row("stablelm"),
    # a RoBERTa of 100 languages; also multilingual e5, bge-m3 and its rerankers
    "xlm_roberta": Row("roberta"),
}
"""By model_type, in alphabetical order; a dash is an underscore."""
