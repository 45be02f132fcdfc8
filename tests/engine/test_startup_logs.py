"""Start-up logs of serving engines, read into facts. The numbers are published, in the thread named at each excerpt;
"made up" says which are not."""

# the lines of a log are as long as the engines print them
# ruff: noqa: E501

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import explain_startup_log
from llm_memory_calculator.errors import ArgumentError
from llm_memory_calculator.startup_logs import LONGEST, StartupLog, read_log

GIB, MIB = 2**30, 2**20


def amounts(log: StartupLog, name: str, unit: int = GIB) -> dict[str, float]:
    """The terms of a name by device, added up and rounded as the engine printed them."""
    found: dict[str, float] = {}
    for term in log.named(name):
        found[term.device] = found.get(term.device, 0) + term.value_bytes / unit
    return {device: round(value, 4) for device, value in found.items()}


def amount(log: StartupLog, name: str, unit: int = GIB) -> float:
    return amounts(log, name, unit)[""]


def numbers(log: StartupLog, name: str) -> list[float]:
    return [count.value for count in log.counted(name)]


# ---------------------------------------------------------------------------------------------------- vLLM, V0

# vllm-project/vllm#5104
OLDEST = """
INFO 05-29 10:26:04 llm_engine.py:100] Initializing an LLM engine (v0.4.2) with config: model='facebook/opt-125m', \
speculative_config=None, tokenizer='facebook/opt-125m', dtype=torch.float16, max_seq_len=2048, download_dir=None, \
load_format=LoadFormat.AUTO, tensor_parallel_size=1, quantization=None, enforce_eager=False, kv_cache_dtype=auto, \
decoding_config=DecodingConfig(guided_decoding_backend='outlines'), seed=0, served_model_name=facebook/opt-125m)
INFO 05-29 10:26:05 model_runner.py:175] Loading model weights took 0.2389 GB
INFO 05-29 10:26:06 gpu_executor.py:114] # GPU blocks: 4700, # CPU blocks: 7281
"""


def test_the_first_releases_say_weights_and_blocks() -> None:
    log = read_log(OLDEST)
    assert (log.engine, log.version, log.model) == ("vllm", "0.4.2", "facebook/opt-125m")
    assert amount(log, "weights") == 0.2389
    assert (numbers(log, "gpu_blocks"), numbers(log, "cpu_blocks")) == ([4700], [7281])
    assert log.settings["max_model_len"] == 2048
    assert log.settings["enforce_eager"] is False
    assert "quantization" not in log.settings
    assert log.kv_tokens_meaning is None
    assert log.outcome == "unknown"


# vllm-project/vllm#10517: the same model at three lengths, pasted one below the other (0.6.4)
THREE_LENGTHS = """
**20k - OK**
Loading model weights took 14.9888 GB
Memory profiling results: total_gpu_memory=23.58GiB initial_memory_usage=15.34GiB peak_torch_memory=17.06GiB \
memory_usage_post_profile=15.35GiB non_torch_memory=0.35GiB kv_cache_size=3.81GiB gpu_memory_utilization=0.90
# GPU blocks: 1952, # CPU blocks: 2048
Maximum concurrency for 20000 tokens per request: 1.56x

**29k - BAD**
Loading model weights took 14.9888 GB
Memory profiling results: total_gpu_memory=23.58GiB initial_memory_usage=15.34GiB peak_torch_memory=17.98GiB \
memory_usage_post_profile=15.35GiB non_torch_memory=0.35GiB kv_cache_size=2.89GiB gpu_memory_utilization=0.90
# GPU blocks: 1478, # CPU blocks: 2048
Maximum concurrency for 29000 tokens per request: 0.82x
The model's max seq len (29000) is larger than the maximum number of tokens that can be stored in KV cache (23648). \
Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.
"""


def test_of_several_starts_the_last_counts() -> None:
    log = read_log(THREE_LENGTHS)
    assert log.starts == 2
    assert amount(log, "kv_cache") == 2.89
    assert amount(log, "non_torch") == 0.35
    assert amount(log, "total") == 23.58
    assert numbers(log, "gpu_blocks") == [1478]
    assert (log.outcome, dict(log.failure)) == ("length", {"at_length": 29000, "longest": 23648})
    assert log.message is not None
    assert log.message.startswith("The model's max seq len (29000)")


# vllm-project/vllm#14447: tensor parallelism in 0.8, a worker a process
WORKERS = """
(VllmWorkerProcess pid=521) INFO 04-12 08:21:19 [worker.py:267] the current vLLM instance can use total_gpu_memory \
(23.58GiB) x gpu_memory_utilization (0.99) = 23.35GiB
(VllmWorkerProcess pid=521) INFO 04-12 08:21:19 [worker.py:267] model weights take 21.21GiB; non_torch_memory takes \
0.20GiB; PyTorch activation peak memory takes 0.37GiB; the rest of the memory reserved for KV Cache is 1.57GiB.
(VllmWorkerProcess pid=507) INFO 04-12 08:21:19 [worker.py:267] the current vLLM instance can use total_gpu_memory \
(23.58GiB) x gpu_memory_utilization (0.99) = 23.35GiB
(VllmWorkerProcess pid=507) INFO 04-12 08:21:19 [worker.py:267] model weights take 21.21GiB; non_torch_memory takes \
0.20GiB; PyTorch activation peak memory takes 0.37GiB; the rest of the memory reserved for KV Cache is 1.57GiB.
"""


def test_each_worker_keeps_its_terms() -> None:
    log = read_log(WORKERS)
    assert log.starts == 1
    assert amounts(log, "weights") == {"pid 521": 21.21, "pid 507": 21.21}
    assert amounts(log, "activation") == {"pid 521": 0.37, "pid 507": 0.37}
    assert amounts(log, "budget") == {"pid 521": 23.35, "pid 507": 23.35}
    assert log.settings["gpu_memory_utilization"] == 0.99


# kubernetes-sigs/gateway-api-inference-extension#550: a frame around each line
def test_a_frame_around_the_lines_is_no_part_of_them() -> None:
    log = read_log(
        "│ INFO 03-21 20:15:45 [worker.py:267] the current vLLM instance can use total_gpu_memory (79.19GiB) x "
        "gpu_memory_utilization (0.90) = 71.27GiB           │\n"
        "│ INFO 03-21 20:15:45 [worker.py:267] model weights take 12.55GiB; non_torch_memory takes 0.16GiB; PyTorch "
        "activation peak memory takes 2.38GiB; the rest of the memory reserved for KV Cache is 56.18GiB.   │\n"
        "│ INFO 03-21 20:15:46 [executor_base.py:111] # cuda blocks: 7191, # CPU blocks: 512      │\n"
    )
    assert amount(log, "total") == 79.19
    assert amount(log, "kv_cache") == 56.18
    assert numbers(log, "gpu_blocks") == [7191]


# ---------------------------------------------------------------------------------------------------- vLLM, V1

# RedHatAI/Qwen3.6-35B-A3B-NVFP4 on one card (find_string id 51900802258)
GRAPHS_INSIDE = """
(APIServer pid=1) INFO 05-03 17:49:37 [utils.py:299]  ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.20.0
(APIServer pid=1) INFO 05-03 17:49:37 [utils.py:233] non-default args: {'model_tag': 'x', 'host': '0.0.0.0', 'model': \
'RedHatAI/Qwen3.6-35B-A3B-NVFP4', 'api_key': ['sk-secret'], 'max_model_len': 262144, 'gpu_memory_utilization': 0.85, \
'kv_cache_dtype': 'fp8_e4m3', 'max_num_batched_tokens': 65536, 'max_num_seqs': 8, 'enable_prefix_caching': True}
(EngineCore pid=125) INFO 05-03 17:50:02 [core.py:109] Initializing a V1 LLM engine (v0.20.0) with config: \
model='RedHatAI/Qwen3.6-35B-A3B-NVFP4', speculative_config=None, max_seq_len=262144, tensor_parallel_size=1, \
quantization=compressed-tensors, enforce_eager=False, compilation_config={'mode': 3, 'max_cudagraph_capture_size': 1}
(EngineCore pid=125) INFO 05-03 17:52:23 [gpu_model_runner.py:4879] Model loading took 21.86 GiB memory and 125.99 seconds
(EngineCore pid=125) INFO 05-03 17:52:23 [interface.py:606] Setting attention block size to 2096 tokens to ensure that
(EngineCore pid=125) INFO 05-03 17:54:32 [gpu_model_runner.py:6042] Estimated CUDA graph memory: 0.47 GiB total
(EngineCore pid=125) INFO 05-03 17:54:32 [gpu_worker.py:440] Available KV cache memory: 66.93 GiB
(EngineCore pid=125) INFO 05-03 17:54:32 [kv_cache_utils.py:1711] GPU KV cache size: 1,754,352 tokens
(EngineCore pid=125) INFO 05-03 17:54:32 [kv_cache_utils.py:1716] Maximum concurrency for 262,144 tokens per request: 25.36x
(EngineCore pid=125) INFO 05-03 17:54:52 [gpu_model_runner.py:6133] Graph capturing finished in 1 secs, took 0.47 GiB
(EngineCore pid=125) INFO 05-03 17:54:52 [gpu_worker.py:599] CUDA graph pool memory: 0.47 GiB (actual), 0.47 GiB \
(estimated), difference: 0.01 GiB (1.1%).
(EngineCore pid=125) INFO 05-03 17:54:52 [core.py:299] init engine (profile, create kv cache, warmup model) took 149.80 s
(APIServer pid=1) INFO:     Application startup complete.
"""


def test_a_whole_start_of_the_first_engine_of_v1() -> None:
    log = read_log(GRAPHS_INSIDE)
    assert (log.version, log.starts, log.outcome, log.message) == ("0.20.0", 1, "started", None)
    assert log.model == "RedHatAI/Qwen3.6-35B-A3B-NVFP4"
    assert {name: amount(log, name) for name in ("weights", "kv_cache", "graphs", "graphs_estimate")} == {
        "weights": 21.86,
        "kv_cache": 66.93,
        "graphs": 0.47,
        "graphs_estimate": 0.47,
    }
    assert (numbers(log, "kv_tokens"), numbers(log, "block_size")) == ([1_754_352], [2096])
    assert (numbers(log, "max_concurrency"), numbers(log, "at_length")) == ([25.36], [262_144])
    # 25.36 x 262,144 are 6.6 million: the line still says what the blocks hold
    assert log.kv_tokens_meaning == "pool"
    assert log.settings["max_num_batched_tokens"] == 65536
    assert log.settings["kv_cache_dtype"] == "fp8_e4m3"
    assert "sk-secret" not in repr(log.settings)


# local-inference-lab/GLM-5.3-Flash-NVFP4 on three cards (find_string id 63441798540)
SECOND_RUNNER = """
(APIServer pid=1) INFO 09-04 10:58:28 [api_utils.py:347]  ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.26.1rc0+glm53
(Worker_TP0_EP0 pid=1159) INFO 09-04 10:59:45 [model_runner.py:408] Model loading took 61.74 GiB memory and 42.52 seconds
(Worker_TP1_EP1 pid=1160) INFO 09-04 10:59:45 [model_runner.py:408] Model loading took 61.74 GiB memory and 42.52 seconds
(Worker_TP0_EP0 pid=1159) INFO 09-04 11:00:12 [gpu_worker.py:624] Available KV cache memory: 17.79 GiB
(EngineCore pid=986) INFO 09-04 11:00:12 [kv_cache_utils.py:2033] GPU KV cache size: 2,143,243 tokens, Maximum \
concurrency for 1,048,576 tokens per request: 2.04x
(Worker_TP0_EP0 pid=1159) INFO 09-04 11:00:17 [gpu_worker.py:792] CUDA graph pool memory: 0.25 GiB (actual), 0.38 GiB \
(estimated), difference: 0.12 GiB (50.0%).
(Worker_TP0_EP0 pid=1159) INFO 09-04 11:00:17 [gpu_worker.py:855] Free memory on device (91.64/94.97 GiB) on startup. \
Desired GPU memory utilization is (0.91, 86.42 GiB). Actual usage is 64.44 GiB for consumed memory (weights + non-torch), \
4.19 GiB for peak activation, and 0.25 GiB for CUDAGraph memory. Current kv cache memory in use is 17.79 GiB.
(Worker_TP1_EP1 pid=1160) INFO 09-04 11:00:17 [gpu_worker.py:855] Free memory on device (91.45/94.97 GiB) on startup. \
Desired GPU memory utilization is (0.91, 86.42 GiB). Actual usage is 64.5 GiB for consumed memory (weights + non-torch), \
4.19 GiB for peak activation, and 0.25 GiB for CUDAGraph memory. Current kv cache memory in use is 17.73 GiB.
"""


def test_the_second_model_runner_says_consumed_as_one_number() -> None:
    log = read_log(SECOND_RUNNER)
    assert log.version == "0.26.1rc0+glm53"
    assert amounts(log, "consumed") == {"TP0_EP0": 64.44, "TP1_EP1": 64.5}
    assert amounts(log, "weights") == {"TP0_EP0": 61.74, "TP1_EP1": 61.74}
    assert amounts(log, "kv_cache") == {"TP0_EP0": 17.79, "TP1_EP1": 17.73}
    assert amounts(log, "free") == {"TP0_EP0": 91.64, "TP1_EP1": 91.45}
    assert amounts(log, "context") == {"TP0_EP0": 3.33, "TP1_EP1": 3.52}
    assert amounts(log, "graphs") == {"TP0_EP0": 0.25, "TP1_EP1": 0.25}
    assert log.kv_tokens_meaning == "requests"


# a DEBUG start of 0.10 (find_string id 21240355802)
def test_debug_lines_say_what_the_profile_found() -> None:
    log = read_log(
        "DEBUG 08-06 10:17:28 [gpu_worker.py:265] Initial free memory: 43.82 GiB; Requested memory: 0.90 (util), 39.88 GiB\n"
        "DEBUG 08-06 10:17:28 [gpu_worker.py:278] Memory profiling takes 7.26 seconds. Total non KV cache memory: 2.78GiB; "
        "torch peak memory increase: 0.45GiB; non-torch forward increase memory: 0.02GiB; weights memory: 2.32GiB.\n"
        "INFO 08-06 10:17:28 [gpu_worker.py:279] Available KV cache memory: 37.10 GiB\n"
        "INFO 08-06 10:17:28 [kv_cache_utils.py:831] GPU KV cache size: 1,215,552 tokens\n"
        "INFO 08-06 10:17:28 [kv_cache_utils.py:835] Maximum concurrency for 131,072 tokens per request: 9.27x\n"
    )
    expected = {
        "free": 43.82,
        "budget": 39.88,
        "activation": 0.45,
        "non_torch": 0.02,
        "weights": 2.32,
        "kv_cache": 37.1,
    }
    assert {name: amount(log, name) for name in expected} == expected
    # 9.27 x 131,072 is this number: without a version it cannot be told which of the two is meant
    assert log.kv_tokens_meaning is None


# vllm-project/vllm#30515: a hybrid model, of which no version is pasted
def test_tokens_that_are_not_the_concurrency_are_those_of_the_pool() -> None:
    log = read_log(
        "(EngineCore_DP0 pid=387) INFO 03-08 16:44:29 [gpu_worker.py:456] Available KV cache memory: 17.36 GiB\n"
        "(EngineCore_DP0 pid=387) INFO 03-08 16:44:29 [kv_cache_utils.py:1314] GPU KV cache size: 188,640 tokens\n"
        "(EngineCore_DP0 pid=387) INFO 03-08 16:44:29 [kv_cache_utils.py:1319] Maximum concurrency for 131,072 tokens per "
        "request: 5.23x\n"
        "(EngineCore_DP0 pid=387) WARNING 03-08 16:44:29 [compilation.py:1233] Capping cudagraph capture sizes from max 512 "
        "to 352 to fit Mamba cache blocks (361 blocks available).\n"
    )
    assert log.kv_tokens_meaning == "pool"
    assert numbers(log, "mamba_slots") == [361]
    # one engine core is no rank
    assert amount(log, "kv_cache") == 17.36


# vllm-project/vllm-ascend#8289
def test_ascend_says_npu_graphs() -> None:
    log = read_log(
        "(EngineCore pid=2884597) INFO 04-15 06:30:01 [worker.py:575] Free memory on device (60.86/61.27 GiB) on startup. "
        "Desired GPU memory utilization is (0.9, 55.14 GiB). Actual usage: 1.14 GiB for weights, 0.22 GiB for peak "
        "activation, 0.13 GiB for non-torch memory, 0.04 GiB for NPU graph memory."
    )
    expected = {"weights": 1.14, "activation": 0.22, "non_torch": 0.13, "graphs": 0.04, "total": 61.27, "context": 0.41}
    assert {name: amount(log, name) for name in expected} == expected


# vllm-project/vllm-ascend#9372
def test_a_cache_below_nothing() -> None:
    log = read_log(
        "Loading model weights took 27.5376 GB\nAvailable KV cache memory: -0.87 GiB\n"
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"
    )
    assert amount(log, "kv_cache") == -0.87
    assert log.outcome == "no_blocks"


# vllm-project/vllm#33297: as a page of a CI shows the colours
def test_too_little_free_memory_in_colours() -> None:
    log = read_log(
        "> [2026-01-26T17:25:37Z] ^[[0;36m(EngineCore_DP0 pid=738)^[[0;0m ^[[31mERROR^[[0m ^[[90m01-26 09:25:37^[[0m "
        "^[[90m[core.py:935]^[[0m ValueError: Free memory on device cuda:0 (1.54/22.05 GiB) on startup is less than desired "
        "GPU memory utilization (0.9, 19.84 GiB). Decrease GPU memory utilization or reduce GPU memory used by other "
        "processes."
    )
    assert log.outcome == "free"
    assert {name: round(value / GIB, 2) for name, value in log.failure.items()} == {
        "free_bytes": 1.54,
        "total_bytes": 22.05,
        "budget_bytes": 19.84,
    }
    assert log.message is not None
    assert "\x1b" not in log.message
    assert "^[" not in log.message
    assert log.settings["gpu_memory_utilization"] == 0.9
    assert amount(log, "total") == 22.05


@pytest.mark.parametrize(
    ("line", "wanted", "there", "longest"),
    [
        # vllm-project/vllm#16118
        (
            "ValueError: To serve at least one request with the models's max seq len (1048576), (24.00 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (9.97 GiB). Try increasing",
            24.0,
            9.97,
            None,
        ),
        # vllm-project/tpu-inference#223
        (
            "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (0.71 GiB). Based on the available memory, the "
            "estimated maximum model length is 5632. Try increasing",
            16.0,
            0.71,
            5632,
        ),
        # kaito-project/kaito#2132, wrapped between words
        (
            "ValueError: To serve at least one request with the model's max seq len (1048576),\n22.5 GiB KV cache is needed,"
            " which is larger than the available KV cache memory (17.39 GiB).\nBased on the available memory, the estimated"
            " maximum model length is 810208.",
            22.5,
            17.39,
            810208,
        ),
        # SergiioB/intel-arc-pro-b70-inference-cookbook#4, wrapped within a word; the proposed length is made up
        (
            "(EngineCore pid=316) ValueError: To serve at least one request with the model's max seq len (100000), (4.26 GiB"
            " KV cach\ne is needed, which is larger than the available KV cache memory (4.25 GiB). Based on the avai\nlable"
            " memory, the estimated maximum model length is 99840.",
            4.26,
            4.25,
            99840,
        ),
    ],
)
def test_a_request_that_is_too_long(line: str, wanted: float, there: float, longest: int | None) -> None:
    log = read_log(line)
    assert log.outcome == "length"
    assert round(log.failure["request_bytes"] / GIB, 2) == wanted
    assert round(log.failure["kv_cache_bytes"] / GIB, 2) == there
    assert log.failure.get("longest") == longest


# vllm-project/vllm#16343 (the lines before the error are made up)
def test_weights_that_do_not_fit() -> None:
    log = read_log(
        "INFO 04-09 05:39:40 [core.py:61] Initializing a V1 LLM engine (v0.8.3) with config: model='m', max_seq_len=4096\n"
        "INFO 04-09 05:39:52 [gpu_model_runner.py:1258] Starting to load model m...\n"
        "ERROR 04-09 05:39:54 [core.py:390] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 350.00 MiB. GPU 0 "
        "has a total capacity of 23.68 GiB of which 212.81 MiB is free. Process 1 has 23.4 GiB memory in use.\n"
    )
    assert log.outcome == "weights"
    assert {name: round(value / MIB, 2) for name, value in log.failure.items()} == {
        "tried_bytes": 350,
        "total_bytes": 24248.32,
        "free_bytes": 212.81,
    }


# llm-d-incubation/llm-d-planner#205: gpt-oss-20b at 0.95, and the sampler's sentence after the cause (the allocation is made up)
def test_out_of_memory_after_the_cache() -> None:
    log = read_log(
        "(EngineCore_DP0 pid=7) INFO 03-01 10:00:00 [gpu_model_runner.py:1] Model loading took 13.64 GiB memory and 9 seconds\n"
        "(EngineCore_DP0 pid=7) INFO 03-01 10:00:30 [gpu_worker.py:1] Available KV cache memory: 58.47 GiB\n"
        "(EngineCore_DP0 pid=7) ERROR torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.15 GiB. GPU 0 has a "
        "total capacity of 79.19 GiB of which 1.03 GiB is free.\n"
        "(EngineCore_DP0 pid=7) ERROR RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy\n"
        "RuntimeError: Engine core initialization failed. See root cause above.\n"
    )
    assert log.outcome == "oom"
    assert round(log.failure["tried_bytes"] / GIB, 2) == 1.15
    assert amount(log, "weights") == 13.64


def test_a_container_that_starts_again_and_again() -> None:
    log = read_log("INFO x\n" + 3 * GRAPHS_INSIDE + "(EngineCore pid=9) INFO 05-03 18:00:00 x")
    assert (log.starts, log.outcome, amount(log, "kv_cache")) == (3, "started", 66.93)


# made up
def test_data_parallel_engines_are_one_start() -> None:
    log = read_log(
        "".join(
            f"(EngineCore_DP{rank} pid=4{rank}) INFO 01-01 00:00:00 [core.py:1] Initializing a V1 LLM engine (v0.11.0) with "
            f"config: model='m', data_parallel_size=2\n"
            f"(EngineCore_DP{rank} pid=4{rank}) INFO 01-01 00:00:00 [gpu_worker.py:1] Available KV cache memory: {rank}.5 GiB\n"
            for rank in range(2)
        )
    )
    assert log.starts == 1
    assert amounts(log, "kv_cache") == {"DP0": 0.5, "DP1": 1.5}
    assert log.settings["data_parallel_size"] == 2


# ---------------------------------------------------------------------------------------------------- SGLang

# sgl-project/sglang#7227, with the allocation of #5285 (the card's total and free memory are made up)
CAPTURE_FAILS = """
[2025-06-19 15:12:20] server_args=ServerArgs(model_path='Qwen/Qwen3-4B', tokenizer_path='Qwen/Qwen3-4B', api_key='sk-1', \
mem_fraction_static=0.88, tp_size=1, chunked_prefill_size=2048, cuda_graph_bs=[1, 2, 4], context_length=None, \
kv_cache_dtype='auto', disable_cuda_graph=False)
[2025-06-19 15:12:25] Load weight begin. avail mem=30.77 GB
[2025-06-19 15:12:27] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=21.96 GB, mem usage=8.81 GB.
[2025-06-19 15:12:27] KV Cache is allocated. #tokens: 132681, K size: 9.11 GB, V size: 9.11 GB
[2025-06-19 15:12:27] Memory pool end. avail mem=3.46 GB
[2025-06-19 15:12:27] Capture cuda graph begin. This can take up to several minutes. avail mem=2.85 GB
[2025-06-19 15:12:27] Scheduler hit an exception: Traceback (most recent call last):
Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate 448.00 MiB. GPU 0 has a total capacity of \
31.36 GiB of which 100.00 MiB is free.
"""


def test_sglang_fails_in_its_graphs() -> None:
    log = read_log(CAPTURE_FAILS)
    assert (log.engine, log.model, log.outcome) == ("sglang", "Qwen/Qwen3-4B", "oom")
    assert log.failure["tried_bytes"] == 448 * MIB
    assert amount(log, "weights") == 8.81
    assert amount(log, "kv_cache") == 18.22
    assert amount(log, "free") == 30.77
    assert numbers(log, "kv_tokens") == [132_681]
    assert dict(log.settings) == {
        "mem_fraction_static": 0.88,
        "tp_size": 1,
        "chunked_prefill_size": 2048,
        "kv_cache_dtype": "auto",
        "disable_cuda_graph": False,
    }


# sgl-project/sglang#12978 and #4826: two ranks, with and without the usage printed (what is free before is made up)
def test_sglang_ranks_and_graphs() -> None:
    log = read_log(
        "[2025-11-10 19:58:01 TP0] Capture cuda graph begin. This can take up to several minutes. avail mem=12.26 GB\n"
        "[2025-11-10 19:58:01 TP1] Load weight begin. avail mem=23.33 GB\n"
        "[2025-11-10 19:58:09 TP1] Load weight end. type=Qwen2ForCausalLM, dtype=torch.bfloat16, avail mem=6.09 GB\n"
        "[2025-11-10 19:59:09 TP1] Capture cuda graph end. Time elapsed: 11.35 s. mem usage=1.04 GB. avail mem=11.22 GB.\n"
        "[2025-11-10 19:59:09 TP0] Capture cuda graph end. Time elapsed: 11.39 s. avail mem=11.17 GB.\n"
        "[2025-11-10 19:59:10 TP0] The server is fired up and ready to roll!\n"
    )
    assert amounts(log, "graphs") == {"TP1": 1.04, "TP0": 1.09}
    assert amounts(log, "weights") == {"TP1": 17.24}
    assert log.outcome == "started"


# sgl-project/sglang#17157: data-parallel attention on NPUs
def test_sglang_names_data_parallel_ranks() -> None:
    log = read_log(
        "[2026-01-15 13:56:49 DP1 TP1] Load weight end. type=Qwen3VLMoeForConditionalGeneration, dtype=torch.bfloat16, "
        "avail mem=29.92 GB, mem usage=30.67 GB.\n"
        "[2026-01-15 13:56:49 DP0 TP0] KV Cache is allocated. #tokens: 192896, K size: 8.84 GB, V size: 8.84 GB\n"
        "[2026-01-15 13:56:49 DP1 TP1] KV Cache is allocated. #tokens: 192896, K size: 8.84 GB, V size: 8.84 GB\n"
    )
    assert amounts(log, "kv_cache") == {"DP0 TP0": 17.68, "DP1 TP1": 17.68}
    assert amounts(log, "weights") == {"DP1 TP1": 30.67}


# find_string ids 70920711276 and 58666471202: states, a draft model, three kinds of graphs
def test_sglang_states_and_draft() -> None:
    log = read_log(
        "[2026-10-02 00:39:31] Load weight begin. avail mem=93.77 GB\n"
        "[2026-10-02 00:39:35] Load weight end. elapsed=787.55 s, type=Qwen4ExpForConditionalGeneration, quant=modelopt_fp4, "
        "avail mem=29.01 GB, mem usage=82.97 GB.\n"
        "[2026-10-02 00:39:39] Load weight end. elapsed=94.49 s, type=Qwen4ExpForCausalLMMTP, avail mem=30.67 GB, "
        "mem usage=-1.86 GB.\n"
        "[2026-10-02 00:39:40] Mamba Cache is allocated. max_mamba_cache_size: 64, conv_state size: 0.07GB, ssm_state size: "
        "3.05GB intermediate_ssm_state_cache size: 48.75GB intermediate_conv_window_cache size: 0.43GB\n"
        "[2026-10-02 00:39:41] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 295950, K size: 4.52 GB, V size: 4.52 GB\n"
        "[2026-10-02 00:39:42] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 295950, K size: 3.39 GB, V size: 3.39 GB\n"
        "[2026-10-02 00:40:00] Capture target prefill CUDA graph end. elapsed=17.92 s, mem usage=3.85 GB, avail mem=10.85 GB.\n"
        "[2026-10-02 00:40:07] Capture target verify CUDA graph end. elapsed=6.90 s, mem usage=6.13 GB, avail mem=4.72 GB.\n"
    )
    assert (amount(log, "weights"), amount(log, "draft_weights")) == (82.97, -1.86)
    assert (amount(log, "kv_cache"), amount(log, "draft_kv_cache")) == (9.04, 6.78)
    assert (amount(log, "state"), amount(log, "state_between")) == (3.12, 49.18)
    assert amount(log, "graphs") == 9.98
    assert numbers(log, "mamba_slots") == [64]


# find_string ids 70468080142 and 66975556316: pools with names, and the sum of pools without (the parts of that are made up)
def test_sglang_full_and_sliding_pools() -> None:
    named = read_log(
        "[2026-08-13 TP0] Full KV Cache is allocated. dtype: fp8, #tokens: 100, K size: 0.14 GB, V size: 0.14 GB\n"
        "[2026-08-13 TP0] SWA KV Cache is allocated. dtype: fp8, #tokens: 10, K size: 1.11 GB, V size: 1.11 GB\n"
    )
    assert amounts(named, "kv_cache") == {"TP0": 2.5}
    assert numbers(named, "kv_tokens") == [100]
    summed = read_log(
        "KV Cache is allocated. #tokens: 798276, K size: 20.00 GB, V size: 20.00 GB\n"
        "KV Cache is allocated. #tokens: 997846, K size: 19.97 GB, V size: 19.97 GB\n"
        "SWAKVPool mem usage: 79.94 GB, swa size: 798276, full size: 997846\n"
    )
    assert amounts(summed, "kv_cache") == {"": 79.94}
    assert not summed.named("draft_kv_cache")


# find_string id 69213517065: wrapped between words
def test_sglang_lines_wrapped_by_a_writer() -> None:
    log = read_log(
        "Mamba Cache is allocated. max_mamba_cache_size: 360,\nconv_state size: 0.99GB, ssm_state size: 50.77GB\n"
        "KV Cache is allocated. #tokens: 228520, K size: 3.49 GB, V size: 3.49 GB\n"
        "max_total_num_tokens=228520, chunked_prefill_size=8192,\n    max_running_requests=72,\n    context_len=8192, "
        "available_gpu_mem=29.76 GB\n"
        "The server is fired up and ready to roll!\n"
    )
    assert amount(log, "state") == 51.76
    assert amount(log, "free_at_end") == 29.76
    assert (numbers(log, "kv_tokens"), numbers(log, "max_running_requests")) == ([228_520], [72])
    assert log.settings["context_length"] == 8192


def test_sglang_without_room_for_a_cache() -> None:
    # the words of sgl-project/sglang, model_runner.py; the sizes are made up
    log = read_log(
        "[2026-05-18 10:00:00 TP0] Load weight end. type=X, avail mem=1.00 GB, mem usage=8.00 GB.\n"
        "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: "
        "mem_fraction_static=0.12\n"
    )
    assert log.outcome == "no_blocks"


# ---------------------------------------------------------------------------------------------------- llama.cpp


# open_llama 3B and a 7B on a card in 2023 (find_string ids 7905853317 and 8402065930)
def test_llama_cpp_of_2023_on_the_host() -> None:
    log = read_log(
        "main: build = 852 (294f424)\n"
        "llama_model_load_internal: n_ctx      = 512\n"
        "llama_model_load_internal: mem required  = 6795.88 MB (+  162.50 MB per state)\n"
        "llama_new_context_with_model: kv self size  =  162.50 MB\n"
    )
    assert (log.engine, log.version) == ("llama.cpp", "852")
    assert amount(log, "host_weights", MIB) == 6795.88
    assert amount(log, "kv_cache", MIB) == 162.5
    assert log.settings["n_ctx"] == 512


# XiongjieDai/GPU-Benchmarks-on-LLM-Inference: Meta-Llama-3-8B Q4_K_M at 8,192 tokens, b2824
LLAMA_2024 = """
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


def test_llama_cpp_on_one_card() -> None:
    log = read_log(LLAMA_2024)
    assert amounts(log, "weights", MIB) == {"CUDA0": 4403.49}
    assert amounts(log, "host_weights", MIB) == {"CPU": 281.81}
    assert amounts(log, "kv_cache", MIB) == {"CUDA0": 1024}
    assert amounts(log, "compute", MIB) == {"CUDA0": 560}
    assert amounts(log, "host_compute", MIB) == {"CUDA_Host": 24.01}
    assert amounts(log, "output", MIB) == {"CUDA_Host": 0.49}
    assert (numbers(log, "layers_offloaded"), numbers(log, "layers")) == ([33], [33])
    assert dict(log.settings) == {
        "n_ctx": 8192,
        "n_batch": 2048,
        "n_ubatch": 512,
        "flash_attn": 0,
        "type_k": "f16",
        "type_v": "f16",
    }
    assert log.outcome == "started"


# Qwen3.5-27B at 131,072 tokens on a card of 12 GB, b8586 (find_string id 58671331675)
LLAMA_2026 = """
build: 8586 (64ac9ab66) with GNU 15.2.1 for Linux x86_64
srv    load_model: loading model '/models/Qwen3.5-27B.Q4_K_S.gguf'
llama_params_fit_impl: projected to use 11138 MiB of device memory vs. 10372 MiB of free device memory
llama_params_fit: failed to fit params to free device memory: n_gpu_layers already set by user to 26, abort
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 4070) (0000:06:00.0) - 10430 MiB free
load_tensors: loading model tensors, this can take a while... (mmap = true, direct_io = false)
load_tensors: offloaded 26/65 layers to GPU
load_tensors:   CPU_Mapped model buffer size =  8740.26 MiB
load_tensors:        CUDA0 model buffer size =  6096.65 MiB
llama_context: n_seq_max     = 1
llama_context: n_ctx         = 131072
llama_context: n_ctx_seq     = 131072
llama_context: flash_attn    = auto
llama_context: kv_unified    = false
llama_context: n_ctx_seq (131072) < n_ctx_train (262144) -- the full capacity of the model will not be utilized
llama_context:  CUDA_Host  output buffer size =     0.95 MiB
llama_kv_cache:        CPU KV buffer size =  4608.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =  3584.00 MiB
llama_kv_cache: size = 8192.00 MiB (131072 cells,  16 layers,  1/1 seqs), K (f16): 4096.00 MiB, V (f16): 4096.00 MiB
llama_memory_recurrent:        CPU RS buffer size =    93.52 MiB
llama_memory_recurrent:      CUDA0 RS buffer size =    56.11 MiB
sched_reserve: Flash Attention was auto, set to enabled
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 1401.75 MiB on device 0: cudaMalloc failed: out of memory
ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 1469841408
graph_reserve: failed to allocate compute buffers
"""


def test_llama_cpp_without_room_for_its_compute_buffer() -> None:
    log = read_log(LLAMA_2026)
    assert (log.version, log.model, log.outcome) == ("8586", "/models/Qwen3.5-27B.Q4_K_S.gguf", "oom")
    assert log.failure == {"tried_bytes": 1401.75 * MIB}
    assert amounts(log, "kv_cache", MIB) == {"CUDA0": 3584}
    assert amounts(log, "host_kv_cache", MIB) == {"CPU": 4608}
    assert amounts(log, "state", MIB) == {"CUDA0": 56.11}
    assert amounts(log, "free", MIB) == {"CUDA0": 10430, "": 10372}
    assert amounts(log, "required", MIB) == {"": 11138}
    assert numbers(log, "kv_tokens") == [131_072]
    assert log.settings["flash_attn"] == "enabled"
    assert log.settings["kv_unified"] is False
    assert log.settings["n_gpu_layers"] == 26


def test_a_second_try_that_succeeds_is_no_failure() -> None:
    # the words of find_string id 58589169474: it retries without pipeline parallelism and serves
    log = read_log(LLAMA_2026 + "main: model loaded\nmain: server is listening on http://0.0.0.0:8080\n")
    assert (log.outcome, log.message, dict(log.failure)) == ("started", None, {})


# ikawrakow/ik_llama.cpp#259: DeepSeek with its latent cache in q8_0
def test_ik_llama_cpp() -> None:
    log = read_log(
        "llama_new_context_with_model: n_ctx      = 32768\n"
        "llama_new_context_with_model: mla_attn   = 2\n"
        "llama_new_context_with_model: fused_moe  = 1\n"
        "llama_kv_cache_init:      CUDA0 KV buffer size =  1166.63 MiB\n"
        "llama_new_context_with_model: KV self size  = 1166.62 MiB, c^KV (q8_0): 1166.62 MiB, kv^T: not used\n"
        "llama_new_context_with_model:      CUDA0 compute buffer size =  8470.00 MiB\n"
    )
    assert log.engine == "ik_llama.cpp"
    assert amounts(log, "compute", MIB) == {"CUDA0": 8470}
    assert amounts(log, "kv_cache", MIB) == {"CUDA0": 1166.63}
    assert log.settings["type_k"] == "q8_0"


# LostRuins/koboldcpp#2030 and #1528
def test_koboldcpp_in_a_journal() -> None:
    log = read_log(
        "Welcome to KoboldCpp - Version 1.90.2\n"
        "Mar 12 07:01:08 host python[433748]: load_tensors: offloaded 44/49 layers to GPU\n"
        "Mar 12 07:01:08 host python[433748]: load_tensors:          CPU model buffer size =   809.29 MiB\n"
        "Mar 12 07:01:08 host python[433748]: load_tensors:        CUDA0 model buffer size = 31014.14 MiB\n"
        "Mar 12 07:01:09 host python[433748]: Load Text Model OK: True\n"
    )
    assert (log.engine, log.version, log.outcome) == ("koboldcpp", "1.90.2", "started")
    assert amounts(log, "weights", MIB) == {"CUDA0": 31014.14}


# XiongjieDai/GPU-Benchmarks-on-LLM-Inference, M2 Ultra: a limit in millions of bytes
def test_metal_counts_its_limit_in_millions() -> None:
    log = read_log(
        "ggml_metal_init: recommendedMaxWorkingSetSize  = 154618.82 MB\n"
        "llm_load_tensors:      Metal buffer size =  4403.50 MiB\n"
    )
    assert amount(log, "working_set") == pytest.approx(144, abs=1e-4)
    assert amounts(log, "weights", MIB) == {"Metal": 4403.5}


# find_string id 56781022437 before it loads, 60797658313 when it ends (those numbers are made up)
def test_the_table_of_devices_is_a_plan_first_and_the_truth_last() -> None:
    plan = (
        "common_memory_breakdown_print: | memory breakdown [MiB] | total    free     self   model   context   compute |\n"
        "common_memory_breakdown_print: |   - CUDA0 (RTX 5090)   | 32606 = 30330 + (21832 = 16386 +    4950 +     495) + -19555 |\n"
        "common_memory_breakdown_print: |   - Host               |                    958 =   682 +       0 +     276         |\n"
    )
    log = read_log(plan)
    assert amounts(log, "planned_weights", MIB) == {"CUDA0": 16386, "Host": 682}
    assert amounts(log, "free", MIB) == {"CUDA0": 30330}
    ended = read_log(
        plan + "srv  llama_server: model loaded\n"
        "common_memory_breakdown_print: |   - CUDA0 (RTX 5090)   | 32606 = 9000 + (21900 = 16386 +    4950 +     564) + 1706 |\n"
    )
    assert amounts(ended, "compute", MIB) == {"CUDA0": 564}
    assert not ended.named("planned_weights")
    assert amounts(ended, "free_at_end", MIB) == {"CUDA0": 9000}


# made up
def test_a_draft_model_is_no_second_start() -> None:
    draft = LLAMA_2024.replace("4403.49", "600.00").replace("1024.00", "64.00").replace("560.00", "48.00")
    log = read_log(LLAMA_2024 + "srv    load_model: loading draft model '/models/draft.gguf'\n" + draft)
    assert log.starts == 1
    assert amounts(log, "weights", MIB) == {"CUDA0": 4403.49}
    assert amounts(log, "draft_weights", MIB) == {"CUDA0": 600}
    assert amounts(log, "draft_kv_cache", MIB) == {"CUDA0": 64}
    assert amounts(log, "host_draft_compute", MIB) == {"CUDA_Host": 24.01}
    assert read_log(LLAMA_2024 + draft).starts == 2


# ---------------------------------------------------------------------------------------------------- ollama

# phi4 on a card of 8 GB, 2025-01 (find_string id 19789658215)
OFFLOAD = """
time=2025-01-10T22:05:21.891+08:00 level=INFO source=server.go:104 msg="system memory" total="31.2 GiB" free="21.2 GiB"
time=2025-01-10T22:05:21.891+08:00 level=INFO source=memory.go:356 msg="offload to cuda" layers.requested=-1 \
layers.model=41 layers.offload=29 layers.split="" memory.available="[6.9 GiB]" memory.gpu_overhead="0 B" \
memory.required.full="9.6 GiB" memory.required.partial="6.8 GiB" memory.required.kv="400.0 MiB" \
memory.required.allocations="[6.8 GiB]" memory.weights.total="8.2 GiB" memory.weights.repeating="7.8 GiB" \
memory.weights.nonrepeating="402.0 MiB" memory.graph.full="266.7 MiB" memory.graph.partial="266.7 MiB"
time=2025-01-10T22:05:21.897+08:00 level=INFO source=server.go:376 msg="starting llama server" cmd="C:\\\\ollama\\\\run.exe \
runner --model C:\\\\blobs\\\\sha256-ab704ffa --ctx-size 2048 --batch-size 512 --n-gpu-layers 29 --threads 8 --no-mmap \
--parallel 1 --port 56786"
"""


def test_ollama_plans_by_layers() -> None:
    log = read_log(OFFLOAD)
    assert (log.engine, log.starts) == ("ollama", 1)
    assert amount(log, "required") == 9.6
    assert amount(log, "required_partial") == 6.8
    assert amount(log, "weights") == 8.2
    assert amount(log, "kv_cache", MIB) == 400
    assert amount(log, "compute", MIB) == 266.7
    assert amount(log, "free") == 6.9
    assert amount(log, "host_free") == 21.2
    assert (numbers(log, "layers_offloaded"), numbers(log, "layers")) == ([29], [41])
    assert log.settings["num_ctx"] == 2048
    assert log.settings["n_gpu_layers"] == 29


# made up
def test_real_buffers_stand_before_the_plan() -> None:
    log = read_log(
        OFFLOAD
        + "llm_load_tensors:      CUDA0 model buffer size =  6096.65 MiB\n"
        + 'time=2025-01-10T22:05:30.000+08:00 level=INFO source=server.go:594 msg="llama runner started in 6.54 seconds"\n'
    )
    assert amounts(log, "weights", MIB) == {"CUDA0": 6096.65}
    assert not log.named("planned_weights")
    assert amount(log, "required") == 9.6
    assert log.outcome == "started"


# ollama/ollama#9181: four cards, wrapped between words
def test_ollama_over_four_cards() -> None:
    log = read_log(
        "time=2025-02-18T02:29:51.627Z level=INFO source=server.go:130 msg=offload library=cuda layers.requested=-1 "
        "layers.model=81 \n  layers.offload=44 layers.split=11,11,11,11 "
        'memory.available="[22.0 GiB 22.0 GiB 22.0 GiB 22.0 GiB]" memory.gpu_overhead="0 B" \n'
        '  memory.required.full="127.4 GiB" memory.required.partial="87.1 GiB" memory.required.kv="19.5 GiB" \n'
        '  memory.required.allocations="[21.8 GiB 21.8 GiB 21.8 GiB 21.8 GiB]" memory.weights.total="87.3 GiB" \n'
        '  memory.weights.repeating="86.2 GiB" memory.weights.nonrepeating="1.0 GiB" memory.graph.full="8.2 GiB" \n'
        '  memory.graph.partial="8.2 GiB"\n'
    )
    assert amounts(log, "free") == dict.fromkeys("0123", 22.0)
    assert amounts(log, "allocated") == dict.fromkeys("0123", 21.8)
    assert (amount(log, "required"), amount(log, "kv_cache"), amount(log, "compute")) == (127.4, 19.5, 8.2)


# find_string id 36086562081's times four: --parallel 4 shares the context
def test_a_context_is_shared_by_the_sequences() -> None:
    log = read_log(
        'time=2024-08-30T04:40:18.463Z level=INFO source=server.go:391 msg="starting llama server" cmd="/x/ollama_llama_server '
        '--model /root/.ollama/models/blobs/sha256-8eeb --ctx-size 8192 --batch-size 512 --n-gpu-layers 33 --parallel 4"\n'
    )
    assert (log.settings["num_ctx"], log.settings["parallel"], log.settings["ctx_size"]) == (2048, 4, 8192)


# qwen3-coder-next at 32,768 tokens, 2026 (find_string id 55579426224); the first try is made up
LAID_OUT = """
time=2026-04-09T23:30:17.629-07:00 level=INFO source=device.go:240 msg="model weights" device=CUDA0 size="21.0 GiB"
time=2026-04-09T23:30:17.629-07:00 level=INFO source=device.go:272 msg="total memory" size="53.0 GiB"
time=2026-04-09T23:30:17.630-07:00 level=INFO source=runner.go:1284 msg=load request="{Operation:commit LoraPath:[] \
Parallel:1 BatchSize:1024 FlashAttention:Enabled KvSize:32768 KvCacheType: NumThreads:8 GPULayers:20[ID:GPU-223c] \
MultiUserCache:false ProjectorPath: MainGPU:0 UseMmap:false}"
time=2026-04-09T23:30:17.630-07:00 level=INFO source=ggml.go:494 msg="offloaded 20/49 layers to GPU"
time=2026-04-09T23:30:17.630-07:00 level=INFO source=device.go:240 msg="model weights" device=CUDA0 size="19.9 GiB"
time=2026-04-09T23:30:17.631-07:00 level=INFO source=device.go:245 msg="model weights" device=CPU size="28.3 GiB"
time=2026-04-09T23:30:17.631-07:00 level=INFO source=device.go:251 msg="kv cache" device=CUDA0 size="1.1 GiB"
time=2026-04-09T23:30:17.631-07:00 level=INFO source=device.go:256 msg="kv cache" device=CPU size="1.5 GiB"
time=2026-04-09T23:30:17.631-07:00 level=INFO source=device.go:262 msg="compute graph" device=CUDA0 size="884.1 MiB"
time=2026-04-09T23:30:17.631-07:00 level=INFO source=device.go:267 msg="compute graph" device=CPU size="270.6 MiB"
time=2026-04-09T23:30:17.631-07:00 level=INFO source=device.go:272 msg="total memory" size="51.9 GiB"
"""


def test_the_new_engine_of_ollama() -> None:
    log = read_log(LAID_OUT)
    assert amounts(log, "weights") == {"CUDA0": 19.9}
    assert amounts(log, "host_weights") == {"CPU": 28.3}
    assert amounts(log, "kv_cache") == {"CUDA0": 1.1}
    assert amounts(log, "compute", MIB) == {"CUDA0": 884.1}
    assert amounts(log, "host_compute", MIB) == {"CPU": 270.6}
    assert amount(log, "required") == 51.9
    assert (numbers(log, "layers_offloaded"), numbers(log, "layers")) == ([20], [49])
    assert log.settings["num_ctx"] == 32768
    assert log.settings["flash_attention"] == "Enabled"
    assert log.settings["use_mmap"] is False


# ollama/ollama#11090: the names of the first releases of it (the graph's size is made up)
def test_ollama_buffers_by_their_first_names() -> None:
    log = read_log(
        'time=2025-07-18T14:50:57.066Z level=INFO source=ggml.go:365 msg="model weights" buffer=CUDA0 size="11.5 GiB"\n'
        'time=2025-07-18T14:50:57.066Z level=INFO source=ggml.go:365 msg="model weights" buffer=CUDA1 size="11.9 GiB"\n'
        'time=2025-07-18T14:50:57.066Z level=INFO source=ggml.go:365 msg="model weights" buffer=CPU size="680.0 MiB"\n'
        'time=2025-07-18T14:50:58.130Z level=INFO source=ggml.go:672 msg="compute graph" backend=CUDA0 buffer_type=CUDA0 '
        'size="1.0 GiB"\n'
    )
    assert amounts(log, "weights") == {"CUDA0": 11.5, "CUDA1": 11.9}
    assert amounts(log, "compute") == {"CUDA0": 1.0}


# find_string ids 56818628539 and 65902038365
def test_ollama_refuses_for_want_of_host_memory() -> None:
    log = read_log(
        'time=2026-05-05T01:28:40.211+08:00 level=INFO source=routes.go:1802 msg="Listening on 127.0.0.1:11434 (version 0.20.2)"\n'
        'time=2026-05-05T01:28:40.890+08:00 level=INFO source=types.go:42 msg="inference compute" id=GPU-d37 library=CUDA '
        'name=CUDA0 description="NVIDIA GeForce RTX 3060" total="12.0 GiB" available="10.7 GiB"\n'
        "Error: model requires more system memory (8.1 GiB) than is available (7.3 GiB)\n"
    )
    assert (log.version, log.outcome) == ("0.20.2", "free")
    assert amounts(log, "total") == {"CUDA0": 12.0}
    assert round(log.failure["required_bytes"] / GIB, 1) == 8.1


# ---------------------------------------------------------------------------------------------------- others


# NVIDIA/TensorRT-LLM, docs/source/reference/memory.md (find_string id 5516360)
def test_tensorrt_llm_engines() -> None:
    log = read_log(
        "[TensorRT-LLM][INFO] Loaded engine size: 6695 MiB\n"
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 1134.01 MiB for execution context memory.\n"
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 43.29 MB GPU memory for runtime buffers.\n"
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 180.30 MB GPU memory for decoder.\n"
        "[TensorRT-LLM][INFO] Memory usage when calculating max tokens in paged kv cache: total: 79.10 GiB, available: "
        "70.48 GiB\n"
        "[TensorRT-LLM][INFO] Number of blocks in KV cache primary pool: 4060\n"
        "[TensorRT-LLM][INFO] Number of tokens per block: 64.\n"
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 63.44 GiB for max tokens in paged KV cache (259840).\n"
    )
    assert log.engine == "tensorrt-llm"
    assert amount(log, "weights", MIB) == 6695
    assert amount(log, "runtime_buffers", MIB) == 43.29
    assert amount(log, "kv_cache") == 63.44
    assert (numbers(log, "kv_tokens"), numbers(log, "gpu_blocks")) == ([259_840], [4060])


# find_string id 2263047771, with the fraction that the PyTorch backend multiplies
def test_tensorrt_llm_on_pytorch() -> None:
    log = read_log(
        "[12/20/2025-04:21:50] [TRT-LLM] [I] Memory used after loading model weights (inside torch) in memory usage "
        "profiling: 63.52 GiB\n"
        "[12/20/2025-04:21:51] [TRT-LLM] [I] Memory dynamically allocated during inference (inside torch) in memory usage "
        "profiling: 0.85 GiB\n"
        "[12/20/2025-04:21:51] [TRT-LLM] [I] Memory used outside torch (e.g., NCCL and CUDA graphs) in memory usage "
        "profiling: 49.28 GiB\n"
        "[12/20/2025-04:21:51] [TRT-LLM] [I] Peak memory during memory usage profiling (torch + non-torch): 113.65 GiB, "
        "available KV cache memory when calculating max tokens: 5.95 GiB, fraction is set 0.8999999761581421, kv size is "
        "73728. device total memory 119.70 GiB\n"
    )
    expected = {
        "weights": 63.52,
        "activation": 0.85,
        "non_torch": 49.28,
        "peak": 113.65,
        "kv_room": 5.95,
        "total": 119.7,
    }
    assert {name: amount(log, name) for name in expected} == expected
    assert log.settings["free_gpu_memory_fraction"] == pytest.approx(0.9)


# ml-explore/mlx-lm#1480: Qwen3.6-35B-A3B in 4 bits
def test_mlx_says_its_peak_in_billions() -> None:
    log = read_log("Prompt: 8192 tokens, 2311.201 tokens-per-sec\nGeneration: 8 tokens\nPeak memory: 21.700 GB\n")
    assert (log.engine, log.outcome) == ("mlx", "started")
    assert log.named("peak")[0].value_bytes == pytest.approx(21.7e9)


# ---------------------------------------------------------------------------------------------------- any text


# any program of PyTorch may say this
FULL = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 350.00 MiB. GPU 0 has a total capacity of 23.68 GiB"
)


def test_a_traceback_tells_whose_it_is() -> None:
    # sgl-project/sglang#5285 and vllm-project/vllm#16343
    frame = '  File "/usr/lib/python3/dist-packages/vllm/v1/worker/gpu_worker.py", line 136, in load_model\n'
    assert (read_log(frame + FULL).engine, read_log(frame + FULL).outcome) == ("vllm", "weights")
    frame = '  File "/sgl-workspace/sglang/python/sglang/srt/model_executor/model_runner.py", line 216, in initialize\n'
    assert (read_log(frame + FULL).engine, read_log(frame + FULL).outcome) == ("sglang", "oom")


@pytest.mark.parametrize("text", ["", "\n\n", "hello", '{"error": "model not found"}'])
def test_no_log_is_said_in_one_sentence(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"^No line of a start-up log was found: vLLM, .*\.$"):
        read_log(text)


def test_a_text_may_be_too_long() -> None:
    with pytest.raises(ArgumentError, match=r"is longer than the 5,000,000"):
        read_log("x" * (LONGEST + 1))


def test_lines_of_any_provenance() -> None:
    assert read_log(GRAPHS_INSIDE.replace("\n", "\r\n")) == read_log(GRAPHS_INSIDE)
    fenced = read_log("```console\n" + LLAMA_2024 + "```")
    assert fenced.terms == read_log(LLAMA_2024).terms


def _terms(text: str) -> int:
    try:
        log = read_log(text)
    except ArgumentError:
        return 0
    assert all(term.line for term in log.terms)
    assert all(abs(term.value_bytes) < 1e30 for term in log.terms)
    return len(log.terms)


_ALL = "\n".join(
    (OLDEST, THREE_LENGTHS, WORKERS, GRAPHS_INSIDE, SECOND_RUNNER, CAPTURE_FAILS, LLAMA_2026, OFFLOAD, LAID_OUT)
)
_WORDS = sorted(set(_ALL.split(" ")))


@given(st.text(max_size=2000))
@settings(deadline=None)
def test_arbitrary_text_is_read_or_refused(text: str) -> None:
    _terms(text)


@given(
    st.lists(st.one_of(st.sampled_from(_WORDS), st.text(max_size=8)), max_size=400), st.sampled_from([" ", "", "\n"])
)
@settings(deadline=None)
def test_shuffled_words_of_logs_are_read_or_refused(words: list[str], between: str) -> None:
    _terms(between.join(words))


@given(st.integers(0, len(_ALL)), st.integers(0, len(_ALL)))
@settings(deadline=None)
def test_any_part_of_a_log_is_read_or_refused(begin: int, end: int) -> None:
    _terms(_ALL[begin:end])


@pytest.mark.parametrize(
    "unit",
    [
        "KV buffer size = ",
        "Capture graph begin. ",
        "INFO with config: a='\\",
        "Free memory on device\n",
        "memory.required.full=[",
        "a\n",
        "x: CUDA0 model buffer size = 1.00 MiB x: CUDA0 compute buffer size = 1.00 MiB",
        "To serve at least one request with the model's max seq len ",
    ],
)
def test_long_texts_take_no_time_that_grows_faster_than_they(unit: str) -> None:
    """A tenth of the longest text that is read takes less than a tenth of 20 s."""
    began = time.process_time()
    _terms(unit * (LONGEST // 10 // len(unit)))
    assert time.process_time() - began < 2


def test_the_longest_text_takes_seconds() -> None:
    unit = "KV buffer size = "
    began = time.process_time()
    _terms(unit * (LONGEST // len(unit)))
    assert time.process_time() - began < 20


# vllm-project/recipes#551
def test_fewer_blocks_than_states_are_a_failure_of_their_own() -> None:
    text = (
        "ValueError: max_num_seqs (1024) exceeds available Mamba cache blocks (856). Each decode sequence requires one "
        "Mamba cache block, so CUDA graph capture cannot proceed."
    )
    log = read_log(text)
    assert (log.engine, log.outcome) == ("vllm", "states")
    assert log.failure == {"sequences": 1024, "blocks": 856}
    assert log.settings["max_num_seqs"] == 1024
    assert [one.change for one in explain_startup_log(text).remedies] == ["max_num_seqs 856"]
    # what is missing are the blocks that are, each of some 51 MB
    whole = explain_startup_log(text, model="Qwen/Qwen3.8-27B-FP8", hardware="RTX_PRO_6000_Server")
    assert whole.remedies[0].change == "max_num_seqs 856"
    assert whole.margin_bytes is not None
    assert 168 * 40e6 < -whole.margin_bytes < 168 * 60e6
