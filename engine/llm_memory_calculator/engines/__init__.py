"""Serving engines, one file each: what one holds beside weights and cache, how it lays a model out, what it costs.

Laws stand in the engine's file, numbers in data/engines/NAME.toml by range of versions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..errors import ArgumentError
from ..facts import table
from ..report import Note
from . import vllm
from .base import Engine, HostCost, KernelCost, Spread

__all__ = ["ENGINES", "Engine", "HostCost", "KernelCost", "Spread", "engine_for"]

_RELEASE = re.compile(r"v?(\d{1,4}(?:\.\d{1,4}){0,3})")
_MADE = {"vllm": vllm.from_facts}
ENGINES = tuple(_MADE)
"""The engines that are described; the first is taken where none is named."""


@lru_cache(maxsize=256)
def engine_for(name: str = ENGINES[0], version: str | None = None, **settings: float | None) -> Engine:
    """The engine of this name and version, with settings in place of its defaults.

    A version that no table describes is counted by the nearest that one does, which a note says; None is the newest.
    Raises ArgumentError for what is no version.
    """
    tables = {facts["from"]: facts for facts in table(f"engines/{name}")["version"]}
    if version is None:
        return _made(name, max(tables, key=_release), tables, (), settings)
    wanted = _release(version)
    nearest = min(
        tables.values(), key=lambda facts: _distance(wanted, _release(facts["from"]), _release(facts["before"]))
    )
    if _release(nearest["from"]) <= wanted < _release(nearest["before"]):
        return _made(name, nearest["from"], tables, (), settings, version)
    text = f"{name} {version} is not described: the nearest version that is, {nearest['from']}, was counted."
    note = Note(subject="engine_version", text=text, origin="warning")
    return _made(name, nearest["from"], tables, (note,), settings)


def _made(
    name: str,
    described: str,
    tables: Mapping[str, Mapping[str, Any]],
    notes: tuple[Note, ...],
    settings: Mapping[str, float | None],
    version: str | None = None,
) -> Engine:
    """The engine by one of its tables, on top of those that it is like."""
    facts, measured = tables[described], described
    while "like" in tables[measured]:
        measured = tables[measured]["like"]
        facts = _on_top(facts, tables[measured])
    return _MADE[name](version or described, measured, facts, notes, **settings)


def _on_top(own: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table with what it does not state itself from another, tables in it likewise."""
    merged = {**other, **own}
    for key in own.keys() & other.keys():
        if isinstance(own[key], Mapping):
            merged[key] = _on_top(own[key], other[key])
    return merged


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a release (0.19.1, v0.20, 0.21.0rc1)."""
    found = _RELEASE.match(version.strip())
    if found is None:
        raise ArgumentError(f"engine_version must be a release such as '0.19' or '0.19.1', and is {version!r}.")
    return tuple(int(part) for part in found[1].split("."))


def _distance(wanted: tuple[int, ...], first: tuple[int, ...], end: tuple[int, ...]) -> tuple[int, ...]:
    """How far a release is from a range of them: the first number that differs counts most."""
    if first <= wanted < end:
        return (0,)
    near = first if wanted < first else end
    width = max(len(wanted), len(near))
    padded = ((*release, *(0,) * (width - len(release))) for release in (wanted, near))
    return tuple(abs(one - other) for one, other in zip(*padded, strict=True))
