"""Start-up logs explained: terms beside estimates, what to change, and the calibration that later estimates take.

The numbers are published, in the thread named at each excerpt; "made up" says which are not."""

# the lines of a log are as long as the engines print them
# ruff: noqa: E501

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import ArgumentError, StartupLogReport, calculate_memory, explain_startup_log, max_batch_size
from llm_memory_calculator.report import LogCount, LogTerm
from llm_memory_hardware import find_accelerator

from ..rows import each

GIB, MIB = 2**30, 2**20

# llm-d-planner pull request 205: Qwen2.5-7B-Instruct on an H100 SXM, vLLM 0.19.0 (the frame of the lines is made up)
CAMPAIGN = """
(APIServer pid=1) INFO 04-20 10:00:00 [utils.py:233] vLLM API server version 0.19.0
(APIServer pid=1) INFO 04-20 10:00:00 [utils.py:233] non-default args: {'model': 'Qwen/Qwen2.5-7B-Instruct', 'max_model_len': 8192, 'gpu_memory_utilization': 0.95}
(EngineCore pid=2) INFO 04-20 10:00:10 [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen2.5-7B-Instruct', dtype=torch.bfloat16, max_seq_len=8192, tensor_parallel_size=1, pipeline_parallel_size=1, data_parallel_size=1, quantization=None, enforce_eager=False, kv_cache_dtype=auto
(EngineCore pid=2) INFO 04-20 10:00:20 [gpu_model_runner.py:4800] Model loading took 14.25 GiB memory and 3.1 seconds
(EngineCore pid=2) DEBUG 04-20 10:00:50 [gpu_worker.py:360] Initial free memory: 78.65 GiB; Requested memory: 0.95 (util), 75.23 GiB
(EngineCore pid=2) DEBUG 04-20 10:00:50 [gpu_worker.py:370] Total non KV cache memory: 16.7GiB; torch peak memory increase: 2.21GiB; non-torch forward increase memory: 0.24GiB; weights memory: 14.25GiB.
(EngineCore pid=2) INFO 04-20 10:00:50 [gpu_worker.py:390] Available KV cache memory: 58.53 GiB
(EngineCore pid=2) INFO 04-20 10:00:51 [kv_cache_utils.py:1314] # GPU blocks: 68500, # CPU blocks: 0
(EngineCore pid=2) INFO 04-20 10:00:51 [kv_cache_utils.py:1314] GPU KV cache size: 1,096,000 tokens
(EngineCore pid=2) INFO 04-20 10:00:51 [kv_cache_utils.py:1319] Maximum concurrency for 8,192 tokens per request: 133.79x
(EngineCore pid=2) INFO 04-20 10:01:00 [gpu_model_runner.py:5900] Graph capturing finished in 8 secs, took 0.87 GiB
(APIServer pid=1) INFO:     Application startup complete.
"""


def row(report: StartupLogReport, name: str) -> LogTerm:
    return next(one for one in report.rows if one.name == name)


def count(report: StartupLogReport, name: str) -> LogCount:
    return next(one for one in report.counts if one.name == name)


def words(report: StartupLogReport, subject: str) -> str:
    return " ".join(note.text for note in report.notes if note.subject == subject)


def kinds(report: StartupLogReport) -> dict[str, str]:
    return {remedy.kind: remedy.change for remedy in report.remedies}


# ---------------------------------------------------------------------------------------------------- vLLM


def test_each_term_stands_beside_its_estimate() -> None:
    report = explain_startup_log(CAMPAIGN)
    assert (report.engine, report.version, report.model) == ("vllm", "0.19.0", "Qwen/Qwen2.5-7B-Instruct")
    assert (report.outcome, report.hardware, report.layout) == ("started", "H100_SXM", "TP1 PP1 DP1")
    for name, gib in {
        "weights": 14.25,
        "non_torch": 0.24,
        "activation": 2.21,
        "graphs": 0.87,
        "kv_cache": 58.53,
    }.items():
        term = row(report, name)
        assert term.measured_bytes == round(gib * GIB)
        assert term.estimated_bytes is not None
        assert term.residual_bytes == term.measured_bytes - term.estimated_bytes
        assert abs(term.residual_bytes) < 0.1 * GIB
        assert term.in_range is not None
        assert "GiB" in term.line
    assert "H100_PCIe" in words(report, "hardware")
    assert report.remedies == ()
    assert report.room_bytes == round(58.53 * GIB)


def test_the_counts_follow_from_the_log_s_own_room() -> None:
    report = explain_startup_log(CAMPAIGN)
    for name, value in {"gpu_blocks": 68_500, "kv_tokens": 1_096_000, "max_concurrency": 133.79}.items():
        assert count(report, name).measured == value
        assert count(report, name).of_room == pytest.approx(value, rel=1e-3)
        assert count(report, name).estimated == pytest.approx(value, rel=2e-3)


def test_a_later_estimate_takes_the_calibration(tmp_path: Path) -> None:
    report = explain_startup_log(CAMPAIGN)
    assert report.calibration is not None
    file = tmp_path / "h100.json"
    file.write_text(json.dumps(report.calibration))
    asked: dict[str, Any] = {"hardware": "H100", "seq_length": 8192, "gpu_memory_utilization": 0.95, "detail": "full"}
    plain = calculate_memory("Qwen/Qwen2.5-7B-Instruct", engine="vllm", engine_version="0.19.0", **asked)
    found = calculate_memory("Qwen/Qwen2.5-7B-Instruct", calibration=file, **asked)
    assert plain.startup is not None
    assert found.startup is not None
    assert found.engine.startswith("vLLM 0.19.0")
    assert found.startup.cache_room_bytes == round(58.53 * GIB)
    assert found.startup.weights_bytes == round(14.25 * GIB)
    narrow, wide = found.startup.cache_room_interval, plain.startup.cache_room_interval
    assert narrow.high - narrow.low < wide.high - wide.low
    assert "start-up log" in narrow.evidence
    assert "a start-up log of vllm 0.19.0" in " ".join(note.text for note in found.notes)
    assert found.ledger is not None
    assert sum(line.value for line in found.ledger.parts) == pytest.approx(found.total_memory_bytes, abs=2)


def test_weights_and_activations_are_of_the_model_alone() -> None:
    calibration = explain_startup_log(CAMPAIGN).calibration
    asked: dict[str, Any] = {"hardware": "H100", "engine": "vllm", "engine_version": "0.19.0", "seq_length": 8192}
    plain = calculate_memory("Qwen/Qwen3-4B", **asked).startup
    found = calculate_memory("Qwen/Qwen3-4B", calibration=calibration, **asked).startup
    assert plain is not None
    assert found is not None
    assert (found.weights_bytes, found.activation_bytes) == (plain.weights_bytes, plain.activation_bytes)
    assert found.non_torch_bytes == round(0.24 * GIB)
    # another layout holds something else for its links, which the log does not tell
    there = calculate_memory("Qwen/Qwen3-4B", calibration=calibration, tensor_parallel=2, **asked).startup
    same = calculate_memory("Qwen/Qwen3-4B", tensor_parallel=2, **asked).startup
    assert there is not None
    assert same is not None
    assert there.non_torch_bytes == same.non_torch_bytes


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"hardware": "A100_80GB"}, "H100_SXM"),
        ({"hardware": "H100", "engine": "sglang"}, "give engine 'vllm'"),
        ({"hardware": "H100", "engine_version": "0.9.0"}, "0.19.0"),
    ],
)
def test_a_calibration_of_another_engine_or_card_is_refused(asked: dict[str, Any], said: str) -> None:
    calibration = explain_startup_log(CAMPAIGN).calibration
    with pytest.raises(ArgumentError, match=r"calibration is of vllm 0\.19\.0") as error:
        max_batch_size("Qwen/Qwen2.5-7B-Instruct", calibration=calibration, **asked)
    assert said in str(error.value)


@each(
    "calibration",
    [
        {},
        {"engine": "vllm"},
        {"engine": "vllm", "total_bytes": 1, "parts": {"soul": 1}},
        {"engine": "vlm", "total_bytes": 1, "parts": {}},
        {"engine": "vllm", "total_bytes": "many", "parts": {}},
        {"engine": "vllm", "total_bytes": 1, "parts": {"weights": 0.5}},
        {"engine": "vllm", "total_bytes": 1, "parts": {}, "colour": "red"},
        "/no/such/file.json",
        7,
    ],
)
def test_what_is_no_calibration_is_refused(calibration: Any) -> None:
    with pytest.raises(ArgumentError, match="calibration"):
        calculate_memory("Qwen/Qwen3-4B", hardware="H100", calibration=calibration)


GIBS = st.integers(1, 400).map(lambda hundredths: hundredths / 100)


@given(
    weights=st.integers(1300, 1600).map(lambda hundredths: hundredths / 100),
    non_torch=GIBS,
    activation=st.one_of(st.none(), GIBS),
    graphs=st.one_of(st.none(), GIBS),
    share=st.sampled_from((0.5, 0.8, 0.9, 0.95)),
    version=st.sampled_from(("0.10.2", "0.19.0", "0.21.0", "0.33.0")),
    room=st.one_of(st.none(), st.integers(0, 2000).map(lambda hundredths: hundredths / 100)),
)
def test_the_calibrated_estimate_gives_the_log_s_room_back(
    weights: float,
    non_torch: float,
    activation: float | None,
    graphs: float | None,
    share: float,
    version: str,
    room: float | None,
) -> None:
    total = 79.19
    budget = share * total
    left = room if room is not None else budget - weights - non_torch - (activation or 1)
    lines = [
        f"INFO [core.py:105] Initializing a V1 LLM engine (v{version}) with config: model='Qwen/Qwen2.5-7B-Instruct', max_seq_len=1024",
        f"INFO [gpu_worker.py:1] Free memory on device (78.65/{total} GiB) on startup. Desired GPU memory utilization is ({share}, {budget:.2f} GiB).",
        f"Actual usage is {weights} GiB for weight, {non_torch} GiB for non-torch memory",
        *([] if activation is None else [f"{activation} GiB for peak activation"]),
        *([] if graphs is None else [f"INFO [gpu_worker.py:380] Estimated CUDA graph memory: {graphs} GiB total"]),
        f"INFO [gpu_worker.py:390] Available KV cache memory: {left:.6f} GiB",
    ]
    report = explain_startup_log("\n".join(lines), hardware="H100")
    again = calculate_memory(
        "Qwen/Qwen2.5-7B-Instruct",
        hardware="H100",
        seq_length=1024,
        gpu_memory_utilization=share,
        calibration=report.calibration,
    )
    assert again.startup is not None
    assert again.startup.cache_room_bytes == round(row(report, "kv_cache").measured_bytes)


# vllm-project/vllm, gpu_worker.py of 0.19, on the numbers of shared memory.md: 3.21 of 4.0 GiB free
BUSY = """
INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen3-0.6B', max_seq_len=2048
ValueError: Free memory on device cuda:0 (3.21/4.0 GiB) on startup is less than desired GPU memory utilization (0.85, 3.4 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.
"""


def test_too_little_free_memory_asks_for_a_smaller_share() -> None:
    report = explain_startup_log(BUSY)
    assert (report.outcome, report.binding) == ("free", "free memory at start")
    assert report.margin_bytes is not None
    assert report.margin_bytes == pytest.approx((3.21 - 3.4) * GIB, abs=0.01 * GIB)
    assert report.message is not None
    assert float(kinds(report)["share"].split()[-1]) <= 0.8


# the words of 0.19; the numbers are made up
NO_BLOCKS = """
INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen2.5-7B-Instruct', max_seq_len=8192
INFO [gpu_worker.py:1] Free memory on device (21.5/22.03 GiB) on startup. Desired GPU memory utilization is (0.7, 15.42 GiB).
Actual usage is 14.25 GiB for weight, 1.02 GiB for peak activation, 0.24 GiB for non-torch memory
ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.
"""


def test_no_room_for_a_cache_asks_for_a_larger_share() -> None:
    report = explain_startup_log(NO_BLOCKS, hardware="L4")
    assert report.outcome == "no_blocks"
    assert report.room_bytes == pytest.approx((15.42 - 15.51) * GIB, abs=0.001 * GIB)
    assert report.binding in ("room for a cache", "one request of max_model_len", "all sequences at once")
    assert {"share", "weights", "devices"} <= set(kinds(report))


# vllm-project/vllm#14447's words, numbers made up but for their kind
TOO_LONG = """
INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen2.5-7B-Instruct', max_seq_len=32768
INFO [gpu_model_runner.py:1] Model loading took 14.25 GiB memory and 2 seconds
INFO [gpu_worker.py:1] Free memory on device (21.5/22.03 GiB) on startup. Desired GPU memory utilization is (0.8, 17.62 GiB).
INFO [gpu_worker.py:1] Available KV cache memory: 1.50 GiB
ValueError: To serve at least one request with the models's max seq len (32768), (1.75 GiB KV cache is needed, which is larger than the available KV cache memory (1.50 GiB). Based on the available memory, the estimated maximum model length is 28080. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.
"""


def test_too_long_a_request_is_mended_on_the_log_s_own_room() -> None:
    report = explain_startup_log(TOO_LONG, hardware="L4")
    assert (report.outcome, report.room_bytes) == ("length", round(1.5 * GIB))
    assert report.binding == "one request of max_model_len"
    assert report.margin_bytes == pytest.approx(-0.25 * GIB, abs=0.01 * GIB)
    assert kinds(report)["cache format"] == "kv_precision fp8"
    # the length that the log itself says
    assert kinds(report)["length"] == "max_model_len 28,080"
    assert "leaves" in words(report, "calibration")


def test_the_message_of_a_full_device_is_read_without_its_sizes() -> None:
    # torch.cuda.OutOfMemoryError until 2.5, torch.OutOfMemoryError since
    for text in ("torch.OutOfMemoryError: CUDA out of memory", "torch.cuda.OutOfMemoryError: HIP out of memory."):
        report = explain_startup_log(text)
        assert (report.engine, report.outcome) == ("pytorch", "oom")
        assert "start-up log from its first line" in words(report, "text")


def test_a_count_that_is_printed_alike_is_no_contradiction() -> None:
    report = explain_startup_log(f"{TOO_LONG}Maximum concurrency for 32,768 tokens per request: 0.86x\n", hardware="L4")
    assert not [note for note in report.notes if note.subject == "counts"]


def test_a_log_without_a_model_gives_its_arithmetic() -> None:
    text = TOO_LONG.replace("Qwen/Qwen2.5-7B-Instruct", "/data/ours").replace("(v0.19.0)", "(v0.19.0)")
    report = explain_startup_log(text)
    assert report.calibration is None
    assert "give model" in words(report, "model")
    assert report.margin_bytes == pytest.approx(-0.25 * GIB, abs=0.01 * GIB)
    assert kinds(report) == {
        "length": "max_model_len 28,080",
        "share": "gpu_memory_utilization 0.82",
        "cache format": "kv_cache_dtype fp8",
    }
    assert all(term.estimated_bytes is None for term in report.rows)


def test_numbers_that_disagree_are_both_said() -> None:
    report = explain_startup_log(
        CAMPAIGN.replace("Available KV cache memory: 58.53", "Available KV cache memory: 50.00")
    )
    assert "50.00" in words(report, "room_bytes")
    assert "58.53" in words(report, "room_bytes")
    assert "68,500" in words(report, "counts")


# memory.md: gpt-oss-20b on an H100 at 0.95 prints a KV cache and dies in the capture (sizes of the failure made up)
CAPTURE = """
INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='openai/gpt-oss-20b', max_seq_len=8192, enforce_eager=False
INFO [gpu_worker.py:1] Free memory on device (78.65/79.19 GiB) on startup. Desired GPU memory utilization is (0.95, 75.23 GiB).
INFO [gpu_worker.py:390] Available KV cache memory: 57.00 GiB
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 79.19 GiB of which 100.00 MiB is free.
"""


def test_out_of_memory_beside_the_cache_takes_a_smaller_share_or_no_graphs() -> None:
    report = explain_startup_log(CAPTURE)
    assert report.outcome == "oom"
    assert report.binding == "graphs and warm-up beside the cache"
    assert report.margin_bytes is not None
    assert report.margin_bytes < 0
    assert float(kinds(report)["share"].split()[-1]) < 0.95


# ---------------------------------------------------------------------------------------------------- other engines

# XiongjieDai/GPU-Benchmarks-on-LLM-Inference: Meta-Llama-3-8B Q4_K_M at 8,192 tokens, b2824
LLAMA = """
main: build = 2824 (4426e298)
llm_load_print_meta: model ftype      = Q4_K - Medium
llm_load_tensors: offloaded 33/33 layers to GPU
llm_load_tensors:        CPU buffer size =   281.81 MiB
llm_load_tensors:      CUDA0 buffer size =  4403.49 MiB
llama_new_context_with_model: n_ctx      = 8192
llama_new_context_with_model: n_batch    = 2048
llama_new_context_with_model: n_ubatch   = 512
llama_new_context_with_model: flash_attn = 0
llama_kv_cache_init:      CUDA0 KV buffer size =  1024.00 MiB
llama_new_context_with_model: KV self size  = 1024.00 MiB, K (f16):  512.00 MiB, V (f16):  512.00 MiB
llama_new_context_with_model:  CUDA_Host  output buffer size =     0.49 MiB
llama_new_context_with_model:      CUDA0 compute buffer size =   560.00 MiB
llama_new_context_with_model:  CUDA_Host compute buffer size =    24.01 MiB
llama_new_context_with_model: graph splits = 2
"""


@pytest.mark.parametrize("text", [LLAMA, LLAMA.replace("model ftype      = Q4_K - Medium", "")])
def test_llama_cpp_to_the_mebibyte(text: str) -> None:
    report = explain_startup_log(text, model="meta-llama/Meta-Llama-3-8B", hardware="RTX 4090")
    assert (report.engine, report.version, report.precision) == ("llama.cpp", "2824", "q4_k_m")
    for name, mib in {"weights": 4403.49, "host_weights": 281.81, "kv_cache": 1024, "compute": 560}.items():
        term = row(report, name)
        assert term.measured_bytes == pytest.approx(mib * MIB, abs=1)
        assert term.estimated_bytes == pytest.approx(mib * MIB, abs=0.02 * MIB)
    assert count(report, "layers").measured == 33
    assert report.calibration is not None
    assert report.calibration["engine"] == "llama_cpp"


def test_llama_cpp_without_a_card_is_compared_all_the_same() -> None:
    report = explain_startup_log(LLAMA, model="meta-llama/Meta-Llama-3-8B")
    assert report.hardware is None
    assert abs(row(report, "weights").residual_bytes or 0) < 0.1 * MIB
    assert report.calibration is None
    assert "neither the card nor its memory" in words(report, "hardware")


# find_string id 58671331675 (Qwen3.5-27B at 131,072 tokens on a card of 12 GB, b8586)
LLAMA_FULL = """
build: 8586 (64ac9ab66) with GNU 15.2.1 for Linux x86_64
srv    load_model: loading model '/models/Qwen3.5-27B.Q4_K_S.gguf'
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 4070) (0000:06:00.0) - 10430 MiB free
load_tensors: offloaded 26/65 layers to GPU
load_tensors:   CPU_Mapped model buffer size =  8740.26 MiB
load_tensors:        CUDA0 model buffer size =  6096.65 MiB
llama_context: n_seq_max     = 1
llama_context: n_ctx         = 131072
llama_context: flash_attn    = auto
llama_kv_cache:        CPU KV buffer size =  4608.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =  3584.00 MiB
llama_memory_recurrent:      CUDA0 RS buffer size =    56.11 MiB
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 1401.75 MiB on device 0: cudaMalloc failed: out of memory
"""


def test_llama_cpp_that_fails_by_its_compute_buffer() -> None:
    report = explain_startup_log(LLAMA_FULL)
    assert (report.outcome, report.hardware) == ("oom", "RTX_4070")
    assert report.model is not None
    assert "Qwen3.5-27B" in report.model
    assert row(report, "kv_cache").estimated_bytes == pytest.approx(3584 * MIB, rel=0.05)
    # weights, cache, states and the buffer that it tried are more than the free 10,430 MiB
    assert report.margin_bytes is not None
    assert report.margin_bytes == pytest.approx((10430 - 6096.65 - 3584 - 56.11 - 1401.75) * MIB, rel=0.05)
    assert report.remedies


# phi4 on a card of 8 GB, 2025-01 (find_string id 19789658215)
OLLAMA = """
time=2025-01-10T22:05:21.891+08:00 level=INFO source=server.go:104 msg="system memory" total="31.2 GiB" free="21.2 GiB"
time=2025-01-10T22:05:21.891+08:00 level=INFO source=memory.go:356 msg="offload to cuda" layers.requested=-1 layers.model=41 layers.offload=29 layers.split="" memory.available="[6.9 GiB]" memory.gpu_overhead="0 B" memory.required.full="9.6 GiB" memory.required.partial="6.8 GiB" memory.required.kv="400.0 MiB" memory.required.allocations="[6.8 GiB]" memory.weights.total="8.2 GiB" memory.weights.repeating="7.8 GiB" memory.weights.nonrepeating="402.0 MiB" memory.graph.full="266.7 MiB" memory.graph.partial="266.7 MiB"
time=2025-01-10T22:05:21.897+08:00 level=INFO source=server.go:376 msg="starting llama server" cmd="C:\\\\ollama\\\\run.exe runner --model C:\\\\blobs\\\\sha256-ab704ffa --ctx-size 2048 --batch-size 512 --n-gpu-layers 29 --threads 8 --no-mmap --parallel 1 --port 56786"
"""


def test_ollama_says_its_plan() -> None:
    report = explain_startup_log(OLLAMA)
    assert "does not name its model" in words(report, "model")
    assert row(report, "required").measured_bytes == round(9.6 * GIB)
    assert report.settings["num_ctx"] == 2048
    named = explain_startup_log(OLLAMA, model="phi4:14b", hardware="RTX 4060", engine_version="0.5.4")
    assert named.engine == "ollama"
    # 29 of 41 layers are on the device, and the plan is of all
    assert row(named, "weights").estimated_bytes == pytest.approx(8.2 * GIB, rel=0.03)
    assert row(named, "kv_cache").estimated_bytes == 400 * MIB
    assert named.room_bytes is None
    assert (named.binding, named.margin_bytes is not None and named.margin_bytes < 0) == (
        "all layers on the device",
        True,
    )
    assert named.remedies


# sgl-project/sglang#7227, with the allocation of #5285 (the card's total and free memory are made up)
SGLANG = """
[2025-06-19 15:12:20] server_args=ServerArgs(model_path='Qwen/Qwen3-4B', tokenizer_path='Qwen/Qwen3-4B', mem_fraction_static=0.88, tp_size=1, chunked_prefill_size=2048, context_length=None, kv_cache_dtype='auto', disable_cuda_graph=False)
[2025-06-19 15:12:25] Load weight begin. avail mem=30.77 GB
[2025-06-19 15:12:27] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=21.96 GB, mem usage=8.81 GB.
[2025-06-19 15:12:27] KV Cache is allocated. #tokens: 132681, K size: 9.11 GB, V size: 9.11 GB
[2025-06-19 15:12:27] Capture cuda graph begin. This can take up to several minutes. avail mem=2.85 GB
Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate 448.00 MiB. GPU 0 has a total capacity of 31.36 GiB of which 100.00 MiB is free.
"""


def test_sglang_that_fails_in_its_graphs() -> None:
    report = explain_startup_log(SGLANG)
    assert (report.engine, report.model, report.outcome) == ("sglang", "Qwen/Qwen3-4B", "oom")
    assert report.hardware == "RTX_5090"
    assert report.room_bytes == round(18.22 * GIB)
    assert count(report, "kv_tokens").of_room == pytest.approx(132_681, rel=1e-3)
    assert report.calibration is not None
    assert report.calibration["engine"] == "sglang"
    assert report.remedies


# ---------------------------------------------------------------------------------------------------- in words


def test_the_answer_in_words_says_what_failed_and_what_mends_it() -> None:
    text = str(explain_startup_log(TOO_LONG, hardware="L4"))
    assert "the cache does not hold one longest request" in text
    assert "To serve at least one request" in text
    assert "Any of these mends it:" in text


def test_a_text_that_is_no_log_is_refused() -> None:
    with pytest.raises(ArgumentError, match="No line of a start-up log"):
        explain_startup_log("nothing of the kind")


def test_no_file_that_a_log_names_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    report = explain_startup_log(CAMPAIGN.replace("Qwen/Qwen2.5-7B-Instruct", str(folder)))
    assert "give model" in words(report, "model")
    assert report.calibration is None


# --- what is not an engine's own ------------------------------------------------------------------------------------


def test_a_lone_line_of_a_full_device_is_answered_with_what_it_says() -> None:
    # https://github.com/vllm-project/vllm/issues/783
    report = explain_startup_log(
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.63 GiB (GPU 0; 44.56 GiB total capacity; "
        "27.91 GiB already allocated; 565.31 MiB free; 27.93 GiB reserved in total by PyTorch)"
    )
    assert (report.engine, report.outcome) == ("pytorch", "oom")
    assert report.margin_bytes == pytest.approx(565.31 * 2**20 - 1.63 * 2**30, abs=1)
    said = " ".join(note.text for note in report.notes)
    assert "1.63 GiB were tried" in said
    assert "others with what contexts take 16.08" in said
    assert "from its first line" in said


@pytest.mark.parametrize(("line", "maker"), [("# cuda blocks: 0", "NVIDIA"), ("# rocm blocks: 0", "AMD")])
def test_a_card_is_guessed_among_those_of_the_log_s_runtime(line: str, maker: str) -> None:
    # https://github.com/vllm-project/vllm/issues/13882: a GeForce RTX 4060
    report = explain_startup_log(
        "INFO 02-26 09:54:05 worker.py:267] the current vLLM instance can use total_gpu_memory (8.00GiB) x "
        f"gpu_memory_utilization (0.70) = 5.60GiB\nINFO 02-26 executor_base.py:111] {line}, # CPU blocks: 4681",
        model="Qwen/Qwen3-8B",
    )
    if maker == "AMD":
        assert report.hardware is not None
        assert find_accelerator(report.hardware).manufacturer == "AMD"
        return
    # under WSL a card shows all that it is sold with: none is guessed, and vLLM runs on no Pascal, which shows 7.93 GiB
    assert report.hardware is None
    assert "RTX_4060" in words(report, "hardware")
    assert "GTX" not in words(report, "hardware")
