"""The file that an explained start-up log, or a calibration by measured rows, leaves for later estimates."""

from __future__ import annotations

import os
from typing import Any

from llm_memory_hardware.wording import words

from ..errors import ArgumentError
from ..reach import require
from . import local


def read_calibration(path: str) -> dict[str, Any]:
    """The object in a calibration's file. Raises ArgumentError where there is none, InvalidFileError for another."""
    require(path)
    shown, expanded = local.shorten(path), local.expanded(path)
    if not os.path.isfile(expanded):
        raise ArgumentError(f"calibration must be an object, or {words().calibration}; there is no file {shown!r}.")
    return local.read_object(expanded, shown, "calibration")
