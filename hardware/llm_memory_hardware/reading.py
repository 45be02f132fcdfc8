"""A name that is no entry's to the letter, read as a set of words.

Some words tell which part is meant (``h100``, ``4090``, ``strix halo``); some agree with it or say nothing (a size of
memory, the form, the maker, who sells the board); one that does neither contradicts, and the name is not read. Typed
names and those that machines report are read alike. Only a name that is not found in the catalogue's own spelling comes
here, so that nothing of this is loaded for one that is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .accelerator import Accelerator
from .built_in import packaged
from .names import MAKERS, MODULES, UNCOMPARED, singular

__all__ = ["Kind", "Reader", "Reading", "difference"]

_GIGA: Final = 10**9
_GIBI: Final = 2**30

# --- the table of words: what each does in a name, from words.toml --------------------------------------------------

_TABLE: Final = tomllib.loads(packaged("words.toml").decode())
_BRANDS: Final[Mapping[str, str]] = {**MAKERS, **_TABLE["brands"]}
_FILLERS: Final = frozenset(_TABLE["fillers"].split())
_SELLERS: Final = frozenset(_TABLE["sellers"].split())
# words that a spelling has or lacks without being another one
_PLAIN: Final = frozenset(("gpu", "gpus", "cpu", "processor", "graphics", "card", *UNCOMPARED))
_FORMS: Final[Mapping[str, str]] = _TABLE["forms"]
_PHRASES: Final = tuple(_TABLE["phrases"].values())
_PHRASE: Final = re.compile(rf"\b(?:{'|'.join(f'({pattern})' for pattern in _TABLE['phrases'])})(?!\w)")
_ARCHITECTURES: Final = tuple(map(tuple, _TABLE["chips"].values()))
_CHIP: Final = re.compile(rf"\b(?:{'|'.join(f'({pattern})' for pattern in _TABLE['chips'])})\b")

# what is said of a part in numbers: each is a word of its own, and agrees or contradicts
_MARKS: Final = re.compile(r"\((?:r|tm|c)\)|[®™]")
_ADDRESS: Final = re.compile(
    r"^(?:[0-9a-f]{2,4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.\d\s+.*?(?:controller|accelerators?)[^:]*:\s|"
    r"^(?:vga compatible|3d|display) controller[^:]*:\s|\(rev [0-9a-f]{2}\)"
)
_DROPPED: Final = re.compile(
    r"@?\s*\b\d+(?:\.\d+)?\s*[gm]hz\b|@|\b\d{1,2}(?:st|nd|rd|th)\s+gen(?:eration)?\b|\b\d[\d,]*\s*(?:cuda|stream|shading)(?:\s*(?:cores?|processors?))?\b|"
    r"\b\d+[ -]?bit\b|\b\d+\s?nm\b|\b(?:1|single)[ -]socket\b|\brev\. [a-d]\b|"
    r"/?\s*\bg?n\d\d[a-z]?-[a-z]{1,2}\d{1,2}\b|"
    r"(?<=[(,])\s*(?:(?:early|mid|late|jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\s+)?20[12]\d(?=\s*[,)])|\b\d+(?:\.\d+)?\s?[gt]b\s+(?:of\s+)?(?:ssd|nvme|storage|disk)\b"
)
_FACT: Final = re.compile(
    rf"{MODULES}|"
    r"(?<![\d.])(?P<rate>\d+(?:\.\d+)?)\s*(?P<per>[gt])(?:i?b/s|bps)\b|"
    r"(?<![\d.])(?P<size>\d{1,6}(?:\.\d+)?)\s*(?P<unit>[gtm]i?b|gigs?|gigabytes?)(?=v?ram\b|\b)|"
    r"(?<![\w.])(?P<short>\d{1,3})\s?g\b|"
    r"(?<![\w.])(?P<channels>\d{1,2}|single|dual|quad|six|eight|octa|twelve)[\s-]*channels?\b|"
    r"(?<![\w.])(?P<cores>\d{1,3})[\s-]*(?:cores?\b|c\b(?=\s*[cg]pu))(?:[\s-]*(?P<of>cpu|gpu)s?\b)?|"
    r"(?<![\w.])(?P<watts>\d{2,4})\s?w(?:atts?)?\b(?!/)|"
    r"(?<![a-z])(?P<memory>hbm\d?e?|(?:lp|g)?ddr\dx?|sram)(?:-\d{4,5})?\b|"
    r"(?<![a-z])pci[ -]?e?(?:xpress)?(?:\s?(?:gen\s?)?[3-6](?:\.0)?(?![\d.]))?(?:\s?x(?:16|8|4)\b)?(?![a-z])|"
    r"(?<![a-z])(?P<module>sxm\d?)\b|" + _CHIP.pattern
)
_TOTAL_AFTER: Final = re.compile(
    r"\s*(?:of\s+)?(?:(?:v?ram|memory)\s+)?(?:in\s+)?(?:total|combined|altogether|together)\b"
)
_TOTAL_BEFORE: Final = re.compile(r"\btotal(?:\s+of)?[\s:=]*$")
# GB of the disks that computers are sold with, counted both ways
_STORAGE: Final = frozenset((256, 500, 512, 1000, 1024, 2000, 2048, 4000, 4096, 8000, 8192, 16000))
_CHANNELS: Final = {"single": 1, "dual": 2, "quad": 4, "six": 6, "eight": 8, "octa": 8, "twelve": 12}
# MT/s of the modules that JEDEC and processors' makers name; a channel moves 8 bytes at each
_SPEEDS: Final = {
    "DDR4": (2133, 2400, 2666, 2933, 3200),
    "DDR5": (4000, 4400, 4800, 5200, 5600, 6000, 6400, 8000, 8800, 12800),
}
_WORD: Final = re.compile(r"[a-z0-9]+|(?<=[a-z0-9])\+|[^\W_]+")
_CAPITAL_S: Final = re.compile(r"\w*\d\w*S\b")
_LISTED: Final = re.compile(r"(?P<code>[^\[\]]*)\[(?P<names>[^\[\]]*/[^\[\]]*)\][\s)]*")
_LONGEST_WORD: Final = 40  # what is longer is none, and taking it apart would take its time
_LIKE: Final = 0.45  # of the words of two names
_MUCH_LIKE: Final = 0.8
_NEARLY: Final = 0.85  # of the likeness of the most alike
_MOST_SUGGESTED: Final = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What a name may mean."""

    name: str
    """The canonical name."""
    count: int | None = None
    """The devices of a board, a server or an instance, or so many as the name says; None where it says no number."""
    memory_bytes: int | None = None
    """Bytes of memory fitted to order, where the name says them."""
    gpu_cores: int | None = None
    """The cores of the GPU, where the name says fewer than the whole chip has."""
    instance: str | None = None
    """The instance type that the name is, where that says the memory."""
    note: str | None = None
    """What of the name was not taken to the letter, without a full stop."""
    partly: bool = False
    """Whether the name lists other parts too, which the catalogue does not have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a name says that names no part: the makers, a size of memory, that it is a processor."""

    makers: frozenset[str]
    memory_gb: float | None
    processor: bool

    def __str__(self) -> str:
        """It in words."""
        what = [*sorted(self.makers), *(["processors"] if self.processor else [])]
        size = [] if self.memory_gb is None else [f"{self.memory_gb:g} GB"]
        return ", ".join([*what, *size])

    def takes(self, entry: Accelerator) -> bool:
        """Whether an accelerator is of it."""
        return (
            (not self.makers or entry.manufacturer in self.makers)
            and (self.memory_gb is None or round(entry.memory_gb) == round(self.memory_gb))
            and (not self.processor or entry.type == "cpu")
        )


@dataclass(frozen=True, slots=True)
class _Fact:
    """Something that a name says in a number or a code: what kind of thing, and what of it."""

    kind: str
    value: float | str
    of: str = ""
    """Whose cores: the ``cpu``'s or the ``gpu``'s; ``all``: the memory of all devices together."""

    def word(self) -> str:
        """It as a word, as spellings of the catalogue have it too."""
        return f"{self.value:g} {self.kind}" if isinstance(self.value, float) else f"{self.value} {self.kind}"


@dataclass(frozen=True, slots=True)
class _Said:
    """A name taken apart."""

    words: tuple[str, ...]
    facts: tuple[_Fact, ...]
    singular: frozenset[str] = frozenset()
    """Those of the words whose last letter is a capital S, which makes no plural: an L4S is not some L4s."""


@dataclass(frozen=True, slots=True)
class _Named:
    """An accelerator as names can speak of it."""

    accelerator: Accelerator
    spellings: Mapping[frozenset[str], int | None]
    """Words that together are one of its names, and the devices that this name says."""
    words: frozenset[str]
    """All words of its names, its architecture and its maker."""
    sizes: tuple[float, ...]
    """GB that its names say."""
    cores: frozenset[float]
    """Cores that its names say."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """How the words of a name stand to an accelerator that some of them name."""

    named: _Named
    telling: frozenset[str]
    count: int | None
    memory_bytes: int | None
    against: tuple[str, ...]
    """What contradicts, each as it is to be said."""
    foreign: bool
    """Whether another maker is said."""
    gpu_cores: int | None = None
    note: str | None = None
    """What agrees, but is to be said."""


def _typed(name: str) -> _Said:
    """A name as somebody or something gave it."""
    text = _DROPPED.sub(" ", _ADDRESS.sub(" ", name.lower().replace("_", " ")))
    said = _said(_PHRASE.sub(lambda found: f" {_PHRASES[(found.lastindex or 1) - 1]} ", text))
    return replace(said, singular=frozenset(word.lower() for word in _CAPITAL_S.findall(name)))


def _said(name: str) -> _Said:
    text = _MARKS.sub(" ", name.lower()).replace("_", " ").replace("\xa0", " ")
    facts: list[_Fact] = []

    def fact(found: re.Match[str]) -> str:
        got = found.groupdict()
        if got["modules"] or got["modules_after"]:
            count, each = got["modules"] or got["modules_after"], got["each"] or got["each_before"]
            facts.append(_Fact("GB of modules", float(count) * float(each)))
        elif got["rate"]:
            facts.append(_Fact("GB/s", float(got["rate"]) * (1000 if got["per"] == "t" else 1)))
        elif got["size"] or got["short"]:
            said = float(got["size"] or got["short"])
            of_all = _TOTAL_AFTER.match(text, found.end()) or _TOTAL_BEFORE.search(text[: found.start()])
            facts.append(_Fact("GB", _gigabytes(said, got["unit"] or "g"), "all" if of_all else ""))
        elif got["cores"]:
            facts.append(_Fact("cores", float(got["cores"]), got["of"] or ""))
        elif got["channels"]:
            channels = _CHANNELS[got["channels"]] if got["channels"].isalpha() else int(got["channels"])
            facts.append(_Fact("channels", float(channels)))
        elif got["watts"]:
            facts.append(_Fact("W", float(got["watts"])))
        elif got["memory"]:
            facts.append(_Fact("memory", got["memory"]))
        elif got["module"]:
            facts.append(_Fact("module", got["module"]))
        elif found[0].startswith("pci"):
            facts.append(_Fact("bus", "pcie"))
        else:
            facts.append(_Fact("chip", found[0]))
        return " "

    left = _FACT.sub(fact, text)
    words = ("plus" if word == "+" else _FORMS.get(word, word) for word in _WORD.findall(left))
    return _Said(tuple(words), tuple(facts))


def _gigabytes(said: float, unit: str) -> float:
    """A size in GB as sizes of devices are said: a card of 24 GB has 24 GiB."""
    if unit.startswith("t"):
        return said * 1000
    if not unit.startswith("m"):
        return said
    if unit != "mib" and said % 256:  # tools write MB for MiB
        return said / 1000
    # a driver shows 49,140 of 49,152 MiB
    return float(round(said / 1024)) if abs(said / 1024 - round(said / 1024)) < 0.03 else said / 1024


class Reader:
    """Names read against some accelerators."""

    __slots__ = ("_makers", "_named", "_vocabulary")

    def __init__(self, accelerators: Iterable[Accelerator]) -> None:
        """Take the words of all their names."""
        said = [(entry, [(_said(name), count) for name, count in _names_of(entry)]) for entry in accelerators]
        known = {word for _, names in said for one, _ in names for word in one.words}
        # "rtx4090" is two words and "h100" is one, because the catalogue writes "RTX 4090" and nowhere "H 100"
        self._vocabulary = known | _PLAIN | _FILLERS | _SELLERS | set(_BRANDS) | {"laptop", "desktop"}
        apart = {word: tuple(_apart(word, known - {word}) or (word,)) for word in known}
        self._named = [_of_names(entry, names, apart) for entry, names in said]
        self._makers = _sole_makers(said)
        self._vocabulary |= {word for named in self._named for word in named.words if " " not in word}
        self._vocabulary -= {word for word, parts in apart.items() if len(parts) > 1}

    def read(self, name: str, *, server: bool = False, devices: int = 1) -> list[Reading]:
        """What a name may mean, the likelier meanings alone; none where nothing does without a contradiction.

        ``server``: it is what a server holds as many of as its link joins, and the memory may be that of all.
        ``devices``: so many were said beside the name, and a memory that is no device's may be that of all.
        """
        listed = _LISTED.fullmatch(_ADDRESS.sub(" ", name.lower()).replace("[amd/ati]", ""))
        if listed is not None and (found := self._each(listed["code"], listed["names"])):
            return found
        said = _typed(name)
        words, unknown = self._resolved(said, several=devices > 1)
        facts = [
            _Fact(fact.kind, fact.value / devices) if fact.of == "all" and isinstance(fact.value, float) else fact
            for fact in said.facts
        ]
        if not unknown:
            if (each := self._readings(words, facts, server)) or devices == 1:
                return each
            sizes = " and ".join(f"{fact.value:g} GB" for fact in said.facts if fact.kind == "GB" and not fact.of)
            note = f"The {sizes} in the name {name!r} were read as the memory of {devices} together" if sizes else None
            together = self._readings(words, facts, server, devices)
            return [replace(one, note=one.note or note) for one in together]
        if len(unknown) > 1 or not unknown[0].isalpha():
            return []
        # one slip of one letter, where nothing else is left to doubt
        meant: dict[tuple[str, int | None], Reading] = {}
        for word in sorted(self._vocabulary):
            if _one_slip(unknown[0], word):
                mended = tuple(word if one == unknown[0] else one for one in words)
                for reading in self._readings(mended, facts, server):
                    note = f"{unknown[0]!r} in the name {name!r} was read as {word!r}"
                    meant.setdefault((reading.name, reading.count), replace(reading, note=note))
        return list(meant.values())

    def suggestions(self, name: str) -> list[str]:
        """Up to three canonical names: what the name means but for a contradiction, or the most alike, best first."""
        said = _typed(name)
        fits = self._contradicted(said)
        # somebody else's part is no suggestion, and nothing is like it
        if fits and fits[0].foreign:
            return []
        near = [*self._completed(said), *(fit.named.accelerator.name for fit in fits if not fit.foreign)]
        near += self._alike(said, _LIKE if not near else _MUCH_LIKE)
        return list(dict.fromkeys(near))[:_MOST_SUGGESTED]

    def kind(self, name: str) -> Kind | None:
        """What a name says where none of its words names a part; None where one does, or none says anything."""
        said = _typed(name)
        words, unknown = self._resolved(said)
        sizes = {float(fact.value) for fact in said.facts if fact.kind == "GB" and not fact.of}
        if unknown or len(said.facts) > len(sizes) or len(sizes) > 1 or not all(map(_says_nothing, words)):
            return None
        makers = frozenset(_BRANDS[word] for word in words if word in _BRANDS)
        processor = not {"cpu", "processor"}.isdisjoint(words)
        found = Kind(makers=makers, memory_gb=min(sizes, default=None), processor=processor)
        return found if makers or sizes or processor else None

    def contradiction(self, name: str) -> str | None:
        """Why a name that nearly means something does not, in a sentence; None where it means nothing."""
        fits = self._contradicted(_typed(name))
        return f"{', and '.join(fits[0].against[:2])}." if fits else None

    # --- what fits ------------------------------------------------------------------------------------------------

    def _each(self, code: str, names: str) -> list[Reading]:
        """The parts that lspci lists between brackets: ``Radeon RX 7900 XT/7900 XTX/7900M``."""
        if any(word not in _BRANDS and word not in _FILLERS for word in _typed(code).words):
            return []
        first, *others = (part.strip() for part in names.split("/"))
        found = self.read(first)
        missing = [] if found else [first]
        begun = first.split()
        for other in others:
            # what the list leaves out is what the first began with
            for kept in range(len(begun)):
                if more := self.read(" ".join((*begun[:kept], other))):
                    found += more
                    break
            else:
                missing.append(other)
        unique = list({reading.name: reading for reading in found}.values())
        return [replace(reading, partly=bool(missing)) for reading in unique]

    def _readings(self, words: Sequence[str], facts: Sequence[_Fact], server: bool, devices: int = 1) -> list[Reading]:
        fits = [fit for fit in self._fits(words, facts, server, devices) if not fit.against]
        return [
            Reading(fit.named.accelerator.name, fit.count, fit.memory_bytes, fit.gpu_cores, note=fit.note)
            for fit in fits
            if not any(fit.telling < other.telling for other in fits)
        ]

    def _fits(
        self, words: Sequence[str], facts: Sequence[_Fact], server: bool = False, devices: int = 1
    ) -> Iterator[_Fit]:
        whole = frozenset(words) | {fact.word() for fact in facts}
        for named in self._named:
            found = [spelling for spelling in named.spellings if spelling <= whole]
            if found:
                longest = max(found, key=len)
                telling = frozenset().union(*found)
                count = named.spellings[longest] or (named.accelerator.link_domain if server else None)
                yield _fit(named, telling, count, devices, words, facts)

    def _contradicted(self, said: _Said) -> list[_Fit]:
        """What a name means but for its contradictions, the most said and the least contradicted first."""
        words, unknown = self._resolved(said)
        fits = list(self._fits([word for word in words if word not in unknown], said.facts))
        fits = [fit for fit in fits if not any(fit.telling < other.telling for other in fits)]
        if unknown:
            fits = [replace(fit, against=(_odd(fit.named, unknown[0]), *fit.against)) for fit in fits]
        makers = self._makers_of(words)
        against = [fit for fit in fits if fit.against and (not makers or fit.named.accelerator.manufacturer in makers)]
        return sorted(
            against, key=lambda fit: (fit.foreign, len(fit.against), *_said_by(fit.telling), fit.named.accelerator.name)
        )

    def _resolved(self, said: _Said, *, several: bool = True) -> tuple[list[str], list[str]]:
        """The words as the catalogue writes them, and those that are none of it.

        ``several``: a number of devices was said, so that "l4s" may be so many L4.
        """
        words = said.words
        found: list[str] = []
        unknown: list[str] = []
        at = 0
        while at < len(words):
            word = words[at]
            # "a 100", "l 40 s"
            apart = next((words[at : at + n] for n in (3, 2) if "".join(words[at : at + n]) in self._vocabulary), ())
            if len(apart) > 1 and any(one not in self._vocabulary for one in apart):
                found.append("".join(apart))
                at += len(apart)
                continue
            at += 1
            if word in self._vocabulary:
                found.append(word)
            elif (
                len(word) > 2
                and (several or word.isalpha())
                and word not in said.singular
                and singular(word) in self._vocabulary
            ):
                found.append(singular(word))
            elif parts := _apart(word, self._vocabulary):
                found += parts
            else:
                found.append(word)
                unknown.append(word)
        return found, unknown

    def _makers_of(self, words: Iterable[str]) -> set[str]:
        """The makers of whose names alone some words are, as ``xeon`` and ``rx``."""
        return {self._makers[word] for word in words if word in self._makers}

    def _completed(self, said: _Said) -> list[str]:
        """What a name means if more words are put to it: ``4070 Ti 16GB`` is no 4070 Ti, and a 4070 Ti SUPER."""
        words, unknown = self._resolved(said, several=False)
        telling = frozenset(word for word in words if not _says_nothing(word))
        if unknown or not any(not word.isalpha() for word in telling):
            return []
        return [
            named.accelerator.name
            for named in self._named
            if telling <= named.words and not _fit(named, telling, None, 1, words, said.facts).against
        ]

    def _alike(self, said: _Said, least: float) -> list[str]:
        """Canonical names by the likeness of their words to a name's; sizes and makers alone are like nothing."""
        from .likeness import alike  # takes as long to load as the whole package, and only an error asks

        words = [word for word in dict.fromkeys(self._resolved(said, several=False)[0]) if not _says_nothing(word)]
        words = [word for word in words if word not in ("laptop", "desktop") and len(word) <= _LONGEST_WORD]
        if not any(len(word) > 1 for word in words):
            return []
        makers = {maker for word in said.words if (maker := _BRANDS.get(word))} | self._makers_of(words)
        facts = {fact.word() for fact in said.facts}
        models = [word for word in words if sum(map(str.isdigit, word)) > 2] or words
        numbered = any(not word.isalpha() for word in models)
        likeness = {word: alike(word, self._vocabulary) for word in words}
        scored = []
        for named in self._named:
            if makers and named.accelerator.manufacturer not in makers:
                continue
            best = 0.0
            for spelling in named.spellings:
                plain = [word for word in spelling if " " not in word]
                shared = sum(max((likeness[word].get(known, 0.0) for known in plain), default=0.0) for word in words)
                shared += len(facts & spelling)
                # the number tells which of a family: with none of it, "radeon rx" says nothing
                numbers = [known for known in plain if numbered and not known.isalpha()]
                if not numbers or any(likeness[word].get(known) for word in models for known in numbers):
                    best = max(best, 2 * shared / (len(words) + len(facts & spelling) + len(spelling)))
            if best >= least:
                # of two that are as like, what is rented is the likelier
                scored.append((-best, not named.accelerator.instances, named.accelerator.name))
        scored.sort()
        return [name for score, _, name in scored if score <= _NEARLY * scored[0][0]]


def _sole_makers(said: Iterable[tuple[Accelerator, Sequence[tuple[_Said, int | None]]]]) -> dict[str, str]:
    """The words without a number that are in the names of one maker's alone."""
    makers: dict[str, set[str]] = {}
    for entry, names in said:
        for word in {word for one, _ in names for word in one.words}:
            if word.isalpha() and len(word) > 1 and not _says_nothing(word):
                makers.setdefault(word, set()).add(entry.manufacturer)
    return {word: next(iter(found)) for word, found in makers.items() if len(found) == 1}


def _said_by(telling: frozenset[str]) -> tuple[int, int]:
    """How much tells, the most first: words before sizes and other facts."""
    return -sum(" " not in word for word in telling), -len(telling)


def _names_of(entry: Accelerator) -> Iterator[tuple[str, int | None]]:
    for name in (entry.name, *entry.aliases):
        yield name, None
    yield from entry.boards.items()
    # what ROCm calls the design stands for the device in its logs
    if entry.compute_capability is not None and entry.compute_capability.startswith("gfx"):
        yield entry.compute_capability, None


def _of_names(
    entry: Accelerator, names: Sequence[tuple[_Said, int | None]], apart: Mapping[str, Sequence[str]]
) -> _Named:
    spellings: dict[frozenset[str], int | None] = {}
    words: set[str] = set()
    facts: set[_Fact] = set()
    for said, count in names:
        whole = {part for word in said.words for part in apart[word]}
        words |= whole
        facts |= set(said.facts)
        telling = whole - _PLAIN
        if not telling - _SELLERS - {"desktop"}:
            telling = whole
        spellings.setdefault(frozenset(telling | {fact.word() for fact in said.facts}), count)
    words |= {fact.word() for fact in facts}
    # "RDNA 3" is one word, lest a "3" alone agree
    words |= set(re.sub(r"([a-z]) (\d)", r"\1\2", f"{entry.architecture} {entry.manufacturer}".lower()).split())
    return _Named(
        accelerator=entry,
        spellings=spellings,
        words=frozenset(words),
        sizes=tuple(float(fact.value) for fact in facts if fact.kind == "GB"),
        cores=frozenset(float(fact.value) for fact in facts if fact.kind == "cores"),
    )


def _apart(word: str, known: frozenset[str] | set[str]) -> list[str] | None:
    """The fewest known words that a word is written of, never cut within a number; None where there are none."""
    if len(word) > _LONGEST_WORD:
        return None
    best: list[list[str] | None] = [[], *[None] * len(word)]
    for end in range(1, len(word) + 1):
        for start in range(end):
            begun, part = best[start], word[start:end]
            if begun is None or part not in known or (len(part) == 1 and not part.isdigit()):
                continue
            if (start and word[start - 1 : start + 1].isdigit()) or (
                end < len(word) and word[end - 1 : end + 1].isdigit()
            ):
                continue
            if best[end] is None or len(begun) + 1 < len(best[end] or ()):
                best[end] = [*begun, part]
    found = best[-1]
    return found if found and len(found) > 1 else None


def _one_slip(word: str, meant: str) -> bool:
    """Whether one letter wrong, missing or too many, or two letters swapped, make one word of the other."""
    if not meant.isalpha() or word == meant or abs(len(word) - len(meant)) > 1:
        return False
    at = next((n for n, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), min(len(word), len(meant)))
    swapped = word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :] == meant[at:]
    if min(len(word), len(meant)) < 4:
        # of three letters, any other slip than a letter twice makes another word
        return swapped or (at > 0 and word[at + 1 :] == meant[at:] and word[at : at + 1] == word[at - 1])
    return swapped or word[at + 1 :] == meant[at:] or word[at:] == meant[at + 1 :] or word[at + 1 :] == meant[at + 1 :]


def _says_nothing(word: str) -> bool:
    return word in _PLAIN or word in _FILLERS or word in _SELLERS or word in _BRANDS


def _fit(
    named: _Named,
    telling: frozenset[str],
    count: int | None,
    devices: int,
    words: Sequence[str],
    facts: Sequence[_Fact],
) -> _Fit:
    """What is left of a name beside the words that tell, judged one by one."""
    entry = named.accelerator
    against: list[str] = []
    note: str | None = None
    if _is_soldered(entry):
        facts = _without_storage(facts)
    sizes: set[int] = set()
    twice = [word for word in telling if words.count(word) > 1 and not word.isalpha()]
    if twice:
        against.append(f"{twice[0]!r} is said twice")
    for word in dict.fromkeys(words):
        if word not in telling and (fault := _word_against(named, word)):
            against.append(fault)
    for fact in dict.fromkeys(facts):
        if fact.kind.startswith("GB") and not fact.kind.endswith("/s") and _is_fitted(entry, fact):
            sizes.add(round(float(fact.value) * _GIGA))
        elif _is_announced(entry, fact, {1, count or 1, devices}):
            announced = (entry.announced_memory_bytes or 0) / _GIGA
            each = "" if fact.value == announced else f"{announced:g} GB of each, "
            note = (
                f"The {fact.value:g} GB in the name are {each}what was announced, of which the product offers "
                f"{entry.memory_gb:g} GB"
            )
        elif (fact.word() not in telling or fact.of == "gpu") and (
            fault := _fact_against(named, fact, {1, count or 1, devices})
        ):
            against.append(fault)
    if entry.memory_sizes and max(sizes, default=0) < entry.memory_bytes and not sizes <= set(entry.memory_sizes):
        sold = [f"{size / _GIGA:g}" for size in entry.memory_sizes]
        against.append(
            f"it says {' and '.join(f'{size / _GIGA:g}' for size in sorted(sizes))} GB of memory, and {entry.name} is "
            f"sold with {', '.join(sold[:-1])} or {sold[-1]} GB"
        )
    elif sizes and (len(sizes) > 1 or not _GIGA <= min(sizes) <= entry.memory_bytes):
        against.append(
            f"it says {' and '.join(f'{size / _GIGA:g}' for size in sorted(sizes))} GB of memory, and {entry.name} can "
            f"have up to {entry.memory_gb:g} GB at its {entry.memory_bandwidth / _GIGA:g} GB/s"
        )
    foreign = any(_is_foreign(named, word) for word in words)
    cores, marked = _gpu_cores(entry, facts)
    if cores is not None and not marked:
        note = f"The {cores} cores in the name were read as the GPU's, of the {entry.gpu_cores[-1]} of the whole chip"
    return _Fit(named, telling, count, min(sizes, default=None), tuple(against), foreign, cores, note)


def _without_storage(facts: Sequence[_Fact]) -> list[_Fact]:
    """The facts of a computer without the size of its disk, which is said after the memory's: ``16GB/512GB``."""
    memory = next((float(fact.value) for fact in facts if fact.kind == "GB"), 0.0)
    return [fact for fact in facts if fact.kind != "GB" or fact.value not in _STORAGE or float(fact.value) <= memory]


def _is_fitted(entry: Accelerator, fact: _Fact) -> bool:
    """Whether the size that is said is that of memory fitted to order; modules are fitted to sockets."""
    return entry.memory_is_maximum and (fact.kind == "GB" or entry.takes_modules)


def _is_announced(entry: Accelerator, fact: _Fact, counts: set[int]) -> bool:
    """Whether so many GB are the memory that was announced and is not all there."""
    if fact.kind != "GB" or entry.announced_memory_bytes is None:
        return False
    return any(float(fact.value) * _GIGA == entry.announced_memory_bytes * each for each in counts)


def _gpu_cores(entry: Accelerator, facts: Sequence[_Fact]) -> tuple[int | None, bool]:
    """The cores that a name says of a chip's GPU where they are not all, and whether it says them to be the GPU's."""
    said = [fact for fact in facts if fact.kind == "cores" and fact.of != "cpu" and fact.value in entry.gpu_cores]
    said = [fact for fact in said if fact.of == "gpu"] or said
    if not said or said[-1].value == entry.gpu_cores[-1]:
        return None, False
    return int(float(said[-1].value)), said[-1].of == "gpu"


def _word_against(named: _Named, word: str) -> str | None:
    entry = named.accelerator
    if word in named.words:
        agrees = True
    elif _is_foreign(named, word):
        return f"{entry.name} is made by {entry.manufacturer}, not {_BRANDS[word]}"
    elif word == "laptop":
        agrees = _is_soldered(entry)
    elif word == "desktop":
        agrees = "laptop" not in named.words
    elif word == "oam":
        agrees = entry.manufacturer in ("AMD", "Intel")
    else:
        agrees = _says_nothing(word)
    return None if agrees else _odd(named, word)


def _fact_against(named: _Named, fact: _Fact, counts: set[int]) -> str | None:
    entry, value = named.accelerator, fact.value
    if not isinstance(value, float):
        return None if _is_of_kind(named, fact.kind, value) else _odd(named, value)
    if fact.kind == "GB":
        if any(_is_size(named, value / each) for each in counts):
            return None
        return f"it says {value:g} GB of memory, and {entry.name} has {entry.memory_gb:g} GB"
    if fact.kind == "GB/s":
        agrees = abs(value * _GIGA / entry.memory_bandwidth - 1) <= 0.02
    elif fact.kind == "GB of modules":
        return f"it says modules of memory, and {entry.name} has {entry.memory_gb:g} GB of its own"
    elif fact.kind == "channels":
        speed = entry.memory_bandwidth / (8e6 * max(value, 1.0))
        agrees = any(abs(speed / known - 1) <= 0.01 for known in _SPEEDS.get(entry.memory_type or "", ()))
    elif fact.kind == "cores":
        agrees = _is_said_of_cores(named, fact)
    else:
        # a laptop's watts are what its maker sets
        free = entry.tdp_w is None or "laptop" in named.words or _is_soldered(entry)
        agrees = free or abs(value / (entry.tdp_w or value) - 1) <= 0.05
    return None if agrees else _odd(named, fact.word())


def _is_said_of_cores(named: _Named, fact: _Fact) -> bool:
    entry = named.accelerator
    if fact.of == "gpu" and entry.gpu_cores:
        return fact.value in entry.gpu_cores
    known = named.cores | set(entry.gpu_cores)
    return not known or fact.value in known or (fact.of == "cpu" and entry.type != "cpu")


def _is_of_kind(named: _Named, kind: str, said: str) -> bool:
    """Whether a kind of memory, a form or a chip is the accelerator's."""
    entry = named.accelerator
    if kind == "memory":
        return entry.memory_type is None or entry.memory_type.lower().startswith(said)
    modules = {word.partition(" ")[0] for word in named.words if word.endswith(" module")}
    if kind == "module":
        return bool(modules) and (said == "sxm" or said in modules or modules == {"sxm"})
    if kind == "bus":
        return not modules and "oam" not in named.words
    chip = _CHIP.fullmatch(said)
    return chip is None or entry.architecture.startswith(_ARCHITECTURES[(chip.lastindex or 1) - 1])


def _is_foreign(named: _Named, word: str) -> bool:
    """Whether a word says another maker than the accelerator's."""
    return word in _BRANDS and word not in named.words and _BRANDS[word] != named.accelerator.manufacturer


def _odd(named: _Named, said: str) -> str:
    return f"{said!r} is not said of {named.accelerator.name}"


def _is_size(named: _Named, size: float) -> bool:
    """Whether so many GB are the memory's: as it is sold, as a runtime counts it, or as one of its names says."""
    entry = named.accelerator
    sold = [entry.memory_gb, *named.sizes]
    if entry.memory_bytes % _GIBI == 0:
        sold.append(entry.memory_bytes / _GIBI)
    seen = entry.usable_memory_bytes / _GIBI
    return any(size == round(known) or abs(size / known - 1) <= 0.01 for known in sold) or (
        size >= 8 and abs(size - seen) <= 0.5
    )


def _is_soldered(entry: Accelerator) -> bool:
    """Whether the memory is a computer's, so that laptops and desktops have the same chip."""
    return (entry.memory_type or "").upper().startswith(("LPDDR", "DDR"))


# --- how parts differ -----------------------------------------------------------------------------------------------


def difference(entries: Sequence[Accelerator], counts: Sequence[int | None]) -> str:
    """Several accelerators as a list that says in what they differ: ``A (40 GB, 1,555 GB/s) or B (80 GB, ...)``."""
    plain = [(entry.memory_bytes, entry.memory_bandwidth) for entry in entries]
    alike = len(set(plain)) < len(plain)
    said = []
    for entry, count in zip(entries, counts, strict=True):
        facts = [f"{entry.memory_gb:g} GB", f"{entry.memory_bandwidth / _GIGA:,.6g} GB/s"]
        rate = next((entry.peak_flops[name] for name in ("bf16", "fp16", "fp32") if name in entry.peak_flops), None)
        if alike and rate is not None:
            facts.append(f"{rate / 1e12:,.4g} TFLOPS")
        several = f"{count} x " if count is not None and len(set(counts)) > 1 else ""
        said.append(f"{several}{entry.name} ({', '.join(facts)})")
    return " or ".join(part for part in (", ".join(said[:-1]), said[-1]) if part)
