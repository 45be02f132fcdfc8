"""Folders of diffusion pipelines: a model_index.json, and a folder with a config.json for each part that it names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ..reach import covered
from . import local

INDEX = "model_index.json"
MOST_CONTROLS = 4
"""ControlNets of one pipeline that are looked for."""


def is_pipeline(path: str) -> bool:
    """Whether the path is a pipeline's folder, or the file in it that names the parts."""
    if not covered(path):
        return False
    expanded = local.expanded(path)
    if os.path.basename(expanded) == INDEX:
        return os.path.lexists(expanded)
    return os.path.lexists(os.path.join(expanded, INDEX)) and not local.is_config(expanded)


def load(path: str) -> tuple[str, dict[str, Any]]:
    """The file that names the parts, and what it says with the config of each part in the place of its name.

    Raises InvalidFileError when one of these files is not what it should be.
    """
    expanded = local.expanded(path)
    folder = os.path.dirname(expanded) if os.path.basename(expanded) == INDEX else expanded

    def read(name: str) -> dict[str, Any] | None:
        config = os.path.join(folder, name)
        return local.load(config)[1] if os.path.lexists(config) else None

    index = os.path.join(folder, INDEX)
    return index, assembled(local.load(index)[1], read)


def assembled(named: Mapping[str, Any], read: Callable[[str], Mapping[str, Any] | None]) -> dict[str, Any]:
    """The index with the config of each part in the place of its name, as `read` gives it by `PART/config.json`.

    A part without a config.json (a scheduler, a tokenizer) stays a name.
    """
    found = dict(named)
    for part, value in named.items():
        if not isinstance(value, list) or os.path.basename(part) != part or part in (".", "..") or "\0" in part:
            continue
        # several ControlNets are one part, in folders with numbers
        several = len(value) == 2 and str(value[1]).startswith("Multi")
        for name in (part, *(f"{part}_{number}" for number in range(1, MOST_CONTROLS) if several)):
            config = read(f"{name}/config.json")
            if config is not None:
                found[name] = config
    return found
