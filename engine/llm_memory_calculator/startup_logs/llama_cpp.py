"""llama.cpp's lines since 2023, and those of ik_llama.cpp and koboldcpp, which are built on it. Its MB are MiB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .log import Outcome
from .reading import (
    NUMBER,
    UNITS,
    Hit,
    Reading,
    Rule,
    Said,
    hits,
    read,
    rule,
    starts,
    version,
)
from .settings import setting
from .text import LogText

_MIB = UNITS["MiB"]
_HOST = re.compile(r"CPU\w*|\w+_Host|Host|BLAS|AMX\w*", re.ASCII)
_PRINTED = (
    "attn_max_b",
    "flash_attn",
    "fused_moe",
    "kv_unified",
    "mla_attn",
    "n_batch",
    "n_copies",
    "n_ctx",
    "n_ctx_per_seq",
    "n_ctx_seq",
    "n_seq_max",
    "n_ubatch",
    "offload_kqv",
    "type_k",
    "type_v",
)
_ONLY_IK = {"attn_max_b", "fused_moe", "mla_attn"}
_SIZE = rf"({NUMBER}) ?(?:MiB|MB)\b"


def _where(name: str, said: Said) -> str:
    """host_ before what lies in host memory."""
    return f"host_{name}" if _HOST.fullmatch(said.device) else name


def _weights(reading: Reading, said: Said) -> None:
    said = replace(said, device=said.match[1])
    reading.add(_where("weights", said), float(said.match[2]) * _MIB, said)


def _cache(reading: Reading, said: Said) -> None:
    said = replace(said, device=said.match[1])
    reading.add(_where("kv_cache", said), float(said.match[2]) * _MIB, said)


def _states(reading: Reading, said: Said) -> None:
    said = replace(said, device=said.match[1])
    reading.add(_where("state", said), float(said.match[2]) * _MIB, said)


def _output(reading: Reading, said: Said) -> None:
    reading.keep_last("output", float(said.match[2]) * _MIB, replace(said, device=said.match[1]))


def _compute(reading: Reading, said: Said) -> None:
    """A compute buffer: reserved anew when the graph changes. An image encoder has its own."""
    said = replace(said, device=said.match[2])
    name = "projector_compute" if said.match[1] == "alloc_compute_meta" else "compute"
    reading.keep_last(_where(name, said), float(said.match[3]) * _MIB, said)


def _cache_in_all(reading: Reading, said: Said) -> None:
    """The sum of a cache, which was all that was printed in 2023, and the formats of its halves."""
    if said.match[2] is not None:
        reading.settings["type_k"] = said.match[2]
    if said.match[3] is not None:
        reading.settings["type_v"] = said.match[3]
    if not reading.knows("kv_cache", "host_kv_cache"):
        reading.add("kv_cache", float(said.match[1]) * _MIB, said)


def _breakdown(reading: Reading, said: Said) -> None:
    """A row of the table of devices: a plan before the model is loaded, the truth when the server ends."""
    device, total, free, weights, context, compute = said.match.groups()
    said = replace(said, device=device)
    plan = "" if "ready" in reading.reached else "planned_"
    if total is not None:
        reading.keep_first("total", float(total) * _MIB, said)
        reading.keep_first("free" if plan else "free_at_end", float(free) * _MIB, said)
    for name, size in (("weights", weights), ("kv_cache", context), ("compute", compute)):
        known = reading.named(_where(name, said), device)
        if plan:
            reading.keep_last(plan + name, float(size) * _MIB, said)
        elif not known:
            reading.add(_where(name, said), float(size) * _MIB, said)


def _working_set(reading: Reading, said: Said) -> None:
    """What Metal lets a process hold; here alone a MB is a million bytes."""
    reading.keep_first("working_set", float(said.match[1]) * 10**6, said)


def _flash_attention(reading: Reading, said: Said) -> None:
    reading.settings["flash_attn"] = said.match[1]


def _setting(reading: Reading, said: Said) -> None:
    value = setting(said.match[2])
    if value is not None:
        reading.settings[said.match[1]] = value
    if said.match[1] in _ONLY_IK and reading.engine == "llama.cpp":
        reading.engine = "ik_llama.cpp"


def _kobold(reading: Reading, said: Said) -> None:
    reading.engine, reading.version = "koboldcpp", said.match[1]


def _card(reading: Reading, said: Said) -> None:
    reading.card = reading.card or said.match[1].strip()


def _file_type(reading: Reading, said: Said) -> None:
    """The mix of formats, as it is printed: Q4_K - Medium."""
    if "draft" not in reading.reached:
        reading.settings["file_type"] = said.match[1].strip()


def _file(reading: Reading, said: Said) -> None:
    """The file of the model; a draft or an image encoder comes after it."""
    if _nameless(reading):
        reading.model = said.match[1]


def _name(reading: Reading, said: Said) -> None:
    if _nameless(reading) and said.match[1] not in ("n/a", "?"):
        reading.model = said.match[1].strip()


def _nameless(reading: Reading) -> bool:
    """Whether no better name is known than that of a blob."""
    return reading.model is None or "sha256-" in reading.model


def _out_of_memory(reading: Reading, said: Said) -> None:
    if reading.failed not in (None, "unknown"):
        return
    groups = said.match.groupdict()
    unit = _MIB if groups.get("_unit") else 1
    tried = {"tried_bytes": float(groups["_tried"]) * unit} if groups.get("_tried") else {}
    held = reading.knows("weights", "host_weights")
    outcome: Outcome = "weights" if "loading" in reading.reached and not held else "oom"
    reading.fail(outcome, said, tried)


RULES: tuple[Rule, ...] = (
    rule("Welcome to KoboldCpp", r"Welcome to KoboldCpp - Version ([\w.]{1,40})", begins=0, take=_kobold),
    rule("build", r"\bbuild(?::| =) (\d{1,6}) \(", begins=0, take=version),
    rule("loading model", r"load_model: loading model '([^'\n]{1,400})'", take=_file),
    rule("loaded meta data with", r"tensors from ([^\n]{1,400}?) \(version", take=_file),
    rule("general.name", r"general\.name(?: str)?\s{1,20}= ([^\n]{1,200})", take=_name),
    rule("loading draft model", reaches="draft"),
    rule("using device", r"using device \S{1,60} \(([^()\n]{1,100})\)", take=_card),
    rule("compute capability", r"Device \d{1,3}: ([^,\n]{1,100}), compute capability", take=_card),
    rule("picking default device", r"picking default device: ([^\n]{1,100})", take=_card),
    rule("file type", r"\bfile type\s{1,20}= ([^\n]{1,60})", take=_file_type),
    rule("model ftype", r"\bmodel ftype\s{1,20}= ([^\n]{1,60})", take=_file_type),
    rule("load_tensors", reaches="loading"),
    rule(
        "MiB free", rf"using device (?P<device>\S{{1,60}}) \([^\n]{{0,160}}? - (?P<free>{NUMBER}) MiB free", unit="MiB"
    ),
    rule(
        "MiB free)",
        rf"- (?P<device>\w{{1,30}})\s{{0,20}}: [^\n]{{1,160}}?\((?P<total>{NUMBER}) MiB, (?P<free>{NUMBER}) MiB free\)",
        unit="MiB",
    ),
    rule("recommendedMaxWorkingSetSize", rf"recommendedMaxWorkingSetSize\s{{1,9}}= ({NUMBER}) MB", take=_working_set),
    rule(
        "of device memory vs.",
        rf"projected to use (?P<required>{NUMBER}) MiB of device memory vs\. (?P<free>{NUMBER}) MiB",
        unit="MiB",
    ),
    rule("layers to GPU", r"offloaded (?P<layers_offloaded>\d{1,6})/(?P<layers>\d{1,6}) layers to GPU", begins=2),
    rule("buffer size", rf"(\S{{1,80}}) model buffer size\s{{0,9}}=\s{{0,20}}{_SIZE}", begins=2, take=_weights),
    rule(
        "buffer size", rf"llm_load_tensors:\s{{1,40}}(\S{{1,80}}) buffer size\s{{0,9}}=\s{{0,20}}{_SIZE}", take=_weights
    ),
    rule("VRAM used", rf"VRAM used\s{{0,20}}[:=]\s{{0,9}}(?P<weights>{NUMBER}) (?:MiB|MB)", unit="MiB", begins=2),
    rule("system memory used", rf"system memory used\s{{0,9}}=\s{{0,9}}(?P<host_weights>{NUMBER}) MiB", unit="MiB"),
    rule(
        "mem required", rf"mem required\s{{1,9}}=\s{{1,9}}(?P<host_weights>{NUMBER}) (?:MiB|MB)", unit="MiB", begins=2
    ),
    rule("scratch buffer", rf"= (?P<scratch>{NUMBER}) (?:MiB|MB) VRAM for the scratch buffer", unit="MiB"),
    rule("scratch buffer", rf"VRAM scratch buffer: (?P<scratch>{NUMBER}) (?:MiB|MB)", unit="MiB"),
    rule("KV buffer size", rf"(\S{{1,80}}) KV buffer size\s{{0,9}}=\s{{0,20}}{_SIZE}", begins=3, take=_cache),
    rule(
        "self size",
        rf"(?:KV|kv) self size\s{{1,9}}=\s{{1,20}}{_SIZE}(?:, (?:K|c\^KV) \((\w{{1,12}})\):\s{{1,12}}{NUMBER} MiB)?"
        r"(?:, V \((\w{1,12})\))?",
        begins=3,
        take=_cache_in_all,
    ),
    rule(
        " cells,",
        rf"size =\s{{1,20}}{_SIZE} \(\s{{0,12}}\d{{1,12}} cells,[^\n]{{0,60}}?"
        rf"K \((\w{{1,12}})\):\s{{1,12}}{NUMBER} MiB, V \((\w{{1,12}})\)",
        take=_cache_in_all,
    ),
    rule(" cells,", r"llama_kv_cache\w{0,20}: size =[^\n]{1,40}\(\s{0,12}(?P<kv_tokens>\d{1,12}) cells,"),
    rule("RS buffer size", rf"(\S{{1,80}}) RS buffer size\s{{0,9}}=\s{{0,20}}{_SIZE}", begins=3, take=_states),
    rule("output buffer size", rf"(\S{{1,80}})\s{{1,4}}output buffer size\s{{0,9}}=\s{{0,20}}{_SIZE}", take=_output),
    rule(
        "compute buffer",
        rf"(\w{{1,60}}):\s{{1,40}}(\S{{1,80}}) compute buffer(?: size)?\s{{0,9}}(?:=|of)\s{{0,20}}{_SIZE}",
        begins=3,
        take=_compute,
    ),
    rule(
        "compute buffer total",
        rf"compute buffer total size\s{{0,9}}=\s{{1,9}}(?P<compute>{NUMBER}) (?:MiB|MB)",
        unit="MiB",
    ),
    rule(
        "memory_breakdown_print",
        r"\|\s{1,4}- ([\w-]{1,40})[^|\n]{0,100}\|\s{1,40}(?:(\d{1,9}) =\s{1,9}(\d{1,9}) \+ \()?\s{0,40}"
        r"\d{1,9} =\s{1,9}(\d{1,9}) \+\s{1,9}(\d{1,9}) \+\s{1,9}(\d{1,9})",
        take=_breakdown,
    ),
    *(rule(name, rf"\b({name})\s{{0,20}}= '?([^\s',]{{1,40}})", take=_setting) for name in _PRINTED),
    rule("Flash Attention was auto", r"Flash Attention was auto, set to (enabled|disabled)", take=_flash_attention),
    rule("already set by user to", r"n_gpu_layers already set by user to (?P<set_n_gpu_layers>\d{1,6})"),
    rule("graph splits", reaches="nearly_ready"),
    rule("model loaded", reaches="ready"),
    rule(
        "istening ",
        r"(?:server is listening|server listening|llama_server: listening|HTTP server listening)",
        reaches="ready",
    ),
    rule("all slots are idle", reaches="ready"),
    rule("Load Text Model OK: True", reaches="ready"),
    rule("llama_perf_context_print", reaches="ready"),
    rule("llama_print_timings", reaches="ready"),
    rule(
        "cudaMalloc failed: out of memory",
        rf"(?:allocating (?P<_tried>{NUMBER}) (?P<_unit>MiB) on device \d{{1,3}}: )?cudaMalloc failed: out of memory",
        take=_out_of_memory,
    ),
    rule(
        "buffer of size", r"failed to allocate (?:\S{1,60} )?buffer of size (?P<_tried>\d{1,15})", take=_out_of_memory
    ),
    rule("allocation of size", r"memory allocation of size (?P<_tried>\d{1,15}) failed", take=_out_of_memory),
    rule("unable to allocate", r"unable to allocate (?:\S{1,60} )?(?:\w{1,20} )?buffer", take=_out_of_memory),
    rule("failed to allocate", r"failed to allocate (?:compute|buffer)[^\n]{0,40}", take=_out_of_memory),
    rule("OutOfDeviceMemory", take=_out_of_memory),
    rule("CallbackErrorOutOfMemory", take=_out_of_memory),
    rule("CUDA error", r"CUDA error(?: 2 at [^\n]{1,200})?: out of memory", take=_out_of_memory),
    rule("ggml_", r"\bggml_(?:backend|gallocr|cuda|vulkan|metal|sycl)\w*: ", reaches="own"),
    rule("error loading model", outcome="unknown"),
    rule("failed to load model", outcome="unknown"),
)


def read_llama_cpp(text: LogText) -> Reading:
    """The last start in a log of llama.cpp."""
    found = hits(text, RULES)
    reading = Reading(engine="llama.cpp")
    read(reading, found, starts(_of_first_models(found)))
    settle(reading)
    return reading


def settle(reading: Reading) -> None:
    """What only the whole log tells: a plan is worth nothing beside the buffers, and what the tokens are."""
    if reading.knows("weights", "host_weights"):
        reading.rename({name: None for name, _ in reading.terms if name.startswith("planned_")})
    if reading.counted("kv_tokens"):
        reading.kv_tokens_meaning = "pool"


def _of_first_models(found: Sequence[Hit]) -> list[Hit]:
    """Without what a draft model prints, which is no other start."""
    kept: list[Hit] = []
    draft = False
    for hit in found:
        if hit.rule.word == "loading draft model":
            draft = True
        elif hit.rule.begins == 0:
            draft = False
        if not draft:
            kept.append(hit)
    return kept
