"""What the files of a checkpoint hold, by their headers, their index or their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """One tensor of a file."""

    dtype: str
    """The format's name here (bf16, q4_k), or the file's own word for what is no format of weights (i32)."""
    shape: tuple[int, ...]
    bytes: int

    @property
    def values(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWeights:
    """What the headers of a checkpoint's files list; the weights themselves are not read."""

    where: str
    """The file, or the first of several."""
    kind: Literal["safetensors", "gguf"]
    tensors: Mapping[str, StoredTensor]
    file_bytes: int
    """Size of the files, headers included."""
    mix: str | None = None
    """The mix of formats that a GGUF file names."""
    indexed_bytes: int | None = None
    """What the index beside the files gives as their tensors' bytes, where it does."""

    @property
    def bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.tensors.values())

    def summary(self) -> str:
        """`291 tensors, 8,030,261,248 values (bf16 …), 16,060,522,496 bytes`."""
        values: dict[str, int] = {}
        for tensor in self.tensors.values():
            values[tensor.dtype] = values.get(tensor.dtype, 0) + tensor.values
        kinds = sorted(values, key=lambda dtype: -values[dtype])
        shown = kinds[0] if len(kinds) == 1 else ", ".join(f"{dtype} {values[dtype]:,}" for dtype in kinds[:6])
        return (
            f"{len(self.tensors):,} tensors, {sum(values.values()):,} values ({shown or 'none'}), {self.bytes:,} bytes"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTotal:
    """How much a checkpoint holds, where its files are not at hand: an index, Git LFS pointers, the hub's list."""

    where: str
    """What says so, as a sentence names it."""
    bytes: int
    of_files: bool = False
    """Whether these are the sizes of files, with their headers, and not the bytes of their tensors."""
    values: int | None = None
    """Parameters, where it says how many."""
    names: tuple[str, ...] = ()
    """The tensors, where it names them."""
    lacking: str = ""
    """What of the files is not there."""
