"""Caches as engines keep them, by kind of value and format, and what one more token adds to them."""

from typing import Any

import pytest

from llm_memory_calculator import (
    calculate_memory,
    estimate_performance,
    get_accelerator,
    inspect_model,
    load_model,
    max_batch_size,
)
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.errors import ArgumentError, ConfigError
from llm_memory_calculator.models import Model, describe
from llm_memory_calculator.operators import Step
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.performance.step import Clock, step_time

from ..rows import each
from .families import described
from .test_families import DEEPSEEK_V32, GLM_5, MIMO_V2_FLASH
from .test_families_recurrent import PUBLISHED

# Layers 0 and 1 and every other one after them make one entry of 128 tokens, the others one of 4, the last none.
DEEPSEEK_V4 = {
    "model_type": "deepseek_v4", "hidden_size": 7168, "head_dim": 512, "index_head_dim": 128, "index_n_heads": 64,
    "index_topk": 1024, "moe_intermediate_size": 3072, "n_routed_experts": 384, "num_attention_heads": 128,
    "num_experts_per_tok": 6, "num_hidden_layers": 61, "o_groups": 16, "q_lora_rank": 1536, "sliding_window": 128,
    "vocab_size": 129280, "compress_ratios": [128, 128, *[4, 128] * 29, 4],
}  # fmt: skip
MINIMAX_M3 = {
    "model_type": "minimax_m3_vl",
    "text_config": {"layer_types": ["full_attention"] * 3 + ["minimax_m3_sparse"] * 57},
}
DEEPSEEK_V3 = {name: value for name, value in DEEPSEEK_V32.items() if not name.startswith("index_")}
DEEPSEEK_V3["model_type"] = "deepseek_v3"
GLM_5_2 = GLM_5 | {"indexer_types": ["full"] * 21 + ["shared"] * 57}

# Bytes of a token over all layers, as vLLM lays them out. Latent attention to picked tokens: 1,152 in bf16 and
# 512 + 4 x 4 + 64 x 2 = 656 in fp8 (fp8_ds_mla, attention/backends/mla/flashmla_sparse.py); the key of an indexer
# 128 + 4 in both (deepseek_v2.py, Indexer.k_cache). Latent attention to all: one byte a value in fp8. MiniMax-M3: 4
# heads of 128 for keys and for values, and an indexer's key of 128 in bf16 (indexer_kv_dtype).
BYTES_A_TOKEN = {
    ("DeepSeek-V3.2", "bf16"): (DEEPSEEK_V32, 61 * (1152 + 132)),
    ("DeepSeek-V3.2", "fp8"): (DEEPSEEK_V32, 61 * (656 + 132)),
    ("GLM-5", "bf16"): (GLM_5, 78 * (1152 + 132)),
    ("GLM-5", "fp8"): (GLM_5, 78 * (656 + 132)),
    ("GLM-5.2", "fp8"): (GLM_5_2, 78 * 656 + 21 * 132),
    ("DeepSeek-V3", "bf16"): (DEEPSEEK_V3, 61 * 1152),
    ("DeepSeek-V3", "fp8"): (DEEPSEEK_V3, 61 * 576),
    ("MiniMax-M3", "bf16"): (MINIMAX_M3, 60 * 2 * 4 * 128 * 2 + 57 * 128 * 2),
    ("MiniMax-M3", "fp8"): (MINIMAX_M3, 60 * 2 * 4 * 128 + 57 * 128 * 2),
}


@each(("model", "kept_in"), BYTES_A_TOKEN)
def test_each_kind_of_value_is_kept_as_the_engine_keeps_it(model: str, kept_in: str) -> None:
    facts, of_token = BYTES_A_TOKEN[model, kept_in]
    report = calculate_memory(facts, batch_size=3, seq_length=1000, kv_precision=kept_in, tensor_parallel=4)
    # latents and indexers' keys are whole on every rank, keys and values are shared
    shared = 60 * 2 * 4 * 128 * (2 if kept_in == "bf16" else 1) if model == "MiniMax-M3" else 0
    assert report.kv_cache_bytes_per_token == of_token - shared + shared // 4
    assert report.kv_cache_bytes == 3 * 1000 * report.kv_cache_bytes_per_token
    assert inspect_model(facts, kv_precision=kept_in).kv_cache_bytes_per_token == of_token
    batch = max_batch_size(facts, memory_gb=2000, seq_length=1000, kv_precision=kept_in)
    assert batch.kv_cache_bytes_per_sequence == 1000 * of_token


def test_the_indexer_s_keys_are_kept_in_8_bits_by_default() -> None:
    assert calculate_memory(DEEPSEEK_V32).kv_cache_bytes_per_token == 78_324
    assert calculate_memory(DEEPSEEK_V32, engine_version="0.19").kv_cache_bytes_per_token == 78_324


def test_a_precision_that_is_asked_for_holds_for_the_whole_cache_and_says_so() -> None:
    report = calculate_memory(DEEPSEEK_V32, precision="bf16")
    # as transformers keeps it: all in 16 bits
    assert report.kv_cache_bytes_per_token == 61 * 2 * (576 + 128)
    (note,) = [note for note in report.notes if note.subject == "kv_precision"]
    assert "78,324" in note.text
    both = calculate_memory(DEEPSEEK_V32, precision="bf16", kv_precision="bf16")
    assert both.kv_cache_bytes_per_token == 78_324
    assert not any(note.subject == "kv_precision" for note in both.notes)
    assert not any(note.subject == "kv_precision" for note in calculate_memory(DEEPSEEK_V3, precision="bf16").notes)


@pytest.mark.parametrize(("kept_in", "entry"), [("bf16", 1024), ("fp8", 448 + 8 + 128)])
def test_compressed_entries_of_deepseek_v4_have_their_own_layout(kept_in: str, entry: int) -> None:
    tokens = 128 * 1000
    report = calculate_memory(DEEPSEEK_V4, seq_length=tokens, kv_precision=kept_in)
    windows, sparse, heavy = 61 * 128, 30 * tokens // 4, 31 * tokens // 128
    assert report.kv_cache_bytes == entry * (windows + sparse + heavy) + 132 * sparse


def test_the_tree_sums_what_each_kind_takes() -> None:
    report = calculate_memory(DEEPSEEK_V32, seq_length=1000, kv_precision="fp8", detail="full")
    assert report.ledger is not None
    (cache,) = [line for line in report.ledger.parts if line.name == "KV cache"]
    assert {line.name: line.value for line in cache.parts} == {
        "latent attention": 61_000 * 656,
        "keys of the indexer": 61_000 * 132,
    }
    assert "656 B" in cache.parts[0].why or "656 B" in cache.parts[1].why


def decode_bytes(model: Model, kept_in: str, context: int) -> float:
    """What the decode step of one sequence reads and writes."""
    deployment = Deployment(
        model=model,
        formats=model.formats(None, kept_in),
        engine=engine_for(),
        layout=Parallelism(),
        accelerator=get_accelerator("H200"),
    )
    return float(step_time(deployment, Step(batch=1, query=1, context=context), Clock()).spent.bytes)


@pytest.mark.parametrize(("kept_in", "width"), [("bf16", 2), ("fp8", 1)])
def test_layers_without_a_cache_of_their_own_read_that_of_others(kept_in: str, width: int) -> None:
    # 4 of Gemma 3n's 7 full layers keep their keys and values, 2 heads of 256, and all 7 read them
    model = load_model("google/gemma-3n-E4B")
    near, far = (decode_bytes(model, kept_in, context) for context in (20_000, 21_000))
    assert far - near == pytest.approx(7 * 1000 * 2 * 2 * 256 * width)
    held = inspect_model("google/gemma-3n-E4B", kv_precision=kept_in)
    assert held.kv_cache_bytes_per_further_token == 4 * 2 * 2 * 256 * width


def test_a_step_reads_the_bytes_that_are_kept() -> None:
    def moved(kept_in: str, context: int) -> float:
        return decode_bytes(describe("V3.2", "test", DEEPSEEK_V32), kept_in, context)

    # beyond the 2,048 tokens that are picked, a further token costs the reading of its indexer's key
    for kept_in in ("bf16", "fp8"):
        assert moved(kept_in, 101_000) - moved(kept_in, 100_000) == pytest.approx(61 * 1000 * 132)
    # 2,048 latents are read and one is written, the indexer's keys are the same
    saved = moved("bf16", 100_000) - moved("fp8", 100_000)
    assert saved == pytest.approx(61 * 2049 * (1152 - 656))


# --- states --------------------------------------------------------------------------------------------------------

NEMOTRON_H = {
    "model_type": "nemotron_h", "hidden_size": 2688, "hybrid_override_pattern": "MM*-", "mamba_num_heads": 64,
    "mamba_head_dim": 64, "n_groups": 8, "ssm_state_size": 128, "conv_kernel": 4, "vocab_size": 131072,
    "intermediate_size": 1856, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128,
}  # fmt: skip
QWEN3_5 = PUBLISHED["Qwen/Qwen3.5-27B, its text"][0]


# vLLM's MambaStateDtypeCalculator: lightning attention in the model's format, Kimi's delta attention in float32;
# Nemotron-H's mamba_ssm_cache_dtype, float32 where there is none, and Qwen3.5's mamba_ssm_dtype
@pytest.mark.parametrize(
    ("facts", "state_bytes"),
    [
        (PUBLISHED["MiniMaxAI/MiniMax-Text-01"][0], 70 * 64 * 128 * 128 * 2),
        (PUBLISHED["moonshotai/Kimi-Linear-48B-A3B-Instruct"][0], 20 * (4 * 12288 * 2 + 32 * 128 * 128 * 4)),
        (NEMOTRON_H, 2 * (4 * 6144 * 2 + 64 * 64 * 128 * 4)),
        (NEMOTRON_H | {"mamba_ssm_cache_dtype": "float32"}, 2 * (4 * 6144 * 2 + 64 * 64 * 128 * 4)),
        (NEMOTRON_H | {"mamba_ssm_cache_dtype": "float16"}, 2 * (4 * 6144 * 2 + 64 * 64 * 128 * 2)),
        (QWEN3_5 | {"mamba_ssm_dtype": "float32"}, 3_932_160 + 150_994_944),
        (QWEN3_5 | {"mamba_ssm_dtype": "bfloat16"}, 3_932_160 + 150_994_944 // 2),
    ],
)
def test_a_state_is_kept_in_the_format_of_its_operator_or_of_the_config(
    facts: dict[str, Any], state_bytes: int
) -> None:
    assert calculate_memory(facts, batch_size=2).state_memory_bytes == 2 * state_bytes
    assert inspect_model(facts).state_bytes_per_sequence == state_bytes


QWEN3_NEXT = PUBLISHED["Qwen/Qwen3-Next-80B-A3B-Instruct"][0]
CODESTRAL = PUBLISHED["mistralai/Mamba-Codestral-7B-v0.1"][0]
KIMI = PUBLISHED["moonshotai/Kimi-Linear-48B-A3B-Instruct"][0]


# vLLM's log of Qwen3-Next on two devices: 24,576 bytes of convolution columns and 524,288 of state in each of 36 layers
@each(
    ("facts", "told", "tensor_parallel", "state_bytes"),
    [
        (QWEN3_NEXT, "auto", 2, 36 * (24_576 + 524_288)),
        (QWEN3_NEXT, "model", 2, 36 * (24_576 + 524_288)),
        (QWEN3_NEXT, "fp32", 2, 36 * (24_576 + 2 * 524_288)),
        (CODESTRAL, "auto", 1, 64 * (3 * (8192 + 2 * 8 * 128) * 2 + 128 * 64 * 128 * 2)),
        (QWEN3_5 | {"mamba_ssm_dtype": "float32"}, "auto", 1, 3_932_160 * 3 // 4 + 150_994_944),
        (QWEN3_5 | {"mamba_ssm_dtype": "float32"}, "model", 1, 3_932_160 * 3 // 4 + 150_994_944 // 2),
        (NEMOTRON_H, "auto", 1, 2 * (3 * 6144 * 2 + 64 * 64 * 128 * 4)),
        (KIMI, "model", 1, 20 * (3 * 12288 * 2 + 32 * 128 * 128 * 4)),  # Kimi's stays in float32
        (PUBLISHED["MiniMaxAI/MiniMax-Text-01"][0], "fp32", 1, 70 * 64 * 128 * 128 * 2),
    ],
)
def test_states_are_counted_as_the_engine_keeps_them_where_that_is_asked(
    facts: dict[str, Any], told: str, tensor_parallel: int, state_bytes: int
) -> None:
    report = calculate_memory(facts, state_precision=told, tensor_parallel=tensor_parallel)
    assert report.state_memory_bytes == state_bytes
    assert not any(note.subject == "state_memory_bytes" for note in report.notes)


def test_a_state_of_half_the_size_is_read_in_half_the_time() -> None:
    # a step of many sequences reads and writes little else
    wide, lean = (
        estimate_performance(CODESTRAL, "H100", batch_size=64, output_tokens=8, tensor_parallel=1, state_precision=told)
        for told in ("fp32", "auto")
    )
    assert wide.tpot_ms is not None
    assert lean.tpot_ms is not None
    # 64 layers x 128 heads x 64 x 128 values, read and written, two bytes less
    saved_ms = 64 * 2 * 2 * 64 * 128 * 64 * 128 / 3.35e12 * 1e3
    assert 0.9 * saved_ms < wide.tpot_ms - lean.tpot_ms < 2 * saved_ms


def test_an_unknown_word_for_states_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"state_precision 'bf16' is not known\..* Accepted: auto, fp32, model"):
        calculate_memory(CODESTRAL, state_precision="bf16")


def test_an_unknown_format_of_the_state_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mamba_ssm_dtype 'int3' is not known\. Accepted: auto, float32"):
        described(**QWEN3_5, mamba_ssm_dtype="int3")


def test_states_that_an_engine_would_keep_in_16_bits_are_told_apart() -> None:
    def told(facts: dict[str, Any]) -> bool:
        return any(note.subject == "state_memory_bytes" for note in calculate_memory(facts).notes)

    assert told(QWEN3_NEXT)
    assert told(CODESTRAL)
    assert not told(QWEN3_5 | {"mamba_ssm_dtype": "float32"})
    assert not told(NEMOTRON_H)
    assert not told(PUBLISHED["MiniMaxAI/MiniMax-Text-01"][0])
    assert not told(DEEPSEEK_V32)


# --- a token more --------------------------------------------------------------------------------------------------

# Bytes at first, of each further token, and the mean of 40,000 tokens
GROWTH = {
    "google/gemma-4-31B-it": (901_120, 81_920, 81_920 + 819_200 * 1024 // 40_000),  # 50 of 60 layers keep 1,024 tokens
    "google/gemma-3-27b-it": (62 * 8192, 10 * 8192, 8192 * (10 + 52 * 1024 / 40_000)),
    "meta-llama/Llama-3.1-8B": (131_072,) * 3,
    "openai/gpt-oss-20b": (24 * 2048, 12 * 2048, 2048 * (12 + 12 * 128 / 40_000)),
    "mistralai/Mistral-7B-v0.1": (131_072, 0, 131_072 * 4096 / 40_000),
}


@pytest.mark.parametrize("model", GROWTH)
def test_a_token_adds_less_once_the_windows_are_full(model: str) -> None:
    first, beyond, mean = GROWTH[model]
    report = inspect_model(model, seq_length=40_000)
    assert (report.kv_cache_bytes_per_token, report.kv_cache_bytes_per_further_token) == (first, beyond)
    assert report.kv_cache_bytes_per_token_mean == pytest.approx(mean, abs=1)
    assert report.seq_length == 40_000
    noted = [note for note in report.notes if note.subject == "kv_cache_bytes_per_token"]
    assert bool(noted) == (first != mean)
    held = calculate_memory(model, seq_length=40_000)
    assert held.kv_cache_bytes == pytest.approx(40_000 * mean, rel=1e-4)
    assert held.kv_cache_bytes_per_token_mean == report.kv_cache_bytes_per_token_mean
    assert held.kv_cache_bytes_per_further_token == beyond


def test_the_mean_is_of_the_longest_sequence_unless_a_length_is_asked_for() -> None:
    report = inspect_model("google/gemma-4-31B-it")
    assert report.seq_length == report.max_length == 262_144
    assert report.kv_cache_bytes_per_token_mean == 85_120
    assert "85,120" in str(report)
    assert inspect_model("google/gemma-4-31B-it", seq_length=1024).kv_cache_bytes_per_token_mean == 901_120


def test_compressed_tokens_are_averaged() -> None:
    report = inspect_model(DEEPSEEK_V4, kv_precision="fp8", seq_length=1_048_576)
    assert report.kv_cache_bytes_per_further_token == pytest.approx(30 * (584 + 132) / 4 + 31 * 584 / 128, abs=1)
    assert report.kv_cache_bytes_per_token == pytest.approx(61 * 584 + 30 * 179 + 31 * 584 / 128, abs=1)


def test_windows_with_heads_of_their_own_and_states_are_counted_apart() -> None:
    windowed = inspect_model(MIMO_V2_FLASH, seq_length=1000)
    assert windowed.kv_cache_bytes_per_further_token == 9 * 2 * 4 * (192 + 128)
    assert windowed.kv_cache_bytes_per_token == 9 * 2 * 4 * 320 + 39 * 2 * 8 * 320
    state = inspect_model(PUBLISHED["state-spaces/mamba-2.8b-hf"][0])
    assert state.kv_cache_bytes_per_token == state.kv_cache_bytes_per_token_mean == 0
    assert state.state_bytes_per_sequence == 23_592_960


def test_positions_of_a_source_are_no_tokens_of_the_sequence() -> None:
    report = inspect_model("openai/whisper-large-v3", seq_length=100)
    # 32 layers of 20 heads of 64; 1,500 positions are attended besides
    own = 32 * 2 * 1280 * 2
    assert report.kv_cache_bytes_per_token == report.kv_cache_bytes_per_further_token == own
    assert report.kv_cache_bytes_per_token_mean == own + own * 1500 // 100


def test_what_changes_nothing_of_a_model_is_said() -> None:
    def unheeded(**asked: Any) -> list[str]:
        notes = inspect_model("ai21labs/Jamba-v0.1", engine="vllm", **asked).notes
        return [note.text for note in notes if "Nothing of what a model is" in note.text]

    (text,) = unheeded(gpu_memory_utilization=0.5, engine_settings={"max_num_seqs": 64})
    assert "gpu_memory_utilization and engine_settings" in text
    (text,) = unheeded(engine_settings={"max_model_len": 8192})
    assert "gpu_memory_utilization" not in text
    assert unheeded() == []
