"""How much the files of a folder hold where their headers are not at hand: an index, Git LFS pointers, other files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidFileError, SourceError
from ..formats.stored import StoredTotal
from . import local

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
# headers and the padding of files
_ALIKE = 0.01
# One checkpoint of a repository, which may hold several: transformers' own, then PyTorch's, then the makers'.
_SERIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"model(?:-\d{5}-of-\d{5})?\.safetensors",
        r"pytorch_model(?:-\d{5}-of-\d{5})?\.bin",
        r"consolidated(?:[-.]\d{2,5}(?:-of-\d{5})?)?\.(?:safetensors|pth)",
    )
)
_POINTER = re.compile(rb"version https?://[^\r\n]{1,200}\r?\noid sha256:[0-9a-f]{64}\r?\nsize (\d{1,18})\s*")


def of_folder(folder: str) -> StoredTotal | None:
    """What an index gives as the bytes of all tensors, or the sizes of the files; None where neither says."""
    names = local.names_in(folder)
    for name in INDEXES:
        if name in names:
            index = local.load(os.path.join(folder, name))[1]
            found, lacking = of_index(index, name), _lacking(folder, index)
            if lacking:
                return None if found is None else replace(found, lacking=lacking)
            if found is not None:
                return _beside(found, _of_files(folder, names))
    return _of_files(folder, names)


def _beside(index: StoredTotal, files: StoredTotal | None) -> StoredTotal:
    """An index with the sizes of all files beside it, which decide where the two disagree."""
    if files is None:
        return index
    if not index.bytes:
        return replace(files, values=index.values, names=index.names)
    if abs(files.bytes / index.bytes - 1) < _ALIKE:
        return index
    return replace(files, where=f"{files.where}, where {index.where} gives {index.bytes:,},", names=index.names)


def _of_files(folder: str, names: Iterable[str]) -> StoredTotal | None:
    sizes = {name: file_size(os.path.join(folder, name)) for name in names if _is_series(name)}
    return of_sizes(sizes, "the files")


def of_index(index: Mapping[str, Any], name: str) -> StoredTotal | None:
    """What an index says of the tensors, 0 bytes where it counts parameters alone; None where it states neither."""
    stated = index.get("metadata")
    total = stated.get("total_size") if isinstance(stated, Mapping) else None
    # some are written as 3.3e10
    if isinstance(total, float) and total.is_integer():
        total = int(total)
    if not isinstance(stated, Mapping):
        return None
    values, names = stated.get("total_parameters"), index.get("weight_map")
    if isinstance(total, bool) or not isinstance(total, int) or not 0 < total < 2**60:
        total = 0
    if not total and values is None:
        return None
    return StoredTotal(
        where=f"The index ({name})",
        bytes=total,
        values=values if isinstance(values, int) and not isinstance(values, bool) and 0 < values < 2**60 else None,
        names=tuple(name for name in names if isinstance(name, str)) if isinstance(names, Mapping) else (),
    )


def of_sizes(sizes: Mapping[str, int], whose: str) -> StoredTotal | None:
    """The sizes of the files of one checkpoint, of all the files of a repository."""
    for series in _SERIES:
        found = {name: size for name, size in sizes.items() if series.fullmatch(name)}
        shards = [name for name in found if "-of-" in name]
        if shards and len(shards) != int(shards[0].partition("-of-")[2][:5]):
            continue
        chosen = {name: found[name] for name in shards} or found
        if chosen and all(chosen.values()):
            where = f"The size of {whose} ({_some(chosen)})"
            return StoredTotal(where=where, bytes=sum(chosen.values()), of_files=True)
    return None


def file_size(path: str) -> int:
    """The size of a file, or that of the file that a Git LFS pointer stands for. Raises InvalidFileError."""
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise InvalidFileError(f"{local.shown(path)!r} cannot be read: {error.strerror}.") from None
    stated = pointed(path)
    return size if stated is None else stated


def pointed(path: str) -> int | None:
    """The size that a Git LFS pointer states, or None for what is no pointer."""
    try:
        if os.stat(path).st_size > 1024:
            return None
        with local.open_regular(path) as stream:
            match = _POINTER.fullmatch(stream.read(1024))
    except (OSError, SourceError):
        return None
    return int(match[1]) if match else None


def _is_series(name: str) -> bool:
    return any(series.fullmatch(name) for series in _SERIES)


def _lacking(folder: str, index: Mapping[str, Any]) -> str:
    """How many of an index's files are not there."""
    named = index.get("weight_map")
    files = {name for name in named.values() if isinstance(name, str)} if isinstance(named, Mapping) else set()
    absent = sum(not os.path.exists(os.path.join(folder, os.path.basename(name))) for name in files)
    return f"{absent:,} of the {len(files):,} files that it names are not there" if absent else ""


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return listed[0] if len(listed) == 1 else f"{listed[0]} and {len(listed) - 1:,} more"
