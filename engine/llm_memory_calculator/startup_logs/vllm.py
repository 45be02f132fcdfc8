"""vLLM's lines, from 0.4 to the second model runner, and vllm-ascend's."""

from __future__ import annotations

import re
from dataclasses import replace

from . import torch_memory
from .log import TokensMeaning
from .reading import (
    COUNT,
    NUMBER,
    UNIT,
    Reading,
    Rule,
    Said,
    hits,
    read,
    rule,
    starts,
    version,
)
from .settings import settings
from .text import LogText

_SETTINGS = {
    "async_scheduling",
    "block_size",
    "chunked_prefill_enabled",
    "cpu_offload_gb",
    "data_parallel_size",
    "decode_context_parallel_size",
    "disable_hybrid_kv_cache_manager",
    "dtype",
    "enable_chunked_prefill",
    "enable_dbo",
    "enable_expert_parallel",
    "enable_lora",
    "enable_prefix_caching",
    "enforce_eager",
    "gpu_memory_utilization",
    "kv_cache_dtype",
    "kv_cache_memory_bytes",
    "load_format",
    "mamba_cache_dtype",
    "mamba_cache_mode",
    "mamba_ssm_cache_dtype",
    "max_cudagraph_capture_size",
    "max_lora_rank",
    "max_loras",
    "max_model_len",
    "max_num_batched_tokens",
    "max_num_seqs",
    "max_seq_len",
    "max_seq_len_to_capture",
    "model",
    "num_gpu_blocks_override",
    "pipeline_parallel_size",
    "prefill_context_parallel_size",
    "quantization",
    "swap_space",
    "tensor_parallel_size",
}
# the config line's words for what the arguments call otherwise
_SAME = {"max_seq_len": "max_model_len", "chunked_prefill_enabled": "enable_chunked_prefill"}
_MOST_CONFIGS = 16

_SPEAKER = re.compile(
    r"\((EngineCore|Worker|VllmWorkerProcess|VllmWorker|RayWorkerWrapper|RayWorkerProc|RayWorker)"
    r"(?:_([A-Z]{2,4}\d{1,4}(?:_[A-Z]{2,4}\d{1,4}){0,4}|\d{1,4}))?(?: rank=(\d{1,4}))? pid=(\d{1,9})",
    re.ASCII,
)
_RELEASE = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", re.ASCII)
_LAST_POOL, _FIRST_REQUESTS = (0, 20, 0), (0, 20, 2)


def _size(name: str) -> str:
    return rf"(?P<{name}>{NUMBER})"


_PROFILED = (
    rf"Total non KV cache memory: {NUMBER}GiB; torch peak memory increase: {_size('activation')}GiB; "
    rf"(?:non-torch forward increase memory: {_size('non_torch')}GiB"
    rf"|total consumed \(from mem_get_info\): {_size('consumed')}GiB); weights memory: {_size('weights')}GiB"
)
# 0.6.4 and 0.6.5; its peak holds the weights too
_RESULTS = (
    rf"total_gpu_memory={_size('total')}GiB initial_memory_usage={NUMBER}GiB "
    rf"peak_torch_memory={_size('peak_torch')}GiB memory_usage_post_profile={NUMBER}GiB "
    rf"non_torch_memory={_size('non_torch')}GiB kv_cache_size={_size('kv_cache')}GiB "
    rf"gpu_memory_utilization=(?P<set_gpu_memory_utilization>{NUMBER})"
)
_TOO_LONG = (
    rf"max seq len\s+\((?P<at_length>\d{{1,12}})\),?\s+\(?(?P<request_bytes>{NUMBER}) GiB KV\s+cache\s+is needed, "
    rf"which is larger than the available KV cache\s+memory(?:\s+\((?P<kv_cache_bytes>{NUMBER}) GiB\))?"
    r"(?:[^\n]{0,60}?stimated maximum model\s+length is (?P<longest>\d{1,12}))?"
)


def _context(reading: Reading, said: Said) -> None:
    """What was taken at the start, before the engine had loaded anything: the context, and what others hold."""
    context = (float(said.match["total"]) - float(said.match["free"])) * 2**30
    reading.keep_first("context", context, said)


_RULES: tuple[Rule, ...] = (
    rule("API server version", r"API server version v?([\w.+]{1,80})", begins=0, take=version),
    rule("█  version ", r"█  version v?([\w.+]{1,80})", begins=0, take=version),
    rule("non-default args: ", begins=0),
    rule("LLM engine (v", r"Initializing an? (?:V\d )?LLM engine \(v([\w.+]{1,80})\)", begins=1, take=version),
    rule("/vllm/", r"/vllm/(?:v1|worker|engine|executor|model_executor|entrypoints)/", reaches="own"),
    rule("Starting to load model", reaches="loading"),
    rule("Loading model from scratch", reaches="loading"),
    rule("Using max model len", r"Using max model len (?P<set_max_model_len>\d{1,12})"),
    rule("with max_num_batched_tokens=", r"with max_num_batched_tokens=(?P<set_max_num_batched_tokens>\d{1,12})"),
    rule("Model loading took", rf"Model loading took {_size('weights')} {UNIT}", begins=2),
    rule("Loading model weights took", rf"Loading model weights took {_size('weights')} {UNIT}", begins=2),
    rule("model weights take", rf"model weights take\s+{_size('weights')}GiB"),
    rule(
        "x gpu_memory_utilization (",
        rf"total_gpu_memory \({_size('total')}GiB\) x gpu_memory_utilization "
        rf"\((?P<set_gpu_memory_utilization>{NUMBER})\) = {_size('budget')}GiB",
        begins=3,
    ),
    rule("total_gpu_memory=", _RESULTS, begins=3),
    rule("non_torch_memory takes", rf"non_torch_memory takes {_size('non_torch')}GiB"),
    rule("PyTorch activation peak memory", rf"PyTorch activation peak memory(?: takes)?\s+{_size('activation')}GiB"),
    rule("reserved for KV Cache is", rf"reserved for KV Cache is {_size('kv_cache')}GiB", begins=3),
    rule("Initial free memory", rf"Initial free memory:? {_size('free')} GiB"),
    rule(
        "Requested memory: ",
        rf"Requested memory: (?P<set_gpu_memory_utilization>{NUMBER}) \(util\), {_size('budget')} GiB",
    ),
    rule("GiB memory for KV Cache as", rf"reserved {_size('kv_cache')} GiB memory for KV Cache as", begins=3),
    rule("Total non KV cache memory: ", _PROFILED),
    rule("Available KV cache memory: ", rf"Available KV cache memory: {_size('kv_cache')} {UNIT}", begins=3),
    rule(
        "total memory: ",
        r"Available memory: (?P<kv_cache>\d{1,15})(?:\.\d)?, total memory: (?P<total>\d{1,15})",
        unit="bytes",
        begins=3,
    ),
    rule("Estimated CUDA graph memory: ", rf"Estimated CUDA graph memory: {_size('graphs_estimate')} GiB"),
    rule(
        "Free memory on device",
        rf"Free memory on device(?: \S{{1,20}})? \({_size('free')}/{_size('total')} GiB\) on startup",
        take=_context,
    ),
    rule(
        "Desired GPU memory utilization is",
        rf"Desired GPU memory utilization is \((?P<set_gpu_memory_utilization>{NUMBER}), {_size('budget')} GiB\)",
    ),
    rule("Actual usage", rf"Actual usage(?: is|:) {_size('weights')} GiB for weights?"),
    rule("Actual usage", rf"Actual usage(?: is|:) {_size('consumed')} GiB for consumed memory"),
    rule("GiB for peak activation", rf"{_size('activation')} GiB for peak activation"),
    rule("GiB for non-torch memory", rf"{_size('non_torch')} GiB for non-torch memory"),
    # after the capture's own line, which has what was taken and not the larger of that and the estimate
    rule("Graph capturing finished", reaches="nearly_ready"),
    rule("Graph capturing finished", rf"Graph capturing finished in [^,\n]{{1,20}}, took {_size('graphs')} {UNIT}"),
    rule(
        "graph pool memory: ",
        rf"graph pool memory: {_size('graphs')} GiB \(actual\), {_size('graphs_estimate')} GiB \(estimated\)",
    ),
    rule("GiB for CUDAGraph memory", rf"{_size('graphs')} GiB for CUDAGraph memory"),
    rule("GiB for NPU graph memory", rf"{_size('graphs')} GiB for NPU graph memory"),
    rule("kv cache memory in use is", rf"kv cache memory in use is {_size('kv_cache')} {UNIT}"),
    rule(
        " blocks: ", r"# (?:GPU|CUDA|cuda|npu|hpu|xpu|tpu|neuron|rocm|hip) blocks: (?P<gpu_blocks>\d{1,12})", begins=3
    ),
    rule("# CPU blocks: ", r"# CPU blocks: (?P<cpu_blocks>\d{1,12})"),
    rule("num_gpu_blocks is: ", r"num_gpu_blocks is: (?P<gpu_blocks>\d{1,12})"),
    rule("GPU KV cache size: ", rf"GPU KV cache size: (?P<kv_tokens>{COUNT}) tokens", begins=3),
    rule(
        "Maximum concurrency for",
        rf"Maximum concurrency for (?P<at_length>{COUNT}) tokens per request: (?P<max_concurrency>{NUMBER})x",
    ),
    rule("Setting attention block size to", r"Setting attention block size to (?P<block_size>\d{1,9}) tokens"),
    rule("Mamba cache blocks (", r"Mamba cache blocks \((?P<mamba_slots>\d{1,12}) blocks available\)"),
    rule("init engine (profile, create kv cache", reaches="nearly_ready"),
    rule("Application startup complete", reaches="ready"),
    rule("Starting vLLM API server", r"Starting vLLM API server (?:\d{1,4} )?on", reaches="ready"),
    rule("Uvicorn running on", reaches="ready"),
    rule(
        "is less than desired GPU",
        rf"Free memory on device(?: \S{{1,20}})? \((?P<free_bytes>{NUMBER})/(?P<total_bytes>{NUMBER}) GiB\) "
        rf"on startup\s+is less than desired GPU memory utilization \({NUMBER}, (?P<budget_bytes>{NUMBER}) GiB\)",
        outcome="free",
    ),
    rule(
        "is less than desired GPU",
        rf"utilization \((?P<set_gpu_memory_utilization>{NUMBER}), {_size('budget')} GiB\)",
    ),
    rule("No available memory for the cache blocks", outcome="no_blocks"),
    rule("To serve at least one request", _TOO_LONG, outcome="length"),
    rule(
        "is larger than the maximum number of",
        r"max seq len \((?P<at_length>\d{1,12})\) is larger than the maximum number of\s+tokens\s+that can be stored "
        r"in KV cache \((?P<longest>\d{1,12})\)",
        outcome="length",
    ),
    rule(
        "exceeds available Mamba cache blocks",
        r"max_num_seqs \((?P<sequences>\d{1,9})\) exceeds available Mamba cache blocks \((?P<blocks>\d{1,12})\)",
        outcome="states",
    ),
    rule("exceeds available Mamba cache blocks", r"max_num_seqs \((?P<set_max_num_seqs>\d{1,9})\) exceeds"),
    *torch_memory.RULES,
    rule("Engine core initialization failed", outcome="unknown"),
)
_CONFIGS = ("args: Namespace(", "non-default args: {", ") with config: ", "LLM engine with config: ")


def read_vllm(text: LogText) -> Reading:
    """The last start in a log of vLLM."""
    found = hits(text, _RULES, _speaker)
    begins = starts(found)
    reading = Reading(engine="vllm")
    read(reading, found, begins)
    _settings(text, reading, begins)
    _one_engine(reading)
    _one_of_each_block_count(reading)
    reading.kv_tokens_meaning = _meaning(reading)
    return reading


def _speaker(piece: str) -> str:
    """The rank that a line's prefix names; a worker that says only its process is named by that."""
    spoken = _SPEAKER.search(piece, 0, 400)
    if not spoken:
        return ""
    role, rank, number, process = spoken.groups()
    if role == "EngineCore":
        return f"DP{rank}" if rank and rank.isdecimal() else rank or ""
    if number is not None:
        return f"rank {number}"
    return rank or ("" if role == "Worker" else f"pid {process}")


def _settings(text: LogText, reading: Reading, begins: list[int]) -> None:
    places = sorted(place for word in _CONFIGS for place in text.positions(word))
    last = begins[-1] if begins else 0
    for _, end in [place for place in places if place[0] >= last][-_MOST_CONFIGS:]:
        for name, value in settings(text.record(end), _SETTINGS):
            if name == "model":
                reading.model = str(value)
            else:
                reading.settings[_SAME.get(name, name)] = value


def _one_engine(reading: Reading) -> None:
    """An engine core calls itself DP0 where there is no other."""
    if {device for _, device in reading.terms} | {device for _, device, _ in reading.counts} <= {"", "DP0"}:
        reading.terms = {
            (name, ""): [replace(term, device="") for term in terms] for (name, _), terms in reading.terms.items()
        }
        reading.counts = {
            (name, "", value): replace(count, device="") for (name, _, value), count in reading.counts.items()
        }


def _one_of_each_block_count(reading: Reading) -> None:
    """The front end repeats what its engine core has counted."""
    engines = {value for name, device, value in reading.counts if name == "gpu_blocks" and device}
    for value in engines:
        reading.counts.pop(("gpu_blocks", "", value), None)


def _meaning(reading: Reading) -> TokensMeaning | None:
    """What the tokens of `GPU KV cache size` are: the line changed its meaning after 0.20.0."""
    values = {name: value for name, _, value in reading.counts}
    if "kv_tokens" not in values:
        return None
    release = _RELEASE.match(reading.version or "")
    if release:
        number = tuple(int(part or 0) for part in release.groups())
        if number <= _LAST_POOL:
            return "pool"
        if number >= _FIRST_REQUESTS:
            return "requests"
    if "max_concurrency" not in values:
        return None
    # the concurrency is printed to two decimals
    apart = abs(values["max_concurrency"] * values["at_length"] - values["kv_tokens"])
    return "pool" if apart > 0.006 * values["at_length"] + 1 else None
