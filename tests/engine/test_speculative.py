"""Drafted tokens: what is loaded and kept for them, under each engine that has them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import (
    ArgumentError,
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    estimate_serving,
    load_model,
    max_batch_size,
)
from llm_memory_calculator.arguments import CalculateMemory
from llm_memory_calculator.deployment import Load
from llm_memory_calculator.drafting import predictors_of
from llm_memory_calculator.errors import LayoutError, UnsupportedModelError
from llm_memory_calculator.memory import ledger
from llm_memory_calculator.question import held
from llm_memory_calculator.report import MemoryReport
from llm_memory_calculator.speculation import MOST_DRAFTED

from ..rows import each

GIB = 2**30
TARGET, DRAFT = "Qwen/Qwen3-8B", "Qwen/Qwen3-0.6B"

# The config.json of yuhuili/EAGLE3-LLaMA3.1-Instruct-8B, in the fields that give shapes.
EAGLE3 = {
    "architectures": ["LlamaForCausalLMEagle3"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 1,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "draft_vocab_size": 32000,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}
# That of yuhuili/EAGLE-LLaMA3-Instruct-8B names the class of a whole Llama.
EAGLE = {key: value for key, value in EAGLE3.items() if key != "draft_vocab_size"} | {
    "architectures": ["LlamaForCausalLM"]
}
EAGLE3_ASKED = {"method": "eagle3", "model": EAGLE3, "num_speculative_tokens": 3}
PROJECTIONS = 4096 * (4096 + 1024 + 1024)
OUT_AND_FEED_FORWARD = 4096 * 4096 + 3 * 4096 * 14336


def grown(plain: MemoryReport, drafted: MemoryReport) -> dict[str, int]:
    """How much each part of the total is more than without a draft."""
    before = dict(plain.parts())
    return {name: value - before[name] for name, value in drafted.parts() if value != before[name]}


def test_deepseek_v3_mtp_module_has_11_5_billion_parameters_of_its_own() -> None:
    """README_WEIGHTS.md of deepseek-ai/DeepSeek-V3: "Parameters: 11.5B unique parameters, excluding the shared 0.9B
    Embedding and 0.9B output Head"; its README: 671B of the main model, 14B of the module."""
    model = load_model("deepseek-ai/DeepSeek-V3").architecture
    module = predictors_of(model)
    assert module.parameter_count / 1e9 == pytest.approx(11.5, abs=0.15)
    shared = 2 * model.vocab_size * model.hidden_size
    assert (module.parameter_count + shared) / 1e9 == pytest.approx(14, abs=0.7)
    assert module.depth == 1
    assert module.cached_values(1) == model.cached_values(1) / model.depth


def test_the_module_is_loaded_in_the_models_format_and_shared_by_its_ranks() -> None:
    whole = calculate_memory("deepseek-ai/DeepSeek-V3", speculative="mtp", engine="vllm")
    shared = calculate_memory("deepseek-ai/DeepSeek-V3", speculative="mtp", engine="vllm", tensor_parallel=8)
    assert whole.draft_weight_bytes / 1e9 == pytest.approx(11.6, abs=0.2)  # one byte a weight
    assert whole.draft_weight_bytes / 8 < shared.draft_weight_bytes < whole.draft_weight_bytes / 6
    assert shared.draft_cache_bytes == pytest.approx(whole.draft_cache_bytes)  # latents are whole on every rank


def test_qwen_27b_keeps_one_layer_more_than_sixteen() -> None:
    """SGLang 0.5.17's log of a Qwen3.5-27B with MTP: 171,008 tokens, K and V 5.22 GB each of the model, 0.33 of the
    draft (its GB are GiB)."""
    report = calculate_memory(
        "Qwen/Qwen3.5-27B", speculative="mtp", engine="sglang", engine_version="0.5.17", seq_length=171_008
    )
    assert report.kv_cache_bytes / GIB == pytest.approx(2 * 5.22, abs=0.01)
    assert report.draft_cache_bytes / GIB == pytest.approx(2 * 0.33, abs=0.01)
    assert report.draft_cache_bytes * 16 == report.kv_cache_bytes


def test_eagle_3_has_a_layer_on_three_hidden_states_and_a_head_of_its_own() -> None:
    """Shapes of vLLM's models/llama_eagle3.py: fc of three hidden states, q, k and v of two, norms, a head over
    draft_vocab_size; the table is the model's."""
    report = calculate_memory("meta-llama/Llama-3.1-8B-Instruct", speculative=EAGLE3_ASKED, engine="vllm")
    values = 3 * 4096**2 + 2 * PROJECTIONS + OUT_AND_FEED_FORWARD + 32000 * 4096 + 4 * 4096
    assert report.draft_weight_bytes == 2 * values
    assert report.draft_cache_bytes == report.kv_cache_bytes / 32


def test_eagle_has_a_layer_on_a_hidden_state_and_an_embedding() -> None:
    """Shapes of vLLM's models/llama_eagle.py: fc of two, one layer without its first norm; table and head are the
    model's."""
    asked = {"method": "eagle", "model": EAGLE, "num_speculative_tokens": 2}
    report = calculate_memory("meta-llama/Llama-3.1-8B-Instruct", speculative=asked, engine="vllm")
    assert report.draft_weight_bytes == 2 * (2 * 4096**2 + PROJECTIONS + OUT_AND_FEED_FORWARD + 4096)


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_a_draft_model_is_loaded_whole(engine: str) -> None:
    report = calculate_memory(TARGET, speculative=DRAFT, engine=engine, batch_size=4)
    alone = calculate_memory(DRAFT, engine=engine, batch_size=4)
    loaded = alone.weight_memory_bytes + (alone.weight_padding_bytes if engine == "vllm" else 0)
    assert report.draft_weight_bytes == loaded
    assert report.draft_cache_bytes == alone.kv_cache_bytes


def test_llama_cpp_keeps_a_draft_with_buffers_of_its_own() -> None:
    common: dict[str, Any] = {"engine": "llama_cpp", "precision": "q4_k_m", "batch_size": 2, "memory_gb": 24}
    plain, drafted = calculate_memory(TARGET, **common), calculate_memory(TARGET, speculative=DRAFT, **common)
    alone = calculate_memory(DRAFT, engine="llama_cpp", batch_size=2, memory_gb=24)
    more = grown(plain, drafted)
    assert more["draft weights"] == alone.weight_memory_bytes + alone.weight_padding_bytes - alone.host_memory_bytes
    assert more["activations"] == pytest.approx(alone.activation_memory_bytes, abs=2)
    assert more.get("cache padding", 0) == alone.cache_padding_bytes


def test_n_grams_load_nothing() -> None:
    more = grown(calculate_memory(TARGET, engine="vllm"), calculate_memory(TARGET, engine="vllm", speculative="ngram"))
    assert not more.keys() & {"draft weights", "draft cache", "KV cache", "weights"}


@given(
    batch=st.integers(1, 300),
    tokens=st.integers(1, 100_000),
    drafted=st.integers(1, MOST_DRAFTED),
    engine=st.sampled_from(["vllm", "sglang", "llama_cpp"]),
)
def test_totals_grow_by_the_drafts_parts_alone(batch: int, tokens: int, drafted: int, engine: str) -> None:
    asked = {"model": DRAFT, "num_speculative_tokens": drafted}
    common: dict[str, Any] = {"engine": engine, "batch_size": batch, "seq_length": tokens}
    plain, more = calculate_memory(TARGET, **common), calculate_memory(TARGET, speculative=asked, **common)
    parts = grown(plain, more)
    assert more.total_memory_bytes - plain.total_memory_bytes == sum(parts.values())
    assert parts.keys() <= {"draft weights", "draft cache", "cache padding", "activations", "overhead"}
    assert min(parts["draft weights"], parts["draft cache"]) > 0


@settings(max_examples=20, deadline=None)
@given(drafted=st.integers(1, MOST_DRAFTED))
def test_each_token_that_may_be_refused_keeps_a_state(drafted: int) -> None:
    """vLLM's v1/kv_cache_interface.py, MambaSpec: pages of a request grow by num_speculative_blocks."""
    common: dict[str, Any] = {"engine": "vllm", "engine_version": "0.19", "seq_length": 4096}
    one, many = (
        calculate_memory(
            "Qwen/Qwen3-Next-80B-A3B-Instruct", speculative={"method": "mtp", "num_speculative_tokens": count}, **common
        )
        for count in (1, drafted)
    )
    padding = many.cache_padding_bytes - one.cache_padding_bytes
    assert padding >= (drafted - 1) * one.state_memory_bytes * 0.5
    assert (padding == 0) == (drafted == 1)


def test_arrays_equal_scalars() -> None:
    model = load_model("deepseek-ai/DeepSeek-V3")
    asked = CalculateMemory(model, speculative="mtp", engine="vllm", tensor_parallel=16)
    deployment, _ = held(asked, model, 1)
    sequences, tokens = np.array([1.0, 7.0, 128.0]), np.array([100.0, 4_096.0, 33_333.0])
    found = ledger(deployment, Load(sequences=sequences, tokens=tokens))
    for index, (count, length) in enumerate(zip(sequences, tokens, strict=True)):
        one = ledger(deployment, Load(sequences=int(count), tokens=int(length)))
        for part in ("draft_weights", "draft_cache", "paging", "total"):
            assert np.broadcast_to(getattr(found, part), (3,))[index] == pytest.approx(getattr(one, part))


def test_a_draft_takes_its_bytes_off_the_room() -> None:
    common: dict[str, Any] = {"hardware": "H100", "engine": "vllm", "engine_version": "0.19"}
    plain, drafted = calculate_memory(TARGET, **common), calculate_memory(TARGET, speculative=DRAFT, **common)
    assert plain.startup is not None
    assert drafted.startup is not None
    more = grown(plain, drafted)
    less = plain.startup.cache_room_bytes - drafted.startup.cache_room_bytes
    assert less == pytest.approx(more["draft weights"] + more.get("activations", 0), abs=4)
    assert drafted.startup.activation_rule == "rejection sampler"
    # a token takes 36 layers of the model and 28 of the draft
    assert plain.startup.cache_tokens is not None
    assert drafted.startup.cache_tokens is not None
    assert drafted.startup.cache_tokens < 0.6 * plain.startup.cache_tokens
    assert max_batch_size(TARGET, speculative=DRAFT, **common).draft_cache_bytes > 0


@pytest.mark.parametrize(
    ("engine", "speculative", "flags"),
    [
        ("vllm", "ngram", """--speculative-config '{"method": "ngram", "num_speculative_tokens": 3}'"""),
        (
            "vllm",
            {"model": DRAFT, "num_speculative_tokens": 5},
            """'{"method": "draft_model", "model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 5}'""",
        ),
        ("sglang", DRAFT, "--speculative-algorithm STANDALONE --speculative-draft-model-path Qwen/Qwen3-0.6B"),
        ("sglang", DRAFT, "--speculative-num-steps 3 --speculative-eagle-topk 1 --speculative-num-draft-tokens 4"),
        ("llama_cpp", DRAFT, "--model-draft Qwen/Qwen3-0.6B --draft-max 16"),
    ],
)
def test_the_launch_line_says_it(engine: str, speculative: Any, flags: str) -> None:
    launch = calculate_memory(TARGET, speculative=speculative, engine=engine, hardware="H100").launch
    assert launch is not None
    assert flags in launch


def test_the_tree_says_it() -> None:
    tree = calculate_memory(TARGET, speculative=DRAFT, engine="vllm", detail="full").ledger
    assert tree is not None
    parts = {line.name: line for line in tree.parts}
    assert parts["draft weights"].why == "28 layer(s) of Qwen/Qwen3-0.6B in bf16, 596,049,920 parameters"
    assert "28 layer(s)" in parts["draft cache"].why
    assert sum(line.value for line in tree.parts) == tree.value


def test_layers_that_draft_are_not_said_to_be_left_out() -> None:
    drafted = calculate_memory("deepseek-ai/DeepSeek-V3", speculative="mtp", engine="vllm")
    assert not any("are not counted" in note.text for note in drafted.notes)
    assert any(note.subject == "speculative" and "1 was taken" in note.text for note in drafted.notes)


def test_drafting_takes_time_and_what_is_accepted_saves_it() -> None:
    common: dict[str, Any] = {"hardware": "H100", "engine": "vllm"}
    plain = estimate_performance(TARGET, **common)

    def tpot(acceptance: float) -> float:
        asked = {"model": DRAFT, "num_speculative_tokens": 3, "acceptance_rate": acceptance}
        report = estimate_performance(TARGET, speculative=asked, **common)
        assert report.ttft_ms == plain.ttft_ms
        assert any(note.subject == "speculative" for note in report.notes)
        assert report.tpot_ms is not None
        return report.tpot_ms

    assert plain.tpot_ms is not None
    # of four tokens a step one is the model's own: none of the others saves nothing, all of them save three steps
    nothing, half, everything = tpot(1e-9), tpot(0.5), tpot(1.0)
    assert nothing > plain.tpot_ms
    assert nothing == pytest.approx(4 * everything)
    assert half == pytest.approx(nothing / (1 + 0.5 + 0.25 + 0.125))
    assert everything < plain.tpot_ms
    assert compare_hardware(TARGET, ["H100"], speculative=DRAFT).rows


# SGLang 0.5.9 on 8 B200, DeepSeek-R1 in fp8 with MTP, 1,024 tokens in and out: ms a token by users (InferenceMAX).
@pytest.mark.parametrize(("users", "measured"), [(4, 6.70), (16, 11.71), (32, 14.78), (128, 28.68), (512, 68.79)])
def test_drafted_tokens_take_what_was_measured(users: int, measured: float) -> None:
    lengths = {"least": 819, "most": 1024}
    report = estimate_serving(
        "deepseek-ai/DeepSeek-R1",
        "B200",
        engine="sglang",
        tensor_parallel=8,
        speculative="mtp",
        concurrency=users,
        input_tokens=lengths,
        output_tokens=lengths,
    )
    assert report.tpot_ms == pytest.approx(measured, rel=0.12)
    within = report.tpot_interval_ms
    assert within is not None
    assert within.low <= measured <= within.high
    assert "with drafted tokens" in within.evidence


# H200, tensor parallel 8, the same load: times a token over those without drafts.
@pytest.mark.parametrize(("users", "ratio"), [(4, 0.77), (32, 1.0), (128, 1.1), (512, 1.26)])
def test_the_range_reaches_where_drafting_costs_more_than_it_brings(users: int, ratio: float) -> None:
    asked: dict[str, Any] = {
        "engine": "sglang",
        "tensor_parallel": 8,
        "concurrency": users,
        "input_tokens": 1024,
        "output_tokens": 1024,
    }
    plain, drafted = (
        estimate_serving("deepseek-ai/DeepSeek-R1", "H200", speculative=one, **asked) for one in (None, "mtp")
    )
    assert plain.tpot_ms is not None
    assert drafted.tpot_interval_ms is not None
    assert drafted.tpot_interval_ms.low <= ratio * plain.tpot_ms <= drafted.tpot_interval_ms.high


@each(
    ("asked", "said"),
    [
        ({"speculative": "mtp"}, "has no layers for multi-token prediction; give speculative the name of a draft"),
        ({"speculative": "ngram", "engine": "tgi"}, "speculative is not described of tgi"),
        ({"speculative": "mtp", "engine": "llama_cpp"}, "'mtp' is not one of llama_cpp"),
        (
            {"speculative": DRAFT, "engine": "sglang", "engine_version": "0.5.9"},
            "speculative is not described of sglang",
        ),
        ({"speculative": DRAFT, "engine": "vllm", "engine_version": "0.12"}, "'draft_model' is not one of vllm 0.12"),
        ({"speculative": {"method": "medusa", "model": DRAFT}}, "speculative's method 'medusa' is not known"),
        ({"speculative": {"method": "mtp", "model": DRAFT}}, "takes no draft"),
        ({"speculative": {"method": "eagle"}}, "names no draft"),
        ({"speculative": {"method": "mtp", "num_speculative_tokens": 65}}, "must be between 1 and 64"),
        ({"speculative": {"method": "ngram", "tokens": 3}}, "has no field 'tokens'"),
    ],
)
def test_what_cannot_be_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        calculate_memory(TARGET, **{"engine": "vllm", **asked})


def test_a_head_alone_is_still_no_model() -> None:
    with pytest.raises(UnsupportedModelError, match="a draft for speculative decoding"):
        calculate_memory(EAGLE3)


def test_an_encoder_drafts_nothing() -> None:
    with pytest.raises(ArgumentError, match="generates token by token"):
        calculate_memory("google-bert/bert-base-uncased", speculative="ngram", engine="vllm")


def test_nobody_drafts_over_stages_where_the_engine_does_not_start_so() -> None:
    # vllm issues 49355, 52069, 57755; SGLang's assertion (issue 10589)
    for engine in ("vllm", "sglang"):
        common: dict[str, Any] = {"engine": engine, "speculative": "meta-llama/Llama-3.2-1B"}
        with pytest.raises(LayoutError, match="does not start so"):
            calculate_memory("llama3.1_70b", hardware="H100", pipeline_parallel=2, **common)
        layouts = best_parallelism("llama3.1_70b", "H100", devices=8, **common)
        assert {row.pipeline_parallel for row in (layouts.best, *layouts.others)} == {1}
        assert calculate_memory("llama3.1_70b", hardware="H100", find="devices", **common).pipeline_parallel == 1
    assert calculate_memory(TARGET, engine="llama_cpp", speculative=DRAFT, hardware="2 x RTX_3090").fits_device
