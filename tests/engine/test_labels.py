"""What precision takes: labels that reports print, and libraries' own words; bytes by hand from Llama-3.1-8B."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.errors import UnknownFormatError
from llm_memory_calculator.sources import catalogue_entries

from ..rows import each
from .test_module_names import HEAD, LINEAR, NORMS, B
from .test_tensor_lists import QUANTISERS, left_alone

ROWS = 32 * (2 * 4096 + 2 * 1024 + 2 * 14336 + 4096)  # outputs of all matrices of the layers
INPUTS = 32 * (6 * 4096 + 14336)
PLAIN = 2 * (2 * HEAD + NORMS)


@each(
    ("label", "bits"),
    [
        # MLX: a 16-bit scale and bias a group of 64, table and head too
        ("mlx_4bit", 4.5 * (LINEAR + 2 * HEAD) + 16 * NORMS),
        ("MLX-8bit", 8.5 * (LINEAR + 2 * HEAD) + 16 * NORMS),
        # ExLlamaV2: an average with its scales, a head of 6 bits
        ("4.0bpw", 4 * LINEAR + 6 * HEAD + 16 * (HEAD + NORMS)),
        ("exl2_5.5bpw_h8", 5.5 * LINEAR + 8 * HEAD + 16 * (HEAD + NORMS)),
        # ExLlamaV3: and a 16-bit vector of the inputs and of the outputs of each matrix
        ("exl3 3.0bpw", 3 * LINEAR + 6 * HEAD + 16 * (HEAD + NORMS + ROWS + INPUTS + 128256 + 4096)),
        # torchao: a 16-bit scale and zero point a group of 128; a 16-bit scale a row
        ("torchao_int4", (4 + 32 / 128) * LINEAR + 8 * PLAIN),
        ("int8_weight_only", 8 * LINEAR + 16 * ROWS + 8 * PLAIN),
        # HQQ: a 16-bit scale and zero point a group of 64
        ("hqq_4bit", 4.5 * LINEAR + 8 * PLAIN),
        # BitNet: four weights in a byte, a scale a matrix
        ("bitnet", 2 * LINEAR + 16 * 32 * 7 + 8 * PLAIN),
        # AQLM 1x16: 16 bits for eight weights, a codebook of 65,536 x 8 values a matrix, a scale a row
        ("aqlm_1x16", 2 * LINEAR + 16 * (32 * 7 * 65536 * 8 + ROWS) + 8 * PLAIN),
        ("higgs_4bit", (4 + 16 / 256) * LINEAR + 8 * PLAIN),
        # AutoRound: a 16-bit scale and a 4-bit zero point a group of 128
        ("auto-round", (4 + 20 / 128) * LINEAR + 8 * PLAIN),
        # modelopt: a 16-bit scale a group of 128 and a 16-bit factor for each input
        ("W4A8_AWQ", (4 + 16 / 128) * LINEAR + 16 * INPUTS + 8 * PLAIN),
        ("FP8_PB_WO", (8 + 32 / 128**2) * LINEAR + 8 * PLAIN),
        # llm-compressor
        ("W8A16", 8 * LINEAR + 16 * ROWS + 8 * PLAIN),
        ("W4A16_ASYM", (4 + 20 / 128) * LINEAR + 8 * PLAIN),
        ("FP8_DYNAMIC", 8 * LINEAR + 32 * ROWS + 8 * PLAIN),
        ("NVFP4A16", 4.5 * LINEAR + 32 * 32 * 7 + 8 * PLAIN),
        ("mxfp8", 8.25 * LINEAR + 8 * PLAIN),
    ],
)
def test_a_library_s_own_word_is_counted_by_its_layout(label: str, bits: float) -> None:
    assert calculate_memory(B, precision=label).weight_memory_bytes == pytest.approx(bits / 8, rel=1e-9, abs=1)


# published sizes of files: ISTA-DASLab/Meta-Llama-3-8B-AQLM-2Bit-1x16, VPTQ-community's v8-k65536-256 of Llama-3.1-8B
@pytest.mark.parametrize(
    ("label", "gigabytes", "within"), [("aqlm_1x16", 4.08, 0.01), ("vptq_v8_k65536_256", 4.9, 0.05)]
)
def test_published_sizes(label: str, gigabytes: float, within: float) -> None:
    assert calculate_memory(B, precision=label).weight_memory_gb == pytest.approx(gigabytes, rel=within)


@each("quantiser", QUANTISERS)
def test_every_label_that_a_report_prints_is_taken_back(quantiser: str) -> None:
    config = {**B, "quantization_config": left_alone(QUANTISERS[quantiser][0], ["lm_head"])}
    own = calculate_memory(config)
    assert calculate_memory(config, precision=own.precision).weight_memory_bytes == own.weight_memory_bytes
    assert calculate_memory(B, precision=own.precision).precision == own.precision


def test_every_label_of_the_catalogue_is_taken_back() -> None:
    # a label is made of the type of the values and of what a quantiser says
    stated = {}
    for name, entry in catalogue_entries().items():
        config = entry["config"]
        fields = "torch_dtype", "dtype", "quantization_config", "compression_config", "_class_name"
        stated.setdefault(json.dumps([config.get(field) for field in fields], sort_keys=True), name)
    assert len(stated) > 50
    for name in stated.values():
        model = load_model(name)
        label = model.formats(None, None).scheme.label
        assert model.formats(label, None).scheme.label == label


# GPTQ: a 16-bit scale and a zero point a group, a 32-bit index of the group for each input; AWQ: the same without index
@each(
    ("label", "bits"),
    [
        ("gptq-4bit-64g", (4 + 20 / 64) * LINEAR + 32 * INPUTS),
        ("gptq 4bit 32g", (4 + 20 / 32) * LINEAR + 32 * INPUTS),
        ("gptq-4bit-32g-actorder_True", (4 + 20 / 32) * LINEAR + 32 * INPUTS),
        ("gptq-8bit--1g-actorder_False", 8 * LINEAR + 24 * ROWS + 32 * INPUTS),
        ("GPTQ group size 32", (4 + 20 / 32) * LINEAR + 32 * INPUTS),
        ("autogptq 4bit group_size=64", (4 + 20 / 64) * LINEAR + 32 * INPUTS),
        ("awq g64", (4 + 20 / 64) * LINEAR),
        ("awq-4bit-32g", (4 + 20 / 32) * LINEAR),
        ("w4a16 g64", (4 + 16 / 64) * LINEAR),
        ("w8a16 g32", (8 + 16 / 32) * LINEAR),
        ("auto-round 4bit g32", (4 + 20 / 32) * LINEAR),
        ("hqq 4bit group size 128", (4 + 32 / 128) * LINEAR),
        ("torchao int4wo-64", (4 + 32 / 64) * LINEAR),
    ],
)
def test_the_group_that_a_label_names_is_the_one_that_is_counted(label: str, bits: float) -> None:
    report = calculate_memory(B, precision=label)
    assert report.weight_memory_bytes == pytest.approx(bits / 8 + PLAIN, rel=1e-9, abs=1)


@each(
    ("label", "says"),
    [
        ("fp8 g32", "Accepted"),
        ("nf4 g32", "Accepted"),
        ("int4 group size 32", "Accepted"),
        ("gptq-4bit-32", "Accepted"),
        ("torchao int8wo g32", "without groups"),
    ],
)
def test_a_group_that_is_not_counted_is_refused(label: str, says: str) -> None:
    with pytest.raises(UnknownFormatError, match=says):
        calculate_memory(B, precision=label)


@each(
    ("label", "says"),
    [
        ("exl2", "4.0bpw"),
        ("mlx", "how many bits"),
        ("aqlm", "AQLM-2Bit-1x16"),
        ("torchao", "Accepted"),
        ("vptq", "Accepted"),
        ("3bit", "name the quantiser"),
        ("99bpw", "Accepted"),
        ("fp8+mxfp4", "mixes formats by module"),
        ("w1a1", "Accepted"),
    ],
)
def test_a_label_that_says_too_little_is_refused_with_what_it_needs(label: str, says: str) -> None:
    with pytest.raises(UnknownFormatError, match=says):
        calculate_memory(B, precision=label)


@each(
    ("stated", "bits"),
    [
        ({"quant_method": "exl2", "bits": 4.0, "head_bits": 6}, 4 * LINEAR + 6 * HEAD + 16 * (HEAD + NORMS)),
        (
            {
                "quant_method": "torchao",
                "quant_type": {"default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 64}}},
                "modules_to_not_convert": ["model.layers.0"],
            },
            4.5 * LINEAR * 31 / 32 + 16 * LINEAR / 32 + 8 * PLAIN,
        ),
        (
            {"quant_method": "torchao", "quant_type": "int4_weight_only", "quant_type_kwargs": {"group_size": 128}},
            4.25 * LINEAR + 8 * PLAIN,
        ),
        (
            {
                "quant_method": "torchao",
                "quant_type": {
                    "default": {
                        "_type": "FqnToConfig",
                        "_data": {
                            "fqn_to_config": {
                                "_default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 128}},
                                "model.layers.0.mlp.up_proj": {"_type": "Int8WeightOnlyConfig", "_data": {}},
                                "re:model.layers.1.mlp.*": None,
                            }
                        },
                    }
                },
            },
            4.25 * (LINEAR - 4 * 4096 * 14336) + 8 * 4096 * 14336 + 16 * 14336 + 16 * 3 * 4096 * 14336 + 8 * PLAIN,
        ),
        (
            # nothing but what is named
            {
                "quant_method": "torchao",
                "quant_type": {
                    "default": {
                        "_type": "ModuleFqnToConfig",
                        "_data": {
                            "module_fqn_to_config": {
                                "model.layers.0.mlp.down_proj": {"_type": "Int8WeightOnlyConfig", "_data": {}},
                                "_default": None,
                            }
                        },
                    }
                },
            },
            16 * (LINEAR - 4096 * 14336) + 8 * 4096 * 14336 + 16 * 4096 + 8 * PLAIN,
        ),
        ({"quant_method": "bitnet", "quantization_mode": "online"}, 16 * LINEAR + 8 * PLAIN),
        (
            {
                "quant_method": "aqlm",
                "in_group_size": 8,
                "num_codebooks": 2,
                "nbits_per_codebook": 8,
                "linear_weights_not_to_quantize": ["model.layers.0.mlp.up_proj.weight", "lm_head.weight"],
            },
            2 * (LINEAR - 4096 * 14336) + 16 * ((32 * 7 - 1) * 2 * 256 * 8 + ROWS - 14336 + 4096 * 14336) + 8 * PLAIN,
        ),
        ({"quant_method": "fp_quant", "forward_dtype": "mxfp4"}, 4.25 * LINEAR + 8 * PLAIN),
    ],
)
def test_quantisers_of_single_libraries(stated: dict[str, Any], bits: float) -> None:
    found = calculate_memory({**B, "quantization_config": stated}).weight_memory_bytes
    assert found == pytest.approx(bits / 8, rel=1e-9, abs=2)


def test_vptq_names_the_layout_of_each_matrix() -> None:
    layer = {"vector_lens": [-1, 8], "num_centroids": [-1, 65536], "num_res_centroids": [-1, 256], "enable_norm": True}
    stated = {"quant_method": "vptq", "config_for_layers": {f"model.layers.{i}.mlp.up_proj": layer for i in range(32)}}
    each = 3 * 4096 * 14336 + 16 * 8 * (65536 + 256) + 32 * 4096
    found = calculate_memory({**B, "quantization_config": stated}).weight_memory_bytes
    assert found == (32 * each + 16 * (LINEAR - 32 * 4096 * 14336)) // 8 + PLAIN
