"""What vLLM reserves, prints and refuses at start, against the logs of starts.

Facts: [P] llm-d-planner pull request 205 (vLLM 0.19.0 on H100 SXM, utilisation 0.95, 1,024 sequences, 8,192 tokens a
step, length 8,192); [E] llm-d-planner, empirical-vllm-memory-results (0.11.0, utilisation 0.9); others named beside.
"""

from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import Engine, device_of, engine_for
from llm_memory_calculator.memory.ledger import places
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.report import Startup
from llm_memory_hardware import get_accelerator

from ..rows import each

GIB = 2**30


def started(model: str, **asked: Any) -> Startup:
    report = calculate_memory(
        model, **{"hardware": "H100", "engine": "vllm", "engine_version": "0.19.0", "seq_length": 8192, **asked}
    )
    assert report.startup is not None
    return report.startup


# model, ranks, weights, activations, non-torch, room for a cache (GiB), requests of 8,192 [P]
@each(
    ("model", "ranks", "weights", "activations", "non_torch", "room", "requests"),
    [
        ("codellama/CodeLlama-7b-hf", 1, 12.56, 0.77, 0.25, 61.66, 15.41),
        ("google/gemma-2-27b-it", 1, 50.72, 3.66, 0.26, 20.59, 7.16),
        ("google/gemma-2-9b-it", 1, 17.22, 3.65, 0.25, 54.12, 20.60),
        ("google/gemma-7b", 1, 15.91, 3.63, 0.25, 55.44, 15.84),
        ("Qwen/Qwen1.5-MoE-A2.7B", 1, 26.67, 2.47, 0.25, 45.83, 30.55),
        ("Qwen/Qwen2.5-7B-Instruct", 1, 14.25, 2.21, 0.24, 58.53, 133.79),
        ("Qwen/Qwen2.5-7B-Instruct", 2, 7.12, 2.21, 2.06, 63.84, 291.82),
        ("Qwen/Qwen2.5-7B-Instruct", 4, 3.55, 2.21, 2.13, 67.34, 615.63),
        ("microsoft/phi-4", 1, 27.39, 1.52, 0.25, 46.08, 29.49),
        ("openai/gpt-oss-20b", 2, 7.01, 2.87, 2.07, 63.28, 337.17),
        ("RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic", 2, 33.88, 1.96, 2.1, 37.28, 29.82),
        ("RedHatAI/Mistral-Small-3.1-24B-Instruct-2503-quantized.w8a8", 2, 12.11, 2.03, 2.07, 59.02, 94.43),
    ],
)
def test_the_ledger_is_what_vllm_prints(
    model: str, ranks: int, weights: float, activations: float, non_torch: float, room: float, requests: float
) -> None:
    found = started(model, tensor_parallel=ranks, gpu_memory_utilization=0.95)
    assert found.weights_bytes / GIB == pytest.approx(weights, rel=0.012)
    assert found.activation_bytes / GIB == pytest.approx(activations, rel=0.015, abs=0.006)
    assert found.non_torch_bytes / GIB == pytest.approx(non_torch, rel=0.05)
    assert found.cache_room_bytes / GIB == pytest.approx(room, rel=0.003)
    assert found.concurrency == pytest.approx(requests, rel=0.004)


# 36 bytes a logit beside the logits up to 0.16, 12 and a buffer from 0.17 on: Qwen3-14B, utilisation 0.95 [P]
@pytest.mark.parametrize(("version", "activations"), [("0.15.0", 5.64), ("0.16.0", 5.64), ("0.17.0", 2.23)])
def test_the_sampler_took_more_before_0_17(version: str, activations: float) -> None:
    found = started("Qwen/Qwen3-14B", engine_version=version, gpu_memory_utilization=0.95)
    assert found.activation_bytes / GIB == pytest.approx(activations, abs=0.01)
    assert found.activation_rule == "sampler"


# model, ranks, utilisation, room [E]; the last two do not start
@pytest.mark.parametrize(
    ("model", "ranks", "share", "room"),
    [
        ("openai/gpt-oss-20b", 1, 0.9, 50.28),
        ("openai/gpt-oss-120b", 1, 0.95, 3.33),
        ("Qwen/Qwen3-32B", 1, 0.9, 4.45),
        ("Qwen/Qwen3-32B", 2, 0.9, 34.49),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", 1, 0.9, -1.44),
    ],
)
def test_an_older_release_has_its_own_laws(model: str, ranks: int, share: float, room: float) -> None:
    found = started(
        model, tensor_parallel=ranks, engine_version="0.11.0", gpu_memory_utilization=share, seq_length=16_000
    )
    assert found.cache_room_bytes / GIB == pytest.approx(room, abs=0.2)
    assert found.starts is (room > 0)
    assert found.verdict == ("fits" if room > 0 else "does not fit")


def test_a_start_without_room_says_what_vllm_says() -> None:
    found = started("meta-llama/Llama-3.1-70B")
    assert not found.starts
    assert found.message.startswith("No available memory for the cache blocks.")
    long = started("Qwen/Qwen3-32B", gpu_memory_utilization=0.9, seq_length=40_960)
    assert long.message.startswith("To serve at least one request with the model's max seq len (40,960)")


# gpt-oss-20b at 0.95 printed a cache and died in the warm-up, on one card and on two; on two at 0.9 it ran [P]
@pytest.mark.parametrize(("ranks", "share", "starts"), [(1, 0.95, False), (2, 0.95, False), (2, 0.9, True)])
def test_graphs_and_warm_up_must_fit_beside_the_budget(ranks: int, share: float, starts: bool) -> None:
    found = started("openai/gpt-oss-20b", tensor_parallel=ranks, gpu_memory_utilization=share)
    assert found.starts is starts
    if not starts:
        assert found.cache_room_bytes > 50 * GIB
        assert "CUDA out of memory" in found.message


def test_free_memory_must_reach_the_share_from_0_9_on() -> None:
    # 3.21 GiB free of 4.0: 0.85 fails, 0.8 starts (a start of 0.28 of Qwen2-VL-2B-AWQ); a context is beside the budget
    found = started("Qwen/Qwen2.5-0.5B", memory_gb=4, hardware=None, gpu_memory_utilization=0.98, max_num_seqs=4)
    assert found.message.startswith("Free memory on device")
    assert not found.starts


# --- pages, groups, tokens and concurrency, given the bytes of the cache -------------------------------------------


def engine(version: str, hardware: str, **told: Any) -> Engine:
    return engine_for("vllm", version, device_of(get_accelerator(hardware)), **told)


def room(
    model: str, version: str, hardware: str, ranks: int, bytes_: float, longest: float, kv: str | None, **told: Any
) -> Any:
    found = load_model(model)
    served = engine(version, hardware, **told)
    deployment = Deployment(
        model=found, formats=found.formats(None, kv), engine=served, layout=Parallelism(tensor=ranks)
    )
    (place,) = places(deployment)
    return served.cache_room(place, bytes_, longest)


@each(
    ("model", "version", "hardware", "ranks", "gib", "longest", "kv", "told", "blocks", "tokens", "requests"),
    [
        # 10 layers of full attention and 52 of windows in 7 groups of 10, 8 of them padding [P]
        ("google/gemma-3-27b-it", "0.19.0", "H100", 1, 19.53, 8192, None, {}, 15_997, 36_560, 4.46),
        ("google/gemma-2-27b-it", "0.19.0", "H100", 1, 20.59, 8192, None, {}, 7335, 58_672, 7.16),
        ("openai/gpt-oss-20b", "0.19.0", "H100", 2, 59.32, 8192, None, {}, 323_972, 2_591_776, 316.07),
        ("deepseek-ai/DeepSeek-V2-Lite-Chat", "0.19.0", "H100", 4, 63.73, 8192, None, {}, 137_493, 2_199_888, 268.54),
        ("Qwen/Qwen2.5-7B-Instruct", "0.19.0", "H100", 1, 58.53, 8192, "fp8", {}, 137_000, 2_192_000, 267.58),
        # blocks of 544 tokens, so that a page of attention holds a state (a log of 0.10.2 on two H200)
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "0.10.2", "H200", 2, 44.59, 262_144, None, {}, 7162, 973_760, 14.77),
        # blocks of 2,096 tokens; states kept twice where prefixes are cached (a log of 0.20.0 on an RTX 5090)
        (
            "Qwen/Qwen3.6-35B-A3B",
            "0.20.0",
            "RTX_5090",
            1,
            3.07,
            65_536,
            "fp8",
            {"enable_prefix_caching": True},
            153,
            79_648,
            4.03,
        ),
        # an 8-bit cache of 576 bytes, the indexer's keys of 21 layers; requests give tokens (a log of 0.26.0 on B200)
        ("nvidia/GLM-5.2-NVFP4", "0.26.0", "B200", 4, 50.62, 819_200, "fp8", {"block_size": 64}, None, 1_139_456, 1.39),
    ],
)
def test_blocks_tokens_and_concurrency_are_as_printed(
    model: str,
    version: str,
    hardware: str,
    ranks: int,
    gib: float,
    longest: int,
    kv: str | None,
    told: dict[str, Any],
    blocks: int | None,
    tokens: int,
    requests: float,
) -> None:
    found = room(model, version, hardware, ranks, gib * GIB, longest, kv, **told)
    # the bytes are printed to two digits
    near = max(0.001, 0.006 / gib)
    if blocks is not None:
        assert found.blocks == pytest.approx(blocks, rel=near)
    assert found.tokens == pytest.approx(tokens, rel=near)
    assert found.concurrency == pytest.approx(requests, rel=near, abs=0.006)


# a request of DeepSeek-V4-Flash by vLLM 0.22 on GH200, in 8 bits: 6.66 GiB wanted for 30,000 tokens, and 13,528 the
# longest that 5.44 GiB hold (vllm-project/vllm issue 44376), with 16,384 tokens a step
@pytest.mark.parametrize(("tokens", "gib"), [(30_000, 6.66), (13_528, 5.44)])
def test_a_request_of_deepseek_v4_takes_windows_and_states_beside_its_entries(tokens: int, gib: float) -> None:
    found = started(
        "deepseek-ai/DeepSeek-V4-Flash",
        hardware="GH200_96GB",
        tensor_parallel=2,
        engine_version="0.22.0",
        seq_length=tokens,
        kv_precision="fp8",
        max_num_batched_tokens=16_384,
    )
    assert found.request_bytes / GIB == pytest.approx(gib, abs=0.005)


def test_windows_hold_the_tokens_of_the_steps_in_flight() -> None:
    # from 0.26 on two steps are in flight: w - 1 + 2 x T tokens a window layer (config/vllm.py, max_in_flight_tokens)
    older, newer = (
        started("google/gemma-3-27b-it", engine_version=version, seq_length=131_072, max_num_batched_tokens=2048)
        for version in ("0.25.0", "0.28.0")
    )
    assert newer.request_bytes - older.request_bytes == 6 * 128 * 1_310_720


@pytest.mark.parametrize("model", ["google/gemma-3-27b-it", "Qwen/Qwen3-Next-80B-A3B-Instruct", "openai/gpt-oss-20b"])
def test_rooms_and_requests_take_arrays(model: str) -> None:
    rooms, lengths = numpy.array([1e9, 5e9, 2e10]), numpy.array([1.0, 5000.0, 131_072.0])
    swept = room(model, "0.33.0", "H100", 1, rooms, lengths, None)
    for place in range(3):
        alone = room(model, "0.33.0", "H100", 1, float(rooms[place]), int(lengths[place]), None)
        assert swept.blocks[place] == alone.blocks
        assert swept.tokens[place] == alone.tokens
        assert swept.concurrency[place] == pytest.approx(alone.concurrency)


@given(
    model=st.sampled_from(["Qwen/Qwen3-8B", "google/gemma-3-12b-it", "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-Next-80B-A3B"]),
    hardware=st.sampled_from(["RTX 4090", "A100_80GB", "H200"]),
    version=st.sampled_from(["0.8.5", "0.11.0", "0.19.0", "0.24.0", "0.28.0", "0.33.0"]),
    length=st.integers(1, 32_768),
    sequences=st.integers(1, 300),
)
def test_the_sum_of_a_start_holds(model: str, hardware: str, version: str, length: int, sequences: int) -> None:
    found = started(
        model, hardware=hardware, engine_version=version, seq_length=length, max_num_seqs=sequences, tensor_parallel=2
    )
    held = found.weights_bytes + found.non_torch_bytes + found.activation_bytes + found.graphs_counted_bytes
    counted = found.context_bytes if version == "0.8.5" else 0
    assert found.cache_room_bytes == pytest.approx(found.budget_bytes - held - counted, abs=4)
    assert found.cache_room_interval.low <= found.cache_room_bytes <= found.cache_room_interval.high
    if found.longest:
        again = started(
            model,
            hardware=hardware,
            engine_version=version,
            seq_length=found.longest,
            max_num_seqs=sequences,
            tensor_parallel=2,
        )
        assert again.request_bytes <= found.cache_room_bytes


def test_a_word_that_straddles_is_borderline_and_never_a_flat_no() -> None:
    reports = [
        calculate_memory("Qwen/Qwen2.5-7B-Instruct", hardware="RTX 4090", seq_length=length)
        for length in range(16_384, 131_072, 2048)
    ]
    # of memory alone: beyond the model's own 32,768 tokens vLLM does not start, whatever room there is
    words = [report.startup.verdict for report in reports if report.startup is not None]
    assert len(words) == len(reports)
    assert all(report.verdict == "does not fit" for report in reports if report.seq_length > 32_768)
    assert words == sorted(words, key=["fits", "borderline", "does not fit"].index)
    assert set(words) == {"fits", "borderline", "does not fit"}
    for report, word in zip(reports, words, strict=True):
        span = report.device_margin_interval
        assert span is not None
        if word == "does not fit":
            assert span.high < 0
        if word == "fits":
            assert span.low >= 0


def test_each_remedy_mends_what_it_says_it_mends() -> None:
    asked: dict[str, Any] = {"hardware": "RTX 4090", "seq_length": 32_768, "batch_size": 8}
    report = calculate_memory("Qwen/Qwen2.5-7B-Instruct", **asked)
    assert report.verdict == "does not fit"
    kinds = {remedy.kind for remedy in report.remedies}
    assert {"sequences", "length", "weights", "devices", "device"} <= kinds
    for remedy in report.remedies:
        changed = dict(asked)
        for change in remedy.change.split(" and "):
            name, value = change.split(" ")
            number = value.replace(",", "")
            changed[name] = int(number) if number.isdigit() else number
        mended = calculate_memory("Qwen/Qwen2.5-7B-Instruct", **changed)
        assert mended.fits_device, remedy
        assert mended.device_margin_bytes == pytest.approx(remedy.margin_bytes, abs=2)


@pytest.mark.parametrize(
    ("model", "hardware", "tokens", "limit", "engine"),
    [
        ("facebook/opt-6.7b", "A10G", 32_768, 2_048, "vllm"),
        ("Qwen/Qwen3-8B", "H100_SXM", 1_048_576, 40_960, None),
        ("Qwen/Qwen3-8B", "RTX_4090", 98_304, 40_960, "llama_cpp"),
    ],
)
def test_a_shorter_length_is_one_that_the_model_has(
    model: str, hardware: str, tokens: int, limit: int, engine: str | None
) -> None:
    report = calculate_memory(model, hardware=hardware, seq_length=tokens, engine=engine)
    (shorter,) = (one for one in report.remedies if one.kind == "length")
    length = int(shorter.change.removeprefix("seq_length ").replace(",", ""))
    assert length <= limit
    assert calculate_memory(model, hardware=hardware, seq_length=length, engine=engine).verdict == "fits"
    # where the engine refuses the length, room for it mends nothing
    assert engine == "llama_cpp" or report.remedies == (shorter,)


def test_more_devices_are_those_of_the_whole_layout() -> None:
    asked: dict[str, Any] = {"hardware": "A100_40GB", "seq_length": 40_960, "batch_size": 32}
    report = calculate_memory("Qwen/Qwen3-14B", devices=3, **asked)
    assert (report.verdict, report.pipeline_parallel) == ("does not fit", 3)
    (more,) = (one for one in report.remedies if one.kind == "devices")
    assert more.change == "tensor_parallel 4 and pipeline_parallel 3"
    sizes = dict(part.split(" ") for part in more.change.split(" and "))
    mended = calculate_memory("Qwen/Qwen3-14B", **asked, **{name: int(size) for name, size in sizes.items()})
    assert (mended.verdict, mended.devices) == ("fits", 12)
    assert mended.device_margin_bytes == more.margin_bytes


def test_memory_alone_means_a_card_as_it_is_sold() -> None:
    # "80 GB" is 79.19 GiB to CUDA, "24 GB" 23.55
    for gb, gib in ((80, 79.19), (24, 23.55)):
        report = calculate_memory("llama3_8b", memory_gb=gb)
        assert report.startup is not None
        assert report.startup.device_bytes == pytest.approx(gib * GIB, rel=1e-4)
        assert any(f"{gib} GiB" in note.text for note in report.notes)


def test_a_time_is_not_refused_for_an_estimate_of_overhead() -> None:
    from llm_memory_calculator import estimate_performance

    # 29.5 GB of weights and 1.8 of cache in the 33.7 that the card shows: too much by the estimate, and not impossible
    report = estimate_performance(
        "Qwen/Qwen2.5-14B-Instruct", "RTX 5090", tensor_parallel=1, input_tokens=9000, output_tokens=200
    )
    assert report.tpot_ms is not None
    assert any(note.subject == "memory" and "short by the estimate" in note.text for note in report.notes)


def test_launch_lines_have_the_flags_of_vllm() -> None:
    # https://docs.vllm.ai/en/latest/cli/serve.html
    report = calculate_memory(
        "deepseek-ai/DeepSeek-V3",
        hardware="H200",
        tensor_parallel=8,
        expert_parallel=8,
        seq_length=16_384,
        kv_precision="fp8",
        max_num_seqs=64,
        enforce_eager=True,
        enable_prefix_caching=False,
    )
    assert report.launch is not None
    assert report.launch.startswith("vllm serve deepseek-ai/DeepSeek-V3 ")
    for flag in (
        "--tensor-parallel-size 8",
        "--enable-expert-parallel",
        "--max-model-len 16384",
        "--max-num-seqs 64",
        "--kv-cache-dtype fp8",
        "--enforce-eager",
        "--no-enable-prefix-caching",
    ):
        assert flag in report.launch


def test_a_load_of_an_array_is_judged_like_its_elements() -> None:
    model = load_model("Qwen/Qwen3-8B")
    from llm_memory_calculator.memory import verdict_of

    deployment = Deployment(
        model=model,
        formats=model.formats(None, None),
        engine=engine("0.33.0", "RTX_4090"),
        accelerator=get_accelerator("RTX_4090"),
        layout=Parallelism(pipeline=2),
    )
    counts = numpy.array([1.0, 8.0, 64.0])
    swept = verdict_of(deployment, Load(sequences=counts, tokens=8192)).margin_bytes
    for place, count in enumerate((1, 8, 64)):
        assert swept[place] == pytest.approx(verdict_of(deployment, Load(sequences=count, tokens=8192)).margin_bytes)
