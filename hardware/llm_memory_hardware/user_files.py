"""A user's own hardware: TOML or JSON files in the catalogue's schema or in the original's keys.

A file describes one accelerator, or several under their names. One that is to stand in the place of an entry of the
catalogue says so with ``replaces = "H100_SXM"``; without it a name that is taken is an error, so that no figure of the
catalogue changes unseen. Sources are optional here, and so are aliases, maker and architecture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

from .accelerator import Accelerator, accelerator_from_config
from .errors import InvalidHardwareError, shown
from .schema import accelerator_from_table, parse

__all__ = ["UserHardware", "described", "read_user_hardware"]

_SUFFIXES: Final = (".toml", ".json")
_ORIGINAL_KEYS: Final = frozenset({"Flops", "Memory_size", "Memory_BW", "peak_tflops"})
_SCHEMA_KEYS: Final = frozenset({"memory_bytes", "usable_memory_bytes", "memory_bandwidth", "peak_flops"})
_DEVICES_PER_NODE: Final = 8  # as the original's keys take it


@dataclass(frozen=True, slots=True, kw_only=True)
class UserHardware:
    """An accelerator that a user describes."""

    accelerator: Accelerator
    """What is described."""
    origin: str
    """The file, and where it holds several, the entry; for errors."""
    replaces: str | None = None
    """The name of the catalogue's entry in whose place it stands; None: it stands beside all others."""


def read_user_hardware(path: str | PathLike[str]) -> list[UserHardware]:
    """Everything that a file, or the ``.toml`` and ``.json`` files of a folder, describe.

    Raises InvalidHardwareError, which names the file and the key, at the first fault.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        files = sorted(entry for entry in place.iterdir() if entry.suffix.lower() in _SUFFIXES and entry.is_file())
    elif place.exists():
        files = [place]
    else:
        raise InvalidHardwareError(
            f"{place}: no such file or folder; accepted is a .toml or .json file, or a folder of them."
        )
    return [entry for file in files for entry in _entries(file)]


def described(description: Mapping[str, Any], origin: str, name: str = "custom") -> UserHardware:
    """One description in the schema of the catalogue or in the original's keys."""
    table = dict(description)
    replaces = table.pop("replaces", None)
    if replaces is not None and not isinstance(replaces, str):
        raise InvalidHardwareError(f"{origin}: key 'replaces' is {shown(replaces)}; accepted is the name of an entry.")
    if not _SCHEMA_KEYS.isdisjoint(table):
        defaults = {
            "name": name,
            "aliases": [],
            "manufacturer": "custom",
            "type": "gpu",
            "architecture": "custom",
            "devices_per_node": _DEVICES_PER_NODE,
        }
        if "memory_bytes" in table:
            defaults["usable_memory_bytes"] = table["memory_bytes"]
        return UserHardware(
            accelerator=accelerator_from_table(origin, defaults | table, user=True), origin=origin, replaces=replaces
        )
    try:
        accelerator = accelerator_from_config(table, name)
    except InvalidHardwareError as error:
        raise InvalidHardwareError(f"{origin}: {error}") from error
    return UserHardware(accelerator=accelerator, origin=origin, replaces=replaces)


def _entries(file: Path) -> Iterator[UserHardware]:
    content = _content(file)
    if content == []:
        raise InvalidHardwareError(f"{file}: describes nothing; remove it, or describe an accelerator in it.")
    if isinstance(content, list):
        for position, entry in enumerate(content):
            yield _described(entry, f"{file}, entry {position}", file.stem)
    elif isinstance(content, dict) and content and all(isinstance(entry, dict) for entry in content.values()):
        for name, entry in content.items():
            yield _described(entry, f"{file}, entry {name!r}", name)
    else:
        yield _described(content, str(file), file.stem)


def _described(entry: object, origin: str, name: str) -> UserHardware:
    if not isinstance(entry, dict):
        raise InvalidHardwareError(f"{origin}: must describe an accelerator with keys and values, not {entry!r:.60}.")
    if (_SCHEMA_KEYS | _ORIGINAL_KEYS).isdisjoint(entry):
        raise InvalidHardwareError(
            f"{origin}: has neither the catalogue's keys (memory_bytes, memory_bandwidth, peak_flops) nor the "
            "original's (Flops, Memory_size, Memory_BW)."
        )
    return described(entry, origin, name)


def _content(file: Path) -> Any:
    if file.suffix.lower() not in _SUFFIXES:
        raise InvalidHardwareError(f"{file}: accepted are {' and '.join(_SUFFIXES)} files, not {file.suffix!r}.")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidHardwareError(f"{file}: cannot be read: {error}.") from error
    if file.suffix.lower() == ".toml":
        return parse(str(file), text)
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidHardwareError(f"{file}: not valid JSON: {error}.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {twice!r} stands twice")
    return found
