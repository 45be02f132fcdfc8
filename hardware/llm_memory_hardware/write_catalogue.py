"""Writes ``catalogue.jsonl`` from the TOMLs in ``accelerators/``, each of them checked.

Run ``python -m llm_memory_hardware.write_catalogue`` after a TOML was added or changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from .accelerator import Accelerator
from .built_in import CATALOGUE
from .errors import InvalidHardwareError
from .names import spellings
from .schema import read_toml

__all__ = ["ACCELERATORS", "catalogue_lines", "read_accelerators", "write_catalogue"]

ACCELERATORS: Final = Path(CATALOGUE).parent / "accelerators"


def write_catalogue() -> None:
    """Write the catalogue's file anew. Raises InvalidHardwareError, which names the TOML and the key at fault."""
    lines = catalogue_lines(read_accelerators(ACCELERATORS))
    Path(CATALOGUE).write_text("".join(f"{line}\n" for line in lines), encoding="ascii", newline="\n")


def read_accelerators(folder: Path) -> list[Accelerator]:
    """The accelerators of a folder's TOMLs, sorted by name. Raises InvalidHardwareError at the first fault."""
    found = []
    for file in folder.glob("*.toml"):
        accelerator = read_toml(file.name, file.read_text(encoding="utf-8"))
        if accelerator.name != file.stem:
            raise InvalidHardwareError(f"{file.name}: key 'name' is {accelerator.name!r}; it must be the file's name.")
        found.append(accelerator)
    return sorted(found, key=lambda accelerator: accelerator.name)


def catalogue_lines(accelerators: Iterable[Accelerator]) -> Iterator[str]:
    """The two lines of each accelerator: its names as they are compared, and its facts."""
    for accelerator in accelerators:
        counts = {**accelerator.boards, **accelerator.instances}
        yield _json([accelerator.name, spellings(accelerator.name, accelerator.aliases, counts)])
        yield _json(_facts(accelerator))


def _facts(fact: Any) -> Any:
    """A fact in the words of JSON: a dataclass as its fields, without those that have their default."""
    if isinstance(fact, tuple):
        return [_facts(part) for part in fact]
    if not is_dataclass(fact):
        return fact
    default = {
        field.name: field.default_factory() if field.default_factory is not MISSING else field.default
        for field in fields(fact)
    }
    return {name: _facts(getattr(fact, name)) for name, usual in default.items() if getattr(fact, name) != usual}


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    write_catalogue()
