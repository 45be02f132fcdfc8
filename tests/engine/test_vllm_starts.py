"""What vLLM reserves at start on cards and releases beside the campaign on H100, against the logs of single starts.

Facts: logs in issue threads and public folders of GitHub; a number in a comment is the file's there.
"""

import re
from typing import Any

import pytest

from llm_memory_calculator import (
    LayoutError,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    load_model,
    plan_deployment,
)
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.engines.launch import launch_line
from llm_memory_calculator.memory.ledger import places
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.report import Startup
from llm_memory_hardware import get_accelerator

from ..rows import each

GIB = 2**30


def started(model: str, hardware: str, version: str, longest: int, ranks: int = 1, **settings: Any) -> Startup:
    report = calculate_memory(
        model,
        hardware=hardware,
        engine="vllm",
        engine_version=version,
        seq_length=longest,
        tensor_parallel=ranks,
        engine_settings=settings or None,
    )
    assert report.startup is not None
    return report.startup


def room_of(found: Startup) -> float:
    return found.cache_room_bytes / GIB


# --- a start whose compiler's cache is cold -------------------------------------------------------------------------


# Qwen3-8B on RTX 4090 by 0.27.1: peaks of 1.18 and 0.19 GiB, 4.92 GiB and 43,040 tokens of 144 KiB (58522340114)
@pytest.mark.parametrize(("cached", "peak", "room"), [(False, 1.18, 4.92), (True, 0.19, 5.91)])
def test_a_cold_start_peaks_while_it_compiles(cached: bool, peak: float, room: float) -> None:
    found = started("Qwen/Qwen3-8B", "RTX_4090", "0.27.1", 8192, compile_cached=cached)
    assert found.activation_bytes / GIB == pytest.approx(peak, abs=0.03)
    assert room_of(found) == pytest.approx(room, abs=0.1)
    assert (found.activation_rule == "compilation") is not cached


def test_the_range_of_a_cold_start_reaches_a_warm_one() -> None:
    cold = started("Qwen/Qwen3-8B", "RTX_4090", "0.27.1", 8192)
    warm = started("Qwen/Qwen3-8B", "RTX_4090", "0.27.1", 8192, compile_cached=True)
    assert cold.activation_interval.low <= warm.activation_bytes
    assert cold.cache_room_interval.high >= warm.cache_room_bytes
    assert warm.activation_interval.high < cold.activation_bytes


# 11.92 GiB (62752965317)
def test_the_peak_is_the_table_of_the_vocabulary() -> None:
    found = started("Qwen/Qwen2.5-7B-Instruct", "RTX_5090", "0.24.0", 8192, gpu_memory_utilization=0.9)
    assert found.activation_rule == "compilation"
    assert found.activation_bytes == pytest.approx(152_064 * 3584 * 2 + 33_554_432, abs=1)
    assert room_of(found) == pytest.approx(11.92, abs=0.4)


@pytest.mark.parametrize(
    ("version", "settings", "compiles"),
    [("0.11.0", {}, False), ("0.11.1", {}, True), ("0.33", {}, True), ("0.33", {"enforce_eager": True}, False)],
)
def test_releases_from_0_11_1_on_compile_so(version: str, settings: dict[str, Any], compiles: bool) -> None:
    found = load_model("Qwen/Qwen3-8B")
    served = engine_for("vllm", version, device_of(get_accelerator("RTX_4090")), **settings)
    deployment = Deployment(model=found, formats=found.formats(None, None), engine=served, layout=Parallelism())
    (place,) = places(deployment)
    assert ("compilation" in served.peaks(place, 0, 0, 0)) is compiles


def test_a_warm_cache_is_no_flag_of_the_command_line() -> None:
    layout = Parallelism()
    told = engine_for("vllm", compile_cached=True), engine_for("vllm")
    first, second = (launch_line(engine, "Qwen/Qwen3-8B", layout, longest=8192) for engine in told)
    assert first == second


# --- what the second runner keeps ------------------------------------------------------------------------------------


# 8.22 GiB on two ranks over the host's bus, of 1,024 sequences each (57905766703)
def test_every_rank_has_the_second_runners_state() -> None:
    settings: dict[str, Any] = {"gpu_memory_utilization": 0.426}
    found = started("Qwen/Qwen3-32B", "RTX_PRO_6000_Server", "0.27.1", 32_768, ranks=2, **settings)
    assert room_of(found) == pytest.approx(8.22, abs=0.1)


# 3.009 GiB by 112,704 tokens of 28 KiB, eager, on a card of 7.996 GiB (71015421311)
def test_an_eager_start_of_0_30_has_no_workspace_in_its_peak() -> None:
    report = calculate_memory(
        "Qwen/Qwen2.5-1.5B-Instruct",
        memory_gb=7.996 * 1.073741824,
        engine_version="0.30.0",
        seq_length=4096,
        engine_settings={"gpu_memory_utilization": 0.8, "enforce_eager": True},
    )
    assert report.startup is not None
    assert room_of(report.startup) == pytest.approx(3.009, abs=0.15)


# --- towers -----------------------------------------------------------------------------------------------------------


# -14.28 GiB: one video of 114,688 tokens was profiled (55021192520)
def test_a_video_is_the_largest_item_of_a_qwen2_5_vl() -> None:
    model = "Qwen/Qwen2.5-VL-7B-Instruct"
    found = started(model, "A100_80GB_SXM", "0.23.0", 128_000, max_model_len=128_000, gpu_memory_utilization=0.22)
    assert not found.starts
    assert found.message.startswith("No available memory for the cache blocks.")
    assert room_of(found) == pytest.approx(-14.28, abs=0.3)
    # two L4 with 8,192 tokens, for which no video is long enough: 10.04 GiB (71589812318)
    short = started(model, "L4", "0.9.2", 8192, ranks=2, max_model_len=8192)
    assert room_of(short) == pytest.approx(10.04, abs=0.4)


# 20.27 GiB (51781852921)
def test_a_tower_of_qwen3_5_keeps_copies_of_its_residual() -> None:
    settings: dict[str, Any] = {
        "gpu_memory_utilization": 0.9,
        "max_num_seqs": 256,
        "max_num_batched_tokens": 8192,
    }
    found = started("Qwen/Qwen3.5-9B", "L40S", "0.19.0", 262_144, **settings)
    assert room_of(found) == pytest.approx(20.27, abs=0.25)


def test_full_layers_with_wider_heads_have_a_table_of_their_own() -> None:
    # of each theta and width one (get_rope of vLLM): the config's positions, head_dim and global_head_dim
    assert load_model("google/gemma-4-31B-it").architecture.rotary_values == 262_144 * (256 + 512)


# --- libraries and graphs ---------------------------------------------------------------------------------------------


def test_a_workspace_of_cublas_is_smaller_before_hopper() -> None:
    # PyTorch's CUDABlas.cpp: 4,096 x 8 KiB of compute capability 9, else 4,096 x 2 + 16 x 8 KiB
    ada, hopper = (started("Qwen/Qwen3-8B", card, "0.19.0", 8192, max_num_seqs=256) for card in ("L40S", "H100"))
    assert (ada.activation_rule, hopper.activation_rule) == ("compilation", "compilation")
    assert hopper.activation_bytes - ada.activation_bytes == pytest.approx(33_554_432 - 8_519_680, abs=2)


# captured graphs of cards below 60 GiB: 0.56 GiB (58522340114), 0.65 (62752965317), 0.54 (Qwen3-8B, 66080606939)
@pytest.mark.parametrize(
    ("model", "hardware", "version", "graphs"),
    [
        ("Qwen/Qwen3-8B", "RTX_4090", "0.27.1", 0.56),
        ("Qwen/Qwen2.5-7B-Instruct", "RTX_5090", "0.24.0", 0.65),
        ("Qwen/Qwen3-8B", "L40S", "0.14.1", 0.54),
    ],
)
def test_graphs_of_small_cards_grow_with_layers_and_width(
    model: str, hardware: str, version: str, graphs: float
) -> None:
    assert started(model, hardware, version, 8192).graphs_bytes / GIB == pytest.approx(graphs, abs=0.22)


# --- a cache that is told ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "starts"),
    [
        ({"kv_cache_memory_bytes": 10**12}, False),
        ({"num_gpu_blocks_override": 10**6}, False),
        ({"kv_cache_memory_bytes": 20 * 10**9}, True),
    ],
)
def test_a_cache_that_is_told_must_fit_the_card(settings: dict[str, Any], starts: bool) -> None:
    found = started("Qwen/Qwen3-8B", "H100", "0.31", 8192, **settings)
    assert found.starts is starts
    assert found.verdict == ("fits" if starts else "does not fit")
    if not starts:
        assert found.message == "CUDA out of memory while the cache is allocated."


@pytest.mark.parametrize("longest", [8192, 40_000, 131_072])
def test_a_tower_is_shown_what_the_line_that_starts_it_lets_a_request_be(longest: int) -> None:
    asked: dict[str, Any] = {"hardware": "H200", "engine": "vllm", "engine_version": "0.23"}
    alone = calculate_memory("Qwen/Qwen2.5-VL-7B-Instruct", seq_length=longest, **asked)
    told = calculate_memory(
        "Qwen/Qwen2.5-VL-7B-Instruct", seq_length=longest, engine_settings={"max_model_len": longest}, **asked
    )
    assert alone.launch == told.launch
    assert alone.activation_memory_bytes == told.activation_memory_bytes


# --- states of hybrids ------------------------------------------------------------------------------------------------


# 856 blocks (vllm-project/recipes#551) and 524 (NVIDIA-AI-Blueprints/retail-shopping-assistant#95), both by defaults
@pytest.mark.parametrize(
    ("model", "count", "version", "share", "blocks"),
    [
        ("Qwen/Qwen3.6-27B-FP8", 1, "0.22.0", 0.95, 856),
        ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-FP8", 2, "0.20.1", 0.92, 524),
    ],
)
def test_each_sequence_of_a_step_wants_a_block_for_its_state(
    model: str, count: int, version: str, share: float, blocks: int
) -> None:
    asked: dict[str, Any] = {"hardware": "H100", "devices": count, "engine": "vllm", "engine_version": version}
    by_itself = calculate_memory(model, **asked, gpu_memory_utilization=share)
    assert by_itself.startup is not None
    assert by_itself.startup.blocks == pytest.approx(blocks, rel=0.1)
    # who starts it by its defaults is told what to tell it
    assert by_itself.fits_device
    (warned,) = [note for note in by_itself.notes if "max_num_seqs (1,024) exceeds" in note.text]
    assert f"at most {by_itself.startup.blocks}" in warned.text
    for told, fits in ((1024, False), (256, True)):
        settings = {"max_num_seqs": told}
        found = calculate_memory(model, **asked, gpu_memory_utilization=share, engine_settings=settings)
        assert found.fits_device is fits
        assert not any("exceeds" in note.text for note in found.notes)


def test_releases_before_0_20_start_with_fewer_graphs() -> None:
    found = started("Qwen/Qwen3.6-27B-FP8", "H100", "0.18.0", 2048, max_num_seqs=1024)
    assert found.starts


def test_fewer_sequences_are_no_advice_where_not_one_has_room() -> None:
    # 103 GB of weights on 85 GB
    report = calculate_memory("ai21labs/Jamba-v0.1", hardware="A100_80GB")
    assert report.verdict == "does not fit"
    assert not any("max_num_seqs" in note.text for note in report.notes)
    report = calculate_memory("ai21labs/Jamba-v0.1", hardware="A100_40GB", seq_length=8192, devices=3)
    assert any(re.search(r"set max_num_seqs to at most [1-9]", note.text) for note in report.notes)


# vLLM's documentation of quantization, "Supported hardware": Marlin (GPTQ, AWQ, FP8, FP4) on Turing and newer, and on
# Volta never; before pull request 29901 of December 2025 on Ampere and newer
@each(
    ("hardware", "release", "starts"),
    [
        ("V100_32GB", None, False),
        ("T4", None, True),
        ("T4", "0.11.1", False),
        ("A100_40GB", "0.11.1", True),
        ("L4", None, True),
        ("MI300X", None, True),
    ],
)
def test_weights_in_8_bit_floats_need_a_kernel_on_the_design(hardware: str, release: str | None, starts: bool) -> None:
    asked: dict[str, Any] = {"hardware": hardware, "precision": "fp8", "engine": "vllm", "engine_version": release}
    if starts:
        assert calculate_memory("Qwen/Qwen3-4B", **asked).precision == "fp8"
        return
    for question in (calculate_memory, estimate_performance):
        with pytest.raises(LayoutError, match=f"no kernel for fp8 weights on {hardware}"):
            question("Qwen/Qwen3-4B", **asked)


def test_no_remedy_and_no_comparison_is_of_a_format_without_a_kernel() -> None:
    missing = calculate_memory("Qwen/Qwen3-8B", hardware="V100_16GB", engine="vllm")
    assert missing.remedies
    assert not any("fp8" in str(one) for one in missing.remedies)
    report = compare_hardware("Qwen/Qwen3-8B", hardware=["V100_16GB", "T4"], precision="fp8")
    assert {row.hardware: row.fits for row in report.rows} == {"V100_16GB": False, "T4": True}
    plans = plan_deployment("Qwen/Qwen3-8B", hardware=["V100_32GB", "L4"], request_rate=0.5)
    assert not any("no kernel" in said for said in plans.left_out)
    assert not any(plan.hardware == "V100_32GB" and plan.precision == "fp8" for plan in plans.plans)
