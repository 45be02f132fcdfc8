"""Serving engines, one file each: what one holds beside weights and cache, when it starts, what a step of it costs.

Laws stand in the engine's file, numbers in data/engines/NAME.toml by range of versions.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, shown
from ..facts import table
from ..report import Note
from .base import (
    CacheLayout,
    CacheRoom,
    Condition,
    Draft,
    Engine,
    HostCost,
    HostLayers,
    KernelCost,
    LocalCost,
    Place,
    ProductCost,
    Scheduler,
    Spread,
    Standing,
    TimeRanges,
)
from .described import Described
from .device import UNNAMED, Device, device_of
from .releases import engine_table, on_top, release_of
from .settings import Setting, Value, declared, settled
from .times import backends_of, plain_name, times_of, tuned_designs, tuned_of, tuned_times

if TYPE_CHECKING:
    from ..architecture import Architecture

__all__ = [
    "ENGINES",
    "SPELLINGS",
    "UNNAMED",
    "CacheRoom",
    "Condition",
    "Device",
    "Draft",
    "Engine",
    "HostCost",
    "HostLayers",
    "KernelCost",
    "LocalCost",
    "Place",
    "ProductCost",
    "Scheduler",
    "Setting",
    "Spread",
    "Standing",
    "TimeRanges",
    "Value",
    "backends_of",
    "device_of",
    "engine_for",
    "engines_with",
    "own_device",
    "plain_name",
    "require_serves",
    "serves",
    "settings_of",
    "share_of",
    "tuned_designs",
    "tuned_of",
]

_YEAR = re.compile(r"20\d\d[-/]")
_DATE = re.compile(r"(20\d\d)-(\d\d)(?:-(\d\d))?")
_CLASSES = {
    "vllm": "Vllm",
    "sglang": "Sglang",
    "tensorrt_llm": "TensorrtLlm",
    "lmdeploy": "Lmdeploy",
    "tgi": "Tgi",
    "llama_cpp": "LlamaCpp",
    "ik_llama_cpp": "IkLlamaCpp",
    "ktransformers": "KTransformers",
    "ollama": "Ollama",
    "mlx": "Mlx",
    "exllama": "ExLlama",
    "transformers": "Transformers",
    "optimum_habana": "OptimumHabana",
    "deepspeed": "Deepspeed",
    "deepspeed_mii": "DeepspeedMii",
    "transformers_neuronx": "TransformersNeuronx",
    "diffusers": "Diffusers",
    "ctranslate2": "CTranslate2",
    "whisper_cpp": "WhisperCpp",
}
"""The class of each engine, in the module of its name."""
ENGINES = tuple(_CLASSES)
SPELLINGS = {
    "llama.cpp": "llama_cpp",
    "llamacpp": "llama_cpp",
    "llama-cpp": "llama_cpp",
    "llama-server": "llama_cpp",
    "ik_llama.cpp": "ik_llama_cpp",
    "ik-llama.cpp": "ik_llama_cpp",
    "ikllama": "ik_llama_cpp",
    "llama-cpp-python": "llama_cpp",
    "llama-cli": "llama_cpp",
    "koboldcpp": "llama_cpp",
    "llamafile": "llama_cpp",
    "gpt4all": "llama_cpp",
    "jan": "llama_cpp",
    "vllm v1": "vllm",
    "vllm-openai": "vllm",
    "vllm/vllm-openai": "vllm",
    "lmsysorg/sglang": "sglang",
    "mlx-lm": "mlx",
    "mlx_lm": "mlx",
    "tensorrt-llm": "tensorrt_llm",
    "trt-llm": "tensorrt_llm",
    "trtllm": "tensorrt_llm",
    "exllamav2": "exllama",
    "exllamav3": "exllama",
    "tabbyapi": "exllama",
    "faster-whisper": "ctranslate2",
    "whisper.cpp": "whisper_cpp",
    "whispercpp": "whisper_cpp",
    "huggingface": "transformers",
    "hf": "transformers",
    "huggingface transformers": "transformers",
    "hugging face transformers": "transformers",
    "huggingface-transformers": "transformers",
    "hf transformers": "transformers",
    "text-generation-inference": "tgi",
    "text generation inference": "tgi",
    "huggingface tgi": "tgi",
    "hugging face tgi": "tgi",
    "hf tgi": "tgi",
    "turbomind": "lmdeploy",
    "optimum-habana": "optimum_habana",
    "deepspeed-mii": "deepspeed_mii",
    "deepspeed-fastgen": "deepspeed_mii",
    "transformers-neuronx": "transformers_neuronx",
}
"""Other names that people give them."""
"""The engines that are described; the first is taken where nothing says another."""


def engine_for(
    name: str = ENGINES[0], version: str | None = None, device: Device = UNNAMED, **settings: Value | None
) -> Engine:
    """The engine of this name and version on a device, with settings by its own names in place of its defaults.

    A version that no table describes is counted by the nearest that one does, which a note says; None is the newest.
    Raises ArgumentError for what is no version, and for a setting that the engine has not.
    """
    given = {word: value for word, value in settings.items() if value is not None}
    for word, value in given.items():
        if not isinstance(value, Hashable):
            raise ArgumentError(f"engine_settings' {word} must be a number, a word or a flag, and is {shown(value)}.")
    return _settled(name, version, device, tuple(given.items()))


@lru_cache(maxsize=1024)
def _settled(name: str, version: str | None, device: Device, given: tuple[tuple[str, Value], ...]) -> Engine:
    found = settled(name, settings_of(name), dict(given), _whose)
    return _resolved(name, version, device, tuple(sorted(found.items())))


def _whose(word: str) -> tuple[str, ...]:
    """The engines that have a setting of this name."""
    plain = word.strip().lstrip("-").replace("-", "_").lower()
    return tuple(
        name for name in ENGINES if any(plain in (one, *setting.aliases) for one, setting in settings_of(name).items())
    )


@lru_cache(maxsize=64)
def settings_of(name: str) -> dict[str, Setting]:
    """The settings of an engine by its own names."""
    return declared(engine_table(name)["settings"])


def serves(name: str, device: Device) -> bool:
    """Whether an engine is described on a device's runtime."""
    return device.runtime in _class(name).RUNTIMES


def own_device(name: str, device: Device) -> Device:
    """A device that nobody named as one on which the engine is described."""
    if serves(name, device):
        return device
    runtime = _class(name).RUNTIMES[0]
    return replace(device, runtime=runtime, linked=False, generation="", unified=runtime in ("metal", "cpu"))


def require_serves(name: str, architecture: Architecture, device: Device, why: str = "") -> None:
    """Raise ArgumentError where an engine runs no such model, or is not described on such a device.

    why: the sentence that says why it was taken, where nobody named it.
    """
    made = _class(name)
    if serves(name, device) and _runs(made, architecture):
        return
    others = [other for other in ENGINES if serves(other, device) and _runs(_class(other), architecture)]
    known = ", ".join(others) or "none that is described"
    then = f"; leave engine out, or name one of {known}."
    if why:
        then = f". {why} Name other hardware or another format, or an engine of {known}."
    if not serves(name, device):
        where = f"{device.name or 'the device'} is {device.runtime}"
        raise ArgumentError(f"engine {name!r} is described on {', '.join(made.RUNTIMES)}, and {where}{then}")
    lacks = ", whose experts alone it keeps on the host" if made.MIXES_ALONE else ""
    raise ArgumentError(
        f"engine {name!r} runs no such model as {architecture.model_type} ({architecture.task}){lacks}{then}"
    )


def _runs(made: type[Described], architecture: Architecture) -> bool:
    hears = architecture.task == "encoder-decoder" and architecture.sounds is not None
    mixes = made.MIXES_ALONE and not any(one.expert_count for layer in architecture.stack for one in layer.operators)
    return architecture.task in made.TASKS and (hears or not made.HEARS_ALONE) and not mixes


def engines_with(ability: str) -> tuple[str, ...]:
    """The engines that have an ability, by the name of its flag: BEAMS, DISAGGREGATES."""
    return tuple(name for name in ENGINES if getattr(_class(name), ability))


def share_of(name: str) -> str:
    """The setting that says how much of a device's memory an engine may use; empty where it has none."""
    return _class(name).SHARE


@lru_cache(maxsize=len(ENGINES))
def _class(name: str) -> type[Described]:
    made: type[Described] = getattr(import_module(f".{name}", __name__), _CLASSES[name])
    return made


@lru_cache(maxsize=1024)
def _resolved(name: str, version: str | None, device: Device, given: tuple[tuple[str, Value], ...]) -> Engine:
    tables = _releases(name)
    if version is None:
        return _made(name, max(tables, key=release_of), device, given)
    version = version.replace("B", "b") if name.endswith("llama_cpp") else version
    if _DATE.fullmatch(version.strip()):
        return _of_date(name, version.strip(), tables, device, given)
    if _YEAR.match(version.strip()):
        raise ArgumentError(
            f"engine_version {version!r} is no release; a date has two digits a month, as in '2025-08'."
        )
    newest = max(tables, key=release_of)
    if version.strip().startswith("b") and not newest.startswith("b"):
        raise ArgumentError(f"engine_version {version!r} is a build, and {name} has releases such as {newest!r}.")
    wanted = release_of(version)
    nearest = _nearest(wanted, tables)
    if release_of(nearest["from"]) <= wanted < release_of(nearest["before"]):
        return _made(name, nearest["from"], device, given, version=version)
    text = f"{name} {version} is not described: the nearest version that is, {nearest['from']}, was counted."
    note = Note(subject="engine_version", text=text, origin="warning")
    return _made(name, nearest["from"], device, given, notes=(note,))


def _of_date(
    name: str,
    date: str,
    tables: Mapping[str, Mapping[str, Any]],
    device: Device,
    given: tuple[tuple[str, Value], ...],
) -> Engine:
    """The engine as it was at a date: the last of its releases that had come out by then, of a month by its end."""
    known = [(facts["released"], release) for release, facts in tables.items() if "released" in facts]
    known += [(day, release) for release, day in table(f"engines/{name}").get("dates", {}).items()]
    if not known:
        text = f"When {name} came out is not known: for {date} its newest release that is described was counted."
        note = Note(subject="engine_version", text=text, origin="warning")
        return _made(name, max(tables, key=release_of), device, given, notes=(note,))
    last = _last_day(date)
    out = [entry for entry in known if entry[0] <= last]
    _, release = max(out, default=min(known))
    text = f"{name} as of {date} was counted by its release {release}."
    if not out:
        text = f"{name} as of {date} is older than all that is described: its release {release} was counted."
    note = Note(subject="engine_version", text=text, origin="assumption" if out else "warning")
    described: Any = _resolved(name, release, device, given)
    found: Engine = replace(described, notes=(note, *described.notes))
    return found


def _last_day(date: str) -> str:
    """The day that a date is, or the last of its month. Raises ArgumentError for one that no calendar has."""
    found = _DATE.fullmatch(date)
    assert found is not None
    year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
    try:
        datetime.date(year, month, day)
    except ValueError:
        raise ArgumentError(
            f"engine_version {date!r} is no date of the calendar; give a release, or such a date."
        ) from None
    return date if found[3] else f"{date}-31"


def _made(
    name: str,
    described: str,
    device: Device,
    given: tuple[tuple[str, Value], ...],
    *,
    version: str | None = None,
    notes: tuple[Note, ...] = (),
) -> Engine:
    """The engine by one of its tables, on top of those that it is like."""
    facts = _completed(_release(name, described))
    made = _class(name)

    _require_released(name, version or described, given)
    if "warning" in facts:
        notes = (*notes, Note(subject="engine_version", text=facts["warning"], origin="warning"))
    told = dict(given)
    if told.get("profile") == "tuned":
        times = tuned_times(name, version or described, device)
    else:
        times = times_of(name, version or described, device, str(told.get("backend", "")))
    bare = made(
        name=name,
        version=version or described,
        facts=facts,
        given=dict(given),
        device=device,
        notes=notes,
        again=_Again(name, version),
        host=times.host,
        kernels=times.kernels,
        scheduler=times.scheduler,
        ranges=times.ranges,
        kin=times.kin,
        timed=times.fitted,
        cache={
            form: {kind: CacheLayout(**layout) for kind, layout in kinds.items()}
            for form, kinds in facts.get("cache", {}).items()
        },
        recurrent_bytes=facts["state"]["recurrent_bytes"],
        refused_adapters=tuple(facts["adapters"]["refused"]),
    )
    return bare.settled(settings_of(name))


def _release(name: str, described: str) -> Mapping[str, Any]:
    """A release's table on top of those that it is like, of this engine or of another (llama_cpp/b2000)."""
    found = _releases(name)[described]
    like = found.get("like")
    while like:
        engine, _, described = like.rpartition("/")
        name = engine or name
        below = _releases(name)[described]
        found, like = on_top(found, below), below.get("like")
    return found


def _releases(name: str) -> Mapping[str, Mapping[str, Any]]:
    """The tables of an engine's releases by where they begin."""
    return {facts["from"]: facts for facts in table(f"engines/{name}")["version"]}


def _completed(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table with what it does not state of states and adapters from the engine that it is like in these."""
    if "rest_like" not in facts:
        return facts
    found: dict[str, Any] = {}
    for other in table(f"engines/{facts['rest_like']}")["version"]:
        found |= {key: other[key] for key in ("state", "adapters") if key in other and key not in found}
    return {**found, **facts}


def _require_released(name: str, version: str, given: tuple[tuple[str, Value], ...]) -> None:
    """Raise ArgumentError for a setting that this release has not."""
    release, declared_ = release_of(version), settings_of(name)
    for word, _ in given:
        setting = declared_[word]
        if setting.since and release < release_of(setting.since):
            raise ArgumentError(f"{name} {version} has no {word}, which came with {setting.since}; leave it out.")
        if setting.until and release >= release_of(setting.until):
            raise ArgumentError(f"{name} {version} has no {word}, which went with {setting.until}; leave it out.")


@dataclass(frozen=True, slots=True)
class _Again:
    """The same engine on another device, or told more."""

    name: str
    version: str | None

    def __call__(self, device: Device, given: Mapping[str, Value]) -> Any:
        return _resolved(self.name, self.version, device, tuple(sorted(given.items())))


def _nearest(wanted: tuple[int, ...], tables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The table of a release: the one that it lies in, or else the last that begins before it, or the oldest."""
    begun = [facts for facts in tables.values() if release_of(facts["from"]) <= wanted]
    if not begun:
        return min(tables.values(), key=lambda facts: release_of(facts["from"]))
    return max(begun, key=lambda facts: release_of(facts["from"]))
