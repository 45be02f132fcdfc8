"""The catalogue: one TOML file per accelerator, found by name, alias or the way people type it.

A newcomer is one file in ``accelerators/``; no code changes. The files are read at the first question, once.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final, cast, get_args

from .accelerator import NUMBER_FORMATS, Accelerator, HardwareType, Link, Source, accelerator_from_config
from .errors import AmbiguousHardwareError, InvalidHardwareError, UnknownHardwareError, nearest

__all__ = [
    "HARDWARE_CONFIGS",
    "HardwareConfigs",
    "all_accelerators",
    "find_accelerator",
    "get_accelerator",
    "get_all_hardware",
    "get_hardware_by_manufacturer",
    "get_hardware_by_type",
    "get_hardware_config",
    "search_hardware",
]

_NEXT_STEP: Final = "Call get_all_hardware() or run `llm-memory-calculator hardware` for the list."

_MAKERS: Final = re.compile(r"(?<![a-z0-9])(?:nvidia|amd|intel|google|geforce)(?![a-z0-9])")
_SEPARATORS: Final = re.compile(r"[\s\-_./()]+")

_TEXTS: Final = ("name", "manufacturer", "type", "architecture")
# The range in which each number must lie, in base units: it catches GB for bytes and TFLOPS for FLOP/s.
_RANGES: Final = {
    "memory_bytes": (10**9, 10**13),
    "usable_memory_bytes": (10**9, 10**13),
    "memory_bandwidth": (1e10, 1e14),
    "devices_per_node": (1, 10**5),
    "tdp_w": (10, 10**5),
    "peak_flops": (1e11, 1e18),
    "link.bandwidth": (1e9, 1e13),
    "link.latency_s": (1e-9, 1e-2),
    "link.max_devices": (2, 10**5),
}
_WHOLE: Final = ("memory_bytes", "usable_memory_bytes", "devices_per_node", "link.max_devices")
_REQUIRED: Final = (*_TEXTS, "aliases", "memory_bytes", "usable_memory_bytes", "memory_bandwidth", "peak_flops")
_KEYS: Final = (*_REQUIRED, "memory_type", "link", "host_link", "devices_per_node", "tdp_w", "sources")


@functools.cache
def all_accelerators() -> tuple[Accelerator, ...]:
    """Every accelerator of the catalogue, sorted by name."""
    found: dict[str, Accelerator] = {}
    for entry in files(__package__).joinpath("accelerators").iterdir():
        if not entry.name.endswith(".toml"):
            continue
        accelerator = _read(entry.name, entry.read_text(encoding="utf-8"))
        if entry.name != f"{accelerator.name}.toml":
            raise InvalidHardwareError(f"{entry.name}: key 'name' is {accelerator.name!r}; it must be the file's name.")
        found[accelerator.name] = accelerator
    return tuple(found[name] for name in sorted(found))


def get_accelerator(name: str) -> Accelerator:
    """The accelerator of this name or alias.

    Case does not count, nor do blanks and ``- _ . / ( )``, nor the words NVIDIA, AMD, Intel, Google and GeForce.
    A name that several share raises AmbiguousHardwareError, an unknown one UnknownHardwareError.
    """
    if not isinstance(name, str):
        raise InvalidHardwareError(
            f"A hardware name must be a string, not {type(name).__name__} ({name!r}). {_NEXT_STEP}"
        )
    matches = _index().get(_key(name), ())
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(accelerator.name for accelerator in matches)
        raise AmbiguousHardwareError(f"The hardware name {name!r} means several accelerators: {names}. Name one.")
    found = _suggestions(name)
    meant = f" Did you mean {' or '.join(found)}?" if found else ""
    raise UnknownHardwareError(
        f"The hardware name {name!r} is not in the catalogue of {len(all_accelerators())} accelerators.{meant} "
        f"{_NEXT_STEP} A device that is not listed can be given as a dict with Flops, Memory_size and Memory_BW."
    )


def find_accelerator(value: str | Mapping[str, object] | Accelerator) -> Accelerator:
    """The one door for a ``hardware`` argument: a name, a dict in the original's keys, or an Accelerator."""
    if isinstance(value, Accelerator):
        return value
    if isinstance(value, str):
        return get_accelerator(value)
    if isinstance(value, Mapping):
        # an entry of the catalogue handed back unchanged is that entry, with all that the dict cannot say
        name = value.get("name")
        listed = {entry.name: entry for entry in all_accelerators()}.get(name) if isinstance(name, str) else None
        return listed if listed is not None and listed.to_config() == dict(value) else accelerator_from_config(value)
    raise InvalidHardwareError(
        f"Hardware must be a name, a dict with Flops, Memory_size and Memory_BW, or an Accelerator, not "
        f"{type(value).__name__} ({value!r}). {_NEXT_STEP}"
    )


def get_hardware_config(name: str) -> dict[str, Any]:
    """A new dict that describes the accelerator of this name in the keys of the original API."""
    return get_accelerator(name).to_config()


def get_all_hardware() -> dict[str, dict[str, Any]]:
    """A new dict from every canonical name to its description."""
    return {accelerator.name: accelerator.to_config() for accelerator in all_accelerators()}


def get_hardware_by_type(type: HardwareType) -> dict[str, dict[str, Any]]:
    """The descriptions of every gpu, tpu, asic or cpu, by name."""
    _check_type(type)
    return _configs(lambda accelerator: accelerator.type == type)


def get_hardware_by_manufacturer(manufacturer: str) -> dict[str, dict[str, Any]]:
    """The descriptions of everything that this maker makes, by name; case does not count."""
    wanted = _check_manufacturer(manufacturer)
    return _configs(lambda accelerator: accelerator.manufacturer == wanted)


def search_hardware(
    query: str | None = None,
    hw_type: HardwareType | None = None,
    manufacturer: str | None = None,
    min_memory: float | None = None,
    max_memory: float | None = None,
    min_flops: float | None = None,
    max_flops: float | None = None,
    min_memory_bw: float | None = None,
    max_memory_bw: float | None = None,
) -> dict[str, dict[str, Any]]:
    """The descriptions that meet every condition given, by name; an empty dict when none does.

    ``query`` is a part of a name, alias, maker or architecture; memory is in GB, flops in dense 16-bit TFLOPS,
    memory_bw in GB/s; both ends of a range belong to it.
    """
    if query is not None and not isinstance(query, str):
        raise InvalidHardwareError(f"The search argument 'query' is {query!r}; accepted is a string.")
    if hw_type is not None:
        _check_type(hw_type)
    maker = None if manufacturer is None else _check_manufacturer(manufacturer)
    ranges = {
        "Memory_size": _range("memory", min_memory, max_memory),
        "Flops": _range("flops", min_flops, max_flops),
        "Memory_BW": _range("memory_bw", min_memory_bw, max_memory_bw),
    }

    def meets(accelerator: Accelerator) -> bool:
        config = accelerator.to_config()
        return (
            (query is None or _mentions(accelerator, query))
            and (hw_type is None or accelerator.type == hw_type)
            and (maker is None or accelerator.manufacturer == maker)
            and all(lowest <= config.get(key, 0.0) <= highest for key, (lowest, highest) in ranges.items())
        )

    return _configs(meets)


class HardwareConfigs(Mapping[str, dict[str, Any]]):
    """The catalogue as a read-only mapping from canonical names to descriptions.

    Any alias finds its entry too. Every access makes a new dict: changing it changes nothing here.
    """

    __slots__ = ()

    def __getitem__(self, name: str) -> dict[str, Any]:
        """The description of this name or alias."""
        return get_hardware_config(name)

    def __iter__(self) -> Iterator[str]:
        """The canonical names, sorted."""
        return (accelerator.name for accelerator in all_accelerators())

    def __len__(self) -> int:
        """How many accelerators there are."""
        return len(all_accelerators())

    def __contains__(self, name: object) -> bool:
        """Whether exactly one accelerator has this name or alias."""
        return isinstance(name, str) and len(_index().get(_key(name), ())) == 1

    def __repr__(self) -> str:
        """The number of entries, without the entries."""
        return f"<{type(self).__name__}: {len(self)} accelerators>"


HARDWARE_CONFIGS: Final = HardwareConfigs()
"""The catalogue as a read-only mapping; no file is read before it is used."""


def _key(name: str) -> str:
    """The name as it is compared: lower case, without the maker's name and separators."""
    lowered = name.lower().replace("_", " ")
    return _SEPARATORS.sub("", _MAKERS.sub(" ", lowered)) or _SEPARATORS.sub("", lowered)


@functools.cache
def _index() -> Mapping[str, tuple[Accelerator, ...]]:
    """Every comparable name with the accelerators that it means; a canonical name means its own alone."""
    index: dict[str, tuple[Accelerator, ...]] = {}
    for accelerator in all_accelerators():
        for alias in accelerator.aliases:
            known = index.get(_key(alias), ())
            index[_key(alias)] = known if accelerator in known else (*known, accelerator)
    for accelerator in all_accelerators():
        index[_key(accelerator.name)] = (accelerator,)
    return index


def _suggestions(name: str) -> list[str]:
    """Up to three canonical names: the nearest in spelling, counted over names and aliases."""
    spellings = {_key(word): word for a in all_accelerators() for word in (*a.aliases, a.name)}
    found: list[str] = []
    for word in nearest(_key(name), spellings, 5):
        for accelerator in _index()[word]:
            if accelerator.name not in found:
                found.append(accelerator.name)
    return found[:3]


def _configs(chosen: Callable[[Accelerator], bool]) -> dict[str, dict[str, Any]]:
    return {accelerator.name: accelerator.to_config() for accelerator in all_accelerators() if chosen(accelerator)}


def _mentions(accelerator: Accelerator, query: str) -> bool:
    words = (accelerator.name, *accelerator.aliases, accelerator.manufacturer, accelerator.architecture)
    plain = _SEPARATORS.sub("", query.lower())
    return any(plain in _SEPARATORS.sub("", word.lower()) for word in words)


def _check_type(hardware_type: object) -> None:
    types = get_args(HardwareType)
    if hardware_type not in types:
        accepted = ", ".join(types)
        raise InvalidHardwareError(f"The hardware type {hardware_type!r} is not known; accepted are {accepted}.")


def _check_manufacturer(manufacturer: object) -> str:
    makers = {accelerator.manufacturer.lower(): accelerator.manufacturer for accelerator in all_accelerators()}
    if isinstance(manufacturer, str) and manufacturer.strip().lower() in makers:
        return makers[manufacturer.strip().lower()]
    found = nearest(str(manufacturer), makers.values(), 1)
    meant = f" Did you mean {found[0]}?" if found else ""
    raise InvalidHardwareError(
        f"The manufacturer {manufacturer!r} is not known; accepted are {', '.join(sorted(makers.values()))}.{meant}"
    )


def _range(subject: str, lowest: object, highest: object) -> tuple[float, float]:
    ends = []
    for argument, value, default in (
        (f"min_{subject}", lowest, 0.0),
        (f"max_{subject}", highest, float("inf")),
    ):
        if value is None:
            ends.append(default)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise InvalidHardwareError(f"The search argument {argument!r} is {value!r}; accepted is a number from 0.")
        else:
            ends.append(float(value))
    if ends[0] > ends[1]:
        raise InvalidHardwareError(
            f"The search argument 'min_{subject}' ({ends[0]:g}) is above 'max_{subject}' ({ends[1]:g}). Swap them."
        )
    return ends[0], ends[1]


def _read(file: str, text: str) -> Accelerator:
    """One accelerator from the text of its TOML file, every key and number checked."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidHardwareError(f"{file}: not valid TOML: {error}.") from error
    _known_keys(file, "", table, _KEYS, (*_REQUIRED, "devices_per_node", "sources"))
    for key in (*_TEXTS, *(("memory_type",) if "memory_type" in table else ())):
        _text(file, key, table[key])
    if table["type"] not in get_args(HardwareType):
        raise InvalidHardwareError(
            f"{file}: key 'type' is {table['type']!r}; accepted are {', '.join(get_args(HardwareType))}."
        )
    peaks = table["peak_flops"]
    if not isinstance(peaks, dict):
        raise InvalidHardwareError(f"{file}: key 'peak_flops' must be a table from a number format to FLOP/s.")
    _known_keys(file, "peak_flops.", peaks, NUMBER_FORMATS, ())
    if "bf16" not in peaks and "fp16" not in peaks:
        raise InvalidHardwareError(f"{file}: key 'peak_flops' has no 16-bit rate; give bf16, fp16 or both.")
    return Accelerator(
        name=table["name"],
        aliases=_texts(file, "aliases", table["aliases"]),
        manufacturer=table["manufacturer"],
        type=cast(HardwareType, table["type"]),
        architecture=table["architecture"],
        memory_type=table.get("memory_type"),
        memory_bytes=int(_in_range(file, "memory_bytes", table["memory_bytes"])),
        usable_memory_bytes=int(_in_range(file, "usable_memory_bytes", table["usable_memory_bytes"])),
        memory_bandwidth=_in_range(file, "memory_bandwidth", table["memory_bandwidth"]),
        peak_flops={
            number_format: _in_range(file, f"peak_flops.{number_format}", rate, "peak_flops")
            for number_format, rate in peaks.items()
        },
        link=_link(file, "link", table.get("link")),
        host_link=_link(file, "host_link", table.get("host_link")),
        devices_per_node=int(_in_range(file, "devices_per_node", table["devices_per_node"])),
        tdp_w=_in_range(file, "tdp_w", table["tdp_w"]) if "tdp_w" in table else None,
        sources=_sources(file, table["sources"]),
    )


def _known_keys(
    file: str, prefix: str, table: Mapping[str, object], accepted: tuple[str, ...], required: tuple[str, ...]
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
        raise InvalidHardwareError(f"{file}: key '{key}' is {value!r}; accepted is a text that is not empty.")
    return value


def _texts(file: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidHardwareError(f"{file}: key '{key}' is {value!r}; accepted is a list of texts.")
    return tuple(_text(file, key, item) for item in value)


def _in_range(file: str, key: str, value: object, kind: str | None = None) -> float:
    kind = kind or key
    lowest, highest = _RANGES[kind]
    numbers = "a whole number" if kind in _WHOLE else "a number"
    whole = isinstance(value, int) or (isinstance(value, float) and kind not in _WHOLE)
    if isinstance(value, bool) or not whole or not lowest <= cast(float, value) <= highest:
        raise InvalidHardwareError(
            f"{file}: key '{key}' is {value!r}; accepted is {numbers} from {lowest:g} to {highest:g}, in base units "
            "(bytes, bytes/s, FLOP/s, seconds, watts)."
        )
    return cast(float, value)


def _link(file: str, key: str, table: object) -> Link | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        raise InvalidHardwareError(f"{file}: key '{key}' must be a table with name and bandwidth.")
    _known_keys(file, f"{key}.", table, ("name", "bandwidth", "latency_s", "max_devices"), ("name", "bandwidth"))

    def number(field: str) -> float | None:
        return _in_range(file, f"{key}.{field}", table[field], f"link.{field}") if field in table else None

    devices = number("max_devices")
    return Link(
        name=_text(file, f"{key}.name", table["name"]),
        bandwidth=_in_range(file, f"{key}.bandwidth", table["bandwidth"], "link.bandwidth"),
        latency_s=number("latency_s"),
        max_devices=None if devices is None else int(devices),
    )


def _sources(file: str, tables: object) -> tuple[Source, ...]:
    if not isinstance(tables, list) or not tables:
        raise InvalidHardwareError(f"{file}: key 'sources' must be a list of tables, at least one.")
    sources = []
    for position, table in enumerate(tables):
        prefix = f"sources[{position}]."
        _known_keys(file, prefix, table, ("title", "url", "date", "facts"), ("title", "url", "date", "facts"))
        sources.append(
            Source(
                title=_text(file, f"{prefix}title", table["title"]),
                url=_text(file, f"{prefix}url", table["url"]),
                date=_text(file, f"{prefix}date", table["date"]),
                facts=_texts(file, f"{prefix}facts", table["facts"]),
            )
        )
    return tuple(sources)
