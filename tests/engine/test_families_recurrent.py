"""Families that keep a state: published counts, bytes of state and cache, splits, and the time of their steps."""

import math
import re
from typing import Any

import pytest

from llm_memory_calculator import Step, calculate_memory
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.errors import ConfigError
from llm_memory_calculator.formats.numerics import FORMATS
from llm_memory_calculator.formats.scheme import Formats, WeightScheme
from llm_memory_calculator.models import model_of
from llm_memory_calculator.parallel import Parallelism, problem, tensor_sizes
from llm_memory_calculator.performance.spent import Spent
from llm_memory_calculator.performance.step import Clock, step_time
from llm_memory_calculator.ranks import holdings
from llm_memory_hardware import get_accelerator

from ..rows import each
from .families import described


def mixed(depth: int, attending: tuple[int, ...], attends: str = "full_attention", keeps: str = "mamba") -> list[str]:
    return [attends if index in attending else keeps for index in range(depth)]


MAMBA = {"model_type": "mamba", "vocab_size": 50280}
CODESTRAL = {"model_type": "mamba2", "hidden_size": 4096, "num_hidden_layers": 64, "vocab_size": 32768}
FALCON_MAMBA = {
    "model_type": "falcon_mamba", "hidden_size": 4096, "intermediate_size": 8192, "expand": 16,
    "num_hidden_layers": 64, "vocab_size": 65024, "tie_word_embeddings": False,
}  # fmt: skip
JAMBA = {
    "model_type": "jamba", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "mamba_dt_rank": 256, "vocab_size": 65536,
}  # fmt: skip
ZAMBA2 = {
    "model_type": "zamba2", "hidden_size": 3584, "num_hidden_layers": 81, "n_mamba_heads": 112, "mamba_ngroups": 2,
    "num_attention_heads": 32, "num_mem_blocks": 2, "vocab_size": 32000, "intermediate_size": 14336,
    "layers_block_type": mixed(81, (6, *range(11, 78, 6), 77), "hybrid"),
}  # fmt: skip
NEMOTRON_NANO = {
    "model_type": "nemotron_h", "hidden_size": 4480, "num_attention_heads": 40, "mamba_head_dim": 80,
    "intermediate_size": 15680, "vocab_size": 131072,
    "hybrid_override_pattern": "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-",
}  # fmt: skip
NEMOTRON_SUPER = {
    "model_type": "nemotron_h", "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 2,
    "moe_latent_size": 1024, "moe_intermediate_size": 2688, "moe_shared_expert_intermediate_size": 5376,
    "n_routed_experts": 512, "num_experts_per_tok": 22, "num_nextn_predict_layers": 1, "vocab_size": 131072,
    "hybrid_override_pattern":
        "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME",
}  # fmt: skip
QWEN3_NEXT = {
    "model_type": "qwen3_next", "hidden_size": 2048, "num_hidden_layers": 48, "vocab_size": 151936,
    "intermediate_size": 5120,
}  # fmt: skip
QWEN35_27B = {
    "model_type": "qwen3_5_text", "hidden_size": 5120, "intermediate_size": 17408, "num_hidden_layers": 64,
    "num_attention_heads": 24, "num_key_value_heads": 4, "linear_num_value_heads": 48, "vocab_size": 248320,
    "mtp_num_hidden_layers": 1,
}  # fmt: skip
QWEN35_MOE = {
    "model_type": "qwen3_5_moe_text", "hidden_size": 2048, "num_hidden_layers": 40, "vocab_size": 248320,
    "mlp_only_layers": [],
}  # fmt: skip
MINIMAX = {
    "hidden_size": 6144, "intermediate_size": 9216, "num_hidden_layers": 80, "num_attention_heads": 64,
    "num_key_value_heads": 8, "head_dim": 128, "num_local_experts": 32, "vocab_size": 200064,
}  # fmt: skip
KIMI = {
    "model_type": "kimi_linear", "hidden_size": 2304, "intermediate_size": 9216, "moe_intermediate_size": 1024,
    "num_hidden_layers": 27, "num_attention_heads": 32, "kv_lora_rank": 512, "q_lora_rank": None,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 163840,
    "linear_attn_config": {
        "full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32, "short_conv_kernel_size": 4,
        "kda_layers": [layer for layer in range(1, 28) if layer % 4 and layer != 27],
    },
}  # fmt: skip
GRANITE = {
    "model_type": "granitemoehybrid", "num_hidden_layers": 40, "vocab_size": 100352, "mamba_d_state": 128,
    "tie_word_embeddings": True, "layer_types": mixed(40, (5, 15, 25, 35), "attention"),
}  # fmt: skip
GRANITE_TINY = {
    **GRANITE, "hidden_size": 1536, "intermediate_size": 512, "shared_intermediate_size": 1024,
    "num_local_experts": 64, "num_experts_per_tok": 6, "num_attention_heads": 12, "num_key_value_heads": 4,
    "mamba_n_heads": 48,
}  # fmt: skip
GRANITE_MICRO = {
    **GRANITE, "hidden_size": 2048, "shared_intermediate_size": 8192, "num_local_experts": 0,
    "num_attention_heads": 32, "num_key_value_heads": 8, "mamba_n_heads": 64,
}  # fmt: skip
FALCON_H1 = {
    "model_type": "falcon_h1", "hidden_size": 1024, "num_hidden_layers": 36, "intermediate_size": 2048,
    "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 64, "mamba_d_ssm": 1536, "mamba_n_heads": 24,
    "mamba_d_state": 128, "vocab_size": 32784,
}  # fmt: skip
BAMBA = {
    "model_type": "bamba", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "attn_layer_indices": [9, 18, 27], "mamba_d_state": 128, "vocab_size": 128256,
}  # fmt: skip
LFM2 = {
    "model_type": "lfm2", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
    "block_ff_dim": 12288, "full_attn_idxs": [2, 5, 8, 10, 12, 14], "vocab_size": 65536,
}  # fmt: skip
LFM2_MOE = {
    "model_type": "lfm2_moe", "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32,
    "layer_types": mixed(24, (2, 6, 10, 14, 18, 21), keeps="conv"), "vocab_size": 65536,
}  # fmt: skip
RECURRENT_GEMMA = {
    "model_type": "recurrent_gemma", "hidden_size": 2560, "num_hidden_layers": 26, "num_attention_heads": 10,
    "num_key_value_heads": 1, "intermediate_size": 15360, "vocab_size": 256000,
}  # fmt: skip
RWKV4 = {"model_type": "rwkv", "hidden_size": 768, "num_hidden_layers": 12, "vocab_size": 50277}
EAGLE = {"model_type": "rwkv5", "hidden_size": 4096, "num_hidden_layers": 32, "vocab_size": 65536}
FINCH = {"model_type": "rwkv6", "hidden_size": 2048, "num_hidden_layers": 24, "vocab_size": 65536}
GOOSE = {
    "model_type": "rwkv7", "hidden_size": 2560, "num_hidden_layers": 32, "vocab_size": 65536, "decay_low_rank_dim": 96,
    "gate_low_rank_dim": 320, "a_low_rank_dim": 96, "v_low_rank_dim": 64,
}  # fmt: skip

# The parameters that transformers 5.24 builds from the same config on the meta device, but for RWKV 5 to 7 and
# MiniMax's own format. RWKV-5 and 6: 13 D²L + 14 DL + 4D + 2DV and 13 D²L + 464 DL + 4D + 2DV of arXiv 2404.05892;
# RWKV-7 and MiniMax-Text-01: the counts of their published checkpoints.
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "state-spaces/mamba-130m-hf": ({**MAMBA, "hidden_size": 768, "num_hidden_layers": 24}, 129_135_360),
    "state-spaces/mamba-2.8b-hf": ({**MAMBA, "hidden_size": 2560, "num_hidden_layers": 64}, 2_768_345_600),
    "mistralai/Mamba-Codestral-7B-v0.1": (CODESTRAL, 7_285_403_648),
    "state-spaces/mamba2-2.7b": (
        {"model_type": "mamba2", "d_model": 2560, "n_layer": 64, "vocab_size": 50277, "pad_vocab_size_multiple": 16,
         "ssm_cfg": {"layer": "Mamba2"}, "attn_layer_idx": [], "tie_embeddings": True},
        2_702_599_680,
    ),
    "state-spaces/mamba-1.4b": (
        {"model_type": "mamba", "d_model": 2048, "n_layer": 48, "vocab_size": 50277, "ssm_cfg": {}},
        1_372_178_432,
    ),
    "tiiuae/falcon-mamba-7b": (FALCON_MAMBA, 7_272_665_088),
    "ai21labs/Jamba-v0.1": (JAMBA, 51_570_323_328),
    "Zyphra/Zamba2-7B": (ZAMBA2, 7_356_749_648),
    "Zyphra/Zamba-7B-v1": (
        {"model_type": "zamba", "hidden_size": 3712, "num_hidden_layers": 76, "intermediate_size": 14848,
         "num_attention_heads": 16, "vocab_size": 32000},
        7_232_490_496,
    ),
    "nvidia/NVIDIA-Nemotron-Nano-9B-v2": (NEMOTRON_NANO, 8_888_227_328),
    "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B": (NEMOTRON_SUPER, 120_668_687_360),
    "Qwen/Qwen3-Next-80B-A3B-Instruct": (QWEN3_NEXT, 79_674_391_296),
    "Qwen/Qwen3.5-27B, its text": (QWEN35_27B, 26_895_998_464),
    "Qwen/Qwen3.5-35B-A3B, its text": (QWEN35_MOE, 34_660_610_688),
    "allenai/Olmo-Hybrid-7B": (
        {"model_type": "olmo_hybrid", "hidden_size": 3840, "intermediate_size": 11008, "num_hidden_layers": 32,
         "num_attention_heads": 30, "vocab_size": 100352},
        7_430_870_688,
    ),
    "MiniMaxAI/MiniMax-Text-01": (
        {**MINIMAX, "model_type": "minimax_text_01", "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1] * 10},
        456_089_655_296,
    ),
    "MiniMaxAI/MiniMax-Text-01-hf": (
        {**MINIMAX, "model_type": "minimax",
         "layer_types": mixed(80, tuple(range(7, 80, 8)), keeps="linear_attention")},
        456_089_655_296,
    ),
    "moonshotai/Kimi-Linear-48B-A3B-Instruct": (KIMI, 49_122_675_072),
    "ibm-granite/granite-4.0-h-tiny": (GRANITE_TINY, 6_939_037_248),
    "ibm-granite/granite-4.0-h-micro": (GRANITE_MICRO, 3_191_396_096),
    "tiiuae/Falcon-H1-0.5B-Base": (FALCON_H1, 521_411_104),
    "ibm-ai-platform/Bamba-9B-v1": (BAMBA, 9_780_235_392),
    "LiquidAI/LFM2-1.2B": (LFM2, 1_170_340_608),
    "LiquidAI/LFM2-350M": (
        {**LFM2, "hidden_size": 1024, "num_attention_heads": 16, "block_ff_dim": 6656},
        354_483_968,
    ),
    "LiquidAI/LFM2-8B-A1B": (LFM2_MOE, 8_339_929_856),
    "google/recurrentgemma-2b": (RECURRENT_GEMMA, 2_682_862_080),
    "RWKV/rwkv-4-169m-pile": (RWKV4, 169_342_464),
    "RWKV/v5-Eagle-7B-HF": (EAGLE, 7_518_044_160),
    "RWKV/rwkv-6-world-1b6": (FINCH, 1_599_873_024),
    "fla-hub/rwkv7-2.9B-world": (GOOSE, 2_947_735_040),
}  # fmt: skip

ACTIVE = {
    "ai21labs/Jamba-v0.1": 12_110_311_296,
    "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B": 12_770_216_960,
    "Qwen/Qwen3-Next-80B-A3B-Instruct": 3_874_929_408,
    "LiquidAI/LFM2-8B-A1B": 1_557_740_288,
}

# Of one sequence of 1,024 tokens: KV cache, windows of convolutions and shifts, both in 16 bits, and states in float32,
# in bytes, as the cache of transformers 5.24 has them (RWKV 5 to 7: heads x 64 x 64 values). MiniMax's heads x 128 x
# 128 in bf16, as vLLM keeps them.
KEPT = {
    "state-spaces/mamba-2.8b-hf": (0, 2_621_440, 20_971_520),
    "mistralai/Mamba-Codestral-7B-v0.1": (0, 5_242_880, 268_435_456),
    "tiiuae/falcon-mamba-7b": (0, 4_194_304, 33_554_432),
    "ai21labs/Jamba-v0.1": (16_777_216, 1_835_008, 14_680_064),
    "Zyphra/Zamba2-7B": (381_681_664, 4_810_752, 148_635_648),
    "Qwen/Qwen3-Next-80B-A3B-Instruct": (25_165_824, 2_359_296, 75_497_472),
    "Qwen/Qwen3.5-27B, its text": (67_108_864, 3_932_160, 150_994_944),
    "Qwen/Qwen3.5-35B-A3B, its text": (20_971_520, 1_966_080, 62_914_560),
    "MiniMaxAI/MiniMax-Text-01": (10 * 1024 * 4096, 0, 70 * 64 * 128 * 128 * 2),
    "moonshotai/Kimi-Linear-48B-A3B-Instruct": (7 * 1024 * 1152, 20 * 4 * 12288 * 2, 20 * 32 * 128 * 128 * 4),
    "tiiuae/Falcon-H1-0.5B-Base": (36 * 1024 * 512, 36 * 1792 * 4 * 2, 36 * 24 * 64 * 128 * 4),
    "LiquidAI/LFM2-1.2B": (6 * 1024 * 2048, 10 * 3 * 2048 * 2, 0),
    "google/recurrentgemma-2b": (8 * 1024 * 1024, 18 * 4 * 2560 * 2, 18 * 2560 * 4),
    "RWKV/rwkv-4-169m-pile": (0, 12 * 2 * 768 * 2, 12 * 3 * 768 * 4),
    "RWKV/v5-Eagle-7B-HF": (0, 32 * 2 * 4096 * 2, 32 * 64 * 64 * 64 * 4),
    "fla-hub/rwkv7-2.9B-world": (0, 32 * 2 * 2560 * 2, 32 * 40 * 64 * 64 * 4),
}


@each("model", PUBLISHED)
def test_count_is_the_published_one(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert described(**facts).parameter_count == parameters


@pytest.mark.parametrize("model", ACTIVE)
def test_active_count_leaves_out_the_experts_that_a_token_does_not_pick(model: str) -> None:
    assert described(**PUBLISHED[model][0]).active_parameter_count == ACTIVE[model]


@each("model", KEPT)
def test_cache_and_state_have_the_bytes_that_are_kept(model: str) -> None:
    cache, window, recurrent = KEPT[model]
    report = calculate_memory(PUBLISHED[model][0], batch_size=1, seq_length=1024, precision="bf16")
    assert report.kv_cache_bytes == cache
    assert report.state_memory_bytes == window + recurrent
    state = described(**PUBLISHED[model][0]).state()
    assert (2 * state.window, 4 * state.recurrent + 2 * state.lean) == (window, recurrent)


def test_a_state_does_not_grow_with_the_length_and_does_with_the_batch() -> None:
    facts = PUBLISHED["state-spaces/mamba-2.8b-hf"][0]
    short, long = (calculate_memory(facts, batch_size=4, seq_length=length) for length in (1, 100_000))
    assert short.state_memory_bytes == long.state_memory_bytes == 4 * 23_592_960
    assert short.kv_cache_bytes == long.kv_cache_bytes == 0


def test_jamba_caches_in_its_four_layers_of_attention_alone() -> None:
    report = calculate_memory(JAMBA, batch_size=1, seq_length=4096)
    assert report.kv_cache_bytes == 4 * 4096 * 2 * 8 * 128 * 2 == 67_108_864


def test_recurrentgemma_caches_no_more_than_its_window() -> None:
    within, beyond = (described(**RECURRENT_GEMMA).cached_values(tokens) for tokens in (2048, 200_000))
    assert within == beyond == 8 * 2048 * 2 * 256


def test_a_shared_block_is_stored_once_cached_at_each_use_and_read_at_each_use() -> None:
    model = described(**ZAMBA2)
    attending = [layer for layer in model.stack if layer.owner is not None or len(layer.indices or ()) == 1]
    assert sum(layer.repeat for layer in attending) == 13
    stored = [sum(weight.size for op in layer.operators for weight in op.weights()) for layer in attending]
    assert max(stored) > 4 * min(stored)
    contained = model.stack[-1].self_contained()
    # what a step reads: all but the block's two norms
    read = sum(weight.size for op in contained.operators for weight in op.weights())
    assert max(stored) - read == 7168 + 3584


PLAIN = WeightScheme(plain=FORMATS["bf16"], label="bf16")


def test_a_pipeline_stage_copies_a_shared_block_that_another_stage_owns() -> None:
    architecture = described(**ZAMBA2)
    stages = holdings(architecture, PLAIN, Parallelism(pipeline=3), engine_for())
    assert sum(stage.alike * stage.depth for stage in stages) == 81
    copied = sum(stage.alike * stage.parameters for stage in stages) - architecture.parameter_count
    block = 2 * 7168 * 7168 + 7168 * 7168 + 7168 * 3584 + 3 * 3584 * 14336
    # both blocks on the two stages that do not own them, and the table for the tied head
    assert copied == 4 * block + 32000 * 3584


@pytest.mark.parametrize("model", PUBLISHED)
@pytest.mark.parametrize("tensor", [2, 4, 8])
def test_shards_sum_to_the_whole_plus_what_is_replicated(model: str, tensor: int) -> None:
    whole = described(**PUBLISHED[model][0])
    if problem(whole, Parallelism(tensor=tensor)):
        pytest.skip("not divisible")
    rank = whole.shard(tensor)
    for layer, part in zip(whole.layers(), rank.layers(), strict=True):
        for before, after in zip(layer.operators, part.operators, strict=True):
            stored, held = (sum(weight.size for weight in one.weights()) for one in (before, after))
            assert stored / tensor <= held <= stored
    assert whole.state().recurrent == tensor * rank.state().recurrent
    assert whole.state().window / tensor <= rank.state().window <= whole.state().window


def test_ranks_of_a_mamba_replicate_its_norms_alone() -> None:
    whole = described(**PUBLISHED["state-spaces/mamba-2.8b-hf"][0])
    assert 4 * whole.shard(4).parameter_count == whole.parameter_count + 3 * 65 * 2560


def test_groups_of_a_state_space_are_shared_or_replicated() -> None:
    # eight groups are shared by eight ranks; one is on each of them
    eight, one = described(**CODESTRAL), described(**{**CODESTRAL, "n_groups": 1})
    assert eight.shard(8).state().window * 8 == eight.state().window
    assert one.shard(8).state().window == 64 * 4 * (8192 // 8 + 2 * 128)
    assert problem(described(**{**CODESTRAL, "n_groups": 4}), Parallelism(tensor=8)) is None
    assert "the groups of the state space" in str(
        problem(described(**{**CODESTRAL, "num_heads": 192, "hidden_size": 6144, "n_groups": 4}), Parallelism(tensor=3))
    )


def test_heads_of_a_recurrence_bound_the_ranks() -> None:
    assert tensor_sizes(described(**RWKV4), 8) == (1, 2, 3, 4, 6, 8)
    assert "the key heads of the delta rule" in str(problem(described(**QWEN3_NEXT), Parallelism(tensor=32)))


def on_h100(facts: dict[str, Any], step: Step) -> Spent:
    deployment = Deployment(
        model=model_of(described(**facts)),
        formats=Formats(scheme=PLAIN, kv_cache=FORMATS["bf16"]),
        engine=engine_for(),
        layout=Parallelism(),
        accelerator=get_accelerator("H100_SXM"),
    )
    return step_time(deployment, step, Clock()).spent


@pytest.mark.parametrize("model", ["state-spaces/mamba-2.8b-hf", "mistralai/Mamba-Codestral-7B-v0.1"])
def test_decode_reads_weights_and_state_and_takes_as_long_after_any_context(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    near, far = (on_h100(facts, Step(batch=1, query=1, context=context)) for context in (1, 1_000_000))
    assert near.total == far.total
    model_described = described(**facts)
    looked_up = 0 if model_described.has_tied_head else model_described.embedding_parameter_count
    least = 2 * (parameters - looked_up) + 2 * 4 * model_described.state().recurrent
    assert least < near.bytes < 1.05 * least
    assert near.total > least / 3.35e12


def test_a_prompt_takes_time_in_proportion_to_its_length() -> None:
    facts = PUBLISHED["state-spaces/mamba-2.8b-hf"][0]
    once, twice, again = (on_h100(facts, Step(batch=1, query=query)).total for query in (16_384, 32_768, 49_152))
    assert again - twice == pytest.approx(twice - once, rel=1e-3)


@each("model", PUBLISHED)
def test_work_of_chunks_is_that_of_the_whole_prompt(model: str) -> None:
    facts = PUBLISHED[model][0]
    stateful = [op for layer in described(**facts).stack for op in layer.operators if sum(op.state())]
    assert stateful
    for operator in stateful:
        whole = operator.work(Step(batch=2, query=900)).flops
        parts = [
            operator.work(Step(batch=2, query=query, context=before)).flops
            for before, query in ((0, 1), (1, 400), (401, 499))
        ]
        assert math.isclose(sum(parts), whole)


def test_layers_for_multi_token_prediction_are_said_to_be_apart() -> None:
    for facts in (NEMOTRON_SUPER, QWEN35_27B, QWEN3_NEXT):
        assert "1 layer(s) for multi-token prediction" in described(**facts).apart[0].text
    assert described(**NEMOTRON_NANO).apart == ()


def test_a_layer_goes_by_either_of_its_two_names() -> None:
    new = {"mamba": "linear_attention", "attention": "full_attention"}
    renamed = {**GRANITE_TINY, "layer_types": [new[kind] for kind in GRANITE["layer_types"]]}
    assert described(**renamed).parameter_count == described(**GRANITE_TINY).parameter_count
    words = {"M": "mamba", "-": "mlp", "*": "attention"}
    pattern = NEMOTRON_NANO["hybrid_override_pattern"]
    spelled = {**NEMOTRON_NANO, "hybrid_override_pattern": None, "layers_block_type": [words[one] for one in pattern]}
    assert described(**spelled).parameter_count == described(**NEMOTRON_NANO).parameter_count


def test_s4_is_described_and_says_that_no_config_of_it_is_published() -> None:
    s4 = described(model_type="s4", d_model=512, n_layers=8, d_state=64, vocab_size=1000)
    # a norm, the kernel (log dt, 32 complex rates and outputs), the skip, and a gated projection with its bias
    layer = 2 * 512 + 512 * (1 + 2 * 32 + 64 + 1) + 512 * 1024 + 1024
    assert s4.parameter_count == 8 * layer + 1000 * 512 + 2 * 512
    assert s4.state().recurrent == 8 * 512 * 64
    assert any("No config of an S4" in note.text for note in s4.notes)


@each(
    ("facts", "named"),
    [
        ({**CODESTRAL, "head_dim": 60}, "60 values each, and an inner width of 8192"),
        ({**CODESTRAL, "n_groups": 7}, "not a multiple of its 7 groups"),
        ({**JAMBA, "attn_layer_offset": 8}, "attn_layer_offset 8 must be smaller than its attn_layer_period 8"),
        ({**ZAMBA2, "num_hidden_layers": 80}, "layers_block_type has 81 entries"),
        ({**ZAMBA2, "layers_block_type": ["mamba"] * 80 + ["lstm"]}, "layers_block_type must be a list of"),
        ({**NEMOTRON_NANO, "hybrid_override_pattern": "MX"}, "hybrid_override_pattern must be made of the letters"),
        ({**NEMOTRON_NANO, "num_hidden_layers": 50}, "hybrid_override_pattern has 56 entries"),
        ({**QWEN3_NEXT, "linear_num_value_heads": 24}, "linear_num_value_heads 24 is not a multiple"),
        ({**BAMBA, "attn_layer_indices": [32]}, "name a layer beyond its 32"),
        ({**KIMI, "num_hidden_layers": 26}, "must name each of its 26 layers once"),
        ({**MINIMAX, "model_type": "minimax", "shared_intermediate_size": 512}, "shared_intermediate_size asks for"),
        ({**MINIMAX, "model_type": "minimax_text_01", "attn_type_list": [1]}, "attn_type_list has 1 entries"),
        ({**LFM2, "block_ffn_dim_multiplier": "wide"}, "block_ffn_dim_multiplier must be a number"),
        ({**GOOSE, "attn": {"layers": [1]}}, "attn asks for attention layers"),
        ({**GOOSE, "v_low_rank_dim": None}, "has no v_low_rank_dim"),
        ({**FINCH, "expand_k": 0.5}, "fla package"),
        ({**RECURRENT_GEMMA, "block_types": ["lstm"]}, "block_types must be a list of"),
        ({**MAMBA, "d_model": 64, "n_layer": 2, "attn_layer_idx": [1]}, "attn_layer_idx asks for attention"),
        ({"model_type": "mamba", "hidden_size": 64, "vocab_size": 9}, "no num_hidden_layers"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(facts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(named)):
        described(**facts)
