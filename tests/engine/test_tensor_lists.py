"""Every family by every quantiser: the bytes are those of the tensors that the quantiser's documents list.

What the documents list beside weights, scales, zero points and indices (shapes of packed matrices, scales of inputs,
code tables) is some bytes a matrix, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.architecture import Architecture
from llm_memory_calculator.operators import Weight
from llm_memory_calculator.sources import catalogue_entries

from .families import one_of_each_family

Tensors = dict[str, int]
INDEX = "model.safetensors.index.json"


def groups(values: int, size: int) -> int:
    return -(-values // size)


def gptq(bits: int, group: int) -> Callable[[int, int], Tensors]:
    """qweight, qzeros, scales and g_idx of AutoGPTQ's and GPTQModel's QuantLinear."""

    def layout(rows: int, columns: int) -> Tensors:
        count = rows * groups(columns, group)
        return {"qweight": rows * columns * bits, "qzeros": count * bits, "scales": count * 16, "g_idx": columns * 32}

    return layout


def awq(group: int) -> Callable[[int, int], Tensors]:
    """qweight, qzeros and scales of AutoAWQ's WQLinear_GEMM."""
    return lambda rows, columns: {name: size for name, size in gptq(4, group)(rows, columns).items() if name != "g_idx"}


def packed(rows: int, columns: int) -> Tensors:
    """compressed-tensors, pack-quantized: symmetric, 4 bits, groups of 128."""
    return {"weight_packed": rows * columns * 4, "weight_scale": rows * groups(columns, 128) * 16}


def blocks(rows: int, columns: int) -> Tensors:
    """DeepSeek-V3's fp8: weight and weight_scale_inv."""
    return {"weight": rows * columns * 8, "weight_scale_inv": groups(rows, 128) * groups(columns, 128) * 32}


def channels(rows: int, columns: int) -> Tensors:
    """bitsandbytes' Linear8bitLt: weight and SCB."""
    return {"weight": rows * columns * 8, "SCB": rows * 32}


def nf4(rows: int, columns: int) -> Tensors:
    """bitsandbytes' Linear4bit: weight and absmax."""
    return {"weight": rows * columns * 4, "absmax": rows * groups(columns, 64) * 32}


def nvfp4(rows: int, columns: int) -> Tensors:
    """modelopt: weight, weight_scale (fp8 a block of 16) and weight_scale_2."""
    return {"weight": rows * columns * 4, "weight_scale": rows * groups(columns, 16) * 8, "weight_scale_2": 32}


def mlx(bits: int, group: int) -> Callable[[int, int], Tensors]:
    """weight, scales and biases of MLX's QuantizedLinear, for inputs that are a multiple of the group."""

    def layout(rows: int, columns: int) -> Tensors:
        if columns % group:
            return {"weight": rows * columns * 16}
        count = rows * columns // group
        return {"weight": rows * columns * bits, "scales": count * 16, "biases": count * 16}

    return layout


# mlx-vlm leaves towers in 16 bits, and quantises what projects from them to the text
PROJECTORS = ("projector", "connector", "aligner", "modality_projection", "mlp1", "embed_vision", "embed_audio")
LAYERS = {"linear", "expert"}
ALL_BUT_HEAD = {*LAYERS, "router", "tower"}
GROUPS = {"g": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "group_size": 128, "symmetric": True}}}
QUANTISERS: dict[str, tuple[dict[str, Any], set[str], Callable[[int, int], Tensors]]] = {
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 128}, LAYERS, gptq(4, 128)),
    "gptq 8": ({"quant_method": "gptq", "bits": 8, "group_size": 32}, LAYERS, gptq(8, 32)),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": 64}, LAYERS, awq(64)),
    "auto-round": ({"quant_method": "auto-round", "bits": 4, "group_size": 128}, LAYERS, awq(128)),
    "fp8": ({"quant_method": "fp8", "weight_block_size": [128, 128]}, LAYERS, blocks),
    "int8": ({"quant_method": "bitsandbytes", "load_in_8bit": True}, {*LAYERS, "tower"}, channels),
    "nf4": ({"quant_method": "bitsandbytes", "load_in_4bit": True}, {*LAYERS, "tower"}, nf4),
    "compressed-tensors": (
        {"quant_method": "compressed-tensors", "ignore": ["HEAD"], "config_groups": GROUPS},
        ALL_BUT_HEAD,
        packed,
    ),
    "modelopt": (
        {"quant_method": "modelopt", "quant_algo": "NVFP4", "exclude_modules": ["HEAD"]},
        ALL_BUT_HEAD,
        nvfp4,
    ),
    "mlx": ({"bits": 4, "group_size": 64}, {*LAYERS, "router", "head", "table"}, mlx(4, 64)),
}


def stored(architecture: Architecture) -> Iterator[tuple[str, Weight, bool]]:
    """Every weight that is stored, its path, and whether it is of a tower; the experts of a layer as one."""
    for layer in architecture.layers():
        for path in layer.module_paths():
            for operator in layer.operators:
                for weight in operator.weights():
                    yield f"{path}.{weight.name}", weight, layer in architecture.towers


def listed(architecture: Architecture, quantiser: str) -> Tensors:
    """Bits of each tensor of a checkpoint by its name."""
    _, roles, layout = QUANTISERS[quantiser]
    found: Tensors = {}
    for path, weight, in_tower in stored(architecture):
        plain = {"weight": weight.rows * weight.columns * (32 if weight.role == "buffer" else 16)}
        quantised = weight.role in roles
        if quantiser == "mlx" and in_tower:
            quantised = weight.role == "tower" and any(word in path for word in PROJECTORS)
        for name, bits in (layout(weight.rows, weight.columns) if quantised else plain).items():
            found[f"{path}.{name}"] = found.get(f"{path}.{name}", 0) + weight.copies * bits
    return found


def left_alone(stated: dict[str, Any], heads: list[str]) -> dict[str, Any]:
    """The same with the names of a model's heads where a quantiser names what it leaves alone."""
    return {name: heads if value == ["HEAD"] else value for name, value in stated.items()}


def assert_agrees(config: dict[str, Any], quantiser: str) -> None:
    config = {**config, "torch_dtype": "bfloat16", "dtype": "bfloat16"}
    for field in ("quantization_config", "compression_config"):
        config.pop(field, None)
    model = load_model(config)
    if model.architecture.task == "diffusion":
        return
    heads = [path.lstrip(".") for path, weight, _ in stored(model.architecture) if weight.role == "head"]
    quantised = {**config, "quantization_config": left_alone(QUANTISERS[quantiser][0], heads)}
    tensors = listed(model.architecture, quantiser)
    total = sum(tensors.values()) / 8
    assert calculate_memory(quantised).weight_memory_bytes == pytest.approx(total, rel=1e-9, abs=2)
    index = {"metadata": {"total_size": round(total)}, "weight_map": dict.fromkeys(tensors, "model.safetensors")}
    notes = calculate_memory({"config.json": quantised, INDEX: index}).notes
    (judged,) = (note for note in notes if note.subject == "weights" and "The index" in note.text)
    assert "as the config gives them" in judged.text or abs(round(total) - total) > 0


@pytest.mark.parametrize("quantiser", QUANTISERS)
@given(id=st.sampled_from(one_of_each_family()))
@settings(max_examples=5, deadline=None)
def test_a_family_by_a_quantiser(quantiser: str, id: str) -> None:
    assert_agrees(dict(catalogue_entries()[id]["config"]), quantiser)


SIZES = st.fixed_dictionaries(
    {
        "hidden_size": st.integers(1, 40).map(lambda count: 128 * count),
        "intermediate_size": st.integers(1, 90).map(lambda count: 32 * count),
        "num_hidden_layers": st.integers(1, 40),
        "num_attention_heads": st.sampled_from([4, 8, 16]),
        "num_key_value_heads": st.sampled_from([1, 2, 4]),
        "head_dim": st.sampled_from([64, 80, 128]),
        "vocab_size": st.integers(1, 500).map(lambda count: 64 * count),
        "tie_word_embeddings": st.booleans(),
    }
)
MIXTURES = st.fixed_dictionaries(
    {
        "num_experts": st.integers(2, 40),
        "num_local_experts": st.integers(2, 40),
        "num_experts_per_tok": st.just(2),
        "moe_intermediate_size": st.integers(1, 20).map(lambda count: 64 * count),
    }
)


@pytest.mark.parametrize("quantiser", QUANTISERS)
@given(
    sizes=SIZES,
    mixture=MIXTURES,
    family=st.sampled_from(["llama", "qwen2", "qwen3", "mistral", "gemma2", "olmo2", "qwen3_moe", "mixtral", "cohere"]),
)
@settings(max_examples=8, deadline=None)
def test_random_sizes_by_a_quantiser(
    quantiser: str, sizes: dict[str, Any], mixture: dict[str, Any], family: str
) -> None:
    more = mixture if family in ("qwen3_moe", "mixtral") else {}
    assert_agrees({"model_type": family, **sizes, **more}, quantiser)
