"""Names as people, tools and clouds write them: how they are compared, what in them counts devices, what is no device.

Nothing here knows the catalogue: these are rules of spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from .errors import UnknownHardwareError
from .wording import words

__all__ = [
    "LONGEST_NAME",
    "MAKERS",
    "MODULES",
    "UNCOMPARED",
    "Meaning",
    "Spellings",
    "comparable",
    "counted",
    "counted_between",
    "in_each",
    "instance_key",
    "joined",
    "label",
    "makers_in",
    "refuse_share",
    "says_modules",
    "says_size",
    "server_of",
    "singular",
    "spellings",
    "unwrapped",
]

Meaning: TypeAlias = tuple[str, int | None]
"""A canonical name, and the devices of a board, a server or an instance; None where a name says no number."""
Spellings: TypeAlias = Mapping[str, int | None]
"""The names of one accelerator as they are compared, each with the devices that it says, as in ``Meaning``."""

LONGEST_NAME: Final = 256
"""Characters; what is longer is no name, and comparing it would take its time."""
MAKERS: Final = {
    "nvidia": "NVIDIA",
    "geforce": "NVIDIA",
    "amd": "AMD",
    "intel": "Intel",
    "apple": "Apple",
    "qualcomm": "Qualcomm",
    "huawei": "Huawei",
}
"""Words that say who made a chip: another's chip is not meant by them."""
UNCOMPARED: Final = (*MAKERS, "google", "aws", "amazon")
"""Words that a name is compared without; clouds rent other makers' chips too, so that theirs contradict none."""


MODULES: Final = (
    r"(?<![\w.])(?P<modules>\d{1,2})\s*[x×*]\s*(?P<each>\d{1,3})\s?g(?:i?b)?\b|"  # noqa: RUF001
    r"(?<![\w.])(?P<each_before>\d{1,2}|1[0-2]\d)\s?gi?b\s*[x×*]\s*(?P<modules_after>\d{1,2})(?![\w.])"  # noqa: RUF001
)
"""So many modules of so many GB, in lower case: ``8x32GB``, ``32GB x8``; "x2" after more than 128 GB counts devices."""

_MARKS: Final = re.compile(r"\((?:r|tm|c)\)")
_SPELLINGS: Final = str.maketrans(dict.fromkeys("\t\n\r\f\v\xa0-_./()[],;®™", " "))

_SERVER: Final = re.compile(
    r"(?:nvidia[\s_-]+)?[dh]gx[\s_-]+(?P<name>\S.*?)(?:[\s_-]*(?<!\d)(?P<count>\d{1,3})[\s_x-]*gpus?)?", re.IGNORECASE
)
_COUNTED: Final = (
    re.compile(r"(?P<count>\d{1,5})\s*[x×*]\s*(?P<name>\S.*)", re.IGNORECASE),  # noqa: RUF001 - people type both
    # the X of RTX, GTX and RX is none
    re.compile(r"(?P<name>\S.*?)\s*(?:[:×*]|(?<!rt)(?<!gt)(?<!\br)x)\s*(?P<count>\d{1,5})", re.IGNORECASE),  # noqa: RUF001
    re.compile(r"(?P<count>\d{1,3})\s+(?P<name>\S.*)"),
    re.compile(r"(?P<name>\S.*?)\s+(?P<count>\d{1,3})\s*[x×]", re.IGNORECASE),  # noqa: RUF001
    re.compile(r"(?P<name>\S.*?)[\s_-]+(?P<count>\d{1,3})[\s-]*gpus?", re.IGNORECASE),
    re.compile(
        r"(?P<word>dual|two|three|triple|four|quad|six|eight)[\s-]+(?:sockets?\s+)?(?P<name>\S.*)", re.IGNORECASE
    ),
    # sockets, as servers and their benchmarks say them: 2S, 2P
    re.compile(r"(?P<count>[1-8])(?:[sp]|[\s-]*sockets?)\s+(?P<name>\S.*)", re.IGNORECASE),
    re.compile(r"(?P<name>\S.*?)[\s,]+\(?(?P<count>[1-8])[\s-]*sockets?\)?", re.IGNORECASE),
    re.compile(r"(?P<name>\S.*?)[\s,]+\(?(?P<word>dual|two|quad|four)[\s-]*sockets?\)?", re.IGNORECASE),
)
_NODE: Final = re.compile(
    r"(?:nodes?|servers?|machines?|box(?:es)?)\s+(?:(?:of|with|x|\*)\s+)?(?P<of>\S.*)", re.IGNORECASE
)
_SO_MANY: Final = re.compile(r"\d{1,3}\s*[x×*]\s*\S.*", re.IGNORECASE)  # noqa: RUF001
_WRAPPED: Final = re.compile(
    r"^\s*(?:gpu \d+|gpu|chipset model|model name|product name|device name|card (?:series|model)|graphics|"
    r"(?:nvidia|amd|intel)\.com/[\w.-]{1,60})\s*[:=]\s*|\s*\(uuid:[^()]{1,80}\)\s*$",
    re.IGNORECASE,
)
_JOINED: Final = re.compile(r"\s*[+&,]\s*|\s+and\s+", re.IGNORECASE)
# Labels of cloud.google.com/gke-accelerator and keys of the older catalogue: in this spelling one device, where people
# mean several by the same words.
_LABELS: Final = {
    "A100_PCIe_GPU": "A100_PCIe_80GB",
    "GH200_GPU": "GH200_144GB",
    "Groq_LPU": "GroqChip_1",
    "RTX3080_GPU": "RTX_3080_10GB",
    "RTX4060Ti_GPU": "RTX_4060_Ti_16GB",
    "nvidia-rtx-pro-6000": "RTX PRO 6000 Server Edition",
    "nvidia-tesla-p100": "P100 PCIe 16GB",
    "nvidia-tesla-v100": "V100-SXM2-16GB",
}
_WORDS: Final = {"dual": 2, "two": 2, "three": 3, "triple": 3, "four": 4, "quad": 4, "six": 6, "eight": 8}
# Names of parts of a device: partitions, a cloud's fractions of a card, profiles of virtual GPUs.
_SHARES: Final = (
    (r"(?<![a-z])mig(?![a-z])|(?<!\d)\d+g\.\d+gb|(?<!\d)\d+c\.\d+g\.", "a MIG slice"),
    (r"(?<![a-z])[cdqt]px(?![a-z])", "a partition of an Instinct"),
    (r"(?<![a-z\d])gr?6f\.\d*x?large", "a share of an L4: an eighth, a quarter or half of it"),
    (r"(?<![a-z\d])g4-standard-(?:6|12|24)(?!\d)", "a share of an RTX PRO 6000: an eighth, a quarter or half"),
    (r"NC(?:16|24|32|36|64|72)[lm]?ds_xl_RTXPRO6000BSE_v6", "a share of an RTX PRO 6000: half of it or less"),
    (r"(?<![a-z])NV(?:6|12|18)adm?s_A10_v5", "a share of an A10: half of it or less"),
    (r"(?<![a-z\d])[a-z]{1,3}\d+[a-z]?(?:-\d[a-z])?-\d{1,3}[abcq](?![a-z\d])", "a profile of a virtual GPU"),
)


def comparable(name: str) -> str:
    """The name as it is compared: lower case, without makers' names, marks and separators."""
    # "8480+" and "8480PLUS" are one processor, and so are "Xeon(R)" and "Xeon"
    whole = _MARKS.sub(" ", f" {name.lower()} ").translate(_SPELLINGS).replace("+", "plus")
    text = whole
    for maker in UNCOMPARED:
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


def makers_in(name: str) -> frozenset[str]:
    """The makers of chips that a name names."""
    words = f" {name.lower()} ".translate(_SPELLINGS).split()
    return frozenset(MAKERS[word] for word in words if word in MAKERS)


def says_size(name: str) -> bool:
    """Whether a size of memory stands in a name."""
    return re.search(r"\d\s*[gt]i?b\b|(?<![a-z\d])\d{1,3}\s?g\b", name, re.IGNORECASE) is not None


def singular(name: str) -> str:
    """The name without the letter that makes a plural; a ``9900KS`` is no plural, nor is an ``L4S``."""
    return name if re.search(r"\dks$", name.lower()) else name.removesuffix("s")


def says_modules(name: str) -> bool:
    """Whether so many modules of memory of a size are said in a name."""
    return re.search(MODULES, name.lower()) is not None


def counted(name: str) -> Iterator[tuple[str, int]]:
    """The readings of a name as so many of something: ``8xH100``, ``8 x H100``, ``H100 x8``, ``H100:8``, ``8 H100``.

    A reading is only right when its name is: ``RX 7900`` reads as 7900 of ``R``.
    """
    text = name.strip()
    for pattern in _COUNTED:
        found = pattern.fullmatch(text)
        if found is not None:
            got = found.groupdict()
            yield got["name"], _WORDS[got["word"].lower()] if "word" in got else int(got["count"])


def joined(name: str) -> list[str]:
    """The names that are joined in one, as in ``3090 + 4090``; the name alone where none are."""
    parts = _JOINED.split(name.strip())
    return parts if all(parts) else [name]


def counted_between(name: str) -> tuple[str, int] | None:
    """The reading of a name with a count between its words: ``A100 8-GPU 640GB``, ``3090 x2 (24GB each)``."""
    found = re.fullmatch(
        r"(\S.*?)[\s_-]+\(?(?:(\d{1,3})(?:\s?[x×*]|[\s-]?gpus?|[\s-]?sockets?)(?![a-z])|[x×]\s?(\d{1,3})(?!\d))\s*(\S.*)",  # noqa: RUF001
        name.strip(),
        re.IGNORECASE,
    )
    return None if found is None else (f"{found[1]} {found[4]}", int(found[2] or found[3]))


def server_of(name: str) -> tuple[str, int | None] | None:
    """The accelerator's name in a server's (``DGX H100``, ``HGX H200 4-GPU``), and the count where it is said."""
    found = _SERVER.fullmatch(name.strip())
    if found is None:
        return None
    return found["name"], int(found["count"]) if found["count"] else None


def in_each(name: str) -> str | None:
    """What is in each of those that were counted before a name, itself counted: of ``nodes of 8xH100`` and ``8xH100``
    the ``8xH100``; None for any other."""
    if (node := _NODE.fullmatch(name)) is not None:
        return node["of"]
    return name if _SO_MANY.fullmatch(name) else None


def unwrapped(name: str) -> str:
    """The name without what tools print around it: ``GPU 0: ... (UUID: ...)``, ``Chipset Model: ...``."""
    return _WRAPPED.sub("", name)


def label(name: str) -> str:
    """The device that a label means, or the name itself."""
    return _LABELS.get(name, name)


def refuse_share(name: str) -> None:
    """Raise UnknownHardwareError for the name of a part of a device: it has a part of the memory and the units."""
    for pattern, what in _SHARES:
        if re.search(pattern, name[:LONGEST_NAME], re.IGNORECASE):
            raise UnknownHardwareError(
                f"The hardware name {name!r} is {what}, which has a part of a device's memory, bandwidth and units, "
                f"and the catalogue does not hold it. Give the slice as {words().custom_hardware}, "
                f"{words().own_hardware}, give memory_gb where "
                "memory alone is asked, or name the whole device."
            )
