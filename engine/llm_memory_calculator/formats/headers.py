"""The headers of a checkpoint's files as the judge of what its config describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ..architecture import Architecture
from ..operators import Role, Weight
from ..report import Note
from ..units import GB
from ..untrusted import untrusted
from . import gguf
from .header_match import PLAIN, Match, is_of_tower, is_predictor, match, sorted_out
from .module_rules import uneven
from .numerics import FORMATS, Format
from .scheme import WeightScheme, by_name, stored_bytes
from .stored import StoredTotal, StoredWeights


def judged(architecture: Architecture, stated: WeightScheme, stored: StoredWeights) -> WeightScheme:
    """The scheme of a checkpoint with its bytes taken from the header, and notes on where the two disagree.

    Each weight has the bytes that the header gives it, and a rank has its share of them; what the header has and the
    architecture does not describe is spread over all weights. Layers for multi-token prediction and buffers that
    engines make anew are named and not counted.
    """
    sizes, roles = _sizes(architecture)
    found = match(architecture, sizes, stored)
    predictors, buffers, unexplained = sorted_out(found.strangers, architecture.depth)
    if not _holds_most(sizes, found, stored, unexplained):
        return _unread(stated, stored, len(sizes) - len(found.bytes_of), len(sizes))
    counted = stored.bytes - _total(stored, predictors) - _total(stored, buffers)
    rules = by_name({path: _form(path, roles[path], sizes[path], found, stated) for path in found.bytes_of})
    rules = (*rules, *stated.rules)
    scheme = replace(_renamed(stated, stored, found), rules=rules, uneven=uneven(rules, architecture))
    described = stored_bytes(architecture, scheme)
    notes = [
        _counted(stored, counted, None if _unknown(stated) else stored_bytes(architecture, stated)),
        *_shapes(sizes, found, stored, unexplained),
        *_named(stored, predictors, "not counted: they are for multi-token prediction, or beyond the last layer"),
        *_named(stored, buffers, "not counted: engines make them anew"),
        *(
            _named(stored, unexplained, "counted, under other names than are known here", origin="source")
            if _only_renamed(sizes, found, stored, unexplained)
            else _named(stored, unexplained, "counted, though the config does not describe them")
        ),
    ]
    # what was said of a mix in general is now known of this file
    kept = tuple(note for note in stated.notes if stored.kind != "gguf" or note.origin != "assumption")
    factor = counted / described if described else 1.0
    return replace(scheme, factor=factor, notes=(*kept, *notes))


# What headers and the padding of files add to their tensors, at the most.
_OF_FILES = 5e-3
# A difference that is no more than this is said and warns of nothing.
_NEGLIGIBLE = 1e-3
# Parts that are stored and not counted, such as layers for multi-token prediction, explain no more.
_APART = 0.15


def judged_by_total(architecture: Architecture, stated: WeightScheme, total: StoredTotal) -> WeightScheme:
    """The scheme of a checkpoint beside how much its files hold in all; where the two disagree it decides.

    It does not where the files hold what is not loaded: layers for multi-token prediction, a tied head once more.
    """
    described = stored_bytes(architecture, stated)
    if not total.bytes:
        differs = total.values not in (None, architecture.parameter_count)
        count = architecture.parameter_count
        text = f"{total.where} counts {total.values or 0:,} parameters, and the config describes {count:,}."
        return _with_note(stated, text, "warning" if differs else "source")
    surplus = total.bytes - described
    said = f"{total.where} gives {total.bytes:,} bytes" + (f", {total.lacking}" if total.lacking else "")
    if total.values is not None and total.values != architecture.parameter_count:
        said += f" and {total.values:,} parameters where the config describes {architecture.parameter_count:,}"
    if surplus == 0 or (total.of_files and 0 <= surplus <= _OF_FILES * described):
        text = f"{said}, as the config gives them."
        return _with_note(stated, text, "warning" if total.lacking else "source")
    share = f"{surplus / max(described, 1):+.2%}, {surplus:+,} bytes"
    text = f"{said}, and the config gives {described:,} ({share})"
    tied = _tied_head_bytes(architecture, stated)
    apart = bool(architecture.apart) or any(is_predictor(name, architecture.depth) for name in total.names)
    room = _OF_FILES * described if total.of_files else 0
    if tied and 0 <= surplus - tied <= room:
        return _with_note(stated, f"{text}: its tied head is stored once more, and loaded once.", "source")
    if apart and 0 < surplus <= _APART * described:
        return _with_note(stated, f"{text}: parts that are stored and not loaded can explain it.", "source")
    if _unknown(stated) or described == 0:
        return _with_note(
            replace(stated, factor=total.bytes / max(described, 1)), f"{said}, which were counted.", "warning"
        )
    plain = _plain_by(architecture, stated, total)
    if plain is not None:
        text += f", as if stored in {plain.label}: {plain.label} was counted, and engines serve what the config says"
        return _with_note(plain, f"{text}; precision={stated.label!r} counts that.", "warning")
    found = replace(stated, factor=total.bytes / described)
    origin: Literal["warning", "source"] = "warning" if abs(surplus) > _NEGLIGIBLE * described else "source"
    return _with_note(found, f"{text}: the files' were counted.", origin)


def _plain_by(architecture: Architecture, stated: WeightScheme, total: StoredTotal) -> WeightScheme | None:
    """The scheme of the other plain format that has the bytes of the files to a hundredth."""
    if stated.quantized is not None or stated.rules:
        return None
    for name in ("fp32", "bf16"):
        other = replace(stated, plain=FORMATS[name], label=name)
        if name != stated.label and abs(stored_bytes(architecture, other) / total.bytes - 1) < 0.01:
            return other
    return None


def _tied_head_bytes(architecture: Architecture, stated: WeightScheme) -> int:
    """Bytes of a tied head, were it stored once more."""
    if not architecture.has_tied_head:
        return 0
    whole = replace(architecture, last=architecture.last.self_contained())
    return stored_bytes(whole, stated) - stored_bytes(architecture, stated)


def _with_note(scheme: WeightScheme, text: str, origin: Literal["warning", "source"]) -> WeightScheme:
    return replace(scheme, notes=(*scheme.notes, Note(subject="weights", text=text, origin=origin)))


def without_absent_towers(architecture: Architecture, stored: StoredWeights | StoredTotal | None) -> Architecture:
    """The same without towers where the files name all their tensors and none is of one: a conversion to text alone."""
    if stored is None or not architecture.towers or (isinstance(stored, StoredWeights) and stored.kind == "gguf"):
        return architecture
    names = stored.names if isinstance(stored, StoredTotal) else tuple(stored.tensors)
    roots = {layer.path.partition(".{index}")[0] for layer in architecture.towers}
    if len(names) < architecture.depth or any(is_of_tower(name, roots) for name in names):
        return architecture
    count = sum(layer.parameters for layer in architecture.towers)
    text = (
        f"The files hold no tower for images or sounds: the {count:,} parameters of the one that "
        f"{architecture.model_type} models have were not counted."
    )
    # what was said of a tower that the config does not describe is answered
    kept = [note for note in architecture.notes if not note.text.startswith(f"No {note.subject}: the family's default")]
    notes = (*kept, Note(subject="weights", text=text, origin="source"))
    return replace(architecture, towers=(), images=None, videos=None, sounds=None, notes=notes)


AS_STORED = "as_stored"
"""The label of a scheme of which the config says nothing that is known here."""


def as_stored(error: str) -> WeightScheme:
    """The scheme of a checkpoint whose config states a format that is not described: its header has the bytes."""
    text = f"The number format is not described, and the bytes are those of the header. {error}"
    plain = FORMATS["bf16"]
    return WeightScheme(plain=plain, label=AS_STORED, notes=(Note(subject="precision", text=text, origin="warning"),))


def _unknown(stated: WeightScheme) -> bool:
    return stated.label in (AS_STORED, "gguf")


def _sizes(architecture: Architecture) -> tuple[dict[str, int], dict[str, Role]]:
    """Values and role of each weight of the architecture by module path; all the experts of a layer are one."""
    found: dict[str, int] = {}
    roles: dict[str, Role] = {}
    for tensor in gguf.tensors(architecture):
        found[tensor.path] = found.get(tensor.path, 0) + tensor.weight.size
        roles[tensor.path] = tensor.weight.role
    return found, roles


def _form(path: str, role: Role, size: int, found: Match, stated: WeightScheme) -> Format:
    """The format that gives a weight the bytes it has: a known one, or the stated one with its bits measured."""
    plain = found.forms.get(path)
    size_bytes = found.bytes_of[path]
    if plain is not None and abs(plain.stored_bytes(1, size) - size_bytes) < 1:
        return plain
    base = stated.formats_of(Weight(name=path, rows=size, role=role), "")[0][0] if plain is None else plain
    return replace(base, bits=8 * size_bytes / size, scales=())


def _renamed(stated: WeightScheme, stored: StoredWeights, found: Match) -> WeightScheme:
    """The scheme under the name of the format that most of the file has."""
    if stored.kind == "gguf":
        return stated if stored.mix else _named_by_most(stated, stored)
    if stated.quantized is not None or _unknown(stated):
        return stated
    most: dict[str, int] = {}
    for path, form in found.forms.items():
        most[form.name] = most.get(form.name, 0) + found.bytes_of[path]
    name = max(most, key=lambda one: most[one], default=stated.plain.name)
    if name == stated.plain.name or name not in ("fp32", "fp16", "bf16"):
        return stated
    cache = stated.kv_cache if name == "fp32" else FORMATS[name]
    # what was said of the format that the config states is answered by the header
    notes = tuple(note for note in stated.notes if note.subject != "precision")
    return replace(stated, plain=FORMATS[name], label=name, kv_cache=cache, notes=notes)


def _named_by_most(stated: WeightScheme, stored: StoredWeights) -> WeightScheme:
    """A GGUF file whose mix has no name goes by the type that most of it has."""
    sizes: dict[str, int] = {}
    for tensor in stored.tensors.values():
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.bytes
    most = FORMATS[max(sizes, key=lambda one: sizes[one], default="fp16")]
    return replace(stated, label=most.name, quantized=most if most.quantized else None)


def compared(architecture: Architecture, listed: Mapping[str, int]) -> tuple[Note, ...]:
    """What the hub counts in a repository's headers, by type, beside the parameters that its config describes."""
    if not listed:
        return ()
    total, described = sum(listed.values()), architecture.parameter_count
    shown = ", ".join(f"{count:,} {kind}" for kind, count in listed.items())
    if not set(listed) <= {"F64", "F32", "F16", "BF16"}:
        text = f"The hub counts {shown} in the weights' headers; packed values and scales are not parameters."
        return (Note(subject="weights", text=text, origin="source"),)
    if total == described:
        text = f"The hub counts {shown} in the weights' headers, as the config describes."
        return (Note(subject="weights", text=text, origin="source"),)
    share = total / max(described, 1) - 1
    text = (
        f"The hub counts {shown} in the weights' headers, and the config describes {described:,} parameters "
        f"({total - described:+,}, {share:+.2%}); the config's were counted."
    )
    return (Note(subject="weights", text=text, origin="warning"),)


# --- what the header says beside the config -------------------------------------------------------------------------


def _counted(stored: StoredWeights, counted: int, described: int | None) -> Note:
    """What was counted, and by how much that is other than what the config describes."""
    text = f"Weights counted from the header of {stored.where} ({stored.summary()})"
    if stored.indexed_bytes is not None and stored.indexed_bytes != stored.bytes:
        text += f"; its index gives {stored.indexed_bytes:,} bytes ({stored.indexed_bytes - stored.bytes:+,})"
    if described is None:
        return Note(subject="weights", text=f"{text}.", origin="source")
    judge = "the usual recipe of its mix" if stored.kind == "gguf" else "the config"
    if described == counted:
        text = f"{text}, as {judge} gives them to the byte."
        return Note(subject="weights", text=text, origin="warning" if _misindexed(stored) else "source")
    share = counted / max(described, 1) - 1
    text = (
        f"{text}: {counted / GB:,.3f} GB count, and {judge} gives {described / GB:,.3f} GB ({share:+.2%}, "
        f"{counted - described:+,} bytes)."
    )
    return Note(subject="weights", text=text, origin="warning" if abs(share) > _NEGLIGIBLE else "source")


def _misindexed(stored: StoredWeights) -> bool:
    """Whether the index beside the files gives other bytes than these have, by more than a thousandth."""
    return stored.indexed_bytes is not None and abs(stored.indexed_bytes - stored.bytes) > _NEGLIGIBLE * stored.bytes


def _holds_most(sizes: Mapping[str, int], found: Match, stored: StoredWeights, unexplained: Sequence[str]) -> bool:
    """Whether the file is of this model: one that holds an adapter, or a part, says nothing of the whole."""
    described = sum(sizes[path] for path in found.bytes_of)
    return (
        described >= 0.9 * sum(sizes.values())
        or _only_renamed(sizes, found, stored, unexplained)
        or (stored.kind == "gguf")
    )


def _unread(stated: WeightScheme, stored: StoredWeights, lacking: int, described: int) -> WeightScheme:
    """The config's own scheme, with a note that the header is not of all of this model."""
    text = (
        f"The header of {stored.where} ({stored.summary()}) lacks {lacking:,} of the {described:,} weights that the "
        "config describes: it is that of an adapter or of a part, and the config alone was counted."
    )
    return replace(stated, notes=(*stated.notes, Note(subject="weights", text=text, origin="warning")))


def _shapes(
    sizes: Mapping[str, int], found: Match, stored: StoredWeights, unexplained: Sequence[str]
) -> Iterable[Note]:
    """What the config describes and the header lacks, and weights of another size in each."""
    missing = [] if stored.kind == "gguf" else [path for path in sizes if path not in found.bytes_of]
    if missing and not _only_renamed(sizes, found, stored, unexplained):
        yield Note(
            subject="weights",
            text=f"Of the {len(sizes):,} weights that the config describes the header lacks {len(missing):,}: "
            f"{_some(missing)}.",
            origin="warning",
        )
    other = [path for path, count in found.values_of.items() if count != sizes[path]]
    if other:
        difference = sum(found.values_of[path] - sizes[path] for path in other)
        yield Note(
            subject="weights",
            text=f"The header gives {len(other):,} weights another size than the config, {difference:+,} parameters in "
            f"all: {_some([f'{path} {found.values_of[path]:,} and not {sizes[path]:,}' for path in other])}.",
            origin="warning",
        )


def _only_renamed(sizes: Mapping[str, int], found: Match, stored: StoredWeights, unexplained: Sequence[str]) -> bool:
    """Whether what the header lacks stands in it under other names: as many values in plain formats."""
    values = sum(stored.tensors[name].values for name in unexplained)
    plain = all(stored.tensors[name].dtype in PLAIN for name in unexplained)
    return plain and values == sum(size for path, size in sizes.items() if path not in found.bytes_of)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _named(
    stored: StoredWeights, names: tuple[str, ...], what: str, origin: Literal["warning", "source"] = "warning"
) -> Iterable[Note]:
    if not names:
        return
    total, values = _total(stored, names), sum(stored.tensors[name].values for name in names)
    some = _some([str(untrusted(name)) for name in names[:4]])
    yield Note(
        subject="weights",
        text=f"The header also lists {some} ({len(names):,} in all, {values:,} values, {total:,} bytes): {what}.",
        origin=origin if total > 10**6 else "source",
    )


def _total(stored: StoredWeights, names: Iterable[str]) -> int:
    return sum(stored.tensors[name].bytes for name in names)
