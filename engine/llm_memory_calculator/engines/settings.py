"""Settings by the names that an engine gives them: what a caller set, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import argument_meant, flag, real, text, whole, yes_or_no
from ..errors import ArgumentError, did_you_mean

Value = int | float | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of an engine, as its table in data/engines declares it."""

    kind: str
    """whole, real, flag, text or tokens."""
    meaning: str
    flag: str = ""
    """How its command line spells it, or a variable of the environment in capitals; empty where it has none."""
    off: bool = False
    """Whether the flag has a twin that begins with --no-."""
    since: str = ""
    """The release that brought it; empty: it was always there."""
    until: str = ""
    """The first release that has it no more."""
    aliases: tuple[str, ...] = ()
    least: int = 1
    above: float = 0.0
    most: float = 1e9
    states: str = ""
    """The argument of a question that it says too; empty: none."""
    words: tuple[str, ...] = ()
    """All that is accepted of a text, where these are all."""

    def check(self, name: str, value: Any) -> Value:
        """The value in Python's own type. Raises ArgumentError."""
        match self.kind:
            case "whole":
                return whole(name, value, least=self.least, most=int(self.most), unit="setting")
            case "real":
                return real(name, value, above=self.above, most=self.most)
            case "flag":
                return flag(name, value)
        if {"on", "off"} <= set(self.words) and (said := yes_or_no(value)) is not None:
            return "on" if said else "off"
        word = text(name, value, self.words)
        if self.words and word not in self.words:
            near = did_you_mean(word, self.words)
            raise ArgumentError(f"{name} {word!r} is not known.{near} Accepted: {', '.join(self.words)}.")
        return word


def declared(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Setting]:
    """The settings of an engine's table."""
    found = {}
    for name, facts in table.items():
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()
        }
        found[name] = Setting(**fields)
    return found


def settled(
    engine: str, settings: Mapping[str, Setting], given: Mapping[str, Any], whose: Callable[[str], Sequence[str]]
) -> dict[str, Value]:
    """What was given by the engine's own names, whichever spelling it was given by (--max-num-seqs, ngl).

    whose: the engines that have a setting. Raises ArgumentError for one that the engine has not, with those that have
    it, or the nearest that it has.
    """
    spellings = {
        plain_word(word): name
        for name, setting in settings.items()
        for word in (name, setting.flag, *setting.aliases)
        if word
    }
    found: dict[str, Value] = {}
    for word, value in given.items():
        name = spellings.get(plain_word(word))
        if name is None:
            meant = argument_meant(str(word))
            near = f" It is the argument {meant}." if meant else did_you_mean(word, tuple(settings))
            others = whose(str(word))
            if others:
                near = f" It is one of {', '.join(others)}: name that as engine."
            raise ArgumentError(f"{engine} has no setting {word!r}.{near} Accepted: {', '.join(settings)}.")
        if name in found:
            raise ArgumentError(f"engine_settings gives {name} twice; give it once.")
        if value is not None:
            found[name] = settings[name].check(name, value)
    return found


def plain_word(word: str) -> str:
    """A setting's name, whichever way it is spelled (--max-num-seqs)."""
    return str(word).strip().lstrip("-").replace("-", "_").lower()
