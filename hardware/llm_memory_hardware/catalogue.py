"""The catalogue: accelerators found by name, alias, instance type or the way people type them, with the user's own.

A newcomer is one file in ``accelerators/`` and a run of ``write_catalogue``; no code changes.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Final

from . import built_in
from .accelerator import Accelerator, accelerator_from_config
from .errors import AmbiguousHardwareError, CalculatorError, InvalidHardwareError, UnknownHardwareError, kind_of, shown
from .names import (
    LONGEST_NAME,
    Meaning,
    Spellings,
    comparable,
    counted,
    counted_between,
    in_each,
    instance_key,
    joined,
    label,
    makers_in,
    refuse_share,
    says_modules,
    says_size,
    server_of,
    singular,
    spellings,
    unwrapped,
)
from .wording import words

if TYPE_CHECKING:
    from .reading import Kind, Reader, Reading
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
    "kind_said",
    "memory_said",
    "set_hardware_db_path",
]

ENVIRONMENT_VARIABLE: Final = "LLM_MEMORY_CALCULATOR_HARDWARE"
"""Names a file or folder of the user's own hardware; `set_hardware_db_path` comes before it."""

_MOST_REMEMBERED: Final = 4096
_MOST_OF_A_KIND: Final = 6

Found = tuple[Accelerator, int | None]


class Catalogue:
    """The accelerators of the package and those of a user, under all their names."""

    __slots__ = ("_found", "_names", "_own", "_reader")

    def __init__(self, own: Iterable[UserHardware] = ()) -> None:
        """The package's files and ``own``, each of which must have names of its own or say what it replaces."""
        self._own: dict[str, Accelerator] = {}
        self._names: dict[str, Spellings] = dict(built_in.names())
        self._found: dict[str, Found] = {}
        self._reader: Reader | None = None
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
            if len(word) > LONGEST_NAME or not comparable(word):
                raise InvalidHardwareError(
                    f"{entry.origin}: {shown(word)} cannot be found as a name; choose one with letters or digits "
                    f"and up to {LONGEST_NAME} characters."
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

    def find(self, name: str, if_ambiguous: str | None = None, *, memory_alone: bool = False) -> Found:
        """The accelerator that a name means and how many the name says, if it says so.

        A name that is no entry's to the letter is read as a set of words; what of it was not taken to the letter is
        said in the ``reading`` of the accelerator. Where several remain, ``if_ambiguous`` may name one of them; else
        the least is taken if they do not differ in what is asked: with ``memory_alone`` in their memory, without it in
        anything that a report reads. Raises UnknownHardwareError, or AmbiguousHardwareError when they differ.
        """
        known = self._found.get(name) if isinstance(name, str) else None
        if known is not None:
            return known
        if not isinstance(name, str):
            raise InvalidHardwareError(
                f"A hardware name must be text, and is {kind_of(name)} ({shown(name)}). {words().list_hardware}"
            )
        rows = self._literal(name)
        if len(rows) == 1:
            canonical, count = rows[0]
            instance = self._instance(canonical, name)
            found = self[canonical] if instance is None else self[canonical].in_instance(instance)
            return self._remembered(name, (found, count))
        readings = self.readings(name)
        if not readings:
            raise UnknownHardwareError(self._unknown(name))
        if len(readings) == 1 and not readings[0].partly:
            return self._remembered(name, self._meant(readings[0]))
        if if_ambiguous is not None:
            wanted = self.find(if_ambiguous)[0].name
            for reading in readings:
                if reading.name == wanted:
                    return self._meant(reading)
        return self._least(name, readings, memory_alone=memory_alone)

    def has(self, name: str) -> bool:
        """Whether the name means exactly one accelerator."""
        try:
            self.find(name)
        except CalculatorError:
            return False
        return True

    def suggestions(self, name: str) -> list[str]:
        """Up to three canonical names: those whose words are most like the name's, best first."""
        return self._words().suggestions(name[:LONGEST_NAME])

    def readings(self, name: str) -> list[Reading]:
        """What a name may mean; empty for an unknown one.

        Raises UnknownHardwareError for a name that means a part of a device.
        """
        from .reading import Reading  # the slow way, of names that are no entry's to the letter

        if len(name) > LONGEST_NAME:
            return []
        if found := self._literal(name):
            return [Reading(*row, instance=self._instance(row[0], name)) for row in found]
        if not self._exact(name):
            refuse_share(name)
        name = unwrapped(name)
        bases = _bases(name)
        for read in (self._spelt, self._read):
            for base, count in bases:
                inner = read(base, count)
                if inner and base is name:
                    return inner
                # a count before a size of modules counts no processors, and that of processors does not say whether
                # the modules are all of theirs
                inner = [one for one in inner if not (says_modules(name) and self[one.name].takes_modules)]
                if inner:
                    return [replace(one, count=count * (one.count or 1)) for one in inner]
        if nodes := self._of_nodes(name, bases[1:]):
            return nodes
        parts = joined(name)
        each = [self.readings(part) for part in parts] if len(parts) > 1 else []
        if each and all(inner == each[0] for inner in each):
            return [replace(one, count=len(parts) * (one.count or 1)) for one in each[0]]
        # "H100s": how many is said elsewhere; an "l4s" may be an L40S
        many = re.search(r"\d{3}s$", name) is not None
        return self.readings(name.removesuffix("s")) if many else []

    def _of_nodes(self, name: str, bases: Sequence[tuple[str, int]]) -> list[Reading]:
        """The readings of so many times so many: ``2 nodes of 8xH100``, ``2x 8xH100``."""
        for base, count in bases if not says_modules(name) else ():
            each = in_each(base)
            inner = self.readings(each) if each is not None and name.endswith(base) else []
            if inner and all(one.count is not None and one.count > 1 for one in inner):
                return [replace(one, count=count * (one.count or 1)) for one in inner]
        return []

    def memory_said(self, name: str) -> tuple[float, int | None] | None:
        """The GB that are all that a name says of a device ("a 24GB card", "2x24GB"), and of how many; else None."""
        if len(name) > LONGEST_NAME or not says_size(name) or self.readings(name):
            return None
        kind, count = self._kind(name)
        if kind is None or kind.memory_gb is None or kind.makers or kind.processor:
            return None
        return kind.memory_gb, count

    def kind_said(self, name: str) -> Kind | None:
        """What a name says where none of its words names a part."""
        return None if len(name) > LONGEST_NAME else self._words().kind(name)

    def _kind(self, name: str) -> tuple[Kind | None, int | None]:
        """The kind that a name says where it names no part, and of how many."""
        for base, count in _bases(name):
            if (kind := self._words().kind(base)) is not None:
                return kind, None if base is name else count
        return None, None

    def _spelt(self, name: str, devices: int = 1) -> list[Reading]:
        """The readings of a name as the catalogue has it; the letter that makes a plural of many is no part of it."""
        from .reading import Reading

        rows = self._literal(name) or (self._literal(singular(name)) if devices > 1 else [])
        return [Reading(*row, instance=self._instance(row[0], name)) for row in rows]

    def _read(self, name: str, devices: int = 1) -> list[Reading]:
        """The readings of a name as a set of words, of so many ``devices``."""
        server = server_of(name)
        if server is not None:
            base, count = counted_between(server[0]) or server
            inner = self._words().read(base, server=True)
            if any((one.count or 1) > 1 for one in inner):
                return [replace(one, count=count or one.count) for one in inner]
        return self._words().read(name, devices=devices)

    def _words(self) -> Reader:
        if self._reader is None:
            from .reading import Reader

            self._reader = Reader(self)
        return self._reader

    def _literal(self, name: str) -> list[Meaning]:
        """What a name means to the letter; nothing where it says a size of memory that is fitted to order."""
        if len(name) > LONGEST_NAME:
            return []
        found = self._exact(name)
        fitted = any(self[canonical].memory_is_maximum for canonical, _ in found)
        return [] if fitted and says_size(name) else found

    def _exact(self, name: str) -> list[Meaning]:
        """What a name without a count before or after it means; a server's says how many, also as an alias."""
        server = server_of(name)
        if server is not None:
            inner = self._listed(server[0])
            if inner:
                return [(found, server[1] or each or self[found].link_domain) for found, each in inner]
        return self._listed(label(name.strip()))

    def _listed(self, name: str) -> list[Meaning]:
        key, makers = comparable(name), makers_in(name)
        for spelling in dict.fromkeys((key, instance_key(key))):
            if found := self._meanings(spelling):
                return [row for row in found if not makers or self._is_made_by(row[0], makers)]
        return []

    def _meanings(self, key: str) -> list[Meaning]:
        """What a comparable name means; a canonical name means its own accelerator alone."""
        found = [(canonical, spelt[key]) for canonical, spelt in self._names.items() if key in spelt]
        return [row for row in found if comparable(row[0]) == key] or found

    def _instance(self, canonical: str, name: str) -> str | None:
        """The instance type that a name is, where it has memory of its own; None where it is none."""
        key = instance_key(comparable(name))
        types = self[canonical].instance_memory
        return next((instance for instance in types if instance_key(comparable(instance)) == key), None)

    def _is_made_by(self, canonical: str, makers: frozenset[str]) -> bool:
        # a user's own may be called after the maker of its chip
        return canonical in self._own or makers == {self[canonical].manufacturer}

    def _remembered(self, name: str, found: Found) -> Found:
        if len(self._found) >= _MOST_REMEMBERED:
            self._found.clear()
        self._found[name] = found
        return found

    def _meant(self, reading: Reading) -> Found:
        """The accelerator of a reading, with the memory that the name says and what is to be said of the name."""
        found = self[reading.name]
        if reading.instance is not None:
            found = found.in_instance(reading.instance)
        if reading.gpu_cores is not None:
            found = found.with_gpu_cores(reading.gpu_cores)
        if reading.memory_bytes is not None:
            found = found.with_memory(reading.memory_bytes)
        if reading.note is not None:
            found = replace(found, reading=f"{reading.note}, and {found.name} was taken.")
        return found, reading.count

    def _least(self, name: str, readings: Sequence[Reading], *, memory_alone: bool) -> Found:
        """The least of several that a name means, where they do not differ in what is asked."""
        from .reading import difference

        meant = [self._meant(reading) for reading in readings]
        entries, counts = [entry for entry, _ in meant], [count for _, count in meant]
        listed = difference(entries, counts)
        if any(reading.partly for reading in readings):
            others = "" if len(entries) > 1 else " and others that the catalogue does not have"
            raise AmbiguousHardwareError(
                f"The hardware name {name!r} lists several accelerators: {listed}{others}. Name one."
            )
        if len(set(counts)) > 1 or len({_asked(entry, memory_alone=memory_alone) for entry in entries}) > 1:
            raise AmbiguousHardwareError(
                f"The hardware name {name!r} means several accelerators: {listed}. Name one.",
                name=name,
                meant=tuple(map(_own_name, readings)) if all(map(_own_name, readings)) else (),
            )
        least = min(entries, key=_size)
        text = (
            f"The name {name!r} means {listed}, which hold the same memory: {least.name}, the least of them, was taken."
        )
        return replace(least, reading=text), counts[0]

    def _owners(self, word: str) -> list[str]:
        """Whose name a word is to the letter, but for a count before or after it or a size that is fitted to order."""
        bases = (word, *(base for base, _ in counted(word)))
        found = [reading.name for base in bases for reading in self._spelt(base)]
        if not found and says_size(word):
            found = [reading.name for base in bases for reading in self._read(base) if reading.memory_bytes is not None]
        return found

    def _put(self, own: Accelerator) -> None:
        self._own[own.name] = own
        self._names[own.name] = spellings(own.name, own.aliases, {**own.boards, **own.instances})
        self._found.clear()
        self._reader = None

    def _unknown(self, name: str) -> str:
        if len(name) > LONGEST_NAME:
            return f"A hardware name has up to {LONGEST_NAME} characters, and {name[:40]!r}... has {len(name):,}."
        name = unwrapped(name)
        parts = joined(name)
        if len(parts) > 1 and all(self.readings(part) for part in parts):
            return (
                f"The hardware name {name!r} means several devices that are not alike: {' and '.join(parts)}; ask of "
                f"each at a time, or of {len(parts)} of the smaller one: devices that share a model are counted as "
                f"alike. {words().list_hardware}"
            )
        kind, _ = self._kind(name)
        if kind is not None:
            taken = sorted((one for one in self if kind.takes(one)), key=_least_known)
            few = ", ".join(one.name for one in taken[:_MOST_OF_A_KIND])
            more = f" and {len(taken) - _MOST_OF_A_KIND} more" if len(taken) > _MOST_OF_A_KIND else ""
            such = f"; such are {few}{more}" if taken else ""
            return f"The hardware name {name!r} names no part{such}: name one. {words().list_hardware}"
        kits = [one for base, _ in _bases(name)[1:] if says_modules(base) for one in self._read(base)]
        if kits:
            return (
                f"The hardware name {name!r} does not say whether the modules are those of one {kits[0].name} or of "
                f"all together; say the memory of one, as in '2x {kits[0].name} 384GB'. {words().list_hardware}"
            )
        # of "8xH10O" the name alone is compared
        bases = [base for base, _ in reversed(_bases(name))]
        why = next(((base, why) for base in bases if (why := self._words().contradiction(base))), None)
        near = [why[0]] if why is not None else bases
        found = next((close for base in near if (close := self.suggestions(base))), [])
        meant = f" Did you mean {' or '.join(found)}?" if found else ""
        return (
            f"The hardware name {name!r} is not in the catalogue of {len(self)} accelerators"
            f"{'.' if why is None else f': {why[1]}'}{meant} {words().list_hardware} "
            f"A device that is not listed can be given as {words().custom_hardware}."
        )


def _least_known(entry: Accelerator) -> tuple[bool, float]:
    """Those that are rented first, of these the fastest."""
    return not (entry.prices or entry.instances), -entry.memory_bandwidth


def _own_name(reading: Reading) -> str:
    """The name that has this reading alone; empty where it says memory or cores beside a canonical one."""
    if reading.memory_bytes is not None or reading.gpu_cores is not None or reading.instance is not None:
        return ""
    return reading.name if reading.count is None else f"{reading.count}x {reading.name}"


def _bases(name: str) -> list[tuple[str, int]]:
    """The name, and what is left of it without a count that may stand in it."""
    found = [(base, count) for base, count in counted(name) if count]
    between = None if server_of(name) is not None else counted_between(name)
    return [(name, 1), *found, *([between] if between is not None and between[1] else [])]


def _asked(entry: Accelerator, *, memory_alone: bool) -> tuple[object, ...]:
    """What a report reads of an accelerator, in a form that tells whether two differ in it."""
    memory = (entry.memory_bytes, entry.memory_is_maximum, entry.runtime_devices)
    if memory_alone:
        return memory
    rates = (entry.memory_bandwidth, entry.cache_bytes, tuple(entry.peak_flops.items()))
    return (*memory, entry.usable_memory_bytes, *rates, entry.link, entry.host_link, entry.network, entry.link_domain)


def _size(entry: Accelerator) -> tuple[float, ...]:
    return (entry.usable_memory_bytes, entry.memory_bandwidth, sum(entry.peak_flops.values()), entry.link_domain)


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


def get_accelerator(name: str, if_ambiguous: str | None = None, *, memory_alone: bool = False) -> Accelerator:
    """The accelerator of this name, alias or instance type, or the one that its words mean.

    Case does not count, nor does the order of words, nor brackets and ``- _ . /``, nor makers' names, the memory, the
    form and the cores where they agree. A count in the name ("8xH100") is left aside: see ``find_devices``. A name that
    several share raises AmbiguousHardwareError, unless ``if_ambiguous`` names one of them, or ``memory_alone`` is asked
    and they hold the same; an unknown one raises UnknownHardwareError.
    """
    return current().find(name, if_ambiguous, memory_alone=memory_alone)[0]


def find_devices(
    name: str, if_ambiguous: str | None = None, *, memory_alone: bool = False
) -> tuple[Accelerator, int | None]:
    """The accelerator that a name means, and how many of them where the name says so.

    Counts stand in cloud instance types (``p5.48xlarge``), before or after a name (``8xH100``, ``H100 x8``,
    ``H100:8``) and in servers (``DGX H100``). Raises as ``get_accelerator`` does.
    """
    return current().find(name, if_ambiguous, memory_alone=memory_alone)


def memory_said(name: str) -> tuple[float, int | None] | None:
    """The GB that are all that a name says of a device ("a 24GB card", "2x24GB"), and of how many; None for any other.

    Raises UnknownHardwareError for the name of a part of a device.
    """
    return current().memory_said(name)


def kind_said(name: str) -> Kind | None:
    """What a name says that names no part (a maker, a size of memory, that it is a processor); None for any other."""
    return current().kind_said(name)


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
        f"Hardware must be one name or {words().custom_hardware}, and is "
        f"{kind_of(value)} ({shown(value)}). {words().list_hardware}"
    )
