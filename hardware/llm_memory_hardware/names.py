"""Names as people, tools and clouds write them: how they are compared, what in them counts devices, what is no device.

Nothing here knows the catalogue: these are rules of spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from .errors import UnknownHardwareError

__all__ = [
    "Meaning",
    "Spellings",
    "comparable",
    "counted",
    "instance_key",
    "label",
    "refuse_slice",
    "server_of",
    "sized",
    "spellings",
    "without_noise",
]

Meaning: TypeAlias = tuple[str, int | None]
"""A canonical name, and the devices of a board, a server or an instance; None where a name says no number."""
Spellings: TypeAlias = Mapping[str, int | None]
"""The names of one accelerator as they are compared, each with the devices that it says, as in ``Meaning``."""

_MAKERS: Final = (
    "nvidia",
    "geforce",
    "amd",
    "intel",
    "google",
    "aws",
    "amazon",
    "apple",
    "qualcomm",
    "huawei",
)
_MARKS: Final = re.compile(r"\((?:r|tm|c)\)")
_SPELLINGS: Final = str.maketrans(dict.fromkeys("\t\n\r\f\v\xa0-_./()[],;®™", " "))

_NOISE: Final = re.compile(r"(?:tensorcore|gpus?|accelerators?|cards?|shared|oam)$")
_SERVER: Final = re.compile(
    r"(?:nvidia[\s_-]+)?[dh]gx[\s_-]+(?P<name>\S.*?)(?:[\s_-]*(?<!\d)(?P<count>\d{1,3})[\s_x-]*gpus?)?", re.IGNORECASE
)
_COUNTED: Final = (
    re.compile(r"(?P<count>\d{1,5})\s*[x×*]\s*(?P<name>\S.*)", re.IGNORECASE),  # noqa: RUF001 - people type both
    re.compile(r"(?P<name>\S.*?)\s*[:x×*]\s*(?P<count>\d{1,5})", re.IGNORECASE),  # noqa: RUF001
    re.compile(r"(?P<count>\d{1,3})\s+(?P<name>\S.*)"),
    re.compile(r"(?P<name>\S.*?)[\s_-]+(?P<count>\d{1,3})[\s-]*gpus?", re.IGNORECASE),
    re.compile(r"(?P<word>dual|two|four|eight)\s+(?P<name>\S.*)", re.IGNORECASE),
)
_SIZED: Final = re.compile(
    r"(?P<name>.*?)[\s_(/,-]*(?:(?:w/|with)\s*)?(?<![\d.])(?P<size>\d{1,6}(?:\.\d{1,3})?)\s*(?P<unit>[gt])i?b\)?",
    re.IGNORECASE,
)
_UNITS: Final = {"g": 10**9, "t": 10**12}
# cloud.google.com/gke-accelerator: in this spelling one device, where people mean several by the same words
_LABELS: Final = {
    "nvidia-rtx-pro-6000": "RTX PRO 6000 Server Edition",
    "nvidia-tesla-p100": "P100 PCIe 16GB",
    "nvidia-tesla-v100": "V100-SXM2-16GB",
}
_WORDS: Final = {"dual": 2, "two": 2, "four": 4, "eight": 8}
_SLICE: Final = re.compile(r"(?<![a-z])mig(?![a-z])|(?<!\d)\d+g\.\d+gb|(?<!\d)\d+c\.\d+g\.", re.IGNORECASE)


def comparable(name: str) -> str:
    """The name as it is compared: lower case, without makers' names, marks and separators."""
    # "8480+" and "8480PLUS" are one processor, and so are "Xeon(R)" and "Xeon"
    whole = _MARKS.sub(" ", f" {name.lower()} ").translate(_SPELLINGS).replace("+", "plus")
    text = whole
    for maker in _MAKERS:
        text = text.replace(f" {maker} ", " ")
    # a name that is nothing but a maker's is compared as it stands
    return text.replace(" ", "") or whole.replace(" ", "")


def instance_key(key: str) -> str:
    """A cloud's instance type as it is compared: Azure's are written with and without ``Standard_``, SageMaker's are
    AWS's after ``ml.``, and a slice's type may stand after ``TPU``."""
    key = key.removeprefix("standard").removeprefix("ml")
    return key.removeprefix("tpu") if key.startswith("tpuv") else key


def spellings(name: str, aliases: Iterable[str], counts: Mapping[str, int]) -> Spellings:
    """All names of one accelerator; ``counts`` are its boards and instance types, each with its number of devices."""
    said: dict[str, int | None] = {comparable(alias): None for alias in aliases}
    said |= {instance_key(comparable(word)): count for word, count in counts.items()}
    said[comparable(name)] = None
    return said


def without_noise(key: str) -> str:
    """A comparable name without the words at its end that say nothing (``H100 GPU``, a shared card's ``-SHARED``)."""
    while True:
        shorter = _NOISE.sub("", key)
        if shorter in (key, ""):
            return key
        key = shorter


def counted(name: str) -> Iterator[tuple[str, int]]:
    """The readings of a name as so many of something: ``8xH100``, ``8 x H100``, ``H100 x8``, ``H100:8``, ``8 H100``.

    A reading is only right when its name is: ``RX 7900`` reads as 7900 of ``R``.
    """
    text = name.strip()
    for pattern in _COUNTED:
        found = pattern.fullmatch(text)
        if found is not None:
            parts = found.groupdict()
            yield parts["name"], _WORDS[parts["word"].lower()] if "word" in parts else int(parts["count"])


def server_of(name: str) -> tuple[str, int | None] | None:
    """The accelerator's name in a server's (``DGX H100``, ``HGX H200 4-GPU``), and the count where it is said."""
    found = _SERVER.fullmatch(name.strip())
    if found is None:
        return None
    return found["name"], int(found["count"]) if found["count"] else None


def label(name: str) -> str:
    """The device that a cluster's label means, or the name itself."""
    return _LABELS.get(name, name)


def sized(name: str) -> tuple[str, int] | None:
    """A name that ends with a size of memory (``M4 Max 64GB``, ``EPYC 9654 1.5TB``): what is before it, and bytes."""
    found = _SIZED.fullmatch(name.strip())
    if found is None or not found["name"].strip():
        return None
    return found["name"], round(float(found["size"]) * _UNITS[found["unit"].lower()])


def refuse_slice(name: str) -> None:
    """Raise UnknownHardwareError for the name of a MIG slice: it has a part of the device's memory and units."""
    if _SLICE.search(name):
        raise UnknownHardwareError(
            f"The hardware name {name!r} is a MIG slice, which has a part of a device's memory, bandwidth and units; "
            "the catalogue holds whole devices. Give the slice as a dict with Flops, Memory_size and Memory_BW, "
            "describe it in a file of your own (LLM_MEMORY_CALCULATOR_HARDWARE names it), give memory_gb where memory "
            "alone is asked, or name the whole device."
        )
