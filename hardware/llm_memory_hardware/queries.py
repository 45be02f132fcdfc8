"""The catalogue in the original's words: configs by name, type, maker and range; a manager of one's own hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Final

from .accelerator import Accelerator
from .catalogue import Catalogue, current
from .errors import InvalidHardwareError, UnknownHardwareError, nearest, shown
from .facts import HARDWARE_TYPES

__all__ = [
    "HARDWARE_CONFIGS",
    "HardwareConfigs",
    "HardwareManager",
    "get_all_hardware",
    "get_hardware_by_manufacturer",
    "get_hardware_by_type",
    "get_hardware_config",
    "search_hardware",
]

_MOST: Final = 1e300  # a whole number above it may be too large for a float
# A TPU is an ASIC, and `accelerator` is the original's word for what is neither a gpu nor a cpu.
_TYPES: Final = {
    "gpu": ("gpu",),
    "tpu": ("tpu",),
    "asic": ("asic", "tpu"),
    "cpu": ("cpu",),
    "accelerator": ("asic", "tpu"),
}


class HardwareManager:
    """The questions about the catalogue, over it and hardware of one's own.

    ``path``: a file or folder of the user's own hardware; None is the catalogue in use (see ``set_hardware_db_path``).
    ``db_path`` is the original's name of it. What is added is known to this manager alone.

    Where the original gave a list of descriptions, they are given by name; ``list(found.values())`` is that list.
    """

    __slots__ = ("_catalogue",)

    def __init__(self, path: str | PathLike[str] | None = None, *, db_path: str | PathLike[str] | None = None) -> None:
        """Read what is at ``path``. Raises InvalidHardwareError, which names the file and the key."""
        if path is not None and db_path is not None:
            raise InvalidHardwareError("path and db_path are two names of one argument; give one of them.")
        place = db_path if path is None else path
        self._catalogue: Catalogue | None = None
        if place is not None:
            self._catalogue = Catalogue()
            self._catalogue.read(place)

    @property
    def catalogue(self) -> Catalogue:
        """The accelerators that this manager knows."""
        return current() if self._catalogue is None else self._catalogue

    def add_hardware(
        self, description: Mapping[str, Any], name: str | None = None, replaces: str | None = None
    ) -> dict[str, Any]:
        """Add a description in the original's keys or the catalogue's, and return it in the original's keys.

        ``name`` is for a description that has none. A name that is taken is refused, unless ``replaces`` names the
        entry in whose place this one is to stand.
        """
        if not isinstance(description, Mapping):
            raise InvalidHardwareError(
                f"A hardware description must be a mapping of keys to values, not {type(description).__name__}. "
                "Required keys: Flops, Memory_size, Memory_BW."
            )
        table = dict(description) if replaces is None else {**description, "replaces": replaces}
        label = name or table.get("name")
        if not isinstance(label, str):
            raise InvalidHardwareError("The hardware has no name; give it as the key 'name' or as the argument name.")
        from .user_files import described  # as in Catalogue.read

        return self._private().add(described(table, f"hardware {label!r}", label)).to_config()

    def read_hardware(self, path: str | PathLike[str]) -> list[str]:
        """Add all that a file or folder describes, and return the names."""
        return [accelerator.name for accelerator in self._private().read(path)]

    def get_hardware_config(self, name: str, if_ambiguous: str | None = None) -> dict[str, Any]:
        """A new dict that describes the accelerator of this name in the keys of the original API.

        Raises UnknownHardwareError (a KeyError too) with the nearest names, where the original returned False, and
        AmbiguousHardwareError for a name that several share, unless ``if_ambiguous`` names one of them.
        """
        return self.catalogue.find(name, if_ambiguous)[0].to_config()

    def get_all_hardware(self) -> dict[str, dict[str, Any]]:
        """A new dict from every canonical name to its description."""
        return self._configs(lambda _: True)

    def get_hardware_by_type(self, hw_type: str) -> dict[str, dict[str, Any]]:
        """The descriptions of every gpu, tpu, asic or cpu, by name.

        A tpu is an asic too; ``accelerator`` means what is neither a gpu nor a cpu.
        """
        types = _check_type(hw_type)
        return self._configs(lambda accelerator: accelerator.type in types)

    def get_hardware_by_manufacturer(self, manufacturer: str) -> dict[str, dict[str, Any]]:
        """The descriptions of everything that this maker makes, by name; case does not count."""
        wanted = self._check_manufacturer(manufacturer)
        return self._configs(lambda accelerator: accelerator.manufacturer == wanted)

    def search_hardware(
        self,
        query: str | None = None,
        hw_type: str | Sequence[str] | None = None,
        manufacturer: str | Sequence[str] | None = None,
        min_flops: float | None = None,
        max_flops: float | None = None,
        min_memory: float | None = None,
        max_memory: float | None = None,
        min_memory_bw: float | None = None,
        max_memory_bw: float | None = None,
        has_real_values: bool | None = None,
    ) -> dict[str, dict[str, Any]]:
        """The descriptions that meet every condition given, by name; an empty dict when none does.

        ``query`` is a part of a name, alias, instance type, maker or architecture; of several types or manufacturers
        one is to be met; memory is in GB, flops in dense 16-bit TFLOPS (a device without a 16-bit rate meets no bound
        on them), memory_bw in GB/s; both ends of a range belong to it. ``has_real_values``: the numbers are the
        hardware's own, as all of the catalogue's are; False finds nothing.
        """
        if query is not None and not isinstance(query, str):
            raise InvalidHardwareError(f"The search argument 'query' is {shown(query)}; accepted is a string.")
        if has_real_values is not None and not isinstance(has_real_values, bool):
            raise InvalidHardwareError(
                f"The search argument 'has_real_values' is {shown(has_real_values)}; accepted are True, False and None."
            )
        types = {of for one in _each("hw_type", hw_type) for of in _check_type(one)}
        makers = {self._check_manufacturer(one) for one in _each("manufacturer", manufacturer)}
        ranges = {
            key: bounds
            for key, bounds in (
                ("Flops", _range("flops", min_flops, max_flops)),
                ("Memory_size", _range("memory", min_memory, max_memory)),
                ("Memory_BW", _range("memory_bw", min_memory_bw, max_memory_bw)),
            )
            if bounds is not None
        }
        plain = None if query is None else _plain(query)

        def meets(accelerator: Accelerator) -> bool:
            if (types and accelerator.type not in types) or (makers and accelerator.manufacturer not in makers):
                return False
            if plain is not None and not _mentions(accelerator, plain):
                return False
            config = accelerator.to_config() if ranges else {}
            return all(key in config and low <= config[key] <= high for key, (low, high) in ranges.items())

        return {} if has_real_values is False else self._configs(meets)

    def _private(self) -> Catalogue:
        """This manager's own catalogue, made of the one in use when it has none yet."""
        if self._catalogue is None:
            self._catalogue = current().copy()
        return self._catalogue

    def _configs(self, chosen: Callable[[Accelerator], bool]) -> dict[str, dict[str, Any]]:
        return {accelerator.name: accelerator.to_config() for accelerator in self.catalogue if chosen(accelerator)}

    def _check_manufacturer(self, manufacturer: object) -> str:
        makers = {accelerator.manufacturer.lower(): accelerator.manufacturer for accelerator in self.catalogue}
        if isinstance(manufacturer, str) and manufacturer.strip().lower() in makers:
            return makers[manufacturer.strip().lower()]
        found = nearest(str(manufacturer), makers.values(), 1)
        meant = f" Did you mean {found[0]}?" if found else ""
        raise InvalidHardwareError(
            f"The manufacturer {shown(manufacturer)} is not known; accepted are "
            f"{', '.join(sorted(makers.values()))}.{meant}"
        )


_IN_USE: Final = HardwareManager()

get_hardware_config = _IN_USE.get_hardware_config
get_all_hardware = _IN_USE.get_all_hardware
get_hardware_by_type = _IN_USE.get_hardware_by_type
get_hardware_by_manufacturer = _IN_USE.get_hardware_by_manufacturer
search_hardware = _IN_USE.search_hardware


class HardwareConfigs(Mapping[str, dict[str, Any]]):
    """The catalogue as a read-only mapping from canonical names to descriptions.

    Any alias finds its entry too. Every access makes a new dict: changing it changes nothing here.
    """

    __slots__ = ()

    def __getitem__(self, name: str) -> dict[str, Any]:
        """The description of this name or alias. Raises a KeyError where ``in`` is False."""
        if not isinstance(name, str):
            raise UnknownHardwareError(f"A hardware name is a string, not {type(name).__name__} ({shown(name)}).")
        return get_hardware_config(name)

    def __iter__(self) -> Iterator[str]:
        """The canonical names, sorted."""
        return iter(current().canonical_names())

    def __len__(self) -> int:
        """How many accelerators there are."""
        return len(current())

    def __contains__(self, name: object) -> bool:
        """Whether exactly one accelerator has this name or alias."""
        return isinstance(name, str) and current().has(name)

    def __repr__(self) -> str:
        """The number of entries, without the entries."""
        return f"<{type(self).__name__}: {len(self)} accelerators>"


HARDWARE_CONFIGS: Final = HardwareConfigs()
"""The catalogue as a read-only mapping; no file is read before it is used."""


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter not in " -_./()\t\n")


def _mentions(accelerator: Accelerator, plain: str) -> bool:
    words = (
        accelerator.name,
        *accelerator.aliases,
        *accelerator.boards,
        *accelerator.instances,
        accelerator.manufacturer,
        accelerator.architecture,
    )
    return any(plain in _plain(word) for word in words)


def _each(subject: str, wanted: object) -> tuple[object, ...]:
    """The names that are wanted, one or several; none where the argument was left out."""
    if wanted is None:
        return ()
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        return (wanted,)
    if not wanted:
        raise InvalidHardwareError(
            f"The search argument {subject!r} is an empty list; name one or more, or leave it out."
        )
    return tuple(wanted)


def _check_type(hw_type: object) -> tuple[str, ...]:
    if not isinstance(hw_type, str) or hw_type.lower() not in _TYPES:
        near = nearest(hw_type, _TYPES, 1) if isinstance(hw_type, str) else []
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidHardwareError(
            f"The hardware type {shown(hw_type)} is not known; accepted are {', '.join(HARDWARE_TYPES)} and "
            f"accelerator (what is neither a gpu nor a cpu).{meant}"
        )
    return _TYPES[hw_type.lower()]


def _range(subject: str, lowest: object, highest: object) -> tuple[float, float] | None:
    """Both ends of a range, or None when neither was given."""
    ends = []
    for argument, value, default in (
        (f"min_{subject}", lowest, 0.0),
        (f"max_{subject}", highest, float("inf")),
    ):
        if value is None:
            ends.append(default)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise InvalidHardwareError(
                f"The search argument {argument!r} is {shown(value)}; accepted is a number from 0."
            )
        else:
            ends.append(float(min(value, _MOST)))
    if ends[0] > ends[1]:
        raise InvalidHardwareError(
            f"The search argument 'min_{subject}' ({ends[0]:g}) is above 'max_{subject}' ({ends[1]:g}). Swap them."
        )
    return None if lowest is None and highest is None else (ends[0], ends[1])
