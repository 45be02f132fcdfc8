"""Families by the names that their repositories, tools and older versions give them: counts as published."""

from typing import Any

import pytest

from llm_memory_calculator.errors import ConfigError

from ..rows import each
from .families import assert_a_rank_of_two_holds_less_and_works_less, described

OLD_FALCON = {"alibi": False, "bias": False, "parallel_attn": True, "vocab_size": 65024}
OLD_PHI = {"n_head": 32, "n_inner": None, "n_positions": 2048, "rotary_dim": 32, "vocab_size": 51200}
MINIMAX_M2 = {
    "hidden_size": 3072, "intermediate_size": 1536, "num_hidden_layers": 62, "num_attention_heads": 48,
    "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 200064, "num_local_experts": 256,
    "num_experts_per_tok": 8, "attn_type_list": [1] * 62,
}  # fmt: skip
MINIMAX_M3 = {
    "moe_layer_freq": [0] * 3 + [1] * 57,
    "sparse_attention_config": {"sparse_attention_freq": [0] * 3 + [1] * 57},
}
LONGCAT_LITE = {
    "model_type": "longcat_flash_ngram", "architectures": ["LongcatFlashNgramForCausalLM"], "vocab_size": 131072,
    "hidden_size": 3072, "ffn_hidden_size": 6144, "expert_ffn_hidden_size": 1024, "num_layers": 14,
    "num_attention_heads": 32, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128, "v_head_dim": 128, "n_routed_experts": 256, "moe_topk": 12, "zero_expert_num": 128,
    "ngram_vocab_size_ratio": 78, "emb_neighbor_num": 4, "emb_split_num": 4,
}  # fmt: skip
KIMI_K3_FULL = [*range(4, 94, 4), 93]
KIMI_K3 = {
    "model_type": "kimi_k3",
    "text_config": {
        "model_type": "kimi_linear", "hidden_size": 7168, "intermediate_size": 33792, "num_hidden_layers": 93,
        "num_attention_heads": 96, "num_key_value_heads": 96, "vocab_size": 163840, "num_experts": 896,
        "num_experts_per_token": 16, "num_shared_experts": 2, "moe_intermediate_size": 3072,
        "first_k_dense_replace": 1, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "mla_use_output_gate": True, "attn_res_block_size": 12,
        "routed_expert_hidden_size": 3584, "latent_moe_use_norm": True,
        "linear_attn_config": {
            "full_attn_layers": KIMI_K3_FULL, "kda_layers": [n for n in range(1, 94) if n not in KIMI_K3_FULL],
            "head_dim": 128, "num_heads": 96, "short_conv_kernel_size": 4, "use_full_rank_gate": True,
        },
    },
    "vision_config": {"mm_hidden_size": 1024, "qkv_hidden_size": 1536},
}  # fmt: skip
SMALL_DEEPSEEK = {
    "vocab_size": 129280, "hidden_size": 1280, "intermediate_size": 6848, "moe_intermediate_size": 896,
    "num_hidden_layers": 12, "num_attention_heads": 10, "num_key_value_heads": 10, "n_routed_experts": 64,
    "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1, "use_mla": False,
}  # fmt: skip
DEEPSEEK_16B = {
    "vocab_size": 102400, "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "num_hidden_layers": 27, "num_attention_heads": 16, "n_routed_experts": 64, "num_experts_per_tok": 6,
    "n_shared_experts": 2, "first_k_dense_replace": 1, "kv_lora_rank": 512, "q_lora_rank": None,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
}  # fmt: skip
DEEPSEEK_27B = DEEPSEEK_16B | {
    "vocab_size": 129280, "hidden_size": 2560, "intermediate_size": 12288, "moe_intermediate_size": 1536,
    "num_hidden_layers": 30, "num_attention_heads": 32, "n_routed_experts": 72, "topk_method": "noaux_tc",
}  # fmt: skip
SAM = {"global_attn_indexes": [2, 5, 8, 11], "heads": 12, "layers": 12, "width": 768}


def deepseek_ocr(widths: dict[str, Any], inputs: int, name: str) -> dict[str, Any]:
    return {
        "model_type": "deepseek_vl_v2",
        "architectures": [name],
        "language_config": SMALL_DEEPSEEK,
        "projector_config": {"projector_type": "linear", "input_dim": inputs, "n_embed": 1280},
        "vision_config": {"image_size": 1024, "mlp_ratio": 3.7362, "width": widths},
    }


DEEPSEEK_OCR = deepseek_ocr(
    {
        "clip-l-14-224": {"heads": 16, "image_size": 224, "layers": 24, "patch_size": 14, "width": 1024},
        "sam_vit_b": {**SAM, "downsample_channels": [512, 1024]},
    },
    2048,
    "DeepseekOCRForCausalLM",
)
DEEPSEEK_OCR_2 = deepseek_ocr(
    {"qwen2-0-5b": {"dim": 896}, "sam_vit_b": {**SAM, "downsample_channels": [512, 896]}},
    896,
    "DeepseekOCR2ForCausalLM",
)
DEEPSEEK_VL2_TINY = {
    "model_type": "deepseek_vl_v2", "candidate_resolutions": [[384, 384], [384, 768], [768, 384], [768, 768]],
    "language_config": SMALL_DEEPSEEK, "projector_config": {"n_embed": 1280},
    "vision_config": {
        "layers": 27, "mlp_ratio": 3.7362, "model_name": "siglip_so400m_patch14_384", "patch_size": 14, "width": 1152,
    },
}  # fmt: skip

# Falcon and Phi: as in transformers by their present names. MiniMax-M2, DeepSeek-OCR and OCR-2: the hub's count of the
# safetensors (OCR: an index of 6,672,212,480 bytes; OCR-2: 3,389,119,360). Kimi-K3: the sum over the shapes of its
# headers, A_log by the 96 heads that are loaded of 128 entries. MiniMax-M3's text: what transformers 5.24 builds of the
# whole, less tower, projector and merger.
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "tiiuae/falcon-7b, revision of 2023": (
        {"model_type": "RefinedWebModel", "hidden_size": 4544, "multi_query": True, "n_head": 71, "n_layer": 32}
        | OLD_FALCON,
        6_921_720_704,
    ),
    "tiiuae/falcon-40b, revision of 2023": (
        {"model_type": "RefinedWeb", "hidden_size": 8192, "n_head": 128, "n_head_kv": 8, "n_layer": 60} | OLD_FALCON,
        41_303_293_952,
    ),
    "tiiuae/falcon-rw-1b": (
        {"model_type": "RefinedWebModel", "alibi": True, "bias": True, "hidden_size": 2048, "multi_query": False,
         "n_head": 32, "n_layer": 24, "parallel_attn": False, "vocab_size": 50304},
        1_311_625_216,
    ),
    "microsoft/phi-1_5, revision of 2023": (
        {"model_type": "mixformer-sequential", "n_embd": 2048, "n_layer": 24} | OLD_PHI,
        1_418_270_720,
    ),
    "microsoft/phi-2, revision of 2023": (
        {"model_type": "phi-msft", "n_embd": 2560, "n_head_kv": None, "n_layer": 32} | OLD_PHI,
        2_779_683_840,
    ),
    "MiniMaxAI/MiniMax-M2": (
        {"model_type": "minimax", "architectures": ["MiniMaxM2ForCausalLM"]} | MINIMAX_M2,
        228_689_748_992,
    ),
    "MiniMaxAI/MiniMax-M3, its text": ({"model_type": "minimax_m3"} | MINIMAX_M3, 426_174_565_632),
    "MiniMaxAI/MiniMax-M3": (
        {"model_type": "minimax_m3_vl", "text_config": {"model_type": "minimax_m3"} | MINIMAX_M3, "vision_config": {}},
        427_040_132_864,
    ),
    "moonshotai/Kimi-K3": (KIMI_K3, 2_779_931_752_544),
    "deepseek-ai/DeepSeek-OCR": (DEEPSEEK_OCR, 6_672_212_480 // 2),
    "deepseek-ai/DeepSeek-OCR-2": (DEEPSEEK_OCR_2, 3_389_119_360),
    "Qwen/Qwen-VL": (
        {"model_type": "qwen", "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32,
         "num_attention_heads": 32, "vocab_size": 151936,
         "visual": {"heads": 16, "image_size": 448, "layers": 48, "mlp_ratio": 4.9231, "output_dim": 4096,
                    "patch_size": 14, "width": 1664}},
        9_656_935_168,
    ),
    "deepseek-ai/deepseek-moe-16b-base": (
        {"model_type": "deepseek", "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
         "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16, "vocab_size": 102400,
         "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1},
        16_375_728_128,
    ),
}  # fmt: skip


@each("model", PUBLISHED)
def test_count_is_the_published_one(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert described(**facts).parameter_count == parameters


@each("model", PUBLISHED)
def test_a_rank_of_two_holds_less_and_works_less(model: str) -> None:
    assert_a_rank_of_two_holds_less_and_works_less(described(**PUBLISHED[model][0]))


@pytest.mark.parametrize(
    ("facts", "billions", "active"),
    [
        # "68.5B parameters, of which 2.9 to 4.5B are active", arXiv 2601.21204
        (LONGCAT_LITE, 68.5, 3.6),
        # 6.74 GB in one file of bf16, 16.1B and 27.5B
        (DEEPSEEK_VL2_TINY, 3.37, None),
        (DEEPSEEK_VL2_TINY | {"language_config": DEEPSEEK_16B}, 16.15, None),
        (DEEPSEEK_VL2_TINY | {"language_config": DEEPSEEK_27B}, 27.48, None),
    ],
)
def test_count_is_what_the_makers_round(facts: dict[str, Any], billions: float, active: float | None) -> None:
    found = described(**facts)
    assert found.parameter_count / 1e9 == pytest.approx(billions, rel=2e-3)
    if active is not None:
        assert found.active_parameter_count / 1e9 == pytest.approx(active, rel=0.25)


def test_the_bytes_of_kimi_k3_are_those_of_its_index() -> None:
    """Experts in mxfp4, 32 vectors of each of 69 layers more than are loaded, and float32 where the headers say so."""
    parameters = described(**KIMI_K3).parameter_count
    experts = 92 * 896 * 3 * 3072 * 3584
    in_float32 = 69 * (12288 + 3 * 12288 * 4 + 128)
    others = parameters - experts - in_float32 - 69 * 96
    found = experts * (4 + 8 / 32) // 8 + 4 * (in_float32 + 69 * 128 + 92 * 896) + 2 * others
    assert found == 1_560_860_324_864


@pytest.mark.parametrize("name", ["deepseek_ref", "deepseek_v4"])
def test_deepseek_v4_goes_by_both_of_its_names(name: str) -> None:
    with pytest.raises(ConfigError, match="config has no "):
        described(model_type=name)


@pytest.mark.parametrize(
    ("facts", "size", "positions", "tokens"),
    [
        # by the published preprocessors: 256 tokens for the whole view, 100 or 144 for a tile, marks after rows
        (DEEPSEEK_OCR, (640, 640), 4096, 16 * 17 + 1),
        (DEEPSEEK_OCR, (1280, 1280), 4096 + 4 * 1600, 16 * 17 + 1 + 20 * 21),
        (DEEPSEEK_OCR_2, (768, 768), 4096, 257),
        (DEEPSEEK_OCR_2, (1536, 1536), 4096 + 4 * 2304, 257 + 4 * 144),
        # 27 x 27 patches a tile, two by two (27 padded to 28) one token
        (DEEPSEEK_VL2_TINY, (384, 384), 2 * 729, 14 * 15 + 1 + 14 * 15),
        (DEEPSEEK_VL2_TINY, (768, 384), 3 * 729, 14 * 15 + 1 + 28 * 15),
    ],
)
def test_an_image_has_the_tokens_that_its_processor_gives(
    facts: dict[str, Any], size: tuple[int, int], positions: int, tokens: int
) -> None:
    images = described(**facts).images
    assert images is not None
    assert images.size(*size)[:2] == (positions, tokens)


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        (LONGCAT_LITE | {"emb_split_num": 5}, "not a multiple of its 15 tables"),
        (DEEPSEEK_VL2_TINY | {"candidate_resolutions": [384]}, "candidate_resolutions must be a list of"),
        (KIMI_K3 | {"vision_config": {"qkv_hidden_size": 100}}, "vision_config.qkv_hidden_size 100 is not a multiple"),
        (
            DEEPSEEK_OCR | {"vision_config": {"width": {"sam_vit_b": {"downsample_channels": [512]}}}},
            "vision_config.width.sam_vit_b.downsample_channels must be two numbers",
        ),
        (DEEPSEEK_OCR | {"projector_config": {"projector_type": "mlp"}}, "projector_type linear, or"),
    ],
)
def test_an_error_names_the_field(facts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        described(**facts)
