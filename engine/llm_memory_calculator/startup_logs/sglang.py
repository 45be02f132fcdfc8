"""SGLang's lines. Its GB are GiB."""

from __future__ import annotations

import re

from . import torch_memory
from .reading import (
    NUMBER,
    UNITS,
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
    "attention_backend",
    "chunked_prefill_size",
    "context_length",
    "cpu_offload_gb",
    "cuda_graph_max_bs",
    "cuda_graph_max_bs_decode",
    "device",
    "disable_cuda_graph",
    "disable_radix_cache",
    "dp",
    "dp_size",
    "dtype",
    "enable_dp_attention",
    "ep_size",
    "kv_cache_dtype",
    "load_format",
    "mamba_full_memory_ratio",
    "mamba_radix_cache_strategy",
    "mamba_ssm_dtype",
    "max_mamba_cache_size",
    "max_prefill_tokens",
    "max_running_requests",
    "max_total_tokens",
    "mem_fraction_static",
    "model_path",
    "page_size",
    "pp_size",
    "quantization",
    "speculative_algorithm",
    "speculative_num_draft_tokens",
    "speculative_num_steps",
    "swa_full_tokens_ratio",
    "tp",
    "tp_size",
}
_MOST_CONFIGS = 16
_SPEAKER = re.compile(r"\[[^\]]{0,40}?((?:\b(?:DP|PP|TP|EP|ATTN_CP|MOE_DP)\d{1,4} ?){1,6})\]", re.ASCII)
_GB = UNITS["GB"]
# two pools and their sum are printed to two decimals each
_ROUNDED = 0.03 * _GB


def _before(reading: Reading, said: Said) -> None:
    """What is free before a step; older releases print no more than that and what is free after."""
    reading.marks[f"free {said.device}"] = float(said.match[1]) * _GB


def _taken(reading: Reading, said: Said) -> float | None:
    used, left = said.match["_used"], said.match["_left"]
    before = reading.marks.get(f"free {said.device}")
    if used is not None:
        return float(used) * _GB
    return None if before is None else before - float(left) * _GB


def _begun(reading: Reading, said: Said) -> None:
    _before(reading, said)
    reading.keep_first("free", float(said.match[1]) * _GB, said)


def _loaded(reading: Reading, said: Said) -> None:
    """The weights; a second model is the draft's."""
    held = _taken(reading, said)
    if held is not None:
        reading.add("draft_weights" if reading.named("weights", said.device) else "weights", held, said)


def _cache(reading: Reading, said: Said) -> None:
    """A pool of keys and values. Full and sliding ones stand beside each other; a second of a kind is the draft's."""
    held = sum(float(size) for size in said.match.group("_keys", "_values", "_both") if size is not None) * _GB
    kind = said.match["_kind"] or ""
    own = any(kind == _kind(term.line) for term in reading.named("kv_cache", said.device))
    draft = "draft_" if own else ""
    reading.add(f"{draft}kv_cache", held, said)
    if said.match["_tokens"] is not None and kind != "SWA" and not draft:
        reading.count("kv_tokens", int(said.match["_tokens"]), said)


def _kind(line: str) -> str:
    kind = _POOL_KIND.search(line)
    return kind[1] or "" if kind else ""


def _pools(reading: Reading, said: Said) -> None:
    """The sum of a full and a sliding pool, which older releases also print one by one, without their names."""
    total = float(said.match[1]) * _GB
    parts = [*reading.named("kv_cache", said.device), *reading.named("draft_kv_cache", said.device)[:1]]
    if not parts or abs(sum(part.value_bytes for part in parts) - total) <= _ROUNDED:
        reading.terms.pop(("draft_kv_cache", said.device), None)
        reading.keep_last("kv_cache", total, said)


def _states(reading: Reading, said: Said) -> None:
    """The slots of recurrent states, and what speculation keeps of the steps between."""
    reading.add("state", (float(said.match["_columns"]) + float(said.match["_recurrence"])) * _GB, said)
    between = [float(size) for size in said.match.group("_between", "_window") if size is not None]
    if between:
        reading.add("state_between", sum(between) * _GB, said)


def _captured(reading: Reading, said: Said) -> None:
    held = _taken(reading, said)
    if held is not None:
        reading.add("graphs", held, said)


def _served(reading: Reading, said: Said) -> None:
    """The scheduler's summary, for logs without the pool's own line."""
    if not reading.counted("kv_tokens"):
        reading.count("kv_tokens", int(said.match[1]), said)


_POOL_KIND = re.compile(r"(?:\b(Full|SWA) )?KV Cache is allocated")
_LEFT = rf"avail mem=(?P<_left>{NUMBER}) ?GB"
_USED = rf"mem usage=(?P<_used>{NUMBER}) ?GB"
_RULES: tuple[Rule, ...] = (
    rule("server_args=ServerArgs(", begins=0),
    rule("sglang", r"sglang(?:==| version:? ?v?| v)(\d[\w.+]{1,60})", take=version),
    rule("SGLang", r"SGLang(?:==| version:? ?v?| v)(\d[\w.+]{1,60})", take=version),
    rule("/sglang/srt/", reaches="own"),
    rule("Init torch distributed begin", begins=1),
    rule(
        "Init torch distributed ends",
        rf"Init torch distributed ends\.[^\n]{{0,60}}?mem usage=(?P<distributed>{NUMBER}) GB",
    ),
    rule("Load weight begin", rf"Load weight begin\.\s+avail mem=({NUMBER}) ?GB", reaches="loading", take=_begun),
    rule("Load weight end", rf"Load weight end\.[^\n]{{0,300}}?{_LEFT}(?:, {_USED})?", take=_loaded),
    rule(
        "KV Cache is allocated",
        r"(?:\b(?P<_kind>Full|SWA) )?KV Cache is allocated\.(?: dtype: [\w.]{1,40},)?"
        rf"(?: #tokens: (?P<_tokens>\d{{1,15}}),)?\s+"
        rf"(?:K size: (?P<_keys>{NUMBER}) ?GB,\s+V size: (?P<_values>{NUMBER}) ?GB|KV size: (?P<_both>{NUMBER}) ?GB)",
        take=_cache,
    ),
    rule("SWAKVPool mem usage", rf"SWAKVPool mem usage: ({NUMBER}) ?GB", take=_pools),
    rule("full size: ", r"swa size: \d{1,15}, full size: (?P<kv_tokens>\d{1,15})"),
    rule(
        "Mamba Cache is allocated",
        rf"max_mamba_cache_size: (?P<mamba_slots>\d{{1,12}}),\s*conv_state size: (?P<_columns>{NUMBER}) ?GB,\s+"
        rf"ssm_state size: (?P<_recurrence>{NUMBER}) ?GB"
        rf"(?:,?\s+intermediate_ssm_state_cache size: (?P<_between>{NUMBER}) ?GB)?"
        rf"(?:,?\s+intermediate_conv_window_cache size: (?P<_window>{NUMBER}) ?GB)?",
        take=_states,
    ),
    rule("Memory pool end", rf"Memory pool end\.\s+avail mem=(?P<free_after_pool>{NUMBER}) ?GB", again="last"),
    rule("raph begin", rf"graph begin\.[^\n]{{0,120}}?avail mem=({NUMBER}) ?GB", take=_before),
    rule("raph end", rf"[gG]raph end\.[^\n]{{0,60}}?(?:{_USED}[.,] ?)?{_LEFT}", take=_captured),
    rule("max_total_num_tokens=", r"max_total_num_tokens=(\d{1,15})", reaches="nearly_ready", take=_served),
    rule(
        "max_running_requests=",
        r"max_running_requests=(?P<max_running_requests>\d{1,9}),\s+(?:context_len|available_gpu_mem)=",
    ),
    rule("context_len=", r"\bcontext_len=(?P<set_context_length>\d{1,12})"),
    rule("available_gpu_mem=", rf"available_gpu_mem=(?P<free_at_end>{NUMBER}) ?GB"),
    rule("The server is fired up and ready to roll", reaches="ready"),
    rule("Not enough memory", r"Not enough memory[^\n]{0,80}?mem-fraction-static", outcome="no_blocks"),
    *torch_memory.RULES,
    rule("Capture cuda graph failed", outcome="unknown"),
    rule("Scheduler hit an exception", outcome="unknown"),
)


def read_sglang(text: LogText) -> Reading:
    """The last start in a log of SGLang."""
    found = hits(text, _RULES, _speaker)
    begins = starts(found)
    reading = Reading(engine="sglang")
    read(reading, found, begins)
    if reading.counted("kv_tokens"):
        reading.kv_tokens_meaning = "pool"
    last = begins[-1] if begins else 0
    places = [place for place in text.positions("ServerArgs(") if place[0] >= last]
    for _, end in places[-_MOST_CONFIGS:]:
        for name, value in settings(text.record(end), _SETTINGS):
            if name == "model_path":
                reading.model = str(value)
            else:
                reading.settings[name] = value
    return reading


def _speaker(piece: str) -> str:
    spoken = _SPEAKER.search(piece, 0, 200)
    return spoken[1].strip() if spoken else ""
