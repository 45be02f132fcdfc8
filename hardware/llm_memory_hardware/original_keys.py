"""The original API's keys: the facts of an accelerator as a dict of TFLOPS, GB and GB/s, and back.

What an accelerator is stands above this: here are its facts, in base units, and the original's words for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from .errors import InvalidHardwareError, nearest, shown
from .facts import HARDWARE_TYPES, NUMBER_FORMATS, HardwareType, Link, check_intensity

__all__ = ["ConfigFacts", "config_of", "facts_of"]

_GIGA: Final = 10**9
_TERA: Final = 10**12
_MOST_DEVICES: Final = 10**5
_LONGEST_NAME: Final = 64
_NAME: Final = re.compile(r"[A-Za-z0-9 _.:+/@()-]+")
# The range in which each number must lie, in its own unit: it catches GFLOPS, TB/s and MiB. As in the schema of a TOML.
_RANGES: Final = {
    "TFLOPS": (0.05, 2e5),
    "GB": (0.1, 8000),
    "GB/s": (10, 1e8),
    "GB/s in one direction": (0.1, 1e5),
    "microseconds": (0, 1e4),
}

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
    "aliases",
    "devices_per_node",
    "peak_tflops",
)
_ACCEPTED: Final = _REQUIRED + _OPTIONAL
_UNSUPPORTED: Final = {
    "tensor_cores": "give the measured or published dense peaks in peak_tflops instead",
    "inference_calibration": "the efficiencies belong to the performance model, not to the hardware",
}
# The original's word for what is neither a gpu nor a cpu.
_TYPES: Final = {"accelerator": "asic"}


class ConfigFacts(TypedDict):
    """What a dict in the original's keys says of an accelerator, in the names and units of ``Accelerator``."""

    name: str
    aliases: tuple[str, ...]
    manufacturer: str
    type: HardwareType
    memory_type: str | None
    memory_bytes: int
    memory_bandwidth: float
    peak_flops: dict[str, float]
    link: Link | None
    devices_per_node: int


def config_of(
    *,
    name: str,
    manufacturer: str,
    hardware_type: HardwareType,
    memory_type: str | None,
    memory_bytes: int,
    memory_bandwidth: float,
    peak_flops: Mapping[str, float],
    link: Link | None,
    devices_per_node: int,
) -> dict[str, Any]:
    """A new dict in the keys of the original API: TFLOPS, GB and GB/s, each of one device.

    ``Flops`` is the 16-bit rate; it is absent where there is none, and then the rates stand in ``peak_tflops`` alone.
    """
    config: dict[str, Any] = {"name": name, "manufacturer": manufacturer, "type": hardware_type}
    sixteen_bit = peak_flops.get("bf16", peak_flops.get("fp16"))
    if sixteen_bit is not None:
        config["Flops"] = _scaled_down(sixteen_bit, _TERA)
    config["Memory_size"] = _scaled_down(memory_bytes, _GIGA)
    config["Memory_BW"] = _scaled_down(memory_bandwidth, _GIGA)
    if link is not None:
        config["ICN"] = _scaled_down(link.bandwidth, _GIGA)
        if link.latency_s is not None:
            config["ICN_LL"] = link.latency_s * 1e6
    if memory_type is not None:
        config["memory_type"] = memory_type
    config["real_values"] = True
    config["devices_per_node"] = devices_per_node
    config["peak_tflops"] = {number_format: _scaled_down(rate, _TERA) for number_format, rate in peak_flops.items()}
    return config


def facts_of(config: Mapping[str, object], name: str) -> ConfigFacts:
    """What a dict in the keys of the original API says, each key and number checked; ``name`` where it has none.

    Raises InvalidHardwareError, which names the key.
    """
    _check_keys(config)
    manufacturer = _one_of(config, "manufacturer", "Manufacturer")
    memory_type = _text(config, "memory_type")
    for key, text in (("manufacturer", manufacturer), ("memory_type", memory_type)):
        if text is not None:
            _printable(key, text)
    given = _text(config, "type") or "gpu"
    hardware_type = _TYPES.get(given, given)
    if hardware_type not in HARDWARE_TYPES:
        raise InvalidHardwareError(
            f"The hardware key 'type' is {shown(given)}; accepted are {', '.join(HARDWARE_TYPES)}."
            f"{_meant(given, HARDWARE_TYPES)} Leave it out for a gpu."
        )
    if config.get("real_values", True) is not True:
        raise InvalidHardwareError(
            f"The hardware key 'real_values' is {shown(config['real_values'])}; accepted is only true: every number "
            "stands in the units named (TFLOPS, GB, GB/s). Convert the numbers and leave the key out."
        )
    peaks, bandwidth = _peaks(config), _number(config, "Memory_BW", "GB/s") * _GIGA
    check_intensity("The hardware keys", "Flops or peak_tflops", "Memory_BW", peaks, bandwidth)
    memory_bytes = round(_number(config, "Memory_size", "GB") * _GIGA)
    return {
        "name": _name(config, "name", name),
        "aliases": _texts(config, "aliases"),
        "manufacturer": manufacturer or "custom",
        "type": hardware_type,
        "memory_type": memory_type,
        "memory_bytes": memory_bytes,
        "memory_bandwidth": bandwidth,
        "peak_flops": peaks,
        "link": _interconnect(config),
        "devices_per_node": _whole(config, "devices_per_node", default=8),
    }


def _scaled_down(value: float, unit: int) -> float:
    """``value / unit`` rounded where the division's own error begins, so that a round trip returns the same."""
    whole, rest = divmod(value, unit)
    return float(whole) if not rest else float(f"{value / unit:.15g}")


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
        # a device without a 16-bit rate has its rates in peak_tflops alone, or an empty one where none was published
        if key not in config and not (key == "Flops" and "peak_tflops" in config):
            raise InvalidHardwareError(f"The hardware key {key!r} is missing. {accepted}")


def _number(config: Mapping[str, object], key: str, unit: str) -> float:
    return _checked(config[key], f"The hardware key {key!r}", unit)


def _checked(value: object, subject: str, unit: str) -> float:
    lowest, highest = _RANGES[unit]
    accepted = f"accepted is a finite number from {lowest:g} to {highest:,.0f}, in {unit}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidHardwareError(f"{subject} is {shown(value)}; {accepted}.")
    if not lowest <= value <= highest:
        raise InvalidHardwareError(f"{subject} is {shown(value)}; {accepted}. Check the unit.")
    return float(value)


def _text(config: Mapping[str, object], key: str) -> str | None:
    value = config.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidHardwareError(f"The hardware key {key!r} is {shown(value)}; accepted is a text that is not empty.")
    return value


def _name(config: Mapping[str, object], key: str, default: str) -> str:
    """A name as answers print it, in which no sentence of somebody else's stands: without spaces, as the catalogue
    writes names."""
    return _printable(key, _text(config, key) or default).replace(" ", "_")


def _printable(key: str, text: str) -> str:
    if len(text) > _LONGEST_NAME or not _NAME.fullmatch(text):
        raise InvalidHardwareError(
            f"The hardware key {key!r} is a text of {len(text):,} characters that can be no name; accepted are up to "
            f"{_LONGEST_NAME} ASCII letters, digits, spaces and _ - . : + / @ ( ): shorten it, or leave it out."
        )
    return text


def _texts(config: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = config.get(key, ())
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise InvalidHardwareError(f"The hardware key {key!r} is {shown(value)}; accepted is a list of texts.")
    return tuple(value)


def _one_of(config: Mapping[str, object], key: str, other: str) -> str | None:
    first, second = _text(config, key), _text(config, other)
    if first is not None and second is not None and first != second:
        raise InvalidHardwareError(
            f"The hardware keys {key!r} ({first!r}) and {other!r} ({second!r}) mean the same and differ. Keep {key!r}."
        )
    return first if first is not None else second


def _whole(config: Mapping[str, object], key: str, default: int) -> int:
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_DEVICES:
        raise InvalidHardwareError(
            f"The hardware key {key!r} is {shown(value)}; accepted is a whole number from 1 to {_MOST_DEVICES:,}."
        )
    return value


def _interconnect(config: Mapping[str, object]) -> Link | None:
    latency_s = _number(config, "ICN_LL", "microseconds") / 1e6 if "ICN_LL" in config else None
    if "ICN" not in config:
        if latency_s is not None:
            raise InvalidHardwareError(
                "The hardware key 'ICN_LL' (microseconds) is given without 'ICN' (GB/s in one direction). "
                "Add 'ICN' or leave 'ICN_LL' out."
            )
        return None
    return Link(name="ICN", bandwidth=_number(config, "ICN", "GB/s in one direction") * _GIGA, latency_s=latency_s)


def _peaks(config: Mapping[str, object]) -> dict[str, float]:
    flops = _number(config, "Flops", "TFLOPS") * _TERA if "Flops" in config else None
    given = config.get("peak_tflops", {})
    if not isinstance(given, Mapping):
        raise InvalidHardwareError(
            f"The hardware key 'peak_tflops' is {shown(given)}; accepted is a mapping from a number format "
            f"({', '.join(NUMBER_FORMATS)}) to dense TFLOPS."
        )
    peaks: dict[str, float] = {}
    for number_format, rate in given.items():
        if not isinstance(number_format, str) or number_format not in NUMBER_FORMATS:
            raise InvalidHardwareError(
                f"The hardware key 'peak_tflops' names the number format {shown(number_format)}; accepted are "
                f"{', '.join(NUMBER_FORMATS)}.{_meant(str(number_format), NUMBER_FORMATS)}"
            )
        subject = f"The hardware key 'peak_tflops', format {shown(number_format)},"
        peaks[number_format] = _checked(rate, subject, "TFLOPS") * _TERA
    sixteen_bit = peaks.get("bf16", peaks.get("fp16"))
    if flops is None:
        return peaks
    if sixteen_bit is None:
        return peaks | {"bf16": flops, "fp16": flops}
    if not math.isclose(sixteen_bit, flops, rel_tol=1e-9):
        raise InvalidHardwareError(
            f"The hardware key 'Flops' ({flops / _TERA:g} TFLOPS, 16 bit) and the 16-bit rate in 'peak_tflops' "
            f"({sixteen_bit / _TERA:g}) differ. Give both the same dense rate."
        )
    return peaks
