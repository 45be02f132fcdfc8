"""Regular expressions over module paths from files that are not trusted, matched in bounded time.

`re` tries one way through an expression after the other, and some expressions have more ways than can be tried. Here
all ways go side by side: a part of an expression takes the set of positions that it may begin at to the set of those
that it may end at. It is what `re` says, for expressions without back-references.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from .errors import ArgumentError
from .untrusted import untrusted

Part = Callable[[str, frozenset[int]], frozenset[int]]

_LONGEST, _MOST_NESTED, _MOST_BRACKETS = 2000, 3, 40
_CLASSES = {"d": str.isdecimal, "w": lambda letter: letter.isalnum() or letter == "_", "s": str.isspace}
_COUNTED = re.compile(r"\{(\d{0,4})(,?)(\d{0,4})\}")
_GROUP = re.compile(r"\?(?::|=|!|P<[A-Za-z_]\w*>)")


class PathPattern:
    """A regular expression; `name` is the field that has it."""

    def __init__(self, expression: str, name: str) -> None:
        if len(expression) > _LONGEST:
            raise ArgumentError(f"{name} is a pattern of {len(expression):,} characters, more than {_LONGEST:,}.")
        self._part = _Parser(expression, name).whole()

    def fullmatch(self, path: str) -> bool:
        return len(path) in self._part(path, frozenset({0}))

    def match(self, path: str) -> bool:
        """Whether it takes the begin of a path."""
        return bool(self._part(path, frozenset({0})))

    def search(self, path: str) -> bool:
        """Whether it takes any part of a path."""
        return bool(self._part(path, frozenset(range(len(path) + 1))))


@lru_cache(maxsize=256)
def path_pattern(expression: str, name: str) -> PathPattern:
    """Raises ArgumentError for what is no regular expression, or is one that is not described."""
    return PathPattern(expression, name)


class _Parser:
    def __init__(self, expression: str, name: str) -> None:
        self.expression, self.name = expression, name
        self.at = self.nested = self.brackets = 0

    def whole(self) -> Part:
        found = self.branches()
        if self.at < len(self.expression):
            raise self.refusal("a bracket too many")
        return found

    def refusal(self, why: str) -> ArgumentError:
        return ArgumentError(
            f"{self.name} {untrusted(self.expression)!r} is no regular expression that is described: {why} at "
            f"character {self.at + 1}."
        )

    def next(self, what: str) -> bool:
        """Whether it comes next, and past it if so."""
        found = self.expression.startswith(what, self.at)
        self.at += len(what) if found else 0
        return found

    def letter(self) -> str:
        if self.at == len(self.expression):
            raise self.refusal("it breaks off")
        self.at += 1
        return self.expression[self.at - 1]

    def branches(self) -> Part:
        found = [self.sequence()]
        while self.next("|"):
            found.append(self.sequence())
        if len(found) == 1:
            return found[0]
        return lambda path, starts: frozenset[int]().union(*(part(path, starts) for part in found))

    def sequence(self) -> Part:
        parts: list[Part] = []
        while self.at < len(self.expression) and self.expression[self.at] not in "|)":
            parts.append(self.repeated())

        def run(path: str, starts: frozenset[int]) -> frozenset[int]:
            for part in parts:
                starts = part(path, starts)
            return starts

        return run

    def repeated(self) -> Part:
        nested, self.nested = self.nested, 0
        part = self.one()
        if self.next("*"):
            least, most = 0, None
        elif self.next("+"):
            least, most = 1, None
        elif self.next("?"):
            least, most = 0, 1
        elif counted := _COUNTED.match(self.expression, self.at):
            self.at = counted.end()
            least = int(counted[1] or 0)
            most = (int(counted[3]) if counted[3] else None) if counted[2] else least
        else:
            self.nested = max(nested, self.nested)
            return part
        # lazy or not, the positions that can be reached are the same
        self.next("?")
        if self.at < len(self.expression) and self.expression[self.at] in "*+?{":
            raise self.refusal("a repeat of a repeat")
        if most is None or most > 1:
            self.nested += 1
        if self.nested > _MOST_NESTED:
            raise self.refusal(f"more than {_MOST_NESTED} repeats within each other")
        self.nested = max(nested, self.nested)
        return _repeat(part, least, most)

    def one(self) -> Part:
        letter = self.letter()
        if letter == "(":
            return self.group()
        if letter == "[":
            return _letters(self.choice())
        if letter == ".":
            return _letters(lambda one: one != "\n")
        if letter == "\\":
            return self.escaped()
        if letter in "^$":
            return _edge(at_end=letter == "$")
        if letter in "*+?{":
            raise self.refusal("a repeat of nothing")
        return _letters(letter.__eq__)

    def group(self) -> Part:
        opened = _GROUP.match(self.expression, self.at)
        if opened is None and self.expression.startswith("?", self.at):
            raise self.refusal("a group of another kind")
        kind = opened[0][1] if opened else ":"
        self.at = opened.end() if opened else self.at
        self.brackets += 1
        if self.brackets > _MOST_BRACKETS:
            raise self.refusal(f"more than {_MOST_BRACKETS} brackets within each other")
        inside = self.branches()
        self.brackets -= 1
        if not self.next(")"):
            raise self.refusal("a bracket that is not closed")
        if kind in "=!":
            return _where(lambda path, at: bool(inside(path, frozenset({at}))) == (kind == "="))
        return inside

    def escaped(self) -> Part:
        letter = self.letter()
        if letter in "bB":
            return _where(lambda path, at: _is_edge(path, at) == (letter == "b"))
        if letter in "AZ":
            return _edge(at_end=letter == "Z")
        return _letters(self.class_of(letter))

    def class_of(self, letter: str) -> Callable[[str], bool]:
        """What an escaped letter stands for."""
        if letter.lower() in _CLASSES:
            holds = _CLASSES[letter.lower()]
            return holds if letter.islower() else (lambda one: not holds(one))
        if letter.isalnum():
            raise self.refusal("a back-reference, or an escape that is not known,")
        return letter.__eq__

    def choice(self) -> Callable[[str], bool]:
        """A class of letters, past its bracket."""
        denied, tests = self.next("^"), list[Callable[[str], bool]]()
        # a bracket that closes right away is a letter of the class
        while not tests or not self.next("]"):
            first = self.letter()
            if first == "\\":
                tests.append(self.class_of(self.letter()))
            elif self.expression.startswith("-", self.at) and not self.expression.startswith("-]", self.at):
                self.at += 1
                tests.append(_between(first, self.letter()))
            else:
                tests.append(first.__eq__)
        return lambda one: any(test(one) for test in tests) != denied


def _between(low: str, high: str) -> Callable[[str], bool]:
    return lambda one: low <= one <= high


def _letters(holds: Callable[[str], bool]) -> Part:
    return lambda path, starts: frozenset(at + 1 for at in starts if at < len(path) and holds(path[at]))


def _where(holds: Callable[[str, int], bool]) -> Part:
    return lambda path, starts: frozenset(at for at in starts if holds(path, at))


def _edge(*, at_end: bool) -> Part:
    return _where(lambda path, at: at == (len(path) if at_end else 0))


def _is_edge(path: str, at: int) -> bool:
    """Whether a word begins or ends here."""
    inside = _CLASSES["w"]
    before, after = (at > 0 and inside(path[at - 1])), (at < len(path) and inside(path[at]))
    return before != after


def _repeat(part: Part, least: int, most: int | None) -> Part:
    def run(path: str, starts: frozenset[int]) -> frozenset[int]:
        for _ in range(least):
            before, starts = starts, part(path, starts)
            # no repeat changes what one has not
            if starts == before:
                break
        reached = new = starts
        times = 0
        while new and (most is None or times < most - least):
            new = part(path, new) - reached
            reached |= new
            times += 1
        return reached

    return run
