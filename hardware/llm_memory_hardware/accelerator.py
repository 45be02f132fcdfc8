"""What an accelerator is: capacity, bandwidth, dense peaks and links, each in base units and each with its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from .errors import InvalidHardwareError, nearest

__all__ = [
    "NUMBER_FORMATS",
    "Accelerator",
    "HardwareType",
    "Link",
    "Source",
    "accelerator_from_config",
]

HardwareType: TypeAlias = Literal["gpu", "tpu", "asic", "cpu"]
HARDWARE_TYPES: Final[tuple[str, ...]] = get_args(HardwareType)

NUMBER_FORMATS: Final = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4", "int4")
"""The number formats for which a peak may be given, in the order in which they are shown."""

_GIGA: Final = 10**9
_TERA: Final = 10**12
_ABSURD: Final = 1e9  # TFLOPS, GB, GB/s, us or W: no machine comes near

_REQUIRED: Final = ("Flops", "Memory_size", "Memory_BW")
_OPTIONAL: Final = (
    "ICN",
    "ICN_LL",
    "real_values",
    "type",
    "memory_type",
    "Manufacturer",
    "manufacturer",
    "name",
    "devices_per_node",
    "peak_tflops",
)
_ACCEPTED: Final = _REQUIRED + _OPTIONAL
_UNSUPPORTED: Final = {
    "tensor_cores": "give the measured or published dense peaks in peak_tflops instead",
    "inference_calibration": "the efficiencies belong to the performance model, not to the hardware",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way by which one device sends bytes to others or to the host."""

    name: str
    """What the link is called, as in its maker's documents (``NVLink 4``)."""
    bandwidth: float
    """Bytes per second, in one direction, of one device, over all its ports together."""
    latency_s: float | None = None
    """Seconds before the first byte arrives; None where nobody has published it."""
    max_devices: int | None = None
    """How many devices the link joins (2: a bridge between two cards); None: every device of the node."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One device of a kind: the card, module or chip that a runtime addresses or a shop sells.

    Equal when every field is equal; hashed by name. ``peak_flops`` cannot be changed.
    """

    name: str
    """The canonical name, unique in the catalogue (``H100_SXM``)."""
    aliases: tuple[str, ...] = ()
    """Other names that mean this device; one listed by several devices is ambiguous."""
    manufacturer: str
    """Who makes it (``NVIDIA``)."""
    type: HardwareType
    """gpu, tpu, asic or cpu."""
    architecture: str
    """The generation of the design, as its maker calls it (``Hopper``)."""
    memory_type: str | None
    """The kind of memory (``HBM3``); None when not known."""
    memory_bytes: int
    """Bytes of the marketed capacity, counted as the datasheet counts it (GB = 10**9 unless it says GiB)."""
    usable_memory_bytes: int
    """Bytes that the runtime sees before anything is allocated. It can be more than ``memory_bytes``: a card
    sold as 80 GB holds 80 GiB, less what the driver keeps."""
    memory_bandwidth: float
    """Peak bytes per second between the device and its memory."""
    peak_flops: Mapping[str, float]
    """Dense FLOP/s (for int8 and int4, OP/s) by number format, with fp32 accumulation, never with sparsity; one
    multiply-add is two. A format is absent where the device has no unit for it or no rate was published."""
    link: Link | None
    """The scale-up link between the devices of one node; None: they have only ``host_link``."""
    host_link: Link | None
    """The link to the host (PCIe); None when not known."""
    devices_per_node: int
    """Devices of the unit usually deployed: a server, the rack of an NVL72, the chips of one TPU host."""
    tdp_w: float | None
    """Watts of the thermal design power; None when not published."""
    sources: tuple[Source, ...] = ()
    """Where every number comes from."""

    def __post_init__(self) -> None:
        """Freeze the peaks, in the order of ``NUMBER_FORMATS``."""
        order = {number_format: position for position, number_format in enumerate(NUMBER_FORMATS)}
        peaks = dict(sorted(self.peak_flops.items(), key=lambda item: order.get(item[0], len(order))))
        object.__setattr__(self, "peak_flops", MappingProxyType(peaks))

    def __hash__(self) -> int:
        """Hash by name: names are unique in the catalogue, and the peaks are a mapping."""
        return hash(self.name)

    def __getstate__(self) -> dict[str, Any]:
        """The fields, with the peaks as a plain dict (a mapping proxy cannot be pickled)."""
        return {field: getattr(self, field) for field in self.__dataclass_fields__} | {
            "peak_flops": dict(self.peak_flops)
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the fields and freeze the peaks again."""
        for field, value in state.items():
            object.__setattr__(self, field, value)
        self.__post_init__()

    @property
    def memory_gb(self) -> float:
        """The marketed capacity in GB of 10**9 bytes."""
        return self.memory_bytes / _GIGA

    def link_between(self, devices: int) -> Link | None:
        """The fastest link by which ``devices`` devices of one node reach one another; None when none is known."""
        if self.link is not None and (self.link.max_devices is None or devices <= self.link.max_devices):
            return self.link
        return self.host_link

    def to_config(self) -> dict[str, Any]:
        """A new dict in the keys of the original API: TFLOPS, GB and GB/s, each of one device."""
        config: dict[str, Any] = {"name": self.name, "manufacturer": self.manufacturer, "type": self.type}
        sixteen_bit = self.peak_flops.get("bf16", self.peak_flops.get("fp16"))
        if sixteen_bit is not None:
            config["Flops"] = _scaled_down(sixteen_bit, _TERA)
        config["Memory_size"] = _scaled_down(self.memory_bytes, _GIGA)
        config["Memory_BW"] = _scaled_down(self.memory_bandwidth, _GIGA)
        link = self.link or self.host_link
        if link is not None:
            config["ICN"] = _scaled_down(link.bandwidth, _GIGA)
            if link.latency_s is not None:
                config["ICN_LL"] = link.latency_s * 1e6
        if self.memory_type is not None:
            config["memory_type"] = self.memory_type
        config["real_values"] = True
        config["devices_per_node"] = self.devices_per_node
        config["peak_tflops"] = {
            number_format: _scaled_down(rate, _TERA) for number_format, rate in self.peak_flops.items()
        }
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, object], name: str = "custom") -> Self:
        """Build an accelerator from a dict in the keys of the original API.

        ``Flops`` (TFLOPS) is the 16-bit rate and serves bf16 and fp16; a format that has another rate stands in
        ``peak_tflops``, and when that names bf16 or fp16 it alone says which of the two there are. No rate of
        another format is invented. ``Memory_size`` is in GB, ``Memory_BW`` and ``ICN`` (one direction) in GB/s,
        ``ICN_LL`` in microseconds. ``name`` is used when the dict has none.
        """
        _check_keys(config)
        manufacturer = _one_of(config, "manufacturer", "Manufacturer")
        hardware_type = _text(config, "type") or "gpu"
        if hardware_type not in HARDWARE_TYPES:
            raise InvalidHardwareError(
                f"The hardware key 'type' is {hardware_type!r}; accepted are {', '.join(HARDWARE_TYPES)}."
                f"{_meant(hardware_type, HARDWARE_TYPES)} Leave it out for a gpu."
            )
        if config.get("real_values", True) is not True:
            raise InvalidHardwareError(
                f"The hardware key 'real_values' is {config['real_values']!r}; accepted is only True: every number "
                "stands in the units named (TFLOPS, GB, GB/s). Convert the numbers and leave the key out."
            )
        memory_bytes = round(_number(config, "Memory_size", "GB") * _GIGA)
        return cls(
            name=_text(config, "name") or name,
            manufacturer=manufacturer or "custom",
            type=hardware_type,  # type: ignore[arg-type]  # checked above
            architecture="custom",
            memory_type=_text(config, "memory_type"),
            memory_bytes=memory_bytes,
            usable_memory_bytes=memory_bytes,
            memory_bandwidth=_number(config, "Memory_BW", "GB/s") * _GIGA,
            peak_flops=_peaks(config),
            link=_interconnect(config),
            host_link=None,
            devices_per_node=_whole(config, "devices_per_node", default=8),
            tdp_w=None,
        )


def accelerator_from_config(config: Mapping[str, object], name: str = "custom") -> Accelerator:
    """Build an accelerator from a dict in the keys of the original API: see ``Accelerator.from_config``."""
    return Accelerator.from_config(config, name)


def _scaled_down(value: float, unit: int) -> float:
    """``value / unit`` rounded where the division's own error begins, so that a round trip returns the same."""
    return float(f"{value / unit:.15g}")


def _meant(word: str, choices: tuple[str, ...]) -> str:
    found = nearest(word, choices, 1)
    return f" Did you mean {found[0]!r}?" if found else ""


def _check_keys(config: Mapping[str, object]) -> None:
    if not isinstance(config, Mapping):
        raise InvalidHardwareError(
            f"A hardware description must be a mapping of keys to values, not {type(config).__name__}. "
            f"Required keys: {', '.join(_REQUIRED)}."
        )
    accepted = f"Required keys: {', '.join(_REQUIRED)}; optional: {', '.join(_OPTIONAL)}."
    for key in config:
        if not isinstance(key, str):
            raise InvalidHardwareError(f"A hardware key must be a string, not {key!r}. {accepted}")
        if key in _UNSUPPORTED:
            raise InvalidHardwareError(
                f"The hardware key {key!r} is not supported: {_UNSUPPORTED[key]}. Leave it out. {accepted}"
            )
        if key not in _ACCEPTED:
            raise InvalidHardwareError(f"The hardware key {key!r} is not known.{_meant(key, _ACCEPTED)} {accepted}")
    for key in _REQUIRED:
        if key not in config:
            raise InvalidHardwareError(f"The hardware key {key!r} is missing. {accepted}")


def _number(config: Mapping[str, object], key: str, unit: str, *, zero: bool = False) -> float:
    return _checked(config[key], f"The hardware key {key!r}", unit, zero=zero)


def _checked(value: object, subject: str, unit: str, *, zero: bool = False) -> float:
    lowest = "from 0" if zero else "above 0"
    accepted = f"accepted is a finite number {lowest} and up to {_ABSURD:g}, in {unit}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidHardwareError(f"{subject} is {value!r} ({type(value).__name__}); {accepted}.")
    if not -_ABSURD <= value <= _ABSURD or value < 0 or (value == 0 and not zero):
        raise InvalidHardwareError(f"{subject} is {value!r}; {accepted}. Check the unit.")
    return float(value)


def _text(config: Mapping[str, object], key: str) -> str | None:
    value = config.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidHardwareError(f"The hardware key {key!r} is {value!r}; accepted is a text that is not empty.")
    return value


def _one_of(config: Mapping[str, object], key: str, other: str) -> str | None:
    first, second = _text(config, key), _text(config, other)
    if first is not None and second is not None and first != second:
        raise InvalidHardwareError(
            f"The hardware keys {key!r} ({first!r}) and {other!r} ({second!r}) mean the same and differ. Keep {key!r}."
        )
    return first if first is not None else second


def _whole(config: Mapping[str, object], key: str, default: int) -> int:
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _ABSURD:
        raise InvalidHardwareError(f"The hardware key {key!r} is {value!r}; accepted is a whole number from 1.")
    return value


def _interconnect(config: Mapping[str, object]) -> Link | None:
    latency_s = _number(config, "ICN_LL", "microseconds", zero=True) / 1e6 if "ICN_LL" in config else None
    if "ICN" not in config:
        if latency_s is not None:
            raise InvalidHardwareError(
                "The hardware key 'ICN_LL' (microseconds) is given without 'ICN' (GB/s in one direction). "
                "Add 'ICN' or leave 'ICN_LL' out."
            )
        return None
    return Link(name="ICN", bandwidth=_number(config, "ICN", "GB/s") * _GIGA, latency_s=latency_s)


def _peaks(config: Mapping[str, object]) -> dict[str, float]:
    flops = _number(config, "Flops", "TFLOPS") * _TERA
    given = config.get("peak_tflops", {})
    if not isinstance(given, Mapping):
        raise InvalidHardwareError(
            f"The hardware key 'peak_tflops' is {given!r}; accepted is a mapping from a number format "
            f"({', '.join(NUMBER_FORMATS)}) to dense TFLOPS."
        )
    peaks: dict[str, float] = {}
    for number_format, rate in given.items():
        if not isinstance(number_format, str) or number_format not in NUMBER_FORMATS:
            raise InvalidHardwareError(
                f"The hardware key 'peak_tflops' names the number format {number_format!r}; accepted are "
                f"{', '.join(NUMBER_FORMATS)}.{_meant(str(number_format), NUMBER_FORMATS)}"
            )
        subject = f"The hardware key 'peak_tflops', format {number_format!r},"
        peaks[number_format] = _checked(rate, subject, "TFLOPS") * _TERA
    sixteen_bit = peaks.get("bf16", peaks.get("fp16"))
    if sixteen_bit is None:
        return peaks | {"bf16": flops, "fp16": flops}
    if not math.isclose(sixteen_bit, flops, rel_tol=1e-9):
        raise InvalidHardwareError(
            f"The hardware key 'Flops' ({flops / _TERA:g} TFLOPS, 16 bit) and the 16-bit rate in 'peak_tflops' "
            f"({sixteen_bit / _TERA:g}) differ. Give both the same dense rate."
        )
    return peaks
