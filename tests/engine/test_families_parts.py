"""What a matrix is in its layer, said where it is built: the names of GGUF files and the targets of adapters."""

from __future__ import annotations

import pytest

from llm_memory_calculator import load_model
from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.formats.gguf import tensors
from llm_memory_calculator.formats.numerics import FORMATS
from llm_memory_calculator.formats.scheme import WeightScheme, formats_for
from llm_memory_calculator.memory.adapters import LoraConfig, adapter_bytes, adapters_of
from llm_memory_calculator.memory.ledger import place_in
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.sources.catalogue import config_of

from .families import described

# What the matrices of one layer are called in files that llama.cpp's converter makes (its gguf-py/gguf/constants.py
# and tensor_mapping.py), by the model and its own name of the matrix.
IN_FILES = {
    "meta-llama/Meta-Llama-3-8B": {
        "model.layers.0.self_attn.q_proj": "attn_q",
        "model.layers.0.self_attn.o_proj": "attn_output",
        "model.layers.0.mlp.gate_proj": "ffn_gate",
        "model.layers.0.mlp.down_proj": "ffn_down",
    },
    "openai-community/gpt2": {
        "transformer.h.0.attn.c_attn": "attn_qkv",
        "transformer.h.0.attn.c_proj": "attn_output",
        "transformer.h.0.mlp.c_fc": "ffn_up",
        "transformer.h.0.mlp.c_proj": "ffn_down",
    },
    "replit/replit-code-v1_5-3b": {"transformer.blocks.0.attn.Wqkv": "attn_qkv"},
    # a gated attention's gate stands before its output projection
    "arcee-ai/Trinity-Mini": {
        "model.layers.0.self_attn.o_proj": "attn_output",
        "model.layers.0.mlp.down_proj": "ffn_down",
    },
    "microsoft/Phi-3-medium-128k-instruct": {"model.layers.0.mlp.gate_up_proj": "ffn_up"},
    "deepseek-ai/DeepSeek-V2-Lite": {"model.layers.0.self_attn.q_proj": "attn_q"},
}


@pytest.mark.parametrize("model", IN_FILES)
def test_a_matrix_has_the_name_that_files_give_it(model: str) -> None:
    kinds = {tensor.path: tensor.kind for tensor in tensors(load_model(model).architecture)}
    assert {path: kinds[path] for path in IN_FILES[model]} == IN_FILES[model]


def test_an_indexer_before_an_attention_changes_no_name() -> None:
    indexer = {"model_type": "deepseek_v32", "index_topk": 2048, "index_n_heads": 64, "index_head_dim": 128}
    architecture = described(**{**config_of("deepseek-ai/DeepSeek-V3"), **indexer})
    kinds = {tensor.path: tensor.kind for tensor in tensors(architecture)}
    path = "model.layers.0.self_attn"
    assert kinds[f"{path}.q_a_proj"] == "attn_q_a"
    assert kinds[f"{path}.kv_a_proj_with_mqa"] == "attn_kv_a_mqa"
    assert kinds[f"{path}.o_proj"] == "attn_output"


# Matrices of 16 ranks in bf16, by hand: rank x (inputs + outputs) values each.
GROUPS = [
    # 6 layers of attention in the encoder, 6 + 6 across in the decoder, four projections of 512 x 512 each
    ("google-t5/t5-small", "attn", 18 * 4 * 16 * (512 + 512) * 2),
    # 12 feed-forwards of 512 x 2048 and back
    ("google-t5/t5-small", "ffn", 12 * 2 * 16 * (512 + 2048) * 2),
    # 32 heads of 128 values, 8 of them with keys and values
    ("meta-llama/Meta-Llama-3-8B", "attn", 32 * 16 * (2 * (4096 + 4096) + 2 * (4096 + 1024)) * 2),
    ("meta-llama/Meta-Llama-3-8B", "ffn", 32 * 3 * 16 * (4096 + 14336) * 2),
    # one A for q, k and v, which are one matrix
    ("openai-community/gpt2", "attn", 12 * 16 * ((768 + 3 * 768) + (768 + 768)) * 2),
]


@pytest.mark.parametrize(("model", "group", "size"), GROUPS)
def test_adapters_of_a_group_stand_beside_its_matrices_alone(model: str, group: str, size: int) -> None:
    architecture = load_model(model).architecture
    adapters = adapters_of(architecture, LoraConfig(rank=16, target_modules=[group]), FORMATS["bf16"], engine_for())
    engine = engine_for()
    place = place_in(architecture, formats_for(WeightScheme(plain=FORMATS["bf16"]), None), Parallelism(), engine)
    assert adapter_bytes(place, adapters, engine) == size


@pytest.mark.parametrize("model", ["ai21labs/Jamba-v0.1", "nvidia/NVIDIA-Nemotron-Nano-9B-v2", "LiquidAI/LFM2-1.2B"])
def test_what_stands_in_the_place_of_an_attention_is_no_feed_forward(model: str) -> None:
    architecture = load_model(model).architecture
    parts = {
        weight.name: weight.part
        for layer in architecture.stack
        for operator in layer.operators
        for weight in operator.weights()
        if weight.takes_adapter and weight.role == "linear"
    }
    mixers = {name for name, part in parts.items() if part == "mixer"}
    assert {name.rpartition(".")[2] for name in mixers} >= {"in_proj", "out_proj"}
    assert not any(name.endswith(("up_proj", "down_proj")) for name in mixers)
