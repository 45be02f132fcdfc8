"""Headers of safetensors files: names, types and shapes of the tensors; not a byte of the weights is read.

A file is 8 bytes of the header's length, the header as JSON, then the tensors. Files are not trusted: the length is
bounded, every tensor must lie inside the file, and together they must fill it.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidFileError
from ..formats.stored import StoredTensor, StoredWeights
from ..untrusted import untrusted
from . import local

MOST_HEADER_BYTES = 32 * 2**20
MOST_FILES = 2_000
MOST_TENSORS = 1_000_000
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors", re.I)
# bits of a value, and the format's name where it is one of weights
_TYPES: Mapping[str, tuple[int, str]] = {
    "F64": (64, "fp64"),
    "F32": (32, "fp32"),
    "F16": (16, "fp16"),
    "BF16": (16, "bf16"),
    "F8_E4M3": (8, "f8_e4m3"),
    "F8_E5M2": (8, "f8_e5m2"),
    "F8_E8M0": (8, "f8_e8m0"),
    "F8_E4M3FNUZ": (8, "f8_e4m3fnuz"),
    "F8_E5M2FNUZ": (8, "f8_e5m2fnuz"),
    "F6_E2M3": (6, "f6_e2m3"),
    "F6_E3M2": (6, "f6_e3m2"),
    "F4": (4, "f4"),
    "I64": (64, "i64"),
    "I32": (32, "i32"),
    "I16": (16, "i16"),
    "I8": (8, "i8"),
    "U64": (64, "u64"),
    "U32": (32, "u32"),
    "U16": (16, "u16"),
    "U8": (8, "u8"),
    "BOOL": (8, "bool"),
    "C64": (64, "c64"),
}


def is_named_so(path: str) -> bool:
    """Whether a path is named like a file of weights, or like the index of several."""
    return path.lower().endswith((".safetensors", ".safetensors.index.json"))


def files_of(path: str) -> list[str] | None:
    """The files of the checkpoint that a folder holds or that a file belongs to, or None where a folder holds none.

    Raises InvalidFileError when an index cannot be read or names a file outside its folder.
    """
    if os.path.isdir(path):
        for name in (INDEX, SINGLE):
            if os.path.lexists(os.path.join(path, name)):
                return files_of(os.path.join(path, name))
        found = [name for name in local.names_in(path) if name.lower().endswith(".safetensors")]
        shards = [name for name in found if _SHARD.fullmatch(name)]
        # a lone file, or the shards of one series; others (adapters, copies in another layout) are not guessed at
        names = shards or (found if len(found) == 1 else [])
        return files_of(os.path.join(path, names[0])) if names else None
    folder, name = os.path.split(path)
    if name.lower().endswith(".json"):
        return [os.path.join(folder, shard) for shard in _indexed(path)]
    shard = _SHARD.fullmatch(name)
    if shard is None:
        return [path]
    count = int(shard["count"])
    if not 1 <= count <= MOST_FILES:
        raise InvalidFileError(
            f"The file {local.shown(name)!r} says that it is one of {count:,}; up to {MOST_FILES:,} are read."
        )
    stem = os.path.join(folder, shard["stem"])
    return [f"{stem}-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]


def read(files: list[str], where: str) -> StoredWeights:
    """What the headers of these files list.

    Raises UnknownModelError when there is no such file, InvalidFileError when one of several is missing, or one is cut
    short or no safetensors file.
    """
    missing = [file for file in files if not os.path.exists(file)]
    if missing and len(files) > 1:
        raise InvalidFileError(
            f"{len(missing):,} of the {len(files):,} files of {local.shown(where)!r} are not there, such as "
            f"{local.shown(os.path.basename(missing[0]))!r}. Fetch the whole checkpoint."
        )
    tensors: dict[str, StoredTensor] = {}
    size = 0
    for file in files:
        found, file_size = _read_header(file)
        twice = next((name for name in found if name in tensors), None)
        if twice is not None:
            raise InvalidFileError(f"The tensor {untrusted(twice)!r} stands in two files of {local.shown(where)!r}.")
        tensors |= found
        size += file_size
        if len(tensors) > MOST_TENSORS:
            raise InvalidFileError(f"The files of {local.shown(where)!r} list more than {MOST_TENSORS:,} tensors.")
    return StoredWeights(where=local.shown(where), kind="safetensors", tensors=tensors, file_bytes=size)


def _indexed(path: str) -> list[str]:
    index = local.load(path)[1]
    names = index.get("weight_map")
    if not isinstance(names, Mapping) or not names:
        raise InvalidFileError(f"The index {local.shown(path)!r} has no weight_map that names files.")
    files = sorted({name for name in names.values() if isinstance(name, str)})
    if len(files) > MOST_FILES or any(not isinstance(name, str) for name in names.values()):
        raise InvalidFileError(f"The index {local.shown(path)!r} must name up to {MOST_FILES:,} files by strings.")
    for name in files:
        if os.path.basename(name) != name or name in ("", ".", "..") or "\\" in name or "\0" in name:
            raise InvalidFileError(
                f"The index {local.shown(path)!r} names {local.shown(name)!r}, which is no file of its own folder."
            )
    return files


def _read_header(file: str) -> tuple[dict[str, StoredTensor], int]:
    """The tensors of one file, and its size."""
    shown = f"The file {local.shown(file)!r}"
    with local.open_regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) == 8 and start.startswith(b"version "):
            raise InvalidFileError(f"{shown} is a Git LFS pointer and not the weights. Run git lfs pull.")
        if len(start) < 8 or not 2 <= length <= min(size - 8, MOST_HEADER_BYTES):
            raise InvalidFileError(
                f"{shown} is no safetensors file, or is cut short: its first 8 bytes give a header of {length:,} bytes "
                f"(up to {MOST_HEADER_BYTES:,} are read), and it has {size:,} bytes."
            )
        header = _parse(stream.read(length), shown)
    data = size - 8 - length
    found, end = {}, 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        tensor, ends = _tensor(entry, name, shown)
        if ends > data:
            raise InvalidFileError(
                f"{shown} is cut short: its header gives {untrusted(name)!r} bytes up to {ends:,}, and it has "
                f"{data:,} after the header."
            )
        found[name] = tensor
        end = max(end, ends)
    total = sum(tensor.bytes for tensor in found.values())
    if total != data or end != data:
        raise InvalidFileError(
            f"{shown} contradicts its header, whose tensors take {total:,} bytes up to {end:,}: {data:,} follow it."
        )
    return found, size


def _parse(body: bytes, shown: str) -> dict[str, Any]:
    try:
        header = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidFileError(f"{shown} is no safetensors file: its header is not JSON.") from None
    if not isinstance(header, dict):
        raise InvalidFileError(f"{shown} is no safetensors file: its header is not an object.")
    return header


def _tensor(entry: Any, name: str, shown: str) -> tuple[StoredTensor, int]:
    """One tensor, and where its bytes end after the header."""
    fields = entry if isinstance(entry, Mapping) else {}
    kind, shape, offsets = fields.get("dtype"), _counts(fields.get("shape")), _counts(fields.get("data_offsets"))
    if not isinstance(kind, str) or shape is None or offsets is None or len(offsets) != 2:
        raise InvalidFileError(
            f"{shown} lists {untrusted(name)!r} without a dtype, a shape and data_offsets as safetensors has them."
        )
    if kind not in _TYPES:
        raise InvalidFileError(
            f"{shown} has {untrusted(name)!r} of type {untrusted(kind)!r}, which is not known; known are "
            f"{', '.join(_TYPES)}."
        )
    bits, dtype = _TYPES[kind]
    begins, ends = offsets
    if ends - begins != -(-math.prod(shape) * bits // 8):
        raise InvalidFileError(
            f"{shown} gives {untrusted(name)!r} the bytes {begins:,} to {ends:,}, which are not those of "
            f"{kind} {list(shape)}."
        )
    return StoredTensor(dtype=dtype, shape=shape, bytes=ends - begins), ends


def _counts(value: Any) -> tuple[int, ...] | None:
    """The whole numbers of a short list, or None where it is anything else."""
    if not isinstance(value, list) or len(value) > 16:
        return None
    if any(isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry < 2**53 for entry in value):
        return None
    return tuple(value)
