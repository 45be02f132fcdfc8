"""A model at hand: its config, the architecture built from it, and the formats that callers asked for so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from .architecture import Architecture
from .architectures import build
from .config import Config
from .errors import ConfigError
from .formats.checkpoint import HOLDING
from .formats.headers import as_stored, judged, judged_by_total, without_absent_towers
from .formats.scheme import Formats, WeightScheme, formats_for, scheme_for, stored_bytes
from .formats.stored import StoredTotal, StoredWeights
from .operators import StateChoice
from .report import Note
from .units import GB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """One description, from which every answer is summed."""

    name: str
    source: str
    """Where the config is from."""
    config: Config = field(repr=False)
    architecture: Architecture = field(repr=False)
    repository: str = ""
    """The hub's repository that the config was fetched from, where it was."""
    asked: str = ""
    """What the caller called it, where that is another name."""
    counted: str = ""
    """The entry of the catalogue that was counted for it, where it was asked for by another name."""
    plainly_named: bool = False
    """Whether it was found by a name alone, which says no format of its files."""
    weights: StoredWeights | StoredTotal | None = field(default=None, repr=False)
    """What the headers of its files list, or how much they hold, where that is at hand."""
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Formats that files beside the config state otherwise than the config, by file."""
    read_notes: tuple[Note, ...] = field(default=(), repr=False)
    """What was inferred while it was read."""
    drafter: Model | None = field(default=None, repr=False)
    """The model, or the head, that is to draft tokens for it."""
    drafts_as: str = ""
    """The method by which it drafts for another, where it does."""
    _schemes: dict[str | None, WeightScheme] = field(default_factory=dict, repr=False)
    _formats: dict[tuple[str | None, str | None], Formats] = field(default_factory=dict, repr=False)

    def formats(self, precision: str | None, kv_precision: str | None) -> Formats:
        """The formats of weights and KV cache; None keeps the checkpoint's own and 16 bits."""
        if not isinstance(precision, str | None) or precision not in self._schemes:
            self._schemes[precision] = self._scheme(precision)
        if not isinstance(kv_precision, str | None) or (precision, kv_precision) not in self._formats:
            found = formats_for(self._schemes[precision], kv_precision)
            # an unquantised precision that is asked for is meant for all that is kept, unless the cache has its own
            uniform = precision is not None and kv_precision is None and found.scheme.quantized is None
            self._formats[precision, kv_precision] = replace(found, uniform=uniform)
        return self._formats[precision, kv_precision]

    def _scheme(self, precision: str | None) -> WeightScheme:
        """The scheme by the config, with its bytes from the files where they are at hand and in the format asked."""
        if self.weights is None:
            scheme = scheme_for(self.config, self.architecture, precision)
            return scheme if precision is not None else self._beside_others(scheme)
        if precision is not None:
            asked = scheme_for(self.config, self.architecture, precision)
            own = asked.label == self.formats(None, None).scheme.label
            return self.formats(None, None).scheme if own else asked
        try:
            stated = scheme_for(self.config, self.architecture, None)
        except ConfigError as error:
            stated = as_stored(str(error))
        stated = self._beside_others(stated)
        if isinstance(self.weights, StoredTotal):
            return judged_by_total(self.architecture, stated, self.weights)
        return judged(self.architecture, stated, self.weights)

    def _beside_others(self, scheme: WeightScheme) -> WeightScheme:
        """The same with what files beside the config state otherwise."""
        notes = []
        for name, quantization in self.others.items():
            own = {key: value for key, value in self.config.values.items() if key not in HOLDING}
            try:
                other = scheme_for(Config({**own, "quantization_config": quantization}), self.architecture, None)
            except ConfigError as error:
                notes.append(Note(subject="precision", text=f"{name} was not compared. {error}", origin="warning"))
                continue
            sizes = [stored_bytes(self.architecture, one) for one in (scheme, other)]
            if sizes[0] != sizes[1] or scheme.kv_cache != other.kv_cache:
                said = [
                    f"{one.label} ({size / GB:,.3f} GB, the KV cache in {one.kv_cache.name})"
                    for one, size in zip((scheme, other), sizes, strict=True)
                ]
                text = (
                    f"{name} states {said[1]}, and {said[0]} was counted, which the config or another file beside it "
                    "states and engines read first."
                )
                notes.append(Note(subject="precision", text=text, origin="warning"))
        return replace(scheme, notes=(*scheme.notes, *notes)) if notes else scheme

    def served_in(self, precision: str, kv_precision: str | None) -> Formats:
        """The same where nobody asked for it, and an engine loads what is stored in another format so."""
        return _served_in(self, precision, kv_precision)

    def notes(self, formats: Formats, precision: str | None) -> tuple[Note, ...]:
        """What is to be said of it in these formats, of which the weights' may have been asked for."""
        source = Note(subject="model", text=f"Config from {self.source}.", origin="source")
        if self.asked:
            text = f"{self.asked!r} was counted as {self.counted}."
            same = _letters(self.asked) == _letters(self.counted)
            source = Note(subject="model", text=text, origin="source" if same else "assumption")
        # what was taken for want of a format is not to be said beside one that was given
        settled = set[str]()
        if precision is not None:
            settled.add("torch_dtype")
        if formats.kv_cache != formats.scheme.kv_cache:
            settled.add("kv_precision")
        about = (*self.read_notes, *formats.scheme.notes, *self.architecture.notes)
        return (source, *(note for note in about if note.subject not in settled))

    def with_untied_head(self) -> Model:
        """The same with its head stored apart from the embedding."""
        whole = replace(self.architecture, last=self.architecture.last.self_contained())
        return replace(self, architecture=whole, weights=None, _schemes={}, _formats={})

    def in_engine(self, state: StateChoice) -> Model:
        """The same with recurrent states as engines keep them that were told of a format."""
        return _in_engine(self, state)


def _letters(name: str) -> str:
    """A model's name without its publisher, as people write it."""
    return "".join(letter for letter in name.rpartition("/")[2].lower() if letter.isalnum())


@lru_cache(maxsize=64)
def _served_in(model: Model, precision: str, kv_precision: str | None) -> Formats:
    found = model.formats(precision, kv_precision)
    return replace(found, scheme=replace(found.scheme, notes=()), uniform=False)


@lru_cache(maxsize=64)
def _in_engine(model: Model, state: StateChoice) -> Model:
    return replace(model, architecture=model.architecture.in_engine(state))


def describe(
    name: str,
    source: str,
    config: Mapping[str, Any],
    *,
    weights: StoredWeights | StoredTotal | None = None,
    others: Mapping[str, Mapping[str, Any]] | None = None,
    notes: tuple[Note, ...] = (),
) -> Model:
    """Build the description of a config.

    Raises ConfigError or UnsupportedModelError.
    """
    read = Config(config)
    architecture = without_absent_towers(build(read), weights)
    return Model(
        name=name,
        source=source,
        config=read,
        architecture=architecture,
        weights=weights,
        others=others or {},
        read_notes=notes,
    )


@lru_cache(maxsize=128)
def model_of(architecture: Architecture) -> Model:
    """The model of an architecture that a caller has built, stored in the format that it states."""
    return Model(
        name=architecture.model_type, source="the architecture given", config=Config({}), architecture=architecture
    )
