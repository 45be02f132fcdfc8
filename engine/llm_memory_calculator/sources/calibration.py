"""The file that an explained start-up log leaves for later estimates."""

from __future__ import annotations

import os
from typing import Any

from ..errors import ArgumentError, InvalidFileError
from . import local


def read_calibration(path: str) -> dict[str, Any]:
    """The object in a calibration's file. Raises ArgumentError where there is none, InvalidFileError for another."""
    shown, expanded = local.shorten(path), os.path.expanduser(path)
    if not os.path.isfile(expanded):
        raise ArgumentError(
            f"calibration must be an object, or the path of a file that explain-log --calibration wrote; there is no "
            f"file {shown!r}."
        )
    with local.open_regular(expanded) as stream:
        body = stream.read(local.MAX_BYTES + 1)
    if len(body) > local.MAX_BYTES:
        raise InvalidFileError(f"{shown!r} is larger than {local.MAX_BYTES // 2**20} MiB, more than any calibration.")
    try:
        return local.parse(body, shown)
    except InvalidFileError as error:
        raise InvalidFileError(f"{shown!r} is no calibration: it holds no JSON object.") from error
