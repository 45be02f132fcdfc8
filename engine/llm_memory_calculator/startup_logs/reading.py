"""What is gathered while a log is read, and the rules that gather it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from .log import Count, Outcome, Setting, StartupLog, Term, TokensMeaning
from .text import LogText

NUMBER = r"-?\d{1,15}(?:\.\d{1,9})?"
COUNT = r"\d{1,15}(?:,\d{3}){0,6}"
# PyTorch's and these engines' GB and MB are powers of two; the one that is not says so where it is read
UNITS = {
    "B": 1,
    "bytes": 1,
    "KB": 2**10,
    "KiB": 2**10,
    "MB": 2**20,
    "MiB": 2**20,
    "GB": 2**30,
    "GiB": 2**30,
    "TiB": 2**40,
}
UNIT = r"(?P<unit>B|bytes|KB|KiB|MB|MiB|GB|GiB|TiB)\b"

# of a cache, of graphs and of what is outside of PyTorch a log may say less than nothing
_NEVER_BELOW_ZERO = frozenset({"total", "free", "budget", "weights", "consumed", "activation"})
_COUNTS = {
    "kv_tokens",
    "gpu_blocks",
    "cpu_blocks",
    "block_size",
    "max_concurrency",
    "at_length",
    "mamba_slots",
    "max_running_requests",
    "layers_offloaded",
    "layers",
}
_SETTING = "set_"
# a log without its line breaks has some lines of a kind in a piece
_MOST_IN_A_PIECE = 32

Stage = Literal["own", "loading", "draft", "nearly_ready", "ready"]
"""own: a line that is this engine's without a doubt. loading: it has begun to load weights. draft: what follows is of a
draft model. nearly_ready: the last step but one is done, and some logs end there. ready: it serves."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a line says, and who says it."""

    match: re.Match[str]
    device: str
    line: str


@dataclass(slots=True, kw_only=True)
class Reading:
    """A log as far as it is read."""

    engine: str
    version: str | None = None
    model: str | None = None
    card: str | None = None
    starts: int = 1
    settings: dict[str, Setting] = field(default_factory=dict)
    terms: dict[tuple[str, str], list[Term]] = field(default_factory=dict)
    """By name and device."""
    counts: dict[tuple[str, str, float], Count] = field(default_factory=dict)
    kv_tokens_meaning: TokensMeaning | None = None
    reached: set[Stage] = field(default_factory=set)
    marks: dict[str, float] = field(default_factory=dict)
    """What the rules of an engine remember from line to line."""
    failed: Outcome | None = None
    message: str | None = None
    failure: Mapping[str, float] = field(default_factory=dict)

    def named(self, name: str, device: str) -> list[Term]:
        return self.terms.get((name, device), [])

    def knows(self, *names: str) -> bool:
        """Whether a term of one of these names is known, on any device."""
        return any(name in names for name, _ in self.terms)

    def add(self, name: str, value_bytes: float, said: Said) -> None:
        """A term beside those of its name."""
        term = Term(name=self._whose(name), device=said.device, value_bytes=value_bytes, line=said.line)
        self.terms.setdefault((term.name, term.device), []).append(term)

    def keep_first(self, name: str, value_bytes: float, said: Said) -> None:
        """A term that engines print more than once, the first time to the most digits."""
        if not self.named(self._whose(name), said.device):
            self.add(name, value_bytes, said)

    def keep_last(self, name: str, value_bytes: float, said: Said) -> None:
        """A term that is printed anew when it has changed."""
        self.terms.pop((self._whose(name), said.device), None)
        self.add(name, value_bytes, said)

    def rename(self, new_names: Mapping[str, str | None]) -> None:
        """Call terms otherwise; None drops them."""
        renamed: dict[tuple[str, str], list[Term]] = {}
        for (name, device), terms in self.terms.items():
            new_name = new_names.get(name, name)
            if new_name is not None:
                renamed[new_name, device] = [replace(term, name=new_name) for term in terms]
        self.terms = renamed

    def _whose(self, name: str) -> str:
        if "draft" not in self.reached:
            return name
        return f"host_draft_{name.removeprefix('host_')}" if name.startswith("host_") else f"draft_{name}"

    def count(self, name: str, value: float, said: Said) -> None:
        """A count; ranks often print the same one each."""
        key = (name, said.device, value)
        self.counts.setdefault(key, Count(name=name, device=said.device, value=value, line=said.line))

    def counted(self, name: str) -> list[float]:
        """All values of a count."""
        return [value for known, _, value in self.counts if known == name]

    def fail(self, outcome: Outcome, said: Said, facts: Mapping[str, float]) -> None:
        """A failure: the first is the cause of those that follow, unless it says nothing of memory."""
        if self.failed in (None, "unknown"):
            self.failed, self.message, self.failure = outcome, said.line, facts

    def log(self) -> StartupLog:
        # what was tried first and failed (buffers for a pipeline, say) did not keep it from serving
        started = "ready" in self.reached or ("nearly_ready" in self.reached and self.failed is None)
        return StartupLog(
            engine=self.engine,
            version=self.version,
            model=self.model,
            card=self.card,
            starts=self.starts,
            settings=self.settings,
            terms=tuple(term for terms in self.terms.values() for term in terms),
            counts=tuple(self.counts.values()),
            kv_tokens_meaning=self.kv_tokens_meaning,
            outcome="started" if started else self.failed or "unknown",
            message=None if started else self.message,
            failure={} if started else self.failure,
        )

    @property
    def facts(self) -> int:
        """How much of the text was understood. (That a device is full, any program may say.)"""
        failed = self.failed in ("free", "no_blocks", "length", "states")
        return len(self.terms) + len(self.counts) + len(self.settings) + failed + ("own" in self.reached)


Take = Callable[[Reading, Said], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line of an engine: a word that finds it and a pattern whose groups name what it says.

    A group with the name of a count is one, set_NAME is a setting, any other is a term in `unit` (or in the unit that a
    group of that name has); _NAME is for `take` alone. Where the line is a failure, they are the facts of it.
    """

    word: str
    pattern: re.Pattern[str]
    unit: str
    again: Literal["first", "last"]
    """Which of two lines of a name and device counts."""
    begins: int | None
    """How far a start is at this line: 0 arguments, 1 the engine begins, 2 weights, 3 cache."""
    reaches: Stage | None
    outcome: Outcome | None
    take: Take | None
    """What the line means beside its groups."""

    def matches(self, text: LogText, index: int) -> list[re.Match[str]]:
        piece = text.piece(index)
        found = list(islice(self.pattern.finditer(piece), _MOST_IN_A_PIECE))
        if not found:
            wrapped = (self.pattern.search(joined) for joined in text.joined(index) if joined != piece)
            found = [match for match in wrapped if match is not None][:1]
        return found


def rule(
    word: str,
    pattern: str = "",
    *,
    unit: str = "GiB",
    again: Literal["first", "last"] = "first",
    begins: int | None = None,
    reaches: Stage | None = None,
    outcome: Outcome | None = None,
    take: Take | None = None,
) -> Rule:
    """A rule; without a pattern the word is all there is to find, once in a line."""
    return Rule(
        word=word,
        pattern=re.compile(pattern or rf"\A(?s:.*?){re.escape(word)}", re.ASCII),
        unit=unit,
        again=again,
        begins=begins,
        reaches=reaches,
        outcome=outcome,
        take=take,
    )


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that a piece of the text satisfies."""

    index: int
    rule: Rule
    said: tuple[Said, ...]

    @property
    def device(self) -> str:
        return self.said[0].device


def hits(text: LogText, rules: Sequence[Rule], speaker: Callable[[str], str] | None = None) -> list[Hit]:
    """All that the rules find, in the order of the text. `speaker`: the rank that a line names as its own."""
    # words first, over the whole text: most of a log is about other things
    places = sorted((index, order) for order, one in enumerate(rules) for index, _ in text.positions(one.word))
    found: list[Hit] = []
    for index, order in places:
        matches = rules[order].matches(text, index)
        if matches:
            device = speaker(text.piece(index)) if speaker else ""
            line = text.line(index)
            found.append(Hit(index, rules[order], tuple(Said(match, device, line) for match in matches)))
    return found


def starts(found: Sequence[Hit]) -> list[int]:
    """The pieces at which a start begins: arguments after anything later, an engine that begins twice, weights after
    the cache of the same rank."""
    begins: list[int] = []
    reached: dict[str, int] = {}
    for hit in found:
        step, before = hit.rule.begins, reached.get(hit.device, -1)
        if step is None:
            continue
        again = (step == 0 and max(reached.values(), default=0) > 0) or (step == 1 <= before) or (step == 2 < before)
        if again or not begins:
            begins.append(hit.index)
            reached = {}
        reached[hit.device] = max(step, reached.get(hit.device, -1))
    return begins


def read(reading: Reading, found: Sequence[Hit], begins: Sequence[int]) -> None:
    """What stands before the first start (devices, versions) and in the last one."""
    reading.starts = max(1, len(begins))
    for hit in found:
        if not begins or hit.index < begins[0] or hit.index >= begins[-1]:
            for said in hit.said:
                _take(reading, hit.rule, said)


def _take(reading: Reading, one: Rule, said: Said) -> None:
    groups = {name: value for name, value in said.match.groupdict().items() if value is not None and name[0] != "_"}
    unit = UNITS[groups.pop("unit", one.unit)]
    said = replace(said, device=groups.pop("device", said.device))
    if one.reaches is not None:
        reading.reached.add(one.reaches)
    if one.outcome is not None:
        amounts = {name: _amount(name, value, unit) for name, value in groups.items()}
        # what there was room for may be below 0, and nothing else
        told = {name: value for name, value in amounts.items() if value >= 0 or name == "kv_cache_bytes"}
        reading.fail(one.outcome, said, told)
    else:
        _gather(reading, one, groups, unit, said)
    if one.take is not None:
        one.take(reading, said)


def _gather(reading: Reading, one: Rule, groups: Mapping[str, str], unit: int, said: Said) -> None:
    keep = reading.keep_first if one.again == "first" else reading.keep_last
    for name, value in groups.items():
        if name.startswith(_SETTING):
            reading.settings[name.removeprefix(_SETTING)] = number(value)
        elif name in _COUNTS:
            reading.count(name, number(value), said)
        elif name not in _NEVER_BELOW_ZERO or float(value) >= 0:
            keep(name, float(value) * unit, said)


def _amount(name: str, value: str, unit: int) -> float:
    return float(value) * unit if name.endswith("_bytes") else number(value)


def number(text: str) -> int | float:
    """A number as it is printed, with or without commas."""
    digits = text.replace(",", "")
    return float(digits) if "." in digits else int(digits)


def version(reading: Reading, said: Said) -> None:
    """The first group is the version."""
    reading.version = reading.version or said.match[1]
