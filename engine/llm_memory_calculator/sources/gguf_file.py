"""Headers of GGUF files: metadata, and names, types and shapes of the tensors; not a byte of the weights is read.

The gguf package's reader maps the whole file and makes an object of every token; this one reads on to the end of the
header and passes over what it does not keep. Files are not trusted: every count and length is bounded before it is
believed, and every tensor must lie inside the file.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import InvalidFileError
from ..formats.gguf import mix_of_file
from ..formats.numerics import GGML_TYPES
from ..formats.stored import StoredTensor, StoredWeights
from ..untrusted import untrusted
from . import local

MOST_HEADER_BYTES = 64 * 2**20
MOST_ITEMS = 4_000_000
MOST_ENTRIES = 65_536
MOST_TENSORS = 200_000
MOST_FILES = 1_000
_LONGEST_NAME = 65_535
_LONGEST_STRING = 64 * 2**20
_KEPT_ITEMS = 65_536
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.I)
# the file's numbers for the kinds of a value, as struct spells them
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_TYPE_NAMES = {number: name for name, (number, _, _, _) in GGML_TYPES.items()}

Value = int | float | bool | str | list[int] | list[float] | list[bool]


@dataclass(frozen=True, slots=True)
class Strings:
    """A list of strings, or a long one of numbers, of which only the length is kept."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufFile:
    """The header of a GGUF file, or of the files of one model."""

    metadata: Mapping[str, Value | Strings]
    weights: StoredWeights


def is_named_so(path: str) -> bool:
    return path.lower().endswith(".gguf")


def files_in(folder: str) -> list[str]:
    """The GGUF files of a folder that stand for a model each: of several shards the first, projectors left out."""
    names = [name for name in local.names_in(folder) if is_named_so(name) and "mmproj" not in name.lower()]
    shards = {name: found for name in names if (found := _SHARD.fullmatch(name))}
    return [name for name in names if name not in shards or int(shards[name]["number"]) == 1]


def read(path: str) -> GgufFile:
    """The header of a file, and those of its other shards.

    Raises InvalidFileError for a file that is no GGUF, is cut short, or is one of shards that are not all there.
    """
    tensors: dict[str, StoredTensor] = {}
    metadata: dict[str, Value | Strings] = {}
    size = 0
    for file in _shards(path):
        found, listed, length = _read_header(file)
        twice = next((name for name in listed if name in tensors), None)
        if twice is not None:
            raise InvalidFileError(f"The tensor {untrusted(twice)!r} stands in two shards of {_shown(path)}.")
        metadata = found | metadata
        tensors |= listed
        size += length
    mix = mix_of_file(metadata.get("general.file_type"))
    return GgufFile(
        metadata=metadata,
        weights=StoredWeights(where=local.shown(path), kind="gguf", tensors=tensors, file_bytes=size, mix=mix),
    )


def _shards(path: str) -> list[str]:
    folder, name = os.path.split(path)
    shard = _SHARD.fullmatch(name)
    if shard is None:
        return [path]
    count = int(shard["count"])
    if not 1 <= count <= MOST_FILES:
        raise InvalidFileError(f"{_shown(path)} says that it is one of {count:,}; up to {MOST_FILES:,} are read.")
    stem = os.path.join(folder, shard["stem"])
    files = [f"{stem}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
    missing = [file for file in files if not os.path.exists(file)]
    if missing:
        raise InvalidFileError(
            f"{len(missing):,} of the {count:,} shards of {_shown(path)} are not there, such as "
            f"{local.shown(os.path.basename(missing[0]))!r}. Fetch them all."
        )
    return files


class _Reader:
    """The header's bytes one after another, read from the file as they are needed."""

    def __init__(self, stream: BinaryIO, shown: str) -> None:
        self.stream, self.shown = stream, shown
        self.buffer = b""
        self.at = 0
        self.read_bytes = 0

    def need(self, count: int) -> None:
        """See to it that `count` bytes stand in the buffer from `at` on."""
        missing = count - (len(self.buffer) - self.at)
        if missing <= 0:
            return
        if self.read_bytes + missing > MOST_HEADER_BYTES:
            raise InvalidFileError(
                f"{self.shown} has a header of more than {MOST_HEADER_BYTES // 2**20} MiB, which no model's is."
            )
        piece = self.stream.read(max(missing, 2**18))
        self.read_bytes += len(piece)
        self.buffer = self.buffer[self.at :] + piece
        self.at = 0
        if len(self.buffer) < count:
            raise InvalidFileError(f"{self.shown} is cut short: it ends within its header.")

    def number(self, kind: str) -> int | float | bool:
        size = struct.calcsize(kind)
        self.need(size)
        (value,) = struct.unpack_from(f"<{kind}", self.buffer, self.at)
        self.at += size
        found: int | float | bool = value
        return found

    def count(self, kind: str, most: int, what: str) -> int:
        value = int(self.number(kind))
        if value > most:
            raise InvalidFileError(f"{self.shown} is no sound GGUF: it gives {what} as {value:,}, above {most:,}.")
        return value

    def text(self, most: int, what: str) -> str:
        length = self.count("Q", most, f"the length of {what}")
        self.need(length)
        body = self.buffer[self.at : self.at + length]
        self.at += length
        return body.decode("utf-8", "replace")

    def skip(self, count: int) -> None:
        while count > 0:
            step = min(count, 2**18)
            self.need(step)
            self.at += step
            count -= step

    def offset(self) -> int:
        """How far into the file this is."""
        return self.read_bytes - (len(self.buffer) - self.at)


def _read_header(file: str) -> tuple[dict[str, Value | Strings], dict[str, StoredTensor], int]:
    """The metadata and the tensors of one file, and its size."""
    shown = _shown(file)
    with local.open_regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        reader = _Reader(stream, shown)
        if size < 24:
            raise InvalidFileError(f"{shown} is no GGUF file: it has {size} bytes.")
        _check_start(reader, shown)
        tensor_count = reader.count("Q", MOST_TENSORS, "the number of tensors")
        entry_count = reader.count("Q", MOST_ENTRIES, "the number of metadata entries")
        metadata: dict[str, Value | Strings] = {}
        for _ in range(entry_count):
            key = reader.text(_LONGEST_NAME, "a key")
            if key in metadata:
                raise InvalidFileError(f"{shown} is no sound GGUF: {untrusted(key)!r} stands in it twice.")
            metadata[key] = _value(reader, key)
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            raise InvalidFileError(f"{shown} is no sound GGUF: its general.alignment is no power of two.")
        tensors: dict[str, StoredTensor] = {}
        end = 0
        for _ in range(tensor_count):
            name = reader.text(_LONGEST_NAME, "a tensor's name")
            if name in tensors:
                raise InvalidFileError(f"{shown} is no sound GGUF: the tensor {untrusted(name)!r} stands twice.")
            tensors[name], offset = _tensor(reader, name)
            end = max(end, offset + tensors[name].bytes)
        begin = -(-reader.offset() // alignment) * alignment
    if tensors and begin + end > size:
        raise InvalidFileError(
            f"{shown} is cut short: its header lists tensors up to byte {begin + end:,}, and it has {size:,}. "
            "Fetch it again."
        )
    return metadata, tensors, size


def _check_start(reader: _Reader, shown: str) -> None:
    reader.need(8)
    magic = reader.buffer[:4]
    reader.at = 4
    if reader.buffer.startswith(b"version "):
        raise InvalidFileError(f"{shown} is a Git LFS pointer and not the weights. Run git lfs pull.")
    if magic != b"GGUF":
        raise InvalidFileError(f"{shown} is no GGUF file: it does not begin with the letters GGUF.")
    version = int(reader.number("I"))
    if version & 0xFFFF == 0:
        raise InvalidFileError(f"{shown} is a big-endian GGUF file, which is not read.")
    if version not in (2, 3):
        raise InvalidFileError(f"{shown} is GGUF version {version}; versions 2 and 3 are read.")


def _value(reader: _Reader, key: str) -> Value | Strings:
    kind = int(reader.number("I"))
    what = f"the value of {untrusted(key)!r}"
    if kind == _STRING:
        found_text: str = untrusted(reader.text(_LONGEST_STRING, what))
        return found_text
    if kind in _SCALARS:
        return reader.number(_SCALARS[kind])
    if kind != _ARRAY:
        raise InvalidFileError(f"{reader.shown} is no sound GGUF: {what} is of kind {kind}, which there is not.")
    item = int(reader.number("I"))
    count = reader.count("Q", MOST_ITEMS, f"the length of {what}")
    if item == _STRING:
        for _ in range(count):
            reader.need(8)
            (length,) = struct.unpack_from("<Q", reader.buffer, reader.at)
            reader.at += 8
            if length > _LONGEST_STRING:
                raise InvalidFileError(f"{reader.shown} is no sound GGUF: a string of {what} has {length:,} bytes.")
            reader.skip(length)
        return Strings(count)
    if item not in _SCALARS:
        raise InvalidFileError(f"{reader.shown} is no sound GGUF: {what} is a list of kind {item}, which is not read.")
    code = _SCALARS[item]
    if count > _KEPT_ITEMS:
        reader.skip(count * struct.calcsize(code))
        return Strings(count)
    reader.need(count * struct.calcsize(code))
    found = list(struct.unpack_from(f"<{count}{code}", reader.buffer, reader.at))
    reader.at += count * struct.calcsize(code)
    return found


def _tensor(reader: _Reader, name: str) -> tuple[StoredTensor, int]:
    """One tensor and its place among the data. Shapes stand with the inputs first."""
    shown = untrusted(name)
    extents = reader.count("I", 4, f"the dimensions of {shown!r}")
    shape = tuple(reader.count("Q", 2**48, f"a dimension of {shown!r}") for _ in range(extents))
    number = int(reader.number("I"))
    offset = int(reader.number("Q"))
    if number not in _TYPE_NAMES:
        raise InvalidFileError(
            f"{reader.shown} has {shown!r} of ggml type {number}, which is not known; known are "
            f"{', '.join(f'{known} ({name})' for known, name in _TYPE_NAMES.items())}."
        )
    dtype = _TYPE_NAMES[number]
    _, block, size, _ = GGML_TYPES[dtype]
    values = math.prod(shape)
    if (shape[0] if shape else 1) % block:
        raise InvalidFileError(
            f"{reader.shown} is no sound GGUF: {shown!r} has rows of {shape[0]:,} values, and {dtype} stores {block} "
            "together."
        )
    return StoredTensor(dtype=dtype, shape=shape, bytes=values // block * size), offset


def _shown(file: str) -> str:
    return f"The file {local.shown(file)!r}"
