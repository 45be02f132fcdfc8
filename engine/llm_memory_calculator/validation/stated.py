"""What rows of measured times state in their sources' own words: an engine, its release, a layout, a device."""

from __future__ import annotations

import re

from llm_memory_hardware import AmbiguousHardwareError, UnknownHardwareError, find_devices

from ..engines import ENGINES, SPELLINGS
from .reading import RefusedRow, Row

_ACCELERATOR = ("hardware_name", "system", "accelerator", "hardware", "gpu")
# Names of engines within what a file writes (vLLM (nm-vllm), NIM (TensorRT-LLM), vllm_0.10.2_20251006), in the order in
# which they are looked for: kernels before what serves with them (vllm-mlx).
_WITHIN = ("tensorrt-llm", "trt-llm", "trtllm", "mlx", "llama.cpp", "exllama", "vllm", "sglang", "ollama", "tgi")
# These run the kernels of others, MLX's where that is their backend.
_APPLICATIONS = {"lmstudio": "llama_cpp", "lm studio": "llama_cpp", "omlx": "mlx", "ollama": "ollama"}
_ELSEWHERE = re.compile(r"\b(?:llmfit|TensorRT|NIM) v?[\d.]+,?|\(README of [^)]*\)")
_RELEASE = re.compile(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)*)")
_BY_BUILDS = ("llama_cpp", "ik_llama_cpp")
_BUILD = re.compile(r"\bb(\d{3,5})\b|\((?:before )?(\d{4,5})\)")
_DAY = re.compile(r"(?<!\w)(20\d\d)-?(\d\d)(?:-?(\d\d))?(?!\w)")
_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* (20\d\d)\b")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_YEAR = re.compile(r"(?<!\w)(20\d\d)(?!\w)")
# Meant in tables of servers' throughput, where the catalogue has a workstation's card too.
_SERVER_CARDS = {"rtx-pro-6000": "RTX_PRO_6000_Server"}

# A host beside a card, and cores of a GPU, in names of local measurements (RTX_4080_HYBRID_7950X, APPLE_M1_ULTRA_48C).
_BESIDE, _CORES = "_HYBRID", re.compile(r"_(\d+)C$")


def engine_in(written: str, backend: str | None = None) -> str:
    """The engine that is described of what a file writes, or the one whose kernels it runs. Raises RefusedRow."""
    name = written.strip().lower()
    if name in _APPLICATIONS:
        return "mlx" if backend == "mlx" else _APPLICATIONS[name]
    known = SPELLINGS.get(name, name)
    if known in ENGINES:
        return known
    for engine in _WITHIN:
        if re.search(rf"(?:^|[\W_]){re.escape(engine)}", name):
            return SPELLINGS.get(engine, engine)
    raise RefusedRow(f"engine not described: {written}")


def version_in(engine: str, *stated: str | None) -> str | None:
    """The release, the build or else the date that the first of some texts has; None where none has any.

    Of a year alone its end is taken, as the engines take the end of a month.
    """
    for text in stated:
        said = _ELSEWHERE.sub(" ", text or "").replace("_", " ")
        if engine in _BY_BUILDS and (build := _BUILD.search(said)):
            return f"b{build[1] or build[2]}"
        release = _RELEASE.search(said)
        if release is not None and not release[1].startswith("20"):
            return release[1]
        if day := _DAY.search(said):
            return "-".join(part for part in day.groups() if part)
        if month := _MONTH.search(said):
            return f"{month[2]}-{_MONTHS.index(month[1]) + 1:02}"
        if year := _YEAR.search(said):
            return f"{year[1]}-12"
    return None


def layout_in(row: Row) -> dict[str, int]:
    """The layout that is stated, or else the number of devices."""
    parts = {
        "tensor_parallel": row.whole("tp", "tensor_parallel"),
        "pipeline_parallel": row.whole("pp", "pipeline_parallel"),
        "data_parallel": row.whole("data_parallel", "dp"),
        "expert_parallel": row.whole("expert_parallel", "ep"),
    }
    stated = {name: value for name, value in parts.items() if value is not None}
    count = row.whole("gpu_count", "devices", "n_gpu")
    return stated if stated or count is None else {"devices": count}


def system_in(row: Row) -> str:
    """The accelerator as the row names it. Raises RefusedRow where it does not."""
    for column in _ACCELERATOR:
        if named := row.text(column):
            return named
    raise RefusedRow("accelerator not stated")


def hardware_in(row: Row) -> str:
    """The accelerator as the catalogue finds it; with the memory that a row states where a name alone leaves it open.

    Raises RefusedRow where none is stated, UnknownHardwareError where it is not known.
    """
    named = system_in(row)
    named = _SERVER_CARDS.get(named.lower(), named)
    card, beside, _ = named.partition(_BESIDE)
    # the memory of a card with a host named beside it may be the host's
    memory = None if beside else row.real("memory_gb")
    named = _CORES.sub(r" \1-core", card)
    try:
        open_size = find_devices(named)[0].memory_is_maximum
    except AmbiguousHardwareError:
        open_size = True
    if memory is None or not open_size:
        return named
    sized = f"{named} {memory:g}GB"
    try:
        return find_devices(sized)[0].name
    except (UnknownHardwareError, AmbiguousHardwareError):
        return named


def lengths_in(row: Row) -> tuple[int, int]:
    """Mean tokens of prompts and of outputs. Raises RefusedRow where one is not stated."""
    found = [row.real("input_tokens"), row.real("output_tokens")]
    if None in found:
        raise RefusedRow("lengths not stated")
    prompt, output = (max(1, round(length)) for length in found if length is not None)
    return prompt, output
