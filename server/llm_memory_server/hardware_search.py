"""Accelerators of the catalogue by memory, price, maker and name."""

# Annotations are not postponed here: the declarations are read from them.
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cache
from typing import Annotated

from llm_memory_calculator.arguments import Argument, Asked, asks
from llm_memory_calculator.errors import AmbiguousHardwareError, ArgumentError
from llm_memory_calculator.report import Note
from llm_memory_hardware import (
    Accelerator,
    all_accelerators,
    find_devices,
    get_best_rate,
    kind_said,
    search_hardware as search,
)

KINDS = ("gpu", "tpu", "asic", "cpu")
_MOST_GB = 1e6
_MOST_USD = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwareFacts:
    """An accelerator, a row of what was found."""

    hardware: str
    """The name by which every tool takes it."""
    manufacturer: str
    """Who makes it."""
    kind: str
    """gpu, tpu, asic or cpu."""
    memory_gb: float
    """Memory of one device, GB of 10^9 bytes as its datasheet counts them."""
    memory_bandwidth_gb_s: float
    """Peak between the device and its memory, GB/s."""
    tflops: float | None
    """Dense 16-bit TFLOPS; null where it has no such rate or none was published."""
    usd_per_hour: float | None
    """The lowest on-demand list price of one device, US dollars an hour; null where none is known."""
    provider: str | None
    """Who rents it at that price."""

    def __str__(self) -> str:
        speed = "no 16-bit rate known" if self.tflops is None else f"{self.tflops:g} TFLOPS of 16 bits"
        price = "" if self.usd_per_hour is None else f", ${self.usd_per_hour:.3g} an hour ({self.provider})"
        return f"{self.hardware} ({self.manufacturer} {self.kind}): {self.memory_gb:g} GB, " + (
            f"{self.memory_bandwidth_gb_s:,.0f} GB/s, {speed}{price}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwareSearchReport:
    """Accelerators that meet every condition."""

    found: int
    """How many meet them all, more than the rows where `top` is less."""
    rows: tuple[HardwareFacts, ...]
    """The first of them in the order that was asked for."""
    notes: tuple[Note, ...] = ()
    """What was not taken to the letter."""

    def __str__(self) -> str:
        if not self.rows:
            return "No accelerator of the catalogue meets all of these; widen a bound or leave one out."
        shown = "" if self.found == len(self.rows) else f", the first {len(self.rows)}"
        said = [f"{self.found} accelerator{'s' if self.found > 1 else ''}{shown}:", *map(str, self.rows)]
        return "\n".join([*said, *(f"{note.origin}: {note.text}" for note in self.notes)])


# By what rows are sorted, the first row first.
_ORDERS: Mapping[str, Callable[[HardwareFacts], float]] = {
    "memory": lambda row: row.memory_gb,
    "price": lambda row: float("inf") if row.usd_per_hour is None else row.usd_per_hour,
    "bandwidth": lambda row: -row.memory_bandwidth_gb_s,
    "tflops": lambda row: -(row.tflops or 0.0),
}
# Words of people for these, that stand in a query too.
_ORDER_WORDS = {"cheapest": "price", "cheap": "price", "fastest": "bandwidth", "smallest": "memory"}


@dataclass(eq=False)
class SearchHardware(Asked):
    """Which accelerators of the catalogue are asked for."""

    query: Annotated[
        str | None,
        Argument(
            "text",
            "Part of a name, alias, cloud instance type, maker or architecture, or a name in any usual spelling",
            examples=("hopper",),
            brief="Part of a name or architecture",
        ),
    ] = None
    _: KW_ONLY
    manufacturer: Annotated[str | None, Argument("text", "Who makes it", examples=("AMD",), brief="")] = None
    kind: Annotated[str | None, Argument("word", "What it is", words=KINDS, brief="")] = None
    min_memory_gb: Annotated[
        float | None, Argument("real", "Least memory of one device", unit="GB", most=_MOST_GB, brief="")
    ] = None
    max_memory_gb: Annotated[
        float | None, Argument("real", "Most memory of one device", unit="GB", most=_MOST_GB, brief="")
    ] = None
    max_usd_per_hour: Annotated[
        float | None,
        Argument(
            "real",
            "Most that one device may cost on demand; those without a list price are left out",
            unit="US dollars an hour",
            most=_MOST_USD,
            brief="",
        ),
    ] = None
    order: Annotated[
        str,
        Argument(
            "word",
            "What comes first: the least memory, the lowest price, the most bandwidth or TFLOPS",
            words=tuple(_ORDERS),
            also=_ORDER_WORDS
            | {"usd_per_hour": "price", "memory_gb": "memory", "memory_bandwidth": "bandwidth", "compute": "tflops"},
            brief="",
        ),
    ] = "memory"
    top: Annotated[int, Argument("whole", "Rows to return", most=1000, brief="")] = 10

    ORDER = ("query",)


@asks(SearchHardware)
def search_hardware(asked: SearchHardware) -> HardwareSearchReport:
    """Accelerators of the catalogue that meet every condition.

    Raises UnknownHardwareError with the nearest names, InvalidHardwareError for a maker that is not known, and
    ArgumentError for bounds that cross.
    """
    if (asked.min_memory_gb or 0) > (asked.max_memory_gb or _MOST_GB):
        raise ArgumentError(
            f"min_memory_gb ({asked.min_memory_gb:g}) is above max_memory_gb ({asked.max_memory_gb:g}); swap them."
        )
    asked = _ordered(asked)
    meant, notes = _meant(asked)
    rows = [row for row in map(_facts, meant) if _affordable(row, asked.max_usd_per_hour)]
    rows.sort(key=lambda row: (_ORDERS[asked.order](row), row.hardware))
    return HardwareSearchReport(found=len(rows), rows=tuple(rows[: asked.top]), notes=notes)


def _ordered(asked: SearchHardware) -> SearchHardware:
    """The same with the order that words of the query say ("cheapest 80GB GPU")."""
    words = [word for word in (asked.query or "").split() if word.lower() in _ORDER_WORDS]
    if not words:
        return asked
    rest = " ".join(word for word in (asked.query or "").split() if word not in words)
    order = _ORDER_WORDS[words[0].lower()] if asked.order == SearchHardware.order else asked.order
    return replace(asked, query=rest or None, order=order)


def _meant(asked: SearchHardware) -> tuple[list[Accelerator], tuple[Note, ...]]:
    """Accelerators that meet all but the price."""
    named, read = _asked_for(asked.query)
    notes = (Note(subject="query", text=f"{asked.query!r} is read as {read}.", origin="assumption"),) if read else ()
    found = search(
        hw_type=asked.kind,
        manufacturer=asked.manufacturer,
        min_memory=asked.min_memory_gb,
        max_memory=asked.max_memory_gb,
    )
    return [accelerator for accelerator in named if accelerator.name in found], notes


def _asked_for(query: str | None) -> tuple[Sequence[Accelerator], str]:
    """Those that a query means, and how it was read: as a kind (a maker, a size), as whole words of names, as a part of
    one, as a size beside such words, as a name in another spelling."""
    entries = all_accelerators()
    if query is None:
        return entries, ""
    if (kind := kind_said(query)) is not None:
        return [one for one in entries if kind.takes(one)], str(kind)
    if whole := [one for one in entries if _words_in(query) <= _words_of(one)]:
        return whole, ""
    if part := search(query=query):
        return [one for one in entries if one.name in part], ""
    sizes = {float(size) for size in _SIZE.findall(query)}
    rest = _words_in(_SIZE.sub(" ", query)) - _SAY_NOTHING
    of_size = [one for one in entries if rest and rest <= _words_of(one) and {round(one.memory_gb)} == sizes]
    if of_size:
        return of_size, f"{' '.join(sorted(rest))} of {min(sizes):g} GB"
    try:
        meant = [find_devices(query)[0]]
    except AmbiguousHardwareError as error:
        if not error.meant:
            raise
        meant = [find_devices(name)[0] for name in error.meant]
    return meant, " or ".join(one.name for one in meant)


_SIZE = re.compile(r"(?<![\w.])(\d{1,4})\s?gb?\b", re.IGNORECASE)
_SAY_NOTHING = frozenset({"a", "with", "of", "and", "gpu", "gpus", "card", "cards", "vram", "memory"})


def _words_in(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


@cache
def _words_of(accelerator: Accelerator) -> frozenset[str]:
    """All words of an accelerator's names, of who makes it and of its architecture."""
    names = (accelerator.name, *accelerator.aliases, *accelerator.boards, *accelerator.instances)
    return _words_in(" ".join((*names, accelerator.manufacturer, accelerator.architecture)))


def _facts(accelerator: Accelerator) -> HardwareFacts:
    config, rate = accelerator.to_config(), get_best_rate(accelerator, allow_spot=False)
    return HardwareFacts(
        hardware=accelerator.name,
        manufacturer=accelerator.manufacturer,
        kind=accelerator.type,
        memory_gb=config["Memory_size"],
        memory_bandwidth_gb_s=config["Memory_BW"],
        tflops=config.get("Flops"),
        usd_per_hour=None if rate is None else rate[0],
        provider=None if rate is None else rate[1],
    )


def _affordable(row: HardwareFacts, most: float | None) -> bool:
    return most is None or (row.usd_per_hour is not None and row.usd_per_hour <= most)
