"""The adapter_config.json that PEFT writes beside an adapter."""

from __future__ import annotations

import os
from typing import Any

from ..errors import ArgumentError
from ..reach import require
from . import local

NAME = "adapter_config.json"


def read_adapter(path: str) -> dict[str, Any]:
    """The object in an adapter_config.json, by its path or that of its folder.

    Raises ArgumentError where there is none, InvalidFileError for what is not one.
    """
    require(path)
    shown, expanded = local.shorten(path), local.expanded(path)
    file = os.path.join(expanded, NAME) if os.path.isdir(expanded) else expanded
    if not os.path.isfile(file):
        missing = f"there is no file {shown!r}" if file == expanded else f"the folder {shown!r} holds none"
        raise ArgumentError(
            f"lora_config must be an object, or the path of an {NAME} or of the folder that holds one; {missing}."
        )
    return local.read_object(file, shown, NAME, ", as PEFT writes one")
