"""The catalogue: accelerators found by name, alias, instance type or the way people type them, with the user's own.

A newcomer is one file in ``accelerators/`` and a run of ``write_catalogue``; no code changes.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Final

from . import built_in
from .accelerator import Accelerator, accelerator_from_config
from .errors import AmbiguousHardwareError, CalculatorError, InvalidHardwareError, UnknownHardwareError, nearest, shown
from .names import (
    Meaning,
    Spellings,
    comparable,
    counted,
    instance_key,
    label,
    refuse_slice,
    server_of,
    sized,
    spellings,
    without_noise,
)

if TYPE_CHECKING:
    from .user_files import UserHardware

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "Catalogue",
    "accelerators_for_serving",
    "all_accelerators",
    "current",
    "find_accelerator",
    "find_devices",
    "get_accelerator",
    "set_hardware_db_path",
]

ENVIRONMENT_VARIABLE: Final = "LLM_MEMORY_CALCULATOR_HARDWARE"
"""Names a file or folder of the user's own hardware; `set_hardware_db_path` comes before it."""

_NEXT_STEP: Final = "Call get_all_hardware() or run `llm-memory-calculator hardware` for the list."
_MOST_REMEMBERED: Final = 4096
_LONGEST_NAME: Final = 256  # what is longer is no name, and comparing it would take its time
_LEAST_MEMORY: Final = 10**9
_LOOKS_LIKE: Final = str.maketrans("oil", "011")

Found = tuple[Accelerator, int | None]


class Catalogue:
    """The accelerators of the package and those of a user, under all their names."""

    __slots__ = ("_found", "_names", "_own")

    def __init__(self, own: Iterable[UserHardware] = ()) -> None:
        """The package's files and ``own``, each of which must have names of its own or say what it replaces."""
        self._own: dict[str, Accelerator] = {}
        self._names: dict[str, Spellings] = dict(built_in.names())
        self._found: dict[str, Found] = {}
        for entry in own:
            self.add(entry)

    @classmethod
    def only(cls, accelerators: Iterable[Accelerator]) -> Catalogue:
        """These accelerators and none of the package's; a name that several of them have is ambiguous."""
        found = cls()
        found._names.clear()
        for accelerator in accelerators:
            found._put(accelerator)
        return found

    def __iter__(self) -> Iterator[Accelerator]:
        """Every accelerator, sorted by name."""
        return (self[name] for name in self.canonical_names())

    def __len__(self) -> int:
        """How many accelerators there are."""
        return len(self._names)

    def __getitem__(self, name: str) -> Accelerator:
        """The accelerator of this canonical name, spelt so."""
        return self._own[name] if name in self._own else built_in.accelerator(name)

    def copy(self) -> Catalogue:
        """The same accelerators, to which more can be added without changing this one."""
        twin = Catalogue()
        twin._own, twin._names = dict(self._own), dict(self._names)
        return twin

    def is_own(self, name: str) -> bool:
        """Whether the accelerator of this canonical name is the user's."""
        return name in self._own

    def canonical_names(self) -> list[str]:
        """Every canonical name, sorted."""
        return sorted(self._names)

    def add(self, entry: UserHardware) -> Accelerator:
        """Add one of the user's own accelerators.

        A name or alias that something else has already is refused, but for those of the entry that it `replaces`.
        """
        added = entry.accelerator
        replaced = None
        if entry.replaces is not None:
            try:
                replaced = self.find(entry.replaces)[0].name
            except CalculatorError as error:
                raise InvalidHardwareError(f"{entry.origin}: key 'replaces': {error}") from error
            if replaced in self._own:
                raise InvalidHardwareError(
                    f"{entry.origin}: key 'replaces' is {entry.replaces!r}, which another file of yours describes; "
                    "change that file."
                )
        for word in (added.name, *added.aliases, *added.boards, *added.instances):
            if len(word) > _LONGEST_NAME or not comparable(word):
                raise InvalidHardwareError(
                    f"{entry.origin}: {shown(word)} cannot be found as a name; choose one with letters or digits "
                    f"and up to {_LONGEST_NAME} characters."
                )
            for owner in self._owners(word):
                if owner != replaced:
                    raise InvalidHardwareError(
                        f"{entry.origin}: {word!r} already means {owner}; choose another name, or put "
                        f"replaces = {owner!r} beside it to use yours in its place."
                    )
        if replaced is not None:
            added = _in_place_of(built_in.accelerator(replaced), added)
            del self._names[replaced]
        self._put(added)
        return added

    def read(self, path: str | PathLike[str]) -> list[Accelerator]:
        """Add all that a file or folder of the user's describes.

        Raises InvalidHardwareError, which names the file and the key, at the first fault.
        """
        from .user_files import read_user_hardware  # the readers of files, for the few programs that have some

        return [self.add(entry) for entry in read_user_hardware(path)]

    def find(self, name: str, if_ambiguous: str | None = None) -> Found:
        """The accelerator that a name means and how many the name says, if it says so.

        Raises UnknownHardwareError, or AmbiguousHardwareError when the name means several and ``if_ambiguous`` is
        none of them.
        """
        known = self._found.get(name) if isinstance(name, str) else None
        if known is not None:
            return known
        if not isinstance(name, str):
            raise InvalidHardwareError(
                f"A hardware name must be a string, not {type(name).__name__} ({shown(name)}). {_NEXT_STEP}"
            )
        readings = self.readings(name)
        if not readings:
            raise UnknownHardwareError(self._unknown(name))
        if len(readings) == 1:
            canonical, count = readings[0]
            found = self._of_size(canonical, name), count
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            self._found[name] = found
            return found
        if if_ambiguous is not None:
            wanted = self.find(if_ambiguous)[0].name
            for canonical, count in readings:
                if canonical == wanted:
                    return self._of_size(canonical, name), count
        names = ", ".join(dict.fromkeys(canonical for canonical, _ in readings))
        raise AmbiguousHardwareError(f"The hardware name {name!r} means several accelerators: {names}. Name one.")

    def has(self, name: str) -> bool:
        """Whether the name means exactly one accelerator."""
        try:
            readings = self.readings(name)
            if len(readings) == 1:
                self._of_size(readings[0][0], name)
                return True
        except UnknownHardwareError:
            pass
        return False

    def suggestions(self, name: str) -> list[str]:
        """Up to three canonical names: the nearest in spelling, counted over all names."""
        key = comparable(name[:_LONGEST_NAME])
        words = [word for spelt in self._names.values() for word in spelt]
        # a letter for the digit that looks like it is the likeliest slip
        alike = [word for word in words if word.translate(_LOOKS_LIKE) == key.translate(_LOOKS_LIKE)]
        found = [canonical for word in (*alike, *nearest(key, words, 6)) for canonical, _ in self._meanings(word)]
        return list(dict.fromkeys(found))[:3]

    def readings(self, name: str) -> list[Meaning]:
        """The canonical names that a name may mean, each with the count that the name says; none for an unknown one.

        Raises UnknownHardwareError for a name that means a part of a device.
        """
        if len(name) > _LONGEST_NAME:
            return []
        if found := self._exact(name):
            return found
        refuse_slice(name)
        for base, count in ((name, 1), *counted(name)):
            # the letter that makes a plural is no part of a name, and L40S is one without it
            for spelling in (base, base.removesuffix("s")) if count else ():
                if inner := self._exact(spelling) or self._fitted(spelling):
                    counts = base is not name
                    return [(canonical, count * (each or 1) if counts else each) for canonical, each in inner]
        return []

    def _exact(self, name: str) -> list[Meaning]:
        """What a name without a count before or after it means; a server's says how many, also as an alias."""
        server = server_of(name)
        if server is not None:
            inner = self._listed(server[0])
            if inner:
                return [(found, server[1] or each or self[found].link_domain) for found, each in inner]
        return self._listed(label(name.strip()))

    def _fitted(self, name: str) -> list[Meaning]:
        """What a name with a size at its end means, where that is memory fitted to order."""
        found = sized(name)
        if found is None:
            return []
        return [row for row in self._exact(found[0]) if self[row[0]].memory_is_maximum]

    def _listed(self, name: str) -> list[Meaning]:
        key = comparable(name)
        for spelling in dict.fromkeys((key, without_noise(key), instance_key(key))):
            if found := self._meanings(spelling):
                return found
        return []

    def _meanings(self, key: str) -> list[Meaning]:
        """What a comparable name means; a canonical name means its own accelerator alone."""
        found = [(canonical, spelt[key]) for canonical, spelt in self._names.items() if key in spelt]
        return [row for row in found if comparable(row[0]) == key] or found

    def _of_size(self, canonical: str, name: str) -> Accelerator:
        """The accelerator, with the memory that the name says where it is fitted to order."""
        found = self[canonical]
        if not found.memory_is_maximum:
            return found
        for text in (name, *(base for base, _ in counted(name))):
            given = sized(text)
            if given is not None:
                break
        else:
            return found
        size = given[1]
        if not _LEAST_MEMORY <= size <= found.memory_bytes:
            raise UnknownHardwareError(
                f"The hardware name {name!r} says {size / 1e9:g} GB of memory, and {found.name} can have up to "
                f"{found.memory_gb:g} GB at its {found.memory_bandwidth / 1e9:g} GB/s. Name a size that it can have."
            )
        return found.with_memory(size)

    def _owners(self, word: str) -> list[str]:
        try:
            return [canonical for canonical, _ in self.readings(word)]
        except UnknownHardwareError:
            # a slice, which the catalogue does not have
            return []

    def _put(self, own: Accelerator) -> None:
        self._own[own.name] = own
        self._names[own.name] = spellings(own.name, own.aliases, {**own.boards, **own.instances})
        self._found.clear()

    def _unknown(self, name: str) -> str:
        if len(name) > _LONGEST_NAME:
            return f"A hardware name has up to {_LONGEST_NAME} characters, and {name[:40]!r}... has {len(name):,}."
        found = self.suggestions(name)
        # of "8xH10O" the name alone is compared
        if not found:
            found = [close for base, _ in counted(name) for close in self.suggestions(base)][:3]
        meant = f" Did you mean {' or '.join(found)}?" if found else ""
        return (
            f"The hardware name {name!r} is not in the catalogue of {len(self)} accelerators.{meant} {_NEXT_STEP} "
            "A device that is not listed can be given as a dict with Flops, Memory_size and Memory_BW."
        )


def _in_place_of(old: Accelerator, new: Accelerator) -> Accelerator:
    """The new one under all names of the old, with the ids and prices that it does not give itself."""
    return replace(
        new,
        aliases=tuple(dict.fromkeys((*new.aliases, *old.aliases, old.name))),
        boards={**old.boards, **new.boards},
        instances={**old.instances, **new.instances},
        pci_ids=new.pci_ids or old.pci_ids,
        prices=new.prices or old.prices,
    )


# --- the catalogue in use ---------------------------------------------------------------------------------------


_path: list[str] = []  # what set_hardware_db_path was given, one at most; else the environment says


def set_hardware_db_path(path: str | PathLike[str] | None) -> None:
    """Read the user's own hardware from this file or folder, from the next question on; None: the environment's.

    Raises InvalidHardwareError, which names the file and the key, when something there cannot be used.
    """
    chosen = [] if path is None else [os.fspath(path)]
    _catalogue_of.cache_clear()
    if chosen:
        _catalogue_of(chosen[0])
    _path[:] = chosen


def current() -> Catalogue:
    """The catalogue in use: the package's, and the user's own where a path or the environment names them."""
    if _path:
        return _catalogue_of(_path[0])
    try:
        return _catalogue_of(os.environ.get(ENVIRONMENT_VARIABLE) or None)
    except InvalidHardwareError as error:
        raise InvalidHardwareError(f"{ENVIRONMENT_VARIABLE}: {error}") from error


@functools.lru_cache(maxsize=8)
def _catalogue_of(path: str | None) -> Catalogue:
    found = Catalogue()
    if path is not None:
        found.read(path)
    return found


def all_accelerators() -> tuple[Accelerator, ...]:
    """Every accelerator of the catalogue, sorted by name."""
    return tuple(current())


def accelerators_for_serving() -> tuple[Accelerator, ...]:
    """What can be rented or is priced for serving, and the user's own, sorted by name.

    Of the package's: a gpu, tpu or asic with a cloud instance type or a list price. Not a processor, a laptop's part or
    a chip that no one sells by the hour.
    """
    catalogue = current()
    return tuple(
        accelerator
        for accelerator in catalogue
        if catalogue.is_own(accelerator.name)
        or (accelerator.type != "cpu" and (accelerator.instances or accelerator.prices))
    )


def get_accelerator(name: str, if_ambiguous: str | None = None) -> Accelerator:
    """The accelerator of this name, alias or instance type.

    Case does not count, nor do blanks and ``- _ . / ( )``, nor makers' names. A count in the name ("8xH100") is left
    aside: see ``find_devices``. A name that several share raises AmbiguousHardwareError, unless ``if_ambiguous`` names
    one of them; an unknown one raises UnknownHardwareError.
    """
    return current().find(name, if_ambiguous)[0]


def find_devices(name: str, if_ambiguous: str | None = None) -> tuple[Accelerator, int | None]:
    """The accelerator that a name means, and how many of them where the name says so.

    Counts stand in cloud instance types (``p5.48xlarge``), before or after a name (``8xH100``, ``H100 x8``,
    ``H100:8``) and in servers (``DGX H100``). Raises as ``get_accelerator`` does.
    """
    return current().find(name, if_ambiguous)


def find_accelerator(value: str | Mapping[str, object] | Accelerator) -> Accelerator:
    """The one door for a ``hardware`` argument: a name, a dict in the original's keys, or an Accelerator."""
    if isinstance(value, Accelerator):
        return value
    if isinstance(value, str):
        return get_accelerator(value)
    if isinstance(value, Mapping):
        # an entry of the catalogue handed back unchanged is that entry, with all that the dict cannot say
        name = value.get("name")
        catalogue = current()
        listed = catalogue.find(name)[0] if isinstance(name, str) and catalogue.has(name) else None
        return listed if listed is not None and listed.to_config() == dict(value) else accelerator_from_config(value)
    raise InvalidHardwareError(
        f"Hardware must be a name, a dict with Flops, Memory_size and Memory_BW, or an Accelerator, not "
        f"{type(value).__name__} ({shown(value)}). {_NEXT_STEP}"
    )
