"""The params.json of Mistral and Meta: counts as published, and what they do not say."""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import inspect_model
from llm_memory_calculator.errors import ConfigError

from ..rows import each

MISTRAL = {
    "dim": 4096, "n_layers": 32, "head_dim": 128, "hidden_dim": 14336, "n_heads": 32, "n_kv_heads": 8,
    "norm_eps": 1e-05, "vocab_size": 32000,
}  # fmt: skip
NEMO = MISTRAL | {"dim": 5120, "n_layers": 40, "vocab_size": 131072}
PIXTRAL = {
    "hidden_size": 1024, "num_channels": 3, "image_size": 1024, "patch_size": 16, "rope_theta": 10000.0,
    "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "adapter_bias": True,
}  # fmt: skip
MERGED = PIXTRAL | {
    "image_size": 1540, "patch_size": 14, "adapter_bias": False, "mm_projector_id": "patch_merge",
    "spatial_merge_size": 2, "add_pre_mm_projector_layer_norm": True,
}  # fmt: skip
WHISPER = {
    "encoder_args": {
        "audio_encoding_args": {"num_mel_bins": 128}, "dim": 1280, "n_layers": 32, "head_dim": 64, "hidden_dim": 5120,
        "n_heads": 20, "max_source_positions": 1500,
    },
    "downsample_args": {"downsample_factor": 4},
}  # fmt: skip
LARGE_3 = {
    "dim": 7168, "n_layers": 61, "head_dim": 192, "hidden_dim": 16384, "n_heads": 128, "n_kv_heads": 128,
    "vocab_size": 131072, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "v_head_dim": 128, "yarn": {"factor": 36}, "llama_4_scaling": {"beta": 0.1},
    "moe": {
        "num_experts": 128, "num_experts_per_tok": 4, "num_shared_experts": 1, "expert_hidden_dim": 4096,
        "first_k_dense_replace": 3, "route_every_n": 1, "routed_scale": 1.0,
    },
}  # fmt: skip


def meta(dim: int, layers: int, heads: int, vocabulary: int, multiple: int, **more: Any) -> dict[str, Any]:
    return {
        "dim": dim, "n_layers": layers, "n_heads": heads, "vocab_size": vocabulary, "multiple_of": multiple,
        "norm_eps": 1e-05, **more,
    }  # fmt: skip


LLAMA_3 = {"n_kv_heads": 8, "rope_theta": 500000.0, "use_scaled_rope": True}
LLAMA_2_7B = meta(4096, 32, 32, 32000, 256)
LLAMA_32_1B = meta(2048, 16, 32, 128256, 256, ffn_dim_multiplier=1.5, **LLAMA_3)

# The fields of the published params.json, and the count of the same model's safetensors
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "Mistral-7B-v0.1": (MISTRAL | {"sliding_window": 4096}, 7_241_732_096),
    "Mixtral-8x7B-v0.1": (MISTRAL | {"moe": {"num_experts": 8, "num_experts_per_tok": 2}}, 46_702_792_704),
    "Mistral-Nemo-Base-2407": (NEMO, 12_247_782_400),
    "Ministral-8B-Instruct-2410": (
        MISTRAL | {"n_layers": 36, "hidden_dim": 12288, "vocab_size": 131072, "max_seq_len": 131072,
                   "sliding_window": [None, 32768, 32768, 32768]},
        8_019_808_256,
    ),
    "Pixtral-12B-2409": (NEMO | {"vision_encoder": PIXTRAL}, 12_682_739_712),
    "Mistral-Small-3.1-24B": (NEMO | {"hidden_dim": 32768, "vision_encoder": MERGED}, 24_011_361_280),
    "Voxtral-Mini-3B-2507": (
        MISTRAL | {"dim": 3072, "n_layers": 30, "hidden_dim": 8192, "vocab_size": 131072,
                   "multimodal": {"whisper_model_args": WHISPER}},
        4_676_271_104,
    ),
    "Mamba-Codestral-7B-v0.1": (
        {"model_type": "mamba", "dim": 4096, "n_layers": 64, "vocab_size": 32768, "n_groups": 8,
         "tie_embeddings": False, "pad_vocab_size_multiple": 1},
        7_285_403_648,
    ),
    "Llama-2-7b": (LLAMA_2_7B, 6_738_415_616),
    "Llama-2-70b": (meta(8192, 80, 64, 32000, 4096, ffn_dim_multiplier=1.3, n_kv_heads=8), 68_976_648_192),
    "Llama-3.1-8B": (meta(4096, 32, 32, 128256, 1024, ffn_dim_multiplier=1.3, **LLAMA_3), 8_030_261_248),
    "Llama-3.1-405B": (meta(16384, 126, 128, 128256, 4096, ffn_dim_multiplier=1.2, **LLAMA_3), 405_853_388_800),
    "Llama-3.2-1B": (LLAMA_32_1B, 1_235_814_400),
    "Llama-3.2-3B": (meta(3072, 28, 24, 128256, 256, ffn_dim_multiplier=1.0, **LLAMA_3), 3_212_749_824),
}  # fmt: skip


@each("model", PUBLISHED)
def test_count_is_the_published_one(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    found = inspect_model(facts)
    assert found.parameter_count == parameters
    assert any("Read as a params.json" in note.text for note in found.notes)


def test_mistral_large_3_is_673_billion_with_39_active() -> None:
    found = inspect_model(LARGE_3)
    assert found.parameter_count / 1e9 == pytest.approx(673, abs=0.5)
    # the makers leave out the table of the input
    assert (found.active_parameter_count - found.embedding_parameter_count) / 1e9 == pytest.approx(39, abs=0.05)
    assert found.attention_type == "MLA"


def test_fp8_is_that_of_the_matrices_but_head_and_tower() -> None:
    stated = {"qformat_weight": "fp8_e4m3", "qscheme_act": "TENSOR"}
    found = inspect_model(NEMO | {"vision_encoder": MERGED, "quantization": stated})
    tower = found.parameter_count - 12_247_782_400
    in_16_bits = 2 * 131072 * 5120 + tower + 81 * 5120
    matrices = found.parameter_count - in_16_bits
    # and a 32-bit scale for each of seven matrices of 40 layers
    assert found.weight_memory_bytes == matrices + 2 * in_16_bits + 4 * 7 * 40


@pytest.mark.parametrize("place", ["params.json", "."])
def test_a_file_and_a_folder_are_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "params.json").write_text(json.dumps(LLAMA_2_7B), encoding="utf-8")
    assert inspect_model(tmp_path / place).parameter_count == 6_738_415_616


@each(
    ("facts", "said"),
    [
        (LLAMA_2_7B | {"vocab_size": -1}, "add it: 32000 for Llama 1, Llama 2"),
        ({name: LLAMA_2_7B[name] for name in LLAMA_2_7B if name != "vocab_size"}, "has no vocab_size"),
        ({name: LLAMA_2_7B[name] for name in LLAMA_2_7B if name != "multiple_of"}, "neither hidden_dim"),
        (LLAMA_2_7B | {"vision_chunk_size": 560}, "vision_chunk_size.*give the config.json"),
        (LLAMA_2_7B | {"moe_args": {"num_experts": 16}}, "moe_args.*give the config.json"),
        (LLAMA_32_1B | {"quantization_args": {"scheme": "8da4w", "group_size": 32}}, "8da4w.*Give precision"),
        (MISTRAL | {"quantization": {"qformat_weight": "int3"}}, "int3.*Give precision"),
        (MISTRAL | {"moe": {"num_experts": 8, "num_experts_per_tok": 2, "num_shared_experts": 1}}, "moe.num_shared"),
        (MISTRAL | {"sliding_window": [None, 1, 2, 3]}, "sliding_window must be one window and nulls"),
        (MISTRAL | {"multimodal": {"whisper_model_args": {"encoder_args": {"causal": True}}}}, "causal encoder"),
        (MISTRAL | {"dim": "4096"}, "dim must be a whole number"),
        (MISTRAL | {"moe": 8}, "moe must be an object"),
    ],
)
def test_what_a_file_does_not_say_is_a_sentence(facts: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        inspect_model(facts)
