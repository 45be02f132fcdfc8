"""Typed reads of a model's config: each missing or wrong field is an error that names it, each default a note."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import ConfigError, shown
from .report import Note

_ABSENT: Any = object()
# What transformers saves under another name than a family's published configs have.
_SAME_FIELD = (
    frozenset({"num_experts", "num_local_experts", "n_routed_experts"}),
    frozenset({"num_shared_experts", "n_shared_experts"}),
)
LARGEST_SIZE = 10**8
DEEPEST_STACK = 1_000
"""The most layers, and the most entries of a list that has one for each."""


class Sections:
    """Which objects inside a config its family asked for: those it opened, by identity, and those that are absent."""

    __slots__ = ("absent", "opened")

    def __init__(self) -> None:
        self.opened: set[int] = set()
        self.absent: set[str] = set()


class Config:
    """One object of a config.json.

    Where a family knows a field under several names, the first one present is read. A field that is null counts as
    absent. Defaults are those of the family's configuration class in transformers, which is what a missing field means.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        where: str = "",
        notes: list[Note] | None = None,
        sections: Sections | None = None,
    ) -> None:
        self.values = values
        self.where = where
        self.notes: list[Note] = [] if notes is None else notes
        self.sections = Sections() if sections is None else sections

    @property
    def model_type(self) -> str:
        """The family, as it is shown; a diffusion model's config names a class instead."""
        return str(self.text("model_type", "_class_name")) if self.has("model_type", "_class_name") else "unknown"

    def has(self, *names: str) -> bool:
        return any(self.values.get(name) is not None for name in _all_names(names))

    def integer(self, *names: str, default: int | None = _ABSENT, least: int = 1, most: int = LARGEST_SIZE) -> int:
        """A whole number between `least` and `most`."""
        name, value = self._read(names, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigError(f"{self._called(name)} must be a whole number, and is {shown(value)}.")
        if not least <= value <= most:
            raise ConfigError(f"{self._called(name)} must be between {least:,} and {most:,}, and is {shown(value)}.")
        return value

    def optional_integer(self, *names: str, least: int = 1, most: int = LARGEST_SIZE) -> int | None:
        """A whole number, or None where the config has none."""
        return self.integer(*names, least=least, most=most) if self.has(*names) else None

    def real(self, *names: str, default: float = _ABSENT, most: float = 1e6) -> float:
        """A number above 0 and up to `most`."""
        name, value = self._read(names, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most:
            raise ConfigError(
                f"{self._called(name)} must be a number above 0 and up to {most:g}, and is {shown(value)}."
            )
        return float(value)

    def boolean(self, *names: str, default: bool = _ABSENT) -> bool:
        name, value = self._read(names, default)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._called(name)} must be true or false, and is {shown(value)}.")
        return value

    def text(self, *names: str, default: str = _ABSENT) -> str:
        name, value = self._read(names, default)
        if not isinstance(value, str):
            raise ConfigError(f"{self._called(name)} must be a string, and is {shown(value)}.")
        return value

    def section(self, name: str, *, default: Mapping[str, Any] = _ABSENT) -> Config:
        """The nested object `name`, such as text_config."""
        _, value = self._read((name,), default)
        if not isinstance(value, Mapping):
            raise ConfigError(f"{self._called(name)} must be an object, and is {shown(value)}.")
        if self.has(name):
            self.sections.opened.add(id(value))
        else:
            self.sections.absent.add(f"{self.where}{name}")
        return Config(value, where=f"{self.where}{name}.", notes=self.notes, sections=self.sections)

    def completed(self, defaults: Mapping[str, Any]) -> Config:
        """The same with `defaults` for the fields that are absent."""
        missing = {name: value for name, value in defaults.items() if not self.has(name)}
        for name, value in missing.items():
            self.note(name, f"Absent; the family's default {value!r} was taken.", "default")
        return self.stating(**missing)

    def stating(self, **values: Any) -> Config:
        """The same config with these fields, whatever it says of them itself."""
        return Config({**self.values, **values}, where=self.where, notes=self.notes, sections=self.sections)

    def integers(
        self, name: str, *, default: Sequence[int] = _ABSENT, least: int = 0, most: int = LARGEST_SIZE
    ) -> tuple[int, ...]:
        """A list of whole numbers between `least` and `most`."""
        _, value = self._read((name,), default)
        if not _is_short_list(value) or any(
            isinstance(entry, bool) or not isinstance(entry, int) or not least <= entry <= most for entry in value
        ):
            raise ConfigError(
                f"{self._called(name)} must be a list of up to {DEEPEST_STACK:,} whole numbers between {least:,} and "
                f"{most:,}, and is {shown(value)}."
            )
        return tuple(value)

    def reals(self, name: str, *, default: Sequence[float] = _ABSENT, most: float = 1e6) -> tuple[float, ...]:
        """A list of numbers above 0 and up to `most`."""
        _, value = self._read((name,), default)
        if not _is_short_list(value) or any(
            isinstance(entry, bool) or not isinstance(entry, (int, float)) or not 0 < entry <= most for entry in value
        ):
            raise ConfigError(
                f"{self._called(name)} must be a list of up to {DEEPEST_STACK:,} numbers above 0 and up to {most:g}, "
                f"and is {shown(value)}."
            )
        return tuple(map(float, value))

    def names(self, name: str, accepted: Sequence[str], length: int) -> tuple[str, ...]:
        """A list of `length` words, each one of `accepted`."""
        _, value = self._read((name,), _ABSENT)
        if isinstance(value, str) or not isinstance(value, Sequence) or any(entry not in accepted for entry in value):
            raise ConfigError(
                f"{self._called(name)} must be a list of {' or '.join(map(repr, accepted))}, and is {shown(value)}."
            )
        self.check_length(name, value, length)
        return tuple(value)

    def check_length(self, name: str, entries: Sequence[object], layers: int) -> None:
        """Raise ConfigError when a list that has an entry a layer has another number of them."""
        if len(entries) != layers:
            raise ConfigError(
                f"{self._called(name)} has {len(entries)} entries, but num_hidden_layers says there are {layers} "
                "layers."
            )

    def renamed(self, **names: str) -> Config:
        """The same config with what stands under a family's own names also under the usual ones, where these lack."""
        found = {usual: self.values[own] for usual, own in names.items() if self.has(own) and not self.has(usual)}
        return self.stating(**found)

    def filled(self, **defaults: Any) -> Config:
        """The same config with a family's defaults for the fields that it lacks (a null stays one)."""
        missing = {
            name: value
            for name, value in defaults.items()
            if not any(known in self.values for known in _all_names((name,)))
        }
        for name, value in missing.items():
            self.note(name, f"Absent; the family's default {value!r} was taken.", "default")
        return self.stating(**missing)

    def note(self, subject: str, text: str, origin: Any = "assumption") -> None:
        self.notes.append(Note(subject=self.where + subject, text=text, origin=origin))

    def _called(self, name: str) -> str:
        return f"The config's {self.where}{name}"

    def _read(self, names: Sequence[str], default: Any) -> tuple[str, Any]:
        for name in _all_names(names):
            value = self.values.get(name)
            if value is not None:
                if isinstance(value, float) and not math.isfinite(value):
                    raise ConfigError(f"{self._called(name)} must be a finite number, and is {value}.")
                return name, value
        if default is _ABSENT:
            known = self.values.get("model_type")
            family = f", which a {known} model needs" if isinstance(known, str) else ""
            others = f" (also accepted: {', '.join(names[1:])})" if len(names) > 1 else ""
            raise ConfigError(
                f"The config has no {self.where}{names[0]}{family}{others}; give the model's whole config.json."
            )
        self.note(names[0], f"Absent; the family's default {default!r} was taken.", "default")
        return names[0], default


def _is_short_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) <= DEEPEST_STACK


def _all_names(names: Sequence[str]) -> Sequence[str]:
    """The names, and behind them those under which the same field may stand."""
    others = [same for known in _SAME_FIELD if known.intersection(names) for same in sorted(known.difference(names))]
    return (*names, *others) if others else names
