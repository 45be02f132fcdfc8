"""Decoder-only families: counts and caches that transformers gives, published counts, errors that name the field."""

import re
from typing import Any

import pytest

from llm_memory_calculator.errors import ConfigError, UnsupportedModelError

from ..rows import each
from .families import assert_a_rank_of_two_holds_less_and_works_less, described

WINDOWED = ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"]
MIXED = ["dense", "sparse", "dense", "sparse"]
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 24, "qk_rope_head_dim": 8, "qk_nope_head_dim": 12, "v_head_dim": 10}
PICKING = {"index_n_heads": 2, "index_head_dim": 16, "index_topk": 12}
ROUTED = {"moe_intermediate_size": 32, "num_experts_per_tok": 2}


def small(**more: Any) -> dict[str, Any]:
    """Sizes that no model has, by the usual names."""
    sizes = {
        "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 4, "num_attention_heads": 6, "vocab_size": 101
    }  # fmt: skip
    return {**sizes, **more}


def shape(
    model_type: str, hidden: int, width: int, depth: int, heads: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    sizes = small(
        hidden_size=hidden, intermediate_size=width, num_hidden_layers=depth, num_attention_heads=heads,
        vocab_size=vocabulary,
    )  # fmt: skip
    return {"model_type": model_type, **sizes, **more}


# Configs of unusual sizes: parameters by transformers 5.24 on the meta device; values that its cache and states hold
# after a forward pass of 24 tokens on the CPU, a window of 8 counted whole.
UNUSUAL: dict[str, tuple[dict[str, Any], int, int]] = {
    "arcee": (small(num_key_value_heads=2, attention_bias=True, mlp_bias=True, head_dim=10), 72_672, 3_840),
    "apertus": (small(num_key_value_heads=2, attention_bias=True, head_dim=10), 72_248, 3_840),
    "ministral": (
        small(
            num_key_value_heads=2, head_dim=8, rope_theta=10000.0, sliding_window=8, layer_types=WINDOWED,
        ), 80_784, 1_536,
    ),
    "mistral4": (
        small(
            n_routed_experts=8, n_shared_experts=1, first_k_dense_replace=1, attention_bias=True, **LATENT, **ROUTED,
        ), 188_848, 3_072,
    ),
    "glm4_moe_lite": (
        small(
            n_routed_experts=8, n_shared_experts=1, mlp_layer_types=MIXED, **{**LATENT, "q_lora_rank": None}, **ROUTED,
        ), 170_352, 3_072,
    ),
    "youtu": (small(tie_word_embeddings=False, **LATENT), 97_456, 3_072),
    "minicpm3": (small(mlp_bias=True, attention_bias=True, **LATENT), 93_824, 3_072),
    "internlm3": (small(num_key_value_heads=2, attention_bias=True, mlp_bias=True), 455_568, 49_152),
    "sarvam_mla": (
        small(
            n_routed_experts=8, n_shared_experts=2, **LATENT, **ROUTED,
        ), 202_288, 3_072,
    ),
    "dots1": (
        small(
            num_key_value_heads=2, n_routed_experts=8, n_shared_experts=3, sliding_window=8, layer_types=WINDOWED,
            first_k_dense_replace=2, **ROUTED,
        ), 159_952, 1_536,
    ),
    "hy_v3": (
        small(
            num_key_value_heads=2, num_experts=8, mlp_bias=True, attention_bias=True, mlp_layer_types=MIXED, **ROUTED,
        ), 517_072, 49_152,
    ),
    "exaone_moe": (
        small(
            num_key_value_heads=2, num_experts=8, sliding_window=8, num_shared_experts=2, **ROUTED,
        ), 185_680, 1_536,
    ),
    "solar_open": (
        small(
            num_key_value_heads=2, n_routed_experts=8, attention_bias=True, head_dim=10, **ROUTED,
        ), 208_672, 3_840,
    ),
    "sarvam_moe": (
        small(
            num_key_value_heads=2, n_routed_experts=8, attention_bias=True, head_dim=8, **ROUTED,
        ), 172_176, 3_072,
    ),
    "afmoe": (
        small(
            num_key_value_heads=2, num_experts=8, sliding_window=8, num_shared_experts=1, attention_bias=True, **ROUTED,
        ), 694_632, 24_576,
    ),
    "laguna": (
        small(
            num_key_value_heads=2, num_experts=8, sliding_window=8, layer_types=WINDOWED,
            num_attention_heads_per_layer=[6, 4, 6, 8], gating="per-element", mlp_layer_types=MIXED, head_dim=10,
            **ROUTED,
        ), 297_456, 1_920,
    ),
    "kolibri1": (
        small(
            num_key_value_heads=2, num_experts=8, sliding_window=8, layer_types=WINDOWED, head_dim=10, **ROUTED,
        ), 485_216, 1_920,
    ),
    "flex_olmo": (
        small(
            num_key_value_heads=2, num_experts=8, num_experts_per_tok=2, attention_bias=True,
        ), 405_648, 3_072,
    ),
    "cwm": (small(num_key_value_heads=2, sliding_window=8, mlp_bias=True, head_dim=10), 87_760, 1_920),
    "helium": (small(num_key_value_heads=2, head_dim=8, attention_bias=True, mlp_bias=True), 81_936, 3_072),
    "hyperclovax": (small(num_key_value_heads=2, attention_bias=True, head_dim=10), 87_904, 3_840),
    "jais2": (small(num_key_value_heads=2, mlp_bias=False), 66_368, 3_072),
    "nanochat": (small(num_key_value_heads=2, attention_bias=True), 65_504, 3_072),
    "vaultgemma": (small(num_key_value_heads=2, sliding_window=8, head_dim=10), 82_080, 2_560),
    "granite_swa": (small(num_key_value_heads=2, sliding_window=8, attention_bias=True), 76_472, 1_536),
    "granitemoe_swa": (
        small(
            num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2, sliding_window=8,
            shared_intermediate_size=20,
        ), 231_336, 1_536,
    ),
    "granitemoeshared": (
        small(
            num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=20,
        ), 231_312, 3_072,
    ),
    "persimmon": (small(qk_layernorm=False), 79_424, 9_216),
    "codegen": (
        {
            "n_embd": 64, "n_layer": 3, "n_head": 8, "vocab_size": 101, "rotary_dim": 4, "n_inner": 100,
        }, 101_585, 9_216,
    ),
    "diffllama": (small(num_key_value_heads=2, attention_bias=True), 81_424, 3_072),
    "doge": (small(num_key_value_heads=2, attention_bias=True, mlp_bias=True, sliding_window=8), 82_720, 1_024),
    "jetmoe": (
        {
            "hidden_size": 48, "num_hidden_layers": 3, "num_key_value_heads": 2, "kv_channels": 10,
            "intermediate_size": 40, "num_local_experts": 4, "num_experts_per_tok": 3, "vocab_size": 101,
        }, 104_544, 2_880,
    ),
    "xglm": (
        {
            "d_model": 48, "num_layers": 3, "attention_heads": 6, "ffn_dim": 80, "vocab_size": 101,
            "tie_word_embeddings": False,
        }, 62_016, 6_912,
    ),
    "biogpt": (small(max_position_embeddings=30), 76_112, 9_216),
    "gpt_neox_japanese": (
        {
            "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 6, "vocab_size": 101,
        }, 88_512, 6_912,
    ),
    "openai-gpt": ({"n_embd": 48, "n_layer": 3, "n_head": 6, "vocab_size": 101, "n_positions": 30}, 91_104, 6_912),
    "ctrl": ({"n_embd": 48, "n_layer": 3, "n_head": 6, "dff": 70, "vocab_size": 101}, 54_359, 6_912),
    "bailing_hybrid": (
        {
            "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 7, "num_attention_heads": 6,
            "vocab_size": 101, "num_local_experts": 8, "num_shared_experts": 1, "n_group": 1, "topk_group": 1,
            "head_dim": 8, "layer_group_size": 3, **LATENT, **ROUTED,
        }, 337_686, 6_336,
    ),
    "olmo_hybrid": (
        small(
            num_key_value_heads=2, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=6,
            linear_value_head_dim=10,
        ), 85_126, 2_256,
    ),
    "axk1": (
        small(
            n_routed_experts=8, n_shared_experts=1, first_k_dense_replace=2, **LATENT, **ROUTED,
        ), 158_224, 3_072,
    ),
    "mellum": (
        small(
            num_key_value_heads=2, num_experts=8, sliding_window=8, layer_types=WINDOWED, mlp_layer_types=MIXED,
            head_dim=10, **ROUTED,
        ), 138_464, 1_920,
    ),
    "cohere2_moe": (
        small(
            num_key_value_heads=2, num_experts=8, num_experts_per_tok=2, sliding_window=8, first_k_dense_replace=2,
            prefix_dense_intermediate_size=20, num_shared_experts=2, head_dim=10,
        ), 272_736, 2_560,
    ),
    "iquestcoder": (small(num_key_value_heads=2, head_dim=10), 86_928, 3_840),
    "bitnet": (small(num_key_value_heads=2, attention_bias=True), 81_808, 3_072),
    "aria_text": (
        small(
            num_key_value_heads=2, moe_num_experts=4, moe_topk=2, moe_num_shared_experts=1, mlp_bias=True,
        ), 266_704, 3_072,
    ),
    "flint": (
        small(
            num_hidden_layers=7, num_key_value_heads=2, num_experts=8, sliding_window=8, head_dim=10, **ROUTED,
        ), 1_010_918, 4_800,
    ),
    "beam": (
        small(
            num_hidden_layers=7, num_key_value_heads=2, num_experts=8, sliding_window=8, head_dim=10, **ROUTED,
        ), 268_742, 3_520,
    ),
    "modernbert-decoder": (
        small(num_hidden_layers=7, local_attention=16, tie_word_embeddings=False, norm_bias=True), 158_789, 9_984,
    ),
    "lfm3": (
        small(
            num_hidden_layers=7, num_key_value_heads=2, head_dim=10, sliding_window=8, attention_bias=True,
        ), 149_496, 3_584,
    ),
    "zaya": (
        small(
            num_key_value_heads=2, head_dim=12, num_experts=8, moe_intermediate_size=32, sliding_window=8,
            layer_types=["hybrid", "hybrid_sliding"] * 2, cca_time0=3, cca_time1=4, attention_bias=True,
            lm_head_bias=True,
        ), 799_885, 5_040,
    ),
    "axk2": (small(n_routed_experts=8, mlp_layer_types=MIXED, **PICKING, **LATENT, **ROUTED), 188_336, 4_608),
    "xlstm": (
        {"hidden_size": 384, "num_hidden_layers": 3, "num_heads": 6, "vocab_size": 101}, 5_403_684, 37_458
    ),
    "hy_v4": (small(num_hidden_layers=6, n_routed_experts=8, **PICKING, **LATENT, **ROUTED), 333_857, 5_760),
}  # fmt: skip

LING_2 = {
    "num_experts": 256, "num_experts_per_tok": 8, "num_shared_experts": 1, "head_dim": 128, "num_key_value_heads": 4,
    "first_k_dense_replace": 1, "use_qk_norm": True, "moe_router_enable_expert_bias": True,
}  # fmt: skip
LING_2_6 = shape(
    "bailing_hybrid", 4096, 9216, 32, 32, 157184, architectures=["BailingMoeV2_5ForCausalLM"], layer_group_size=8,
    moe_intermediate_size=1024, num_kv_heads_for_linear_attn=32, q_lora_rank=1536, num_nextn_predict_layers=1,
    **{**LING_2, "num_key_value_heads": 32},
)  # fmt: skip
STEP_3 = shape(
    "step3_text", 7168, 18432, 61, 64, 128815, moe_intermediate_size=5120, moe_num_experts=48, moe_top_k=3,
    head_dim=256, share_expert_dim=5120, share_q_dim=2048, num_attention_groups=1,
    moe_layers_enum=",".join(map(str, range(4, 60))), max_position_embedding=65536,
)  # fmt: skip
STEP_3_5 = shape(
    "step3p5", 4096, 11264, 45, 64, 128896, num_attention_groups=8, head_dim=128, moe_intermediate_size=1280,
    moe_num_experts=288, moe_top_k=8, share_expert_dim=1280, sliding_window=512, num_nextn_predict_layers=3,
    layer_types=["full_attention", *["sliding_attention"] * 3] * 12, moe_layers_enum=list(range(3, 45)),
    attention_other_setting={"num_attention_heads": 96, "num_attention_groups": 8, "head_dim": 128},
)  # fmt: skip
STEP_3_7 = {
    "model_type": "step3p7", "text_config": STEP_3_5, "vision_config": {"width": 1536, "layers": 47, "heads": 16}
}  # fmt: skip
GROK_2 = shape(
    "git", 8192, 32768, 64, 64, 131072, architectures=["Grok1ForCausalLM"], num_key_value_heads=8, head_dim=128,
    num_local_experts=8, num_experts_per_tok=2, moe_intermediate_size=16384, residual_moe=True,
)  # fmt: skip
CHATGLM = {
    "model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "kv_channels": 128,
    "multi_query_attention": True, "multi_query_group_num": 2, "ffn_hidden_size": 13696, "add_qkv_bias": True,
}  # fmt: skip
OPENELM = {
    "model_type": "openelm", "model_dim": 1280, "num_transformer_layers": 16, "head_dim": 64, "vocab_size": 32000,
    "ffn_dim_divisor": 256, "normalize_qk_projections": True,
    "num_kv_heads": [3] * 5 + [4] * 7 + [5] * 4, "num_query_heads": [12] * 5 + [16] * 7 + [20] * 4,
    "ffn_multipliers": [0.5, 0.73, 0.97, 1.2, 1.43, 1.67, 1.9, 2.13, 2.37, 2.6, 2.83, 3.07, 3.3, 3.53, 3.77, 4.0],
}  # fmt: skip
DECILM = shape(
    "deci", 4096, 14336, 32, 32, 32000,
    num_key_value_heads_per_layer=[*[4] * 5, *[2] * 5, 4, *[2] * 9, *[1] * 11, 4],
)  # fmt: skip
LONGCAT = {
    "model_type": "longcat_flash", "hidden_size": 6144, "ffn_hidden_size": 12288, "num_layers": 28,
    "num_attention_heads": 64, "vocab_size": 131072, "n_routed_experts": 512, "expert_ffn_hidden_size": 2048,
    "moe_topk": 12, "zero_expert_num": 256,
}  # fmt: skip

# Parameters of published checkpoints whose code is not in transformers, or is there with another number of them:
# all digits where a page gives them (safetensors' metadata, a model's discussion), else the sum of its tensors' shapes
# by the published code, which rounds to the published size.
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "Snowflake/snowflake-arctic-instruct": (
        shape(
            "arctic", 7168, 4864, 35, 56, 32000, num_key_value_heads=8, num_local_experts=128, num_experts_per_tok=2,
            moe_layer_frequency=1, parallel_attn_mlp_res=True,
        ),
        478_584_608_768,
    ),
    "hpcai-tech/grok-1": (
        shape("grok-1", 6144, 32768, 64, 48, 131072, num_key_value_heads=8, num_experts=8, num_experts_per_tok=2),
        315_684_820_992,
    ),
    "xai-org/grok-2": (GROK_2, 269_515_497_472),
    "Deci/DeciLM-7B": (DECILM, 7_043_551_232),
    "XiaomiMiMo/MiMo-7B-Base": (
        shape("mimo", 4096, 11008, 36, 32, 151680, num_key_value_heads=8, num_nextn_predict_layers=1),
        7_622_619_136,
    ),
    "stepfun-ai/step3": (
        {
            "model_type": "step3_vl", "text_config": STEP_3, "vision_config": {"intermediate_size": 15360},
            "projector_bias": False,
        },
        320_969_912_832,
    ),
    "stepfun-ai/Step-3.5-Flash": (STEP_3_5, 196_956_118_272),
    "stepfun-ai/Step-3.7-Flash": (STEP_3_7, 198_937_133_056),
    "inclusionAI/Ring-mini-linear-2.0": (
        shape(
            "bailing_moe_linear", 2048, 5120, 20, 16, 157184, moe_intermediate_size=512, layer_group_size=5, **LING_2
        ),
        16_423_443_456,
    ),
    "inclusionAI/Ling-2.6-flash": (LING_2_6, 104_186_907_648),
    "tencent/Hy4-preview": (
        shape(
            "hy_v4", 6144, 18432, 78, 64, 120832, q_lora_rank=2048, index_n_heads=32, n_routed_experts=256,
            moe_intermediate_size=2048,
        ),
        769_907_389_085,
    ),
    "inclusionAI/Ling-mini-2.0": (
        shape("bailing_moe", 2048, 5120, 20, 16, 157184, moe_intermediate_size=512, **LING_2),
        16_255_643_392 - 19 * 256,  # without the routers' corrections, which are buffers
    ),
    "inclusionAI/Ling-flash-2.0": (
        shape("bailing_moe_v2", 4096, 9216, 32, 32, 157184, moe_intermediate_size=1024, **LING_2),
        102_889_697_280,
    ),
    "inclusionAI/Ling-lite": (
        shape(
            "bailing_moe", 2048, 5632, 28, 16, 126464, num_key_value_heads=4, num_experts=64, num_shared_experts=2,
            num_experts_per_tok=6, moe_intermediate_size=1408,
        ),
        16_801_974_272,
    ),
    "openbmb/MiniCPM-2B-sft-bf16": (shape("minicpm", 2304, 5760, 40, 36, 122753), 2_724_880_896),
    "openbmb/MiniCPM4-8B": (
        shape("minicpm", 4096, 16384, 32, 32, 73448, num_key_value_heads=2, tie_word_embeddings=False),
        8_185_253_888,
    ),
    "openbmb/MiniCPM-MoE-8x2B": (
        shape("minicpm", 2304, 5760, 40, 36, 122753, num_experts=8, num_experts_per_tok=2),
        13_873_291_776,
    ),
    "internlm/internlm-7b": (shape("internlm", 4096, 11008, 32, 32, 103168), 7_321_948_160),
    "internlm/internlm-20b": (shape("internlm", 5120, 13824, 60, 40, 103168, bias=False), 20_088_714_240),
    "OrionStarAI/Orion-14B-Base": (shape("orion", 5120, 15360, 40, 40, 84608), 14_498_703_360),
    "xverse/XVERSE-MoE-A4.2B": (
        shape("xverse", 2560, 1728, 28, 32, 100534, num_experts=64, num_shared_experts=2, moe_top_k=6),
        25_778_352_640,
    ),
    "BAAI/Aquila2-34B": (shape("aquila", 6144, 24576, 60, 48, 100008, num_key_value_heads=8), 33_693_554_688),
    "microsoft/Phi-3-small-8k-instruct": (
        shape("phi3small", 4096, 0, 32, 32, 100352, ff_intermediate_size=14336),
        7_392_272_384,
    ),
    "THUDM/chatglm3-6b": ({**CHATGLM, "num_layers": 28, "padded_vocab_size": 65024}, 6_243_584_000),
    "THUDM/glm-4-9b-chat": ({**CHATGLM, "num_layers": 40, "padded_vocab_size": 151552}, 9_399_951_360),
    "THUDM/chatglm-6b": (
        {
            "model_type": "chatglm", "hidden_size": 4096, "inner_hidden_size": 16384, "num_layers": 28,
            "num_attention_heads": 32, "vocab_size": 130528,
        },
        6_173_286_400,
    ),
    "apple/OpenELM-270M": (OPENELM, 271_527_168),
    "Tele-AI/TeleChat2-115B": (
        {
            "model_type": "telechat", "hidden_size": 8192, "n_head": 64, "num_key_value_heads": 8, "n_layer": 96,
            "vocab_size": 131072, "ffn_hidden_size": 40960, "tie_word_embeddings": False,
        },
        113_282_916_352,
    ),
    "core42/jais-13b": (
        {
            "model_type": "jais", "n_embd": 5120, "n_layer": 40, "n_head": 40, "n_inner": 13653, "vocab_size": 84992,
            "activation_function": "swiglu", "position_embedding_type": "alibi",
        },
        13_020_811_920,
    ),
    "meituan-longcat/LongCat-Flash-Chat": (LONGCAT, 560_664_958_976),
    "tencent/Tencent-Hunyuan-Large": (
        shape(
            "hunyuan", 6400, 18304, 64, 80, 128512, num_key_value_heads=8, num_experts=16, moe_topk=1,
            num_shared_expert=1, use_mixed_mlp_moe=True, use_cla=True, cla_share_factor=2, use_qk_norm=True,
            tie_word_embeddings=True,
        ),
        388_698_128_640,
    ),
    "microsoft/Phi-4-mini-flash-reasoning": (
        shape("phi4flash", 2560, 10240, 32, 40, 200064, num_key_value_heads=20, sliding_window=512),
        3_852_562_944,
    ),
    "replit/replit-code-v1_5-3b": (
        {
            "model_type": "mpt", "d_model": 3072, "n_heads": 24, "n_layers": 32, "vocab_size": 32768,
            "attn_config": {"attn_type": "grouped_query_attention", "kv_n_heads": 8},
        },
        3_322_088_448,
    ),
}  # fmt: skip
# Parameters that one token multiplies, by model cards: 17B, 115B, 1.4B, 6.1B, 4.2B, 27B on average, 52B.
ACTIVE = {
    "Snowflake/snowflake-arctic-instruct": 17_318_647_808,
    "xai-org/grok-2": 114_896_674_816,
    "inclusionAI/Ling-mini-2.0": 1_432_968_192,
    "inclusionAI/Ling-flash-2.0": 6_152_269_824,
    "xverse/XVERSE-MoE-A4.2B": 4_226_183_680,
    "meituan-longcat/LongCat-Flash-Chat": 27_954_796_544,
    "tencent/Tencent-Hunyuan-Large": 51_318_800_640,
}
# Tokens of one sequence, and the bytes of its cache in bf16
CACHES = {
    "Deci/DeciLM-7B": (8192, 2 * 2 * 8192 * 67 * 128),  # 67 KV heads in 32 layers
    "apple/OpenELM-270M": (2048, 2 * 2 * 2048 * 63 * 64),  # 63 in 16 layers
    "stepfun-ai/step3": (40000, 2 * 2 * 40000 * 61 * 256),  # one KV head
    "stepfun-ai/Step-3.5-Flash": (40000, 2 * 2 * 1024 * (12 * 40000 + 33 * 512)),  # 33 of 45 layers keep 512 tokens
    "meituan-longcat/LongCat-Flash-Chat": (40000, 2 * 40000 * 2 * 28 * 576),  # two latents a layer
    "THUDM/glm-4-9b-chat": (8192, 2 * 2 * 8192 * 40 * 2 * 128),
    "tencent/Tencent-Hunyuan-Large": (8192, 2 * 2 * 8192 * 32 * 8 * 80),  # every other layer
    "microsoft/Phi-4-mini-flash-reasoning": (10000, 2 * 2 * 1280 * (8 * 512 + 10000)),  # 8 windows, one full layer
    "replit/replit-code-v1_5-3b": (4096, 2 * 2 * 4096 * 32 * 8 * 128),
}
MODELS: dict[str, dict[str, Any]] = {
    **{name: {"model_type": name, **facts} for name, (facts, _, _) in UNUSUAL.items()},
    **{name: facts for name, (facts, _) in PUBLISHED.items()},
}


@each("model_type", UNUSUAL)
def test_unusual_sizes_have_the_count_and_the_cache_of_transformers(model_type: str) -> None:
    _, parameters, held = UNUSUAL[model_type]
    model = described(**MODELS[model_type])
    assert model.parameter_count == parameters
    assert model.cached_values(24) + sum(model.state()) == held


@each("model", PUBLISHED)
def test_count_is_the_published_one(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert described(**facts).parameter_count == parameters


@pytest.mark.parametrize("model", ACTIVE)
def test_active_count_is_the_published_one(model: str) -> None:
    assert described(**PUBLISHED[model][0]).active_parameter_count == ACTIVE[model]


@each("model", CACHES)
def test_cache_has_the_size_that_its_layers_keep(model: str) -> None:
    tokens, cache_bytes = CACHES[model]
    assert 2 * described(**PUBLISHED[model][0]).cached_values(tokens) == cache_bytes


@each("model", MODELS)
def test_a_rank_of_two_holds_less_and_works_less(model: str) -> None:
    assert_a_rank_of_two_holds_less_and_works_less(described(**MODELS[model]))


@pytest.mark.parametrize("model", ["stepfun-ai/Step-3.5-Flash", "XiaomiMiMo/MiMo-7B-Base"])
def test_layers_for_multi_token_prediction_are_named_and_not_counted(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert [note.subject for note in described(**facts).apart] == ["num_nextn_predict_layers"]
    assert described(**{**facts, "num_nextn_predict_layers": 0}).parameter_count == parameters


def test_experts_that_do_nothing_store_nothing_and_are_said() -> None:
    model = described(**LONGCAT)
    (note,) = [note for note in model.notes if note.subject == "zero_expert_num"]
    assert "8 work on average" in note.text
    without = described(**{**LONGCAT, "zero_expert_num": 0})
    assert model.parameter_count - without.parameter_count == 28 * 256 * 6144  # their rows of the routers
    assert without.active_parameter_count > model.active_parameter_count


def test_layers_with_experts_are_named_by_a_text_or_by_a_list() -> None:
    listed = described(**{**STEP_3, "moe_layers_enum": list(range(4, 60))})
    assert listed.parameter_count == described(**STEP_3).parameter_count


def test_a_null_number_of_kv_heads_is_one_for_each_query_head() -> None:
    facts = {"model_type": "laguna", **UNUSUAL["laguna"][0], "num_attention_heads_per_layer": None}
    every = described(**{**facts, "num_key_value_heads": 6})
    assert described(**{**facts, "num_key_value_heads": None}).parameter_count == every.parameter_count


def test_an_image_is_a_whole_view_and_windows_over_what_is_larger() -> None:
    images = described(**STEP_3_7).images
    assert images is not None
    assert images.size(728, 728) == (52 * 52, 13 * 13 + 2, 0)
    # 1,092 x 1,000 pixels: two windows of 504 pixels each way, and a mark after the first row
    assert images.size(1092, 1000) == (52 * 52 + 4 * 36 * 36, 13 * 13 + 2 + 4 * (9 * 9 + 2) + 1, 0)


def test_the_text_of_step_3_7_stands_alone_where_no_section_says_otherwise() -> None:
    assert described(**{**STEP_3_5, "model_type": "step3p7"}).parameter_count == 196_956_118_272


@each(
    ("facts", "named"),
    [
        ({**DECILM, "num_key_value_heads_per_layer": [4, 4]}, "num_key_value_heads_per_layer"),
        ({**DECILM, "num_key_value_heads_per_layer": [3] * 32}, "num_key_value_heads"),
        ({**OPENELM, "ffn_multipliers": ["wide"] * 16}, "ffn_multipliers"),
        ({**OPENELM, "ffn_with_glu": False}, "ffn_with_glu"),
        ({**STEP_3, "moe_layers_enum": "four"}, "moe_layers_enum"),
        ({**STEP_3, "num_attention_groups": 2}, "num_attention_groups"),
        ({"model_type": "doge", **small(is_moe=True)}, "is_moe"),
        ({"model_type": "helium", **small(num_key_value_heads=2, head_dim=10)}, "hidden_size"),
        ({"model_type": "afmoe", **small(num_experts=8, moe_intermediate_size=32)}, "num_experts_per_tok"),
        ({"model_type": "kolibri1", **small(num_key_value_heads=2, num_experts=1, **ROUTED)}, "2 experts"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(facts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(named)):
        described(**facts)


def test_grok_2_and_git_share_a_model_type_and_only_one_is_described() -> None:
    with pytest.raises(UnsupportedModelError, match="Grok1ForCausalLM"):
        described(**{**GROK_2, "architectures": ["GitForCausalLM"]})


def test_ling_2_6_is_told_from_3_by_its_class_or_its_key_value_heads() -> None:
    known = described(**LING_2_6)
    assert described(**{**LING_2_6, "architectures": None}).parameter_count == known.parameter_count
    # seven of eight layers keep a state and no tokens
    assert sum(known.state()) == 28 * 32 * 128 * 128
    newer = {"architectures": ["BailingMoeV3ForCausalLM"], "num_kv_heads_for_linear_attn": 0}
    assert described(**{**LING_2_6, **newer}).parameter_count != known.parameter_count


def test_configs_of_zaya_before_transformers_had_it_are_refused() -> None:
    facts = {"model_type": "zaya", **UNUSUAL["zaya"][0], "zaya_mlp_expansion": 16}
    with pytest.raises(ConfigError, match="zaya_mlp_expansion"):
        described(**facts)
