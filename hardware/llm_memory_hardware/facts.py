"""What is said of an accelerator: its kinds and number formats, links, prices and sources, each in base units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from .errors import InvalidHardwareError

if TYPE_CHECKING:
    import datetime

__all__ = [
    "HARDWARE_TYPES",
    "NUMBER_FORMATS",
    "OLD_PRICE_DAYS",
    "PRICE_TIERS",
    "HardwareType",
    "Link",
    "Price",
    "PriceTier",
    "Source",
    "check_intensity",
]

HardwareType: TypeAlias = Literal["gpu", "tpu", "asic", "cpu"]
HARDWARE_TYPES: Final[tuple[HardwareType, ...]] = get_args(HardwareType)

PriceTier: TypeAlias = Literal["on_demand", "spot"]
PRICE_TIERS: Final[tuple[PriceTier, ...]] = get_args(PriceTier)

NUMBER_FORMATS: Final = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4", "int4")
"""The number formats for which a peak may be given, in the order in which they are shown."""

OLD_PRICE_DAYS: Final = 90
"""The age in days from which on a price is shown with its age: providers change their lists about once a quarter."""

_MOST_INTENSITY: Final = 20_000  # operations a byte; the catalogue's devices have up to some 3,000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way by which one device sends bytes to others, to the host or to other nodes."""

    name: str
    """What the link is called, as in its maker's documents (``NVLink 4``)."""
    bandwidth: float
    """Bytes per second, in one direction, of one device, over all its ports together."""
    latency_s: float | None = None
    """Seconds before the first byte arrives; None where nobody has published it."""
    max_devices: int | None = None
    """How many devices the link joins (2: a bridge between two cards; 72: a rack); None: every device of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One public list price."""

    provider: str
    """Who rents it (``AWS``)."""
    tier: PriceTier
    """on_demand, or spot (can be taken away)."""
    usd_per_hour: float
    """US dollars an hour for all ``devices`` together."""
    devices: int
    """Devices of this kind that the price is for."""
    instance: str | None = None
    """The provider's instance type, a key of ``Accelerator.instances``; None where the offer has none."""
    region: str | None = None
    """Where the price holds; None when it holds everywhere or was not said."""
    date: str
    """When it was read: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
    url: str
    """Where it stands."""
    without_host: bool = False
    """Whether the machine that the devices stand in is billed apart from this."""

    @property
    def usd_per_device_hour(self) -> float:
        """US dollars an hour for one device."""
        return self.usd_per_hour / self.devices

    def age_days(self, today: datetime.date) -> int:
        """Days from when it was read to ``today``; from the first day of the month or year where no day is said."""
        year, month, day = (*map(int, self.date.split("-")), 1, 1)[:3]
        return (today - today.replace(year=year, month=month, day=day)).days

    def is_old(self, today: datetime.date) -> bool:
        """Whether more than ``OLD_PRICE_DAYS`` may have passed since it was read."""
        return self.age_days(today) > OLD_PRICE_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where facts come from, and which."""

    title: str
    """The document's title, and what was read there or assumed."""
    url: str
    """Its address."""
    date: str
    """When it was published or read: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
    facts: tuple[str, ...]
    """The fields it supports: ``memory_bytes``, ``peak_flops``, ``peak_flops.int8``, ``link`` and so on."""


def check_intensity(subject: str, peaks: str, bandwidth: str, flops: Mapping[str, float], rate: float) -> None:
    """Refuse rates that no memory could feed: units that differ from those that are meant.

    ``subject``, ``peaks`` and ``bandwidth`` are the words of the error for where the numbers stand; ``flops`` is in
    FLOP/s by number format, ``rate`` in bytes per second. Raises InvalidHardwareError.
    """
    most = max(flops.values(), default=0.0) / rate
    if most > _MOST_INTENSITY:
        raise InvalidHardwareError(
            f"{subject} {peaks} and {bandwidth} give {most:,.0f} operations for each byte of memory that is read, and "
            f"accepted are up to {_MOST_INTENSITY:,}: check their units."
        )
