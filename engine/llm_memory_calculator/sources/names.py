"""What a name says: of a copy, a fine-tune or a quantised repository, and a model's name as users write it.

Nothing is read but the name. Sizes and versions must be those of the base; words for training (Instruct, it, chat) and
for formats (AWQ, FP8, Q4_K_M) are taken off. With words left of which nothing is known the base is only a guess, and
words that mean another architecture (Eagle, LoRA, VL) rule it out. In a name without an organisation the words may
stand in any order, may leave open what no other model of the catalogue has, and one of them may be misspelt.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise, product, zip_longest
from typing import Any

from ..facts import table
from ..formats.gguf import mix_of
from ..formats.labels import NamedFormat, format_in, gguf_format, kind_of
from ..report import Note
from . import catalogue
from .catalogue import Spelling, spellings
from .name_words import (
    abbreviated,
    core_of,
    count_of,
    fillers,
    general,
    harmless,
    hyphenated,
    is_length,
    is_near,
    is_size,
    is_version,
    key_of,
    strange,
    with_word,
    words_of,
)

_BITS = re.compile(r"(?:^|(?<=[-_.]))(?:w\d+a\w*\d+|\d+da\d+w|\d+[-_]?bits?|\d+bpw|\d+g|u?int\d+)(?=$|[-_.])")
# a model's page, its files, and as llama.cpp and ollama take it: hf.co/org/name:Q4_K_M
_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:models/)?(?P<id>(?!(?:datasets|spaces|collections|papers|"
    r"docs|blog|models)/)[\w.-]+/[\w.-]+)(?P<tag>:[\w.-]+)?"
    r"(?:/(?:tree|blob|resolve|raw)/(?P<revision>[\w.-]+)(?:/(?P<file>[\w./-]*))?)?/?(?:[?#]\S*)?",
    re.I,
)
_LIBRARY = re.compile(
    r"(?:https?://)?(?:www\.|registry\.)?ollama\.(?:com|ai)/library/(?P<tag>[\w.-]+(?::[\w.-]+)?)/?", re.I
)
_RUN = re.compile(r"ollama\s+(?:run|pull|show)\s+", re.I)
# as people say whose a tag is: ollama llama3.1:8b, ollama/llama3.1, ollama llama3.1 8b
_OF_OLLAMA = re.compile(r"(?:ollama[\s:/]+)?(?P<model>[\w.-]+)(?:(?::|\s+)(?P<tag>[\w.-]+))?", re.I)
# a name as users write it: words, with an organisation before them at most
_PLAIN_NAME = re.compile(r"(?:[\w-]+/)?[\w .,:;()\[\]{}+|\"'=~-]+", re.ASCII)
# a file of several
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)", re.I)
_LENGTH_FIELD = "max_position_embeddings"
_MOST_CHOICES = 6
_NEAREST_SIZES = 4
_MOST_MARKS = 3
# words of another shape that users leave out where the size says them (Llama 3.2 11B, Nemotron 3 30B)
_SAID_BY_SIZE = frozenset({"vision", "moe", "nano", "tiny"})
# how far the count by which a model is sold is from its own (Llama 4 Maverick: 400 for 401.6, GLM-4.5V: 106 for 107.7)
_MARKETED = 0.025


# The copies of Whisper that faster-whisper loads are CTranslate2's, in float16 whatever the model is stored in.
_FASTER = re.compile(r"(^|/)faster-((?:distil-)?whisper-[\w.-]+?)(?:-ct2)?$", re.IGNORECASE)
# As faster-whisper itself calls its sizes.
_SIZE = re.compile(r"large-v[123]|large-v3-turbo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What a name says."""

    asked: str
    base: str = ""
    """The catalogue's id, or nothing where it could be one of `choices`."""
    choices: tuple[str, ...] = ()
    form: NamedFormat | None = None
    assumed: str = ""
    """What was assumed of the format, where the name has none."""
    part: str = ""
    """The part of the base's config that is all that its file holds."""
    said: tuple[str, ...] = ()
    """What else was assumed: a misspelt word, a word left open."""
    extra: tuple[str, ...] = ()
    """Words of which nothing is known."""
    refusal: str = ""
    """Why the base cannot be taken for it, or why it is none of the choices."""

    @property
    def certain(self) -> bool:
        return bool(self.base) and not self.extra and not self.refusal


# Kinds of which one repository has several, each in a branch of its own.
_BRANCHES = frozenset(f"{method}{bits}" for method in ("gptq", "awq") for bits in (2, 3, 4, 8))


@lru_cache(maxsize=512)
def derive(name: str) -> Derived | None:
    """What the name says, or None where it says nothing of a model of the catalogue."""
    asked, name = name, _SHARD.sub("", name.strip().replace(" @ ", " "))
    if len(name) > 200:
        return None
    name = _FASTER.sub(r"\1\2-fp16", f"faster-whisper-{name}" if _SIZE.fullmatch(name) else name)
    if ":" in name and "/" not in name.removeprefix("library/") and not re.search(r"\s", name):
        return _of_ollama(asked, *name.removeprefix("library/").lower().split(":", 1))
    if not _is_repository(name):
        return _as_its_maker_has_it(_of_bare(asked, hyphenated(name)), name) if _PLAIN_NAME.fullmatch(name) else None
    organisation, _, rest = name.rpartition("/")
    rest, _, tag = rest.replace("@", ":", 1).partition(":")
    of_tag = format_in(tag.lower(), organisation.lower())[1]
    if of_tag is not None and of_tag.kind in _BRANCHES:
        # a branch says what the repository's own name leaves open
        rest = format_in(rest.lower(), organisation.lower())[0]
    elif tag and not rest.lower().endswith("gguf") and not tag.lower().endswith("bpw"):
        rest += "-gguf"
    text = f"{rest}-{tag}" if tag else rest
    found = _of_words(asked, *format_in(text.lower(), organisation.lower()))
    odd = next((word for word in words_of(organisation) if word in strange()), None)
    if found is None or odd is None or found.refusal:
        return found
    return replace(found, refusal=f"{odd!r} in the organisation's name says that it is stored otherwise")


def _as_its_maker_has_it(found: Derived | None, name: str) -> Derived | None:
    """The same in the format of the copy in FP8 that the base's own maker publishes (Qwen's, in blocks)."""
    if found is None or found.form is None or "/" not in found.base or not name.lower().endswith("fp8"):
        return found
    own = derive(f"{found.base.partition('/')[0]}/{hyphenated(name)}")
    return found if own is None or own.base != found.base or own.form is None else replace(found, form=own.form)


def without_address(name: str) -> str:
    """The name itself where it stands in an address of the hub's or of ollama's library; nothing is fetched from there.

    Of a file of weights its own name, which says the format; a revision other than main stands behind an @.
    """
    if _RUN.match(name):
        name = in_library(_RUN.sub("", name, count=1))
    elif name.lower().startswith("ollama"):
        name = in_library(name)
    page = _PAGE.fullmatch(name)
    if page is None:
        tag = _LIBRARY.fullmatch(name)
        return name if tag is None else in_library(tag["tag"])
    if page["revision"] not in (None, "main"):
        return f"{page['id']}@{page['revision']}"
    file = (page["file"] or "").rpartition("/")[2]
    return file if file.lower().endswith(".gguf") else page["id"] + (page["tag"] or "")


def in_library(name: str) -> str:
    """The tag of ollama's library that a name means there, where that has the model: without one its latest."""
    said = _OF_OLLAMA.fullmatch(name)
    if said is None or said["model"].lower() not in table("ollama")["sizes"]:
        return name
    return f"{said['model']}:{said['tag'] or 'latest'}"


def hint(found: Derived | None) -> str:
    """What an error adds about a name, with a leading space, or nothing."""
    if found is None:
        return ""
    if not found.choices and not found.base:
        return f" {found.refusal}."
    if found.choices:
        few = found.choices[:_MOST_CHOICES]
        kinds = [f" ({kind})" for kind in _differing(few) if not found.refusal] or [""] * len(few)
        each = " or ".join(f"{choice!r}{kind}" for choice, kind in zip(few, kinds, strict=True))
        why = found.refusal or "By its name it could be any of these"
        more = len(found.choices) - _MOST_CHOICES
        rest = f" or {more} more" if more > 0 else ""
        return f" Did you mean {each}{rest}? {why}."
    form = "" if found.form is None else f", stored as {found.form.said}"
    why = f", but {found.refusal}" if found.refusal else ""
    if found.extra and not found.refusal:
        why = f", but nothing is known of {', '.join(map(repr, found.extra))}"
    return f" By its name it seems to be made from {found.base}{form}{why}: give that id to count it."


def _differing(ids: Sequence[str]) -> list[str]:
    """In what these entries differ; nothing where they do not, or where one is a tag of ollama's."""
    told = []
    for id in ids:
        entry = catalogue.catalogue_entries().get(id)
        if entry is None:
            return []
        config, count = entry["config"], entry["parameters"]
        own, length = config.get("quantization_config"), (config.get("text_config") or config).get(_LENGTH_FIELD)
        words = (
            f"{count / 1e12:.3g}T" if count >= 1e12 else f"{count / 1e9:.3g}B",
            config.get("model_type", ""),
            kind_of(own) if isinstance(own, Mapping) else config.get("torch_dtype", config.get("dtype", "")),
            f"of {length:,} tokens" if isinstance(length, int) else "",
        )
        told.append(" ".join(word for word in words if word))
    return told if len(set(told)) > 1 else []


def config_of(found: Derived) -> dict[str, Any]:
    """The base's config, in the format that the name says."""
    config = catalogue.config_of(found.base)
    if found.part:
        config = {"torch_dtype": config.get("torch_dtype", config.get("dtype")), **config[found.part]}
    if found.form is None:
        return config
    for field in ("quantization_config", "compression_config", "quantization"):
        config.pop(field, None)
    if "plain" in found.form.config:
        config.pop("dtype", None)
        return {**config, "torch_dtype": found.form.config["plain"]}
    return {**config, "quantization_config": dict(found.form.config)}


def notes_of(found: Derived, why: str = "") -> tuple[Note, ...]:
    """What was inferred; `why` is the reason for a guess."""
    form = "in the format of that one" if found.form is None else f"stored as {found.form.said}"
    text = (
        f"By its name {found.asked!r} was counted as {found.base}, {form}; nothing of its own was read."
        if not found.extra
        else f"{why}; by its name {found.asked!r} seems to be a {found.base}, {form}, and was counted as that. Nothing "
        f"is known of {', '.join(map(repr, found.extra))}: give a config.json to be certain."
    )
    text = " ".join((text, *found.said))
    notes = [Note(subject="model", text=text, origin="warning" if found.extra else "assumption")]
    if found.assumed:
        notes.append(Note(subject="precision", text=found.assumed, origin="assumption"))
    if found.form is not None and found.form.warning:
        notes.append(Note(subject="precision", text=found.form.warning, origin="warning"))
    return tuple(notes)


def _is_repository(name: str) -> bool:
    return name.count("/") == 1 and not re.search(r"\s", name)


# --- bases ---------------------------------------------------------------------------------------------------------

Core = tuple[str, ...]


@cache
def _cores() -> Mapping[Core, tuple[tuple[str, str], ...]]:
    """(id, name) of the catalogue by the words of the name; entries that are quantised copies themselves left out."""
    found: dict[Core, list[tuple[str, str]]] = {}
    for one in _originals():
        found.setdefault(one.core, []).append((one.id, one.name))
    return {core: tuple(entries) for core, entries in found.items()}


@cache
def _originals() -> tuple[Spelling, ...]:
    """The catalogue's names, without those of quantised copies."""
    return tuple(one for one in spellings() if one.core and not one.copied)


@cache
def _by_word() -> Mapping[str, tuple[Spelling, ...]]:
    """The originals by the words of letters that their names have."""
    found: dict[str, list[Spelling]] = {}
    for one in _originals():
        for word in {word for word in one.core if word.isalpha()}:
            found.setdefault(word, []).append(one)
    return {word: tuple(bases) for word, bases in found.items()}


@cache
def _copies() -> Mapping[tuple[Core, str, str], str]:
    """The ids of quantised copies by the words of their names, what they say of their format, and the organisation."""
    found: dict[tuple[Core, str, str], str] = {}
    for one in spellings():
        rest, form, _, _ = format_in(one.name, "")
        if form is not None and "quantization_config" in catalogue.catalogue_entries()[one.id]["config"]:
            found.setdefault((_sorted(core_of(rest)), form.kind, one.organisation), one.id)
    return found


def _sorted(core: Core) -> Core:
    return tuple(sorted(key_of(word) for word in core))


def _of_words(asked: str, text: str, form: NamedFormat | None, assumed: str, refusal: str) -> Derived | None:
    core = core_of(text)
    if not core:
        return None
    found = Derived(asked=asked, form=form, assumed=assumed, refusal=refusal)
    if core in _cores():
        return _with_base(found, core, text)
    odd = [word for word in core if word in strange()]
    inner = max(_inner(core), key=len, default=None)
    if inner is not None:
        extra = _rest(core, inner)
        if odd and not refusal:
            found = replace(found, refusal=f"{odd[0]!r} says that it has another shape")
        bits = _BITS.search(text)
        if bits and not found.refusal:
            known = format_in(bits[0], "", bare=True)[1] is not None
            why = (
                f"is a second format beside {form.said}"
                if known and form
                else "says a number format that is not known here"
            )
            found = replace(found, refusal=f"{bits[0]!r} {why}")
        if extra and all(is_version(word) for word in extra) and not found.refusal:
            found = replace(found, refusal=f"{extra[0]!r} may be another version of it")
        return _with_base(replace(found, extra=extra), inner, text)
    longer = sorted({entries[0][0] for other, entries in _cores().items() if _is_size_of(other, core)})
    return replace(found, choices=tuple(longer), refusal="") if longer else None


def _with_base(found: Derived, core: Core, text: str) -> Derived:
    """The entry of these words whose training words are the asked ones; of several shapes none."""
    entries = _cores()[core]
    wanted = set(words_of(text)) & harmless()
    ids = list(dict.fromkeys(id for id, _ in entries))
    if len({_shape(id) for id in ids}) > 1:
        exact = [id for id, name in entries if set(words_of(name)) & harmless() == wanted]
        ids = list(dict.fromkeys(exact)) or ids
        if len({_shape(id) for id in ids}) > 1:
            return replace(found, choices=tuple(ids))
    best = min(entries, key=lambda entry: len((set(words_of(entry[1])) & harmless()) ^ wanted))
    return _in_own_format(replace(found, base=best[0] if best[0] in ids else ids[0]))


def _in_own_format(found: Derived) -> Derived:
    """The same, where the base is published in the format that the name says, or in one that every copy keeps.

    A repository of GGUF files that names none holds q4_k_m as a rule; what is published in mxfp4 keeps that.
    """
    if found.form is None or not found.base:
        return found
    config = catalogue.catalogue_entries()[found.base]["config"]
    if found.assumed and config.get("model_type") == "gpt_oss" and found.form.kind == "gguf":
        return replace(found, form=gguf_format("mxfp4_moe", ""), assumed=found.assumed.replace("q4_k_m", "mxfp4_moe"))
    own = config.get("quantization_config")
    if isinstance(own, Mapping) and found.form.kind == kind_of(own):
        return replace(found, form=None)
    return found


def _shape(id: str) -> tuple[Any, ...]:
    """What makes two entries alike: nothing else of them changes what is counted."""
    entry = catalogue.catalogue_entries()[id]
    config = entry["config"]
    inner = config.get("text_config") or config
    own = config.get("quantization_config")
    return (
        entry["parameters"],
        config.get("model_type"),
        *(inner.get(field) for field in ("num_hidden_layers", "num_key_value_heads", "head_dim")),
        inner.get("sliding_window") if inner.get("use_sliding_window", True) else None,
        kind_of(own) if isinstance(own, Mapping) else "",
    )


def _inner(core: Core) -> Iterator[Core]:
    """The bases whose words stand together in these, where the sizes are the base's and no others."""
    for base in _by_sizes().get(_sizes(core), ()):
        length = len(base)
        if any(core[at : at + length] == base for at in range(len(core) - length + 1)):
            yield base


@cache
def _by_sizes() -> Mapping[frozenset[str], tuple[Core, ...]]:
    """The bases whose names say a size, by the sizes that they say."""
    found: dict[frozenset[str], list[Core]] = {}
    for base in _cores():
        if sizes := _sizes(base):
            found.setdefault(sizes, []).append(base)
    return {sizes: tuple(bases) for sizes, bases in found.items()}


def _sizes(core: Core) -> frozenset[str]:
    return frozenset(word for word in core if is_size(word))


def _rest(core: Core, inner: Core) -> Core:
    at = next(at for at in range(len(core)) if core[at : at + len(inner)] == inner)
    return core[:at] + core[at + len(inner) :]


def _is_size_of(other: Core, core: Core) -> bool:
    """Whether a base has these words and a size after them."""
    more: Sequence[str] = other[len(core) :]
    return other[: len(core)] == core and len(more) > 0 and all(is_size(word) for word in more)


# --- names as users write them -------------------------------------------------------------------------------------


def _of_bare(asked: str, text: str) -> Derived | None:
    """A name without an organisation."""
    if asked in table("ollama")["sizes"]:
        return _of_ollama(asked, asked, "")
    rest, form, assumed, refusal = format_in(text, "", bare=True)
    plain = Derived(asked=asked)
    if form is None and not refusal:
        return _of_its_words(plain, rest) or _of_words(asked, rest, None, "", "") or _of_other_size(plain, rest)
    # a word of the base's own name may look like a format (bitnet-b1.58)
    whole = _of_its_words(plain, text)
    if whole is not None and whole.certain and _has_all(whole.base, text):
        return whole
    other, second, _, _ = format_in(re.sub(r"(?<![a-z])gguf(?![a-z])", "", rest), "", bare=True)
    if form is not None and second is not None:
        rest = other
        if second.config != form.config:
            refusal = f"the name says two formats, {form.said} and {second.said}"
            form, assumed = None, ""
    found = Derived(asked=asked, form=form, assumed=assumed, refusal=refusal)
    inner = _of_its_words(found, rest) or _of_words(asked, rest, form, assumed, refusal) or _of_other_size(found, rest)
    return None if inner is None else _as_published(inner)


def _has_all(id: str, text: str) -> bool:
    """Whether one of the entry's names has all of these words."""
    return any(set(words_of(text)) <= set(words_of(one.name)) for one in _originals() if one.id == id)


def _as_published(found: Derived) -> Derived:
    """The copy that the base's own organisation publishes in the format, where the catalogue has it."""
    if not found.certain or found.form is None:
        return found
    organisation, _, name = found.base.partition("/")
    copies = _copies()
    own = copies.get((_sorted(core_of(name)), found.form.kind, organisation.lower()))
    return found if own is None else replace(found, base=own, form=None, assumed="")


def _of_its_words(found: Derived, text: str) -> Derived | None:
    """The base of these words in any order, with one word misspelt at most."""
    known = catalogue.find(text)
    if known is not None and any(one.id == known.id for one in _originals()):
        return _in_own_format(replace(found, base=known.id))
    for reading in _readings(text):
        match = _meant(found, reading)
        if match is not None:
            return match
    mended = [_meant(replace(found, said=(*found.said, said)), reading) for reading, said in _mended(text)]
    matches = [match for match in mended if match is not None]
    bases = {match.base or match.choices for match in matches if not match.refusal}
    return next((match for match in matches if not match.refusal or not bases), None) if len(bases) < 2 else None


def _meant(found: Derived, text: str) -> Derived | None:
    """The base that has all of these words, or that of ollama's tag that has them."""
    match = _matched(found, text)
    if match is None or match.refusal:
        return _of_a_tag(found, text) or match
    return match


@cache
def _tags() -> Mapping[Core, str]:
    """The tags of ollama's library whose model is in the catalogue, by their words.

    That one is distilled its size says as well.
    """
    found: dict[Core, str] = {}
    for tag, base in table("ollama")["tags"].items():
        if base in catalogue.catalogue_entries():
            core = core_of(tag)
            for words in (core, tuple(word for word in core if word != "distill")):
                found.setdefault(_sorted(words), tag)
    return found


def _of_a_tag(found: Derived, text: str) -> Derived | None:
    """The base of the tag of ollama's library that has these words: deepseek r1 70b is a distillation."""
    tag = _tags().get(_sorted(core_of(text)))
    if tag is None:
        return None
    said = f"It was taken for the model of ollama's tag {tag}."
    return _in_own_format(replace(found, base=table("ollama")["tags"][tag], said=(*found.said, said)))


def _readings(text: str) -> Iterator[str]:
    """The name with each _ between two digits as a point or as what parts two words."""
    parts = re.split(r"(?<=\d)_(?=\d)", text)
    for marks in product("_-", repeat=min(len(parts) - 1, _MOST_MARKS)):
        yield parts[0] + "".join(mark + part for mark, part in zip_longest(marks, parts[1:], fillvalue="-"))


def _matched(found: Derived, text: str) -> Derived | None:
    """The base that has all of these words; the choices, where several do and differ in shape."""
    core = core_of(text)
    fits = _nearest(core) or _other_generations(core, ())
    if not fits:
        return None
    words = set(words_of(text))
    wanted = words & harmless()
    if len({_sorted(core_of(fit.base.id.rpartition("/")[2])) for fit in fits}) == 1:
        fits = [fit for fit in fits if set(words_of(fit.base.name)) & harmless() == wanted] or fits
    fits = [fit for fit in fits if not fit.open + fit.lengths] or [fit for fit in fits if not fit.open] or fits
    fits = [fit for fit in fits if set(words_of(fit.base.name)) == words] or fits
    if all(fit.versions for fit in fits):
        fits = [*fits, *_other_generations(core, fits)]
    if len({_shape(fit.base.id) for fit in fits}) > 1:
        first: dict[tuple[Any, ...], str] = {}
        for fit in fits:
            first.setdefault((_sorted(fit.base.core), _shape(fit.base.id)), fit.base.id)
        return replace(found, choices=tuple(dict.fromkeys(first.values())))
    odd = [word for word in fits[0].open if word in strange() and word not in fits[0].base.makers]
    short = abbreviated()
    odd = [word for word in odd if short.get(word) not in words and word not in map(short.get, words)]
    if odd and next(_inner(core), None) is not None:
        return None
    if set(odd) - _SAID_BY_SIZE:
        base, own = fits[0].base, words_of(fits[0].base.id)
        if any(
            one in odd and is_version(word) and word in core and word not in own for one, word in pairwise(base.core)
        ):
            # the version is that of the other shape (Llama Guard 2)
            return None
        why = f"The name leaves {odd[0]!r} open, which says that it has another shape"
        return replace(found, choices=(fits[0].base.id,), refusal=why)
    best = min(fits, key=lambda fit: (len((set(words_of(fit.base.name)) & harmless()) ^ wanted), len(fit.open)))
    farther = sorted(
        (fit for fit in _fitting(core) if _shape(fit.base.id) != _shape(best.base.id)), key=lambda fit: fit.distance
    )
    return _in_own_format(replace(found, base=best.base.id, said=(*found.said, *best.said(fits, farther))))


def _fitting(core: Core, *, by_count: bool = False) -> list[_Fit]:
    named = dict.fromkeys(base for word in core if word not in fillers() for base in _by_word().get(word, ()))
    return [fit for fit in (_Fit.of(core, base, by_count=by_count) for base in named) if fit is not None]


def _nearest(core: Core) -> list[_Fit]:
    """The names that have all of these words, and of the words that tell a model from others as few more as any."""
    fits = _fitting(core)
    fewest = min((fit.distance for fit in fits), default=None)
    return [fit for fit in fits if fit.distance == fewest]


def _other_generations(core: Core, known: Sequence[_Fit]) -> list[_Fit]:
    """Names of the same family and maker that leave another version open, with more words or a size by their count.

    Where none is known yet, those without words of another shape.
    """
    fits = [fit for fit in _fitting(core, by_count=True) if fit.versions]
    of_shapes = min((fit.distance[0] for fit in known), default=0)
    fits = [fit for fit in fits if fit.distance[0] == of_shapes]
    if not known:
        return fits
    families = {(fit.base.family, fit.maker) for fit in known}
    versions = {fit.versions for fit in known}
    return [fit for fit in fits if (fit.base.family, fit.maker) in families and fit.versions not in versions]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """A name of the catalogue that has all the words of the asked one, or that the rest of them agree with."""

    base: Spelling
    open: Core
    """Its words that the asked name does not have."""
    lengths: Core
    """What was taken for a context's length."""

    @property
    def distance(self) -> tuple[int, int]:
        """Words that mean another shape, and words that name another model, which the asked name does not have."""
        telling = [
            word
            for word in self.open
            if word.isalpha() and len(word) > 1 and word not in self.base.makers and word not in harmless()
        ]
        return sum(word in strange() for word in telling), len(telling)

    @property
    def maker(self) -> str:
        return self.base.id.partition("/")[0]

    @property
    def versions(self) -> frozenset[str]:
        """The versions that the name leaves open, without digits of the maker's name."""
        by_makers = {version for version, heads in self.base.heads if heads & self.base.makers}
        return frozenset(word for word in self.open if is_version(word) and word not in by_makers)

    def said(self, alike: Sequence[_Fit], farther: Sequence[_Fit]) -> Iterator[str]:
        """What was assumed, for the note."""
        if self.open:
            words = ", ".join(map(repr, self.open))
            others = len({fit.base.id for fit in alike}) - 1
            more = f", or {others} more of the same shape" if others else ""
            only = f"nearest, before {farther[0].base.name}" if farther else "the only one that it can mean here"
            yield f"The name leaves {words} open: it is {only}{more}."
        for length in self.lengths:
            yield f"{length!r} was taken for a context's length, which is an argument of its own."

    @classmethod
    def of(cls, core: Core, base: Spelling, *, by_count: bool = False) -> _Fit | None:
        """How the words fit the base, or None where they name another model.

        by_count: a count of parameters tells a model though the name does not say which version.
        """
        own, asked = Counter(base.keys), Counter(map(key_of, core))
        opened = tuple((own - asked).elements())
        lengths = []
        for word in (asked - own).elements():
            if is_length(word):
                lengths.append(word)
            elif not _agrees(word, base, opened, by_count=by_count):
                return None
        if any(version in asked and not heads & asked.keys() for version, heads in base.heads):
            return None
        shared = {word for word in asked & own if word.isalpha()}
        telling = {word for word in shared if len(word) > 3 and word not in general() and word not in base.makers}
        if base.family not in shared and not telling:
            return None
        if len(base.family) == 1 and not telling and not any(is_version(word) for word in asked & own):
            return None
        return cls(base=base, open=opened, lengths=tuple(lengths))


def _agrees(word: str, base: Spelling, left_open: Core, *, by_count: bool) -> bool:
    """Whether a word that the base's name does not have says nothing against it."""
    if word in fillers() or word in base.makers:
        return True
    if word in ("dense", "moe"):
        return catalogue.is_mixture(base.id) == (word == "moe")
    if f"a{word}" in base.core:
        # what is active, beside the whole
        whole = [own for own in base.core if is_size(own) and own[0].isdigit()]
        return bool(whole) and not set(whole) & set(left_open)
    # a count tells a model where the name says the version, and the letter behind it (Gemma 3n)
    if any(map(is_version, left_open)):
        told = by_count and not any(is_size(own) and own[0].isdigit() for own in base.core)
    else:
        told = not any(other.isalpha() and len(other) == 1 for other in left_open)
    return told and is_size(word) and _is_total(word, base)


def _is_total(size: str, base: Spelling) -> bool:
    """Whether a size is the base's count of parameters, where its own name does not say that."""
    total: int = catalogue.catalogue_entries()[base.id]["parameters"]
    stated = [own for own in base.core if is_size(own)]
    if any(0.85 * total < count_of(own) < 1.18 * total for own in stated):
        return False
    if any(own[0].isdigit() for own in stated) and not catalogue.is_mixture(base.id):
        return False
    if not size[0].isdigit() or "x" in size or size[-1].isdigit():
        return False
    step = count_of(f"1{size[-1]}") / 10 ** len(size[:-1].partition(".")[2])
    return abs(count_of(size) / total - 1) < _MARKETED or math.floor(total / step) == round(count_of(size) / step)


# --- one misspelt word ---------------------------------------------------------------------------------------------


@cache
def _vocabulary() -> frozenset[str]:
    """The words of letters that names have."""
    own = {word for one in _originals() for word in (*words_of(one.name), *one.makers) if word.isalpha()}
    return frozenset(own | harmless() | strange() | general() | fillers() | {"dense"})


def _mended(text: str) -> Iterator[tuple[str, str]]:
    """(the name with its only unknown word mended, what a note says of it), for each word that it may have meant."""
    known = _vocabulary()
    for one, other in re.findall(r"([a-z]+)-(?=([a-z]+))", text):
        if one + other in known:
            yield text.replace(f"{one}-{other}", one + other), f"{one!r} and {other!r} were read as one word."
    for short, whole in abbreviated().items():
        if short in words_of(text):
            yield with_word(text, short, whole), f"{short!r} was read as {whole.replace('-', ' ')!r}."
    unknown = {word for word in words_of(text) if word.isalpha() and word not in known}
    if len(unknown) != 1:
        return
    (word,) = unknown
    for near in sorted(other for other in known if len(word) > 3 and is_near(word, other)):
        yield with_word(text, word, near), f"{word!r} was read as {near!r}."


# --- suggestions ---------------------------------------------------------------------------------------------------


def _of_other_size(found: Derived, text: str) -> Derived | None:
    """The bases that have all the words but a size, where there is no base of that size."""
    for reading, said in ((text, ""), *_mended(text)):
        core = core_of(reading)
        sizes = [word for word in core if is_size(word)]
        rest = tuple(word for word in core if not is_size(word))
        if not sizes or not rest:
            continue
        fits, why = _but_for_one(core, sizes)
        first = [] if fits else _by_near_family(core)
        fits = fits or _nearest(rest)
        if first or fits:
            wanted = max(count_of(sizes[0]), 1.0)
            # the last of a shape is kept: the family that was named
            fits = sorted(fits, key=lambda fit: (fit.base.family in rest, -len(fit.open), -len(fit.base.name)))
            shapes = {_shape(fit.base.id): fit for fit in fits}
            near = sorted(
                shapes.values(), key=lambda fit: (fit.base.family not in rest, catalogue.off_by(fit.base.id, wanted))
            )
            ids = dict.fromkeys((*first, *(fit.base.id for fit in near)))
            return Derived(asked=found.asked, choices=tuple(ids)[:_NEAREST_SIZES], refusal=f"{said} {why}".strip())
    return None


def _but_for_one(core: Core, sizes: Sequence[str]) -> tuple[list[_Fit], str]:
    """The bases that have all the words but one of several sizes, and what is wrong with that one."""
    without: dict[str, list[_Fit]] = {}
    for size in sizes if len(sizes) > 1 else ():
        at = core.index(size)
        without[size] = _nearest(core[:at] + core[at + 1 :])
    strangers = [size for size, fits in without.items() if fits]
    if len(strangers) == 1:
        others = " and ".join(size.upper() for size in sizes if size not in strangers)
        return without[strangers[0]], f"Nothing of the size {others} has {strangers[0].upper()} beside it"
    said = " and ".join(size.upper() for size in sizes)
    why = (
        f"The name says several sizes, {said}"
        if len(sizes) > 1
        else f"Nothing of the size {said} is known by this name"
    )
    return [fit for fits in without.values() for fit in fits], why


def _by_near_family(core: Core) -> list[str]:
    """The bases of these words where one of them is a family's name that is one letter off another's (Mixtral)."""
    families = {one.family for one in _originals() if len(one.family) > 3}
    found: list[str] = []
    for at, word in enumerate(core):
        for other in sorted(families) if word in families else ():
            if is_near(word, other):
                fits = _nearest((*core[:at], other, *core[at + 1 :]))
                found.extend({_shape(fit.base.id): fit.base.id for fit in reversed(fits)}.values())
    return found


# --- ollama --------------------------------------------------------------------------------------------------------


def _of_ollama(asked: str, model: str, tag: str) -> Derived | None:
    """A tag of ollama's library, such as llama3.1:70b-instruct-q4_k_m."""
    facts = table("ollama")
    sizes = facts["sizes"].get(model, ())
    if not tag and len(sizes) > 1:
        return Derived(asked=asked, choices=tuple(f"{model}:{size}" for size in sizes))
    if tag in ("", "latest"):
        if not sizes:
            return None
        tag = sizes[0]
    if tag == "cloud" or tag.endswith("-cloud"):
        return Derived(asked=asked, refusal="A tag of ollama's cloud has no file: give the model's id on the hub")
    text, form, assumed, refusal = format_in(f"{model}:{tag}", "")
    size = "-".join(word for word in text.partition(":")[2].split("-") if word and word not in harmless())
    own_mixes = facts["own_mixes"].get(model, {})
    if form is None and not refusal:
        usual = facts["formats"].get(f"{model}:{size}", facts["formats"].get(model, "q4_k_m"))
        if "qat" in text.split("-"):
            usual = "q4_0_qat"
        form = gguf_format(usual, "") if mix_of(usual) else None
        assumed = (
            f"The tag gives no format; {own_mixes.get(usual, usual)} was taken, which ollama has for it by default."
        )
    elif form is not None and "plain" in form.config:
        form = gguf_format("gguf_bf16" if form.said == "bf16" else "gguf_f16", "")
    if form is not None:
        form = gguf_format(own_mixes.get(form.config["mix"], form.config["mix"]), "")
        unexplained = facts["unexplained"]
        form = replace(form, warning=unexplained.get(f"{model}:{size}", unexplained.get(model, "")))
    base = facts["tags"].get(f"{model}:{size}")
    part = facts["parts"].get(model, "")
    if base in catalogue.catalogue_entries():
        return Derived(asked=asked, base=base, form=form, assumed=assumed, refusal=refusal, part=part)
    if base is not None:
        return Derived(
            asked=asked, choices=(base,), refusal="The tag is that repository, which is not in the catalogue"
        )
    return _of_words(asked, text, form, assumed, refusal)
