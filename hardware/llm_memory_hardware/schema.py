"""The schema of a description of hardware: every key and number checked, and the accelerator made of them.

An error names the file, the key, what stands there, what is accepted and the nearest match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from .accelerator import Accelerator
from .errors import InvalidHardwareError, nearest, shown
from .facts import HARDWARE_TYPES, NUMBER_FORMATS, PRICE_TIERS, HardwareType, Link, Price, Source, check_intensity
from .usable import USABLE_RULES

__all__ = ["accelerator_from_table", "parse", "read_toml"]

# The range in which each number must lie, in base units: it catches GB for bytes and TFLOPS for FLOP/s. It is wide
# enough for 230 MB of SRAM on a chip and for the 21 PB/s of a wafer.
_RANGES: Final = {
    "memory_bytes": (10**8, 10**14),
    "usable_memory_bytes": (10**8, 10**14),
    "memory_sizes": (10**8, 10**14),
    "announced_memory_bytes": (10**8, 10**14),
    "gpu_cores": (1, 10**4),
    "memory_bandwidth": (1e10, 1e17),
    "memory_bus_bits": (32, 10**6),
    "cache_bytes": (10**5, 10**12),
    "devices_per_node": (1, 10**5),
    "runtime_devices": (1, 64),
    "tdp_w": (1, 10**5),
    "peak_flops": (1e10, 1e18),
    "link.bandwidth": (1e9, 1e14),
    "link.latency_s": (1e-9, 1e-2),
    "link.max_devices": (2, 10**5),
    "network.bandwidth": (1e8, 1e13),
    "instances": (1, 10**5),
    "instance_memory": (10**8, 10**15),
    "prices.usd_per_hour": (1e-3, 1e5),
    "prices.devices": (1, 10**5),
}
_WHOLE: Final = frozenset(
    {
        "memory_bytes",
        "usable_memory_bytes",
        "memory_sizes",
        "announced_memory_bytes",
        "gpu_cores",
        "memory_bus_bits",
        "cache_bytes",
        "devices_per_node",
        "runtime_devices",
        "link.max_devices",
        "instances",
        "instance_memory",
        "prices.devices",
    }
)
_TEXTS: Final = ("name", "manufacturer", "type", "architecture")
_NUMBERS: Final = ("memory_bytes", "usable_memory_bytes", "memory_bandwidth", "devices_per_node")
_REQUIRED: Final = (*_TEXTS, "aliases", *_NUMBERS, "sources")
_OPTIONAL: Final = (
    "released",
    "compute_capability",
    "memory_type",
    "memory_bus_bits",
    "memory_is_maximum",
    "memory_sizes",
    "announced_memory_bytes",
    "usable_rule",
    "gpu_cores",
    "cache_bytes",
    "tdp_w",
    "runtime_devices",
    "pci_ids",
    "peak_flops",
    "link",
    "host_link",
    "network",
    "boards",
    "instances",
    "instance_memory",
    "prices",
    "disputed",
)


_KEYS: Final = (*_REQUIRED, *_OPTIONAL)
_LINK_KEYS: Final = ("name", "bandwidth", "latency_s", "max_devices")
_LINK_REQUIRED: Final = ("name", "bandwidth")
_PRICE_REQUIRED: Final = ("provider", "tier", "usd_per_hour", "date", "url")
_PRICE_KEYS: Final = (*_PRICE_REQUIRED, "instance", "devices", "region", "without_host")
_SOURCE_KEYS: Final = ("title", "url", "date", "facts")

_MONTH: Final = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?")
_DAY: Final = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")
_PCI_ID: Final = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")

_MOST_USABLE: Final = 1.1


def read_toml(file: str, text: str) -> Accelerator:
    """One accelerator from the text of a catalogue file. Raises InvalidHardwareError with the file and the key."""
    return accelerator_from_table(file, parse(file, text))


def parse(file: str, text: str) -> dict[str, Any]:
    """The table of a TOML text, unchecked but for its syntax."""
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise InvalidHardwareError(f"{file}: not valid TOML: {error}.") from error


def accelerator_from_table(file: str, table: Mapping[str, Any], *, user: bool = False) -> Accelerator:
    """One accelerator from a table in the schema; a ``user``'s own needs no sources.

    Raises InvalidHardwareError with the file and the key.
    """
    _known_keys(file, "", table, _KEYS, [key for key in _REQUIRED if not (user and key == "sources")])
    for key in _TEXTS:
        _text(file, key, table[key])
    if table["type"] not in HARDWARE_TYPES:
        raise InvalidHardwareError(
            f"{file}: key 'type' is {table['type']!r}; accepted are {', '.join(HARDWARE_TYPES)}."
        )
    instances = _counts(file, "instances", table["instances"]) if "instances" in table else {}
    found = Accelerator(
        name=table["name"],
        aliases=_texts(file, "aliases", table["aliases"]),
        manufacturer=table["manufacturer"],
        type=cast(HardwareType, table["type"]),
        architecture=table["architecture"],
        released=_matching(file, "released", table["released"], _MONTH, "YYYY or YYYY-MM")
        if "released" in table
        else None,
        compute_capability=_optional_text(file, "compute_capability", table),
        memory_type=_optional_text(file, "memory_type", table),
        memory_bus_bits=_optional_whole(file, "memory_bus_bits", table),
        memory_bytes=int(_in_range(file, "memory_bytes", table["memory_bytes"])),
        usable_memory_bytes=int(_in_range(file, "usable_memory_bytes", table["usable_memory_bytes"])),
        memory_bandwidth=float(_in_range(file, "memory_bandwidth", table["memory_bandwidth"])),
        memory_is_maximum=_yes_or_no(file, "memory_is_maximum", table),
        memory_sizes=_wholes(file, "memory_sizes", table),
        announced_memory_bytes=_optional_whole(file, "announced_memory_bytes", table),
        usable_rule=_usable_rule(file, table),
        gpu_cores=_wholes(file, "gpu_cores", table),
        cache_bytes=_optional_whole(file, "cache_bytes", table),
        peak_flops=_peaks(file, table.get("peak_flops", {})),
        link=_link(file, "link", table.get("link")),
        host_link=_link(file, "host_link", table.get("host_link")),
        network=_link(file, "network", table.get("network")),
        devices_per_node=int(_in_range(file, "devices_per_node", table["devices_per_node"])),
        runtime_devices=_optional_whole(file, "runtime_devices", table) or 1,
        tdp_w=float(_in_range(file, "tdp_w", table["tdp_w"])) if "tdp_w" in table else None,
        pci_ids=tuple(
            _matching(file, "pci_ids", item, _PCI_ID, "vendor:device in lower case, such as '10de:2330'")
            for item in _texts(file, "pci_ids", table.get("pci_ids", []))
        ),
        boards=_counts(file, "boards", table["boards"]) if "boards" in table else {},
        instances=instances,
        instance_memory=_instance_memory(file, table, instances),
        prices=_prices(file, table["prices"], instances) if "prices" in table else (),
        sources=_sources(file, table.get("sources", []), required=not user),
        disputed=_disputed(file, table),
    )
    if found.usable_memory_bytes > _MOST_USABLE * found.memory_bytes:
        raise InvalidHardwareError(
            f"{file}: key 'usable_memory_bytes' is {found.usable_memory_bytes:,}, more than {_MOST_USABLE:g} times "
            f"'memory_bytes' ({found.memory_bytes:,}): GB and GiB differ by 7 %. Check their units."
        )
    check_intensity(f"{file}: keys", "peak_flops", "memory_bandwidth", found.peak_flops, found.memory_bandwidth)
    return found


def _known_keys(
    file: str, prefix: str, table: Mapping[str, object], accepted: Sequence[str], required: Sequence[str]
) -> None:
    for key in table:
        if key not in accepted:
            found = nearest(key, accepted, 1)
            meant = f" Did you mean {found[0]!r}?" if found else ""
            raise InvalidHardwareError(
                f"{file}: key '{prefix}{key}' is not known; accepted are {', '.join(accepted)}.{meant}"
            )
    for key in required:
        if key not in table:
            raise InvalidHardwareError(f"{file}: key '{prefix}{key}' is missing.")


def _text(file: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidHardwareError(f"{file}: key '{key}' is {shown(value)}; accepted is a text that is not empty.")
    return value


def _optional_text(file: str, key: str, table: Mapping[str, object], prefix: str = "") -> str | None:
    return _text(file, prefix + key, table[key]) if key in table else None


def _texts(file: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidHardwareError(f"{file}: key '{key}' is {shown(value)}; accepted is a list of texts.")
    return tuple(_text(file, key, item) for item in value)


def _matching(file: str, key: str, value: object, pattern: re.Pattern[str], accepted: str) -> str:
    text = _text(file, key, value)
    if not pattern.fullmatch(text):
        raise InvalidHardwareError(f"{file}: key '{key}' is {shown(value)}; accepted is {accepted}.")
    return text


def _address(file: str, key: str, value: object) -> str:
    text = _text(file, key, value)
    if not text.startswith("https://"):
        raise InvalidHardwareError(
            f"{file}: key '{key}' is {shown(value)}; accepted is an address that begins https://."
        )
    return text


def _in_range(file: str, key: str, value: object, kind: str | None = None) -> int | float:
    kind = kind or key
    lowest, highest = _RANGES[kind]
    whole = isinstance(value, int) or (isinstance(value, float) and kind not in _WHOLE)
    if isinstance(value, bool) or not whole or not lowest <= cast(float, value) <= highest:
        numbers = "a whole number" if kind in _WHOLE else "a number"
        raise InvalidHardwareError(
            f"{file}: key '{key}' is {shown(value)}; accepted is {numbers} from {lowest:g} to {highest:g}, in base "
            "units (bytes, bytes/s, FLOP/s, seconds, watts, bits, US dollars)."
        )
    return cast(float, value)


def _optional_whole(file: str, key: str, table: Mapping[str, object]) -> int | None:
    return int(_in_range(file, key, table[key])) if key in table else None


def _wholes(file: str, key: str, table: Mapping[str, object]) -> tuple[int, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or value != sorted(set(value)):
        raise InvalidHardwareError(
            f"{file}: key '{key}' is {shown(value)}; accepted is a list of whole numbers, the least first."
        )
    return tuple(int(_in_range(file, key, item)) for item in value)


def _yes_or_no(file: str, key: str, table: Mapping[str, object], prefix: str = "") -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise InvalidHardwareError(f"{file}: key '{prefix}{key}' is {shown(value)}; accepted are true and false.")
    return value


def _usable_rule(file: str, table: Mapping[str, object]) -> str | None:
    rule = _optional_text(file, "usable_rule", table)
    if rule is not None and rule not in USABLE_RULES:
        raise InvalidHardwareError(f"{file}: key 'usable_rule' is {rule!r}; accepted are {', '.join(USABLE_RULES)}.")
    return rule


def _peaks(file: str, table: object) -> dict[str, float]:
    if not isinstance(table, dict):
        raise InvalidHardwareError(
            f"{file}: key 'peak_flops' is {shown(table)}; accepted is a table from a number format "
            f"({', '.join(NUMBER_FORMATS)}) to dense FLOP/s; leave it out where no rate was published."
        )
    _known_keys(file, "peak_flops.", table, NUMBER_FORMATS, ())
    return {
        number_format: float(_in_range(file, f"peak_flops.{number_format}", rate, "peak_flops"))
        for number_format, rate in table.items()
    }


def _link(file: str, key: str, table: object) -> Link | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        raise InvalidHardwareError(f"{file}: key '{key}' must be a table with name and bandwidth.")
    _known_keys(file, f"{key}.", table, _LINK_KEYS, _LINK_REQUIRED)

    def number(field: str) -> int | float | None:
        return _in_range(file, f"{key}.{field}", table[field], f"link.{field}") if field in table else None

    devices, latency_s = number("max_devices"), number("latency_s")
    rates = "network.bandwidth" if key == "network" else "link.bandwidth"
    return Link(
        name=_text(file, f"{key}.name", table["name"]),
        bandwidth=float(_in_range(file, f"{key}.bandwidth", table["bandwidth"], rates)),
        latency_s=None if latency_s is None else float(latency_s),
        max_devices=None if devices is None else int(devices),
    )


def _counts(file: str, key: str, table: object) -> dict[str, int]:
    if not isinstance(table, dict):
        raise InvalidHardwareError(f"{file}: key '{key}' must be a table from a name to its number of devices.")
    return {
        _text(file, key, name): int(_in_range(file, f"{key}.{name}", count, "instances"))
        for name, count in table.items()
    }


def _instance_memory(file: str, table: Mapping[str, Any], instances: Mapping[str, int]) -> dict[str, int]:
    given = table.get("instance_memory", {})
    if not isinstance(given, dict):
        raise InvalidHardwareError(f"{file}: key 'instance_memory' must be a table from an instance type to its bytes.")
    # where memory is fitted to order, the most that a device can have is not what the instance has
    required = tuple(instances) if table.get("memory_is_maximum") is True else ()
    _known_keys(file, "instance_memory.", given, tuple(instances), required)
    return {
        name: int(_in_range(file, f"instance_memory.{name}", size, "instance_memory")) for name, size in given.items()
    }


def _disputed(file: str, table: Mapping[str, Any]) -> dict[str, str]:
    said = table.get("disputed", {})
    if not isinstance(said, dict):
        raise InvalidHardwareError(f"{file}: key 'disputed' must be a table from a key to what its sources say.")
    for key in said:
        outer, _, inner = key.partition(".")
        if outer not in table or (inner and inner not in table[outer]):
            raise InvalidHardwareError(f"{file}: key 'disputed' names {key!r}, which is not given.")
    return {key: _text(file, f"disputed.{key}", text) for key, text in said.items()}


def _prices(file: str, tables: object, instances: Mapping[str, int]) -> tuple[Price, ...]:
    if not isinstance(tables, list):
        raise InvalidHardwareError(f"{file}: key 'prices' must be a list of tables, each under [[prices]].")
    return tuple(_price(file, f"prices[{position}].", table, instances) for position, table in enumerate(tables))


def _price(file: str, prefix: str, table: object, instances: Mapping[str, int]) -> Price:
    if not isinstance(table, dict):
        raise InvalidHardwareError(f"{file}: key 'prices' must be a list of tables, each under [[prices]].")
    _known_keys(file, prefix, table, _PRICE_KEYS, _PRICE_REQUIRED)
    instance = _optional_text(file, "instance", table, prefix)
    if (instance is None) == ("devices" not in table):
        raise InvalidHardwareError(
            f"{file}: key '{prefix}instance' or '{prefix}devices' must say what the price is for, and not both: an "
            "instance type of [instances], or a number of devices."
        )
    if instance is not None and instance not in instances:
        listed = ", ".join(instances) or "none"
        raise InvalidHardwareError(
            f"{file}: key '{prefix}instance' is {instance!r}; accepted are the types of [instances]: {listed}."
        )
    if table["tier"] not in PRICE_TIERS:
        raise InvalidHardwareError(
            f"{file}: key '{prefix}tier' is {table['tier']!r}; accepted are {', '.join(PRICE_TIERS)}."
        )
    return Price(
        provider=_text(file, f"{prefix}provider", table["provider"]),
        tier=table["tier"],
        usd_per_hour=float(_in_range(file, f"{prefix}usd_per_hour", table["usd_per_hour"], "prices.usd_per_hour")),
        devices=instances[instance]
        if instance is not None
        else int(_in_range(file, f"{prefix}devices", table["devices"], "prices.devices")),
        instance=instance,
        region=_optional_text(file, "region", table, prefix),
        date=_matching(file, f"{prefix}date", table["date"], _DAY, "YYYY, YYYY-MM or YYYY-MM-DD"),
        url=_address(file, f"{prefix}url", table["url"]),
        without_host=_yes_or_no(file, "without_host", table, prefix),
    )


def _sources(file: str, tables: object, *, required: bool) -> tuple[Source, ...]:
    if not isinstance(tables, list) or (required and not tables):
        raise InvalidHardwareError(f"{file}: key 'sources' must be a list of tables, at least one.")
    return tuple(_source(file, position, table) for position, table in enumerate(tables))


def _source(file: str, position: int, table: object) -> Source:
    if not isinstance(table, dict):
        raise InvalidHardwareError(f"{file}: key 'sources' must be a list of tables, each under [[sources]].")
    prefix = f"sources[{position}]."
    _known_keys(file, prefix, table, _SOURCE_KEYS, _SOURCE_KEYS)
    return Source(
        title=_text(file, f"{prefix}title", table["title"]),
        url=_address(file, f"{prefix}url", table["url"]),
        date=_matching(file, f"{prefix}date", table["date"], _DAY, "YYYY, YYYY-MM or YYYY-MM-DD"),
        facts=_texts(file, f"{prefix}facts", table["facts"]),
    )
