"""The file that an explained start-up log leaves for later estimates."""

from __future__ import annotations

import os
from typing import Any

from ..errors import ArgumentError
from . import local


def read_calibration(path: str) -> dict[str, Any]:
    """The object in a calibration's file. Raises ArgumentError where there is none, InvalidFileError for another."""
    shown, expanded = local.shorten(path), os.path.expanduser(path)
    if not os.path.isfile(expanded):
        raise ArgumentError(
            f"calibration must be an object, or the path of a file that explain-log --calibration wrote; there is no "
            f"file {shown!r}."
        )
    return local.read_object(expanded, shown, "calibration")
