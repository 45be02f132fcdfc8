"""ollama's lines: the plan of the old scheduler, the buffers of the new one, and llama.cpp's lines between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from . import llama_cpp
from .reading import NUMBER, UNITS, Hit, Reading, Rule, Said, hits, read, rule
from .settings import setting
from .text import LogText

_SIZE = rf"({NUMBER}) ?(B|KB|KiB|MB|MiB|GB|GiB|TiB)\b"
_AMOUNT = rf"{NUMBER} ?[KMGT]?i?B"
_SIZES = re.compile(_SIZE, re.ASCII)
_FIELD = re.compile(r'([\w.]{1,60})=("(?:[^"\\]|\\.){0,2000}"|\S{1,400})', re.ASCII)
_OPTION = re.compile(r"--([a-z][a-z-]{1,30})(?: ([^\s\"-]\S{0,300}))?", re.ASCII)
_OPTIONS = {
    "batch-size": "batch_size",
    "ctx-size": "ctx_size",
    "flash-attn": "flash_attn",
    "kv-cache-type": "kv_cache_type",
    "n-gpu-layers": "n_gpu_layers",
    "parallel": "parallel",
}
_REQUESTED = {
    "BatchSize": "batch_size",
    "FlashAttention": "flash_attention",
    "KvCacheType": "kv_cache_type",
    "GPULayers": "n_gpu_layers",
    "KvSize": "kv_size",
    "Parallel": "parallel",
    "UseMmap": "use_mmap",
}
_PLANNED = {
    "memory.required.full": "required",
    "memory.required.partial": "required_partial",
    "memory.required.kv": "kv_cache",
    "memory.weights.total": "weights",
    "memory.graph.full": "compute",
    "memory.graph.partial": "compute_partial",
    "projector.weights": "projector",
    "projector.graph": "projector_compute",
}
_BY_DEVICE = {"memory.available": "free", "memory.required.allocations": "allocated"}
_BUFFERS = {"model weights": "weights", "kv cache": "kv_cache", "compute graph": "compute"}
_WHOLE = "total memory"


def _bytes(text: str) -> list[float]:
    return [float(value) * UNITS[unit] for value, unit in _SIZES.findall(text)]


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _FIELD.findall(text):
        yield name, value.strip('"')


def _plan(reading: Reading, said: Said) -> None:
    """What the scheduler reckons before a runner starts: one sum a term, and what each device has and gets."""
    for name, value in _fields(said.match.string):
        sizes = _bytes(value)
        if name in _PLANNED and sizes:
            reading.keep_last(f"planned_{_PLANNED[name]}", sizes[0], said)
        elif name in _BY_DEVICE:
            for number, size in enumerate(sizes):
                device = str(number) if len(sizes) > 1 else ""
                reading.keep_last(_BY_DEVICE[name], size, replace(said, device=device))
        elif name == "layers.offload" and value.isdecimal():
            reading.count("layers_offloaded", int(value[:9]), said)
        elif name == "layers.model" and value.isdecimal():
            reading.count("layers", int(value[:9]), said)
        elif name == "layers.requested":
            reading.settings["num_gpu"] = setting(value[:9]) or 0


def _buffer(reading: Reading, said: Said) -> None:
    """A buffer that the new engine lays out: again at every try, of which the last counts."""
    if reading.marks.pop("laid out", None):
        reading.rename({name: None for name, _ in reading.terms if name.removeprefix("host_") in _BUFFERS.values()})
    name, device, size = _BUFFERS[said.match[1]], said.match[2], _bytes(said.match[3])
    name = f"host_{name}" if device.startswith("CPU") else name
    reading.keep_last(name, size[0], replace(said, device=device))


def _in_all(reading: Reading, said: Said) -> None:
    reading.keep_last("required", _bytes(said.match[1])[0], said)
    reading.marks["laid out"] = 1


def _runner(reading: Reading, said: Said) -> None:
    """The runner's command, in which a context is that of all sequences at once."""
    for option, value in _OPTION.findall(said.match.string[said.match.start() :]):
        known = setting(value.strip('"')) if value else True
        if option == "model" and value:
            reading.model = reading.model or value.strip('"')
        elif option in _OPTIONS and known is not None:
            reading.settings[_OPTIONS[option]] = known
    _one_context(reading, "ctx_size")


def _request(reading: Reading, said: Said) -> None:
    """What the new runner is asked to load."""
    for name, value in re.findall(r"\b([A-Z]\w{1,30}):([\w.-]{1,40})", said.match.string[said.match.start() :]):
        known = setting(value)
        if name in _REQUESTED and known is not None:
            reading.settings[_REQUESTED[name]] = known
    _one_context(reading, "kv_size")


def _one_context(reading: Reading, whole: str) -> None:
    tokens, parallel = reading.settings.get(whole), reading.settings.get("parallel", 1)
    if isinstance(tokens, int) and isinstance(parallel, int) and parallel > 0 and tokens % parallel == 0:
        reading.settings["num_ctx"] = tokens // parallel


def _device(reading: Reading, said: Said) -> None:
    """A GPU that was found, or what is free on it when a model comes."""
    known = dict(_fields(said.match.string))
    if known.get("library", "").lower() == "cpu":
        return
    # the older servers' name is that of the card
    name = known.get("name", "")
    reading.card = reading.card or known.get("description") or (None if name.isalnum() else name) or None
    said = replace(said, device=name if name.isalnum() else known.get("id", ""))
    total, free = _bytes(known.get("total", "")), _bytes(known.get("available", ""))
    if total:
        reading.keep_last("total", total[0], said)
    if free:
        reading.keep_last("free", free[0], said)


def _host(reading: Reading, said: Said) -> None:
    known = dict(_fields(said.match.string))
    for name in ("total", "free"):
        sizes = _bytes(known.get(name, ""))
        if sizes:
            reading.keep_last(f"host_{name}", sizes[0], said)


def _refused(reading: Reading, said: Said) -> None:
    wanted, there = _bytes(said.match[0])[:2]
    reading.fail("free", said, {"required_bytes": wanted, "free_bytes": there})


def _version(reading: Reading, said: Said) -> None:
    reading.version = said.match[1]


_PLAN, _STARTED = "memory.required.full", "--model"
_OWN: tuple[Rule, ...] = (
    rule("(version ", r"Listening on [^\n]{1,80}?\(version ([\w.+-]{1,40})\)", take=_version),
    rule(_PLAN, take=_plan),
    rule("layers.offload=", take=_plan),
    rule("memory.available=", take=_plan),
    rule("memory.weights.total=", take=_plan),
    rule("memory.graph.full=", take=_plan),
    rule(_STARTED, r"cmd=\"?[^\n]{1,400}?--model ", reaches="loading", take=_runner),
    rule("msg=load request=", take=_request),
    *(
        rule(
            f'msg="{word}"',
            rf'msg="({word})" (?:device|buffer|backend)=(\S{{1,60}})(?: buffer_type=\S{{1,60}})? size="({_AMOUNT})"',
            take=_buffer,
        )
        for word in _BUFFERS
    ),
    rule(f'msg="{_WHOLE}"', rf'msg="{_WHOLE}" size="({_AMOUNT})"', take=_in_all),
    rule('msg="gpu memory"', take=_device),
    rule('msg="inference compute"', take=_device),
    rule('msg="system memory"', take=_host),
    rule("llama runner started in", reaches="ready"),
    rule(
        "requires more system memory",
        rf"requires more system memory \({_SIZE}\) than is available \({_SIZE}\)",
        take=_refused,
    ),
    rule("llama runner process has terminated", outcome="unknown"),
    # the journal's and the server's own marks
    rule("ollama[", r"\bollama\[\d{1,9}\]: "),
    rule(" source=", r"level=[A-Z]{4,5} source=\w{1,40}\.go:", reaches="own"),
)


def read_ollama(text: LogText) -> Reading:
    """The last model that an ollama server loads; nothing where no line is ollama's own."""
    reading = Reading(engine="ollama")
    if not hits(text, _OWN):
        return reading
    found = hits(text, (*_OWN, *llama_cpp.RULES))
    read(reading, found, _starts(found))
    reading.engine = "ollama"
    _plan_or_buffers(reading)
    llama_cpp.settle(reading)
    return reading


def _starts(found: Sequence[Hit]) -> list[int]:
    """The pieces at which a model is loaded: the plan comes before the runner in old releases, after it in new ones."""
    begins: list[int] = []
    planned = running = False
    for hit in found:
        plan = hit.rule.word == _PLAN
        if not plan and hit.rule.word != _STARTED:
            continue
        if not begins or running or (plan and planned):
            begins.append(hit.index)
            planned = running = False
        planned, running = planned or plan, running or not plan
    return begins


def _plan_or_buffers(reading: Reading) -> None:
    """Where no buffers are printed, the plan is what is known; free memory and the whole are no plan in any case."""
    names = [name for name, _ in reading.terms]
    printed = {name.removeprefix("host_") for name in names}
    planned = {name: name.removeprefix("planned_") for name in names if name.startswith("planned_")}
    reading.rename({name: term for name, term in planned.items() if term not in printed})
