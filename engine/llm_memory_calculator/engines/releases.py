"""Releases of engines as numbers that can be ordered, and tables of one on top of another's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from ..errors import ArgumentError
from ..facts import table

# 0.19.1, v0.20, 0.21.0rc1, 0.11.2.dev97+gabc, 0.19.x, llama.cpp's b6325
_RELEASE = re.compile(r"[vb]?(\d{1,5}(?:\.\d{1,4}){0,3})(?:\.x|[.-]?(?:a|b|rc|post|dev)\.?\d*)*(?:[+-][\w.-]+)?")


@lru_cache(maxsize=1024)
def release_of(version: str) -> tuple[int, ...]:
    """The numbers of a release (0.19.1, v0.20, 0.21.0rc1)."""
    found = _RELEASE.fullmatch(version.strip())
    if found is None:
        raise ArgumentError(f"engine_version must be a release such as '0.19' or '0.19.1', and is {version!r}.")
    return tuple(int(part) for part in found[1].split("."))


def on_top(own: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """A table with what it does not state itself from another, tables in it likewise."""
    merged = {**other, **own}
    for key in own.keys() & other.keys():
        if isinstance(own[key], Mapping):
            merged[key] = on_top(own[key], other[key])
    return merged


@cache
def engine_table(name: str) -> Mapping[str, Any]:
    """data/engines/NAME.toml; of an engine that is made of another's source, settings and command on top of that one's,
    without those that it has not.
    """
    own = table(f"engines/{name}")
    if "made_of" not in own:
        return own
    below = engine_table(own["made_of"])
    settings = {word: setting for word, setting in below["settings"].items() if word not in own["without"]}
    return on_top(own, {"settings": settings, "launch": below["launch"]})
