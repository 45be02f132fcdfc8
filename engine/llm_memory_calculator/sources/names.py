"""What the name of a copy, a fine-tune or a quantised repository says: the model it was made from, and its format.

Nothing is read but the name. Sizes and versions must be those of the base; words for training (Instruct, it, chat) and
for formats (AWQ, FP8, Q4_K_M) are taken off. With words left of which nothing is known the base is only a guess, and
words that mean another architecture (Eagle, LoRA, VL) rule it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..facts import table
from ..formats.gguf import mix_of
from ..report import Note
from . import catalogue
from .name_formats import NamedFormat, format_in, gguf_format

_WORD = re.compile(r"\d+x\d+(?:\.\d+)?b|a?\d+(?:\.\d+)?[bmk](?![a-z])|v\d+(?:\.\d+)*|\d+(?:\.\d+)*|[a-z]+")
_SIZE = re.compile(r"\d+x\d+(?:\.\d+)?b|a?\d+(?:\.\d+)?[bm]")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*")
_BITS = re.compile(r"(?:^|(?<=[-_.]))(?:w\d+a\d+|\d+[-_]?bits?|\d+bpw|\d+g|u?int\d+)(?=$|[-_.])")
# as llama.cpp and ollama take it: hf.co/org/name:Q4_K_M
_ADDRESS = re.compile(r"(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+:[\w.-]+)", re.I)


@cache
def _harmless() -> frozenset[str]:
    return frozenset(table("names")["harmless"])


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
    extra: tuple[str, ...] = ()
    """Words of which nothing is known."""
    refusal: str = ""
    """Why the base cannot be taken for it."""

    @property
    def certain(self) -> bool:
        return bool(self.base) and not self.extra and not self.refusal


def derive(name: str) -> Derived | None:
    """What the name says, or None where it says nothing of a model of the catalogue."""
    asked = name
    if len(name) > 200 or name.count("/") > 1:
        return None
    if ":" in name and "/" not in name.removeprefix("library/"):
        return _of_ollama(asked, *name.removeprefix("library/").lower().split(":", 1))
    organisation, _, rest = name.rpartition("/")
    rest, _, tag = rest.partition(":")
    if tag and not rest.lower().endswith("gguf"):
        rest += "-gguf"
    text = f"{rest}-{tag}" if tag else rest
    if not organisation and text.lower() in table("ollama")["sizes"]:
        return _of_ollama(asked, text.lower(), "")
    found = _of_words(asked, *format_in(text.lower(), organisation.lower()))
    strange = next((word for word in _WORD.findall(organisation.lower()) if word in table("names")["strange"]), None)
    if found is None or strange is None or found.refusal:
        return found
    return replace(found, refusal=f"{strange!r} in the organisation's name says that it is stored otherwise")


def without_address(name: str) -> str:
    """The name itself where it stands with a file's format behind the hub's address."""
    match = _ADDRESS.fullmatch(name)
    return match[1] if match else name


def hint(found: Derived | None) -> str:
    """What an error adds about a name, with a leading space, or nothing."""
    if found is None:
        return ""
    if found.choices:
        return f" Did you mean {' or '.join(map(repr, found.choices))}? By its name it could be any of these."
    form = "" if found.form is None else f", stored as {found.form.said}"
    why = f", but {found.refusal}" if found.refusal else ""
    return f" By its name it seems to be made from {found.base}{form}{why}: give that id to count it."


def config_of(found: Derived) -> dict[str, Any]:
    """The base's config, in the format that the name says."""
    config = catalogue.config_of(found.base)
    if found.form is None:
        return config
    config.pop("quantization_config", None)
    config.pop("compression_config", None)
    if "plain" in found.form.config:
        config.pop("dtype", None)
        return {**config, "torch_dtype": found.form.config["plain"]}
    return {**config, "quantization_config": dict(found.form.config)}


def notes_of(found: Derived, why: str = "") -> tuple[Note, ...]:
    """What was inferred; `why` is the reason for a guess."""
    form = "in the format of that one" if found.form is None else f"stored as {found.form.said}"
    text = (
        f"By its name {found.asked!r} was taken for {found.base}, {form}; nothing of its own was read."
        if not found.extra
        else f"{why}; by its name {found.asked!r} seems to be a {found.base}, {form}, and that was counted. Nothing is "
        f"known of {', '.join(map(repr, found.extra))}: give a config.json to be certain."
    )
    notes = [Note(subject="model", text=text, origin="warning" if found.extra else "assumption")]
    if found.assumed:
        notes.append(Note(subject="precision", text=found.assumed, origin="assumption"))
    if found.form is not None and found.form.warning:
        notes.append(Note(subject="precision", text=found.form.warning, origin="warning"))
    return tuple(notes)


# --- bases ---------------------------------------------------------------------------------------------------------

Core = tuple[str, ...]


def _core(text: str) -> Core:
    """The words that tell a model from others, in their order."""
    joined = re.sub(r"(?<=\d)_(?=\d)", ".", text.lower())
    return tuple(word for word in _WORD.findall(joined) if word not in _harmless())


@cache
def _cores() -> Mapping[Core, tuple[tuple[str, str], ...]]:
    """(id, name) of the catalogue by the words of the name; entries that are quantised copies themselves left out."""
    found: dict[Core, list[tuple[str, str]]] = {}
    for id, entry in catalogue.catalogue_entries().items():
        for name in (id, *entry["names"]):
            alone = name.rpartition("/")[2].lower()
            if format_in(alone, "")[1] is None:
                found.setdefault(_core(alone), []).append((id, alone))
    return {core: tuple(entries) for core, entries in found.items() if core}


def _of_words(asked: str, text: str, form: NamedFormat | None, assumed: str, refusal: str) -> Derived | None:
    core = _core(text)
    if not core:
        return None
    found = Derived(asked=asked, form=form, assumed=assumed, refusal=refusal)
    if core in _cores():
        return _with_base(found, core, text)
    strange = [word for word in core if word in table("names")["strange"]]
    inner = max(_inner(core), key=len, default=None)
    if inner is not None:
        extra = _rest(core, inner)
        if strange and not refusal:
            found = replace(found, refusal=f"{strange[0]!r} says that it has another shape")
        bits = _BITS.search(text)
        if bits and not found.refusal:
            found = replace(found, refusal=f"{bits[0]!r} says a number format that is not known here")
        if extra and all(_VERSION.fullmatch(word) for word in extra) and not found.refusal:
            found = replace(found, refusal=f"{extra[0]!r} may be another version of it")
        return _with_base(replace(found, extra=extra), inner, text)
    longer = sorted({entries[0][0] for other, entries in _cores().items() if _is_size_of(other, core)})
    return replace(found, choices=tuple(longer)) if longer else None


def _with_base(found: Derived, core: Core, text: str) -> Derived:
    """The entry of these words whose training words are the asked ones; of several shapes none."""
    entries = _cores()[core]
    wanted = set(_WORD.findall(text)) & _harmless()
    ids = list(dict.fromkeys(id for id, _ in entries))
    if len({_shape(id) for id in ids}) > 1:
        exact = [id for id, name in entries if set(_WORD.findall(name)) & _harmless() == wanted]
        ids = list(dict.fromkeys(exact)) or ids
        if len({_shape(id) for id in ids}) > 1:
            return replace(found, choices=tuple(ids))
    best = min(entries, key=lambda entry: len((set(_WORD.findall(entry[1])) & _harmless()) ^ wanted))
    return _in_usual_mix(replace(found, base=best[0] if best[0] in ids else ids[0]))


def _in_usual_mix(found: Derived) -> Derived:
    """A repository of GGUF files that names none holds q4_k_m as a rule; what is published in mxfp4 keeps that."""
    model_type = catalogue.catalogue_entries()[found.base]["config"].get("model_type")
    if found.assumed and found.form is not None and model_type == "gpt_oss":
        return replace(found, form=gguf_format("mxfp4_moe", ""), assumed=found.assumed.replace("q4_k_m", "mxfp4_moe"))
    return found


def _shape(id: str) -> tuple[Any, ...]:
    entry = catalogue.catalogue_entries()[id]
    config = entry["config"]
    return entry["parameters"], config.get("model_type"), config.get("num_key_value_heads"), config.get("head_dim")


def _inner(core: Core) -> Iterator[Core]:
    """The bases whose words stand together in these, where the sizes are the base's and no others."""
    sizes = {word for word in core if _SIZE.fullmatch(word)}
    for base in _cores():
        length = len(base)
        own = {word for word in base if _SIZE.fullmatch(word)}
        if own and own == sizes and any(core[at : at + length] == base for at in range(len(core) - length + 1)):
            yield base


def _rest(core: Core, inner: Core) -> Core:
    at = next(at for at in range(len(core)) if core[at : at + len(inner)] == inner)
    return core[:at] + core[at + len(inner) :]


def _is_size_of(other: Core, core: Core) -> bool:
    """Whether a base has these words and a size after them."""
    more: Sequence[str] = other[len(core) :]
    return other[: len(core)] == core and len(more) > 0 and all(_SIZE.fullmatch(word) for word in more)


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
    text, form, assumed, refusal = format_in(f"{model}:{tag}", "")
    size = "-".join(word for word in text.partition(":")[2].split("-") if word and word not in _harmless())
    if form is None and not refusal:
        usual = facts["formats"].get(f"{model}:{size}", facts["formats"].get(model, "q4_k_m"))
        if "qat" in text.split("-"):
            usual = "q4_0_qat"
        form = gguf_format(usual, "") if mix_of(usual) else None
        assumed = f"The tag gives no format; {usual} was taken, which ollama has for it by default."
    elif form is not None and "plain" in form.config:
        form = gguf_format("gguf_bf16" if form.said == "bf16" else "gguf_f16", "")
    base = facts["tags"].get(f"{model}:{size}")
    if base in catalogue.catalogue_entries():
        return Derived(asked=asked, base=base, form=form, assumed=assumed, refusal=refusal)
    return _of_words(asked, text, form, assumed, refusal)
