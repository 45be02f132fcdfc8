"""Checkpoints whose modules have formats of their own: bytes by hand from the shapes and the formats' bits."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import ConfigError, calculate_memory, load_model

from ..rows import each

LAYERS, HIDDEN, WIDTH = 2, 256, 512
DENSE: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": WIDTH,
    "vocab_size": 1000,
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": False,
}
ATTENTION, MLP = 4 * HIDDEN**2, 3 * HIDDEN * WIDTH
OUTSIDE = 2 * (2 * 1000 * HIDDEN + (2 * LAYERS + 1) * HIDDEN)
MXFP8, NVFP4 = 8.25, 4.5  # bits a weight: an 8-bit exponent a block of 32; an fp8 scale a block of 16


def size(**quantization: Any) -> int:
    return calculate_memory({**DENSE, "quantization_config": quantization}).weight_memory_bytes


def by_hand(attention_bits: float, mlp_bits: float) -> float:
    return LAYERS * (ATTENTION * attention_bits + MLP * mlp_bits) / 8 + OUTSIDE


def modules(part: str) -> list[str]:
    return [f"model.layers.{layer}.{part}" for layer in range(LAYERS)]


def test_modelopt_s_mixed_precision_names_each_module_s_algorithm() -> None:
    layers = {name: {"quant_algo": "MXFP8"} for name in modules("self_attn")}
    layers |= {name: {"quant_algo": "NVFP4", "group_size": 16} for name in modules("mlp")}
    found = size(quant_method="modelopt", quant_algo="MIXED_PRECISION", quantized_layers=layers)
    # and one float32 scale a tensor of nvfp4: three a layer
    assert found == pytest.approx(by_hand(MXFP8, NVFP4) + LAYERS * 3 * 4, abs=8)


def test_two_groups_of_compressed_tensors_have_their_targets_and_linear_is_the_rest() -> None:
    eight = {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}, "targets": ["re:.*self_attn.*"]}
    four = {"weights": {"num_bits": 4, "type": "int", "group_size": 128, "symmetric": True}, "targets": ["Linear"]}
    found = size(quant_method="compressed-tensors", config_groups={"a": four, "b": eight}, ignore=["lm_head"])
    channels = LAYERS * 4 * HIDDEN * 2  # a 16-bit scale an output channel of the attention's four matrices
    assert found == pytest.approx(by_hand(8, 4 + 16 / 128) + channels, abs=8)


def test_an_fp8_checkpoint_may_have_experts_in_four_bits() -> None:
    # DeepSeek-V4-Flash: 43 layers x 256 experts x 3 x 4,096 x 2,048 at 4.25 bits are most of it
    config = dict(load_model("deepseek-ai/DeepSeek-V4-Flash").config.values)
    report = calculate_memory(config)
    experts = 43 * 256 * 3 * 4_096 * 2_048
    rest = 284_332_230_231 - experts
    assert experts * 4.25 / 8 + rest <= report.weight_memory_bytes <= experts * 4.25 / 8 + 2 * rest
    assert report.precision == "fp8_block+mxfp4"


def test_modelopt_s_own_file_layout_is_read() -> None:
    nested = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}}
    assert size(**nested) == pytest.approx(by_hand(8, 8), abs=100)


@pytest.mark.parametrize(
    ("algorithm", "bits"),
    [("FP8_PB_WO", 8 + 32 / 128**2), ("MXFP8", MXFP8), ("MXFP4", 4.25), ("W4A16_GPTQ", 4 + 20 / 128)],
)
def test_the_bits_of_modelopt_s_algorithms(algorithm: str, bits: float) -> None:
    found = size(quant_method="modelopt", quant_algo=algorithm, exclude_modules=["lm_head"])
    assert found == pytest.approx(by_hand(bits, bits), rel=1e-4)


@pytest.mark.parametrize(
    ("stated", "bits"),
    [
        ({"quant_method": "hqq", "bits": 4, "group_size": 64}, 4.5),
        ({"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 8, "group_size": 128}}}, 8.25),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 32, "data_type": "mx_fp"}, 4.25),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 16, "data_type": "nv_fp4_with_static_gs"}, NVFP4),
        ({"quant_method": "awq_marlin", "bits": 4, "group_size": 128}, 4 + 20 / 128),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4"}}, "exclude": ["lm_head"]}, 4.25),
    ],
)
def test_the_bits_of_other_quantisers(stated: dict[str, Any], bits: float) -> None:
    assert size(**stated) == pytest.approx(by_hand(bits, bits), rel=5e-3)


def test_hqq_s_parameters_by_the_names_that_layers_share() -> None:
    four = {"nbits": 4, "group_size": 64}
    found = size(quant_method="hqq", quant_config={"self_attn.q_proj": four, "self_attn.k_proj": {**four, "nbits": 8}})
    assert found == by_hand(16, 16) - LAYERS * HIDDEN**2 * (11.5 + 7.5) / 8


def test_the_decoder_s_own_quantization_config_is_read() -> None:
    gemma = dict(load_model("google/gemma-3-4b-it").config.values)
    text = {**gemma["text_config"], "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
    assert calculate_memory({**gemma, "text_config": text}).precision == "fp8_block"


def test_auto_round_s_layers_of_other_bits() -> None:
    plain = {"quant_method": "auto-round", "bits": 4, "group_size": 128}
    extra = {name: {"bits": 16} for name in modules("self_attn.q_proj")}
    more = LAYERS * HIDDEN**2 * (16 - 4 - 20 / 128) / 8
    # its own files have no group index of each input, as GPTQ's have
    assert size(**plain) == pytest.approx(by_hand(4 + 20 / 128, 4 + 20 / 128), abs=8)
    assert size(**plain, extra_config=extra) == pytest.approx(size(**plain) + more, abs=8)


def test_mlx_s_modules_with_bits_of_their_own_or_left_alone() -> None:
    # 16-bit scale and bias a group of 64: half a bit; tables and head too
    plain = {"bits": 4, "group_size": 64}
    matrices = LAYERS * (ATTENTION + MLP) + 2 * 1000 * HIDDEN
    norms = (2 * LAYERS + 1) * HIDDEN * 2
    assert size(**plain) == pytest.approx(matrices * 4.5 / 8 + norms, abs=8)
    wider = {name: {"bits": 8, "group_size": 64} for name in modules("mlp.down_proj")}
    assert size(**plain, **wider) == size(**plain) + LAYERS * HIDDEN * WIDTH * 4 / 8
    alone: dict[str, Any] = dict.fromkeys(modules("mlp.down_proj"), False)
    assert size(**plain, **alone) == size(**plain) + LAYERS * HIDDEN * WIDTH * 11.5 / 8
    assert size(bits=4, group_size=32, mode="mxfp4") == pytest.approx(matrices * 4.25 / 8 + norms, abs=8)
    older = calculate_memory({**DENSE, "quantization": plain}).weight_memory_bytes
    assert older == size(**plain)


@each(
    ("stated", "message"),
    [
        ({"quant_method": "modelopt", "quant_algo": "NVFP5"}, "quant_algo"),
        (
            {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": ["mlp"]},
            "quantized_layers",
        ),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": 3}}, "config_groups"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp5"}}}, "fp5"),
        ({"quant_method": "quanto", "weights": "int3"}, "int3"),
        ({"bits": 4, "group_size": 64, "mode": "ternary"}, "ternary"),
        (
            {
                "quant_method": "compressed-tensors",
                "format": "marlin-24",
                "config_groups": {"a": {"weights": {"num_bits": 4}, "targets": ["Linear"]}},
            },
            "sparse weights",
        ),
        ({"quant_method": "auto-round", "bits": 4, "extra_config": {"x": 1}}, "extra_config"),
    ],
)
def test_what_is_not_known_is_refused_and_named(stated: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        size(**stated)
