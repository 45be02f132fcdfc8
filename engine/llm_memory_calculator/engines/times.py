"""What an engine of a release takes of time on a device: the tables of data/times/NAME.toml.

A table of a release has, under `runtime`, what differs by backend: by what a device runs where nobody says, or by the
words of the setting `backend`. On top of that, `design` has what differs by the device's design, and `chips` has
factors of designs and names, and what is to be said of them beside a range.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from ..facts import table
from .base import HostCost, HostMemory, KernelCost, LocalCost, ProductCost, Scheduler, TimeRanges
from .device import Device
from .releases import release_of

_RANGES = ("seen", "unseen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The costs of one engine that stand beside an accelerator's own laws."""

    host: HostCost
    kernels: KernelCost
    scheduler: Scheduler
    ranges: TimeRanges | None
    kin: str
    """The engine whose kernels these are."""
    fitted: bool
    """Whether times of this engine on this runtime were measured."""


@lru_cache(maxsize=1024)
def times_of(name: str, version: str, device: Device, backend: str = "") -> Times:
    """Those of an engine's release on a device; of an engine that none were measured of, those of one like it."""
    facts = table(f"times/{name}")
    if "times_like" in facts:
        found = times_of(facts["times_like"], "", device, backend)
        launches = facts.get("launches", {}).get(device.runtime, 1.0)
        own = facts.get("range", {}).get(device.runtime)
        return replace(
            found,
            host=found.host.slower(launches),
            ranges=found.ranges if own is None else _ranges(own),
            fitted=device.runtime in facts.get("launches", {}) and found.fitted,
        )
    known = backends_of(name, device)
    # who asks for the time on a device that does not run it is refused there (performance/machine.py)
    backend = known.get(backend) or next(iter(known.values()))
    merged = _release(facts, version)
    merged = _on_top(_on_backend(name, merged, backend), merged)
    merged = _on_top(merged.get("design", {}).get(device.generation, {}), merged)
    kernels = _kernels(merged["kernels"])
    host = HostCost(**merged["host"])
    ranges = _ranges(merged["range"]) if "range" in merged else None
    for chip in merged.get("chips", ()):
        if _is_of(device, chip):
            host = host.slower(chip.get("launches", 1.0))
            if ranges is not None and "evidence" in chip:
                ranges = replace(ranges, evidence=f"{ranges.evidence}; {chip['evidence']}")
            if kernels.local is not None:
                local = replace(
                    kernels.local,
                    bandwidth=kernels.local.bandwidth * chip.get("bandwidth", 1.0),
                    rate=kernels.local.rate * chip.get("rate", 1.0),
                )
                kernels = replace(kernels, local=local)
    return Times(
        host=host,
        kernels=kernels,
        scheduler=Scheduler(**merged.get("scheduler", {})),
        ranges=ranges,
        kin=facts.get("kernels_like", name),
        fitted=backend in facts["measured_on"],
    )


def nearest_measured(name: str, version: str, device: Device) -> str | None:
    """The measured release that is nearest to one before the first or after the last; None where it is between them, or
    where it is not known which were measured."""
    known = table(f"times/{name}").get("releases", {}).get(device.runtime)
    if known is None:
        return None
    first, last = known
    release = release_of(version)
    if release < release_of(first):
        return str(first)
    # 0.18.1 is a release of 0.18
    return str(last) if release[: len(release_of(last))] > release_of(last) else None


def calling_time(device: Device) -> float:
    """Seconds in which an engine's program calls the operators of a layer where no graph is captured, as measured of
    transformers, whose program does no less."""
    return times_of("transformers", "", device).host.dispatch


def tuned_of(name: str, version: str, device: Device) -> Mapping[str, Any] | None:
    """What a maker's tuned stack gains over a release on a device's design: a row of `tuned`; None: it is not known."""
    rows = [row for row in table(f"times/{name}").get("tuned", ()) if row["design"] == device.generation]
    begun = [row for row in rows if not version or release_of(row["from"]) <= release_of(version)]
    return max(begun, key=lambda row: release_of(row["from"]), default=None)


def tuned_designs(name: str) -> tuple[str, ...]:
    """Designs that a tuned stack of an engine was measured on."""
    return tuple(dict.fromkeys(row["design"] for row in table(f"times/{name}").get("tuned", ())))


def tuned_times(name: str, version: str, device: Device) -> Times:
    """Those of a tuned stack: all that an engine adds to a chip's own laws is quicker by one factor. As they are where
    none is known: who asks for the time is refused (performance/machine.py).
    """
    found, row = times_of(name, version, device), tuned_of(name, version, device)
    if row is None:
        return found
    quicker, kernels = float(row["quicker"]), found.kernels
    kernels = replace(
        kernels,
        launches=kernels.launches / quicker,
        rate=kernels.rate * quicker,
        bandwidth=kernels.bandwidth * quicker,
        elementwise_passes=kernels.elementwise_passes / quicker,
    )
    host = HostCost(**{part.name: getattr(found.host, part.name) / quicker for part in fields(HostCost)})
    return replace(found, kernels=kernels, host=host, ranges=_ranges(row["range"]))


def plain_name(name: str) -> str:
    """An accelerator's name without the size of its memory and the number of its cores, where these were told apart."""
    return re.sub(r"(_\d+_core)?(_[\d.]+GB)?$", "", name)


def backends_of(name: str, device: Device) -> Mapping[str, str]:
    """The backends that a device runs, the first where nobody says, each with its table."""
    facts = table(f"times/{name}")
    if "times_like" in facts:
        return backends_of(facts["times_like"], device)
    found: Mapping[str, str] = facts.get("backends", {}).get(device.runtime, {"": device.runtime})
    return found


def _release(facts: Mapping[str, Any], version: str) -> Mapping[str, Any]:
    """The table of a release, on top of those that it is like."""
    tables = {entry["from"]: entry for entry in facts["version"]}
    begun = [entry for entry in tables.values() if not version or release_of(entry["from"]) <= release_of(version)]
    oldest = min(tables.values(), key=lambda entry: release_of(entry["from"]))
    found = max(begun, key=lambda entry: release_of(entry["from"]), default=oldest)
    merged: Mapping[str, Any] = found
    like = found.get("like")
    while like:
        merged, like = _on_top(merged, tables[like]), tables[like].get("like")
    return merged


def _on_backend(name: str, release: Mapping[str, Any], backend: str) -> Mapping[str, Any]:
    """What a backend has of its own, on top of one that it is like: of this engine, or of another (llama_cpp/cuda)."""
    found: Mapping[str, Any] = release.get("runtime", {}).get(backend, {})
    if "like" not in found:
        return found
    engine, _, other = found["like"].rpartition("/")
    if engine:
        release = _release(table(f"times/{engine}"), "")
    below = _on_backend(engine or name, release, other)
    # kernels that other backends of that engine share are part of what is taken
    return _on_top(found, _on_top(below, {"kernels": release["kernels"], "host": release["host"]}) if engine else below)


def _on_top(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A table with what it does not state itself from another, tables in it likewise. A range of a phase stands for all
    kinds of models that it does not name itself.
    """
    merged = {**other, **own}
    for key in own.keys() & other.keys():
        if isinstance(own[key], Mapping):
            below = other[key]
            if key in _RANGES:
                below = {phase: ends for phase, ends in below.items() if phase.partition("_")[0] not in own[key]}
            merged[key] = _on_top(own[key], below)
    return merged


def _is_of(device: Device, chip: Mapping[str, Any]) -> bool:
    """Whether a device is one of those that a row of `chips` names: by design, by name, by a part of it, or as one that
    shares its memory with the host."""
    names = device.name, plain_name(device.name)
    return (
        device.generation in chip.get("generations", (device.generation,))
        and any(name in chip.get("names", names) for name in names)
        and chip.get("part", "") in device.name
        and (device.unified or not chip.get("unified", False))
    )


def _kernels(facts: Mapping[str, Any]) -> KernelCost:
    products = {form: ProductCost(**cost) for form, cost in facts.get("matmul", {}).items()}
    local = None
    if "local" in facts:
        told = facts["local"]
        lists = {name: tuple(told[name]) for name in ("halved",) if name in told}
        local = LocalCost(**{**told, **lists, "peaks": tuple((form, factor) for form, factor in told["peaks"])})
    host = None
    if "host_memory" in facts:
        alone = facts["host_memory"].get("alone")
        host = HostMemory(**{**facts["host_memory"], "alone": tuple(alone) if alone else None})
    return KernelCost(**{**facts, "matmul": products, "local": local, "host_memory": host})


def _ranges(facts: Mapping[str, Any]) -> TimeRanges:
    return TimeRanges(
        devices=frozenset(facts["devices"]),
        seen={phase: (low, high) for phase, (low, high) in facts["seen"].items()},
        unseen={phase: (low, high) for phase, (low, high) in facts["unseen"].items()},
        evidence=facts["evidence"],
    )
