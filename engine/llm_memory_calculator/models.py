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
from .formats.headers import as_stored, judged
from .formats.scheme import Formats, WeightScheme, formats_for, scheme_for
from .formats.stored import StoredWeights
from .report import Note


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
    weights: StoredWeights | None = field(default=None, repr=False)
    """What the headers of its files list, where they are at hand."""
    read_notes: tuple[Note, ...] = field(default=(), repr=False)
    """What was inferred while it was read."""
    _schemes: dict[str | None, WeightScheme] = field(default_factory=dict, repr=False)
    _formats: dict[tuple[str | None, str | None], Formats] = field(default_factory=dict, repr=False)

    def formats(self, precision: str | None, kv_precision: str | None) -> Formats:
        """The formats of weights and KV cache; None keeps the checkpoint's own and 16 bits."""
        if not isinstance(precision, str | None) or precision not in self._schemes:
            self._schemes[precision] = self._scheme(precision)
        if not isinstance(kv_precision, str | None) or (precision, kv_precision) not in self._formats:
            self._formats[precision, kv_precision] = formats_for(self._schemes[precision], kv_precision)
        return self._formats[precision, kv_precision]

    def _scheme(self, precision: str | None) -> WeightScheme:
        """The scheme by the config, with its bytes from the header where that is at hand and in the format asked."""
        if self.weights is None:
            return scheme_for(self.config, self.architecture, precision)
        if precision is not None:
            asked = scheme_for(self.config, self.architecture, precision)
            own = asked.label == self.formats(None, None).scheme.label
            return self.formats(None, None).scheme if own else asked
        try:
            stated = scheme_for(self.config, self.architecture, None)
        except ConfigError as error:
            stated = as_stored(str(error))
        return judged(self.architecture, stated, self.weights)

    def notes(self, formats: Formats) -> tuple[Note, ...]:
        source = Note(subject="model", text=f"Config from {self.source}.", origin="source")
        if self.asked:
            text = f"{self.asked!r} has the architecture and format of {self.counted}, and was counted as that."
            source = Note(subject="model", text=text, origin="assumption")
        return (source, *self.read_notes, *formats.scheme.notes, *self.architecture.notes)

    def with_untied_head(self) -> Model:
        """The same with its head stored apart from the embedding."""
        whole = replace(self.architecture, last=self.architecture.last.self_contained())
        return replace(self, architecture=whole, weights=None, _schemes={}, _formats={})


def describe(
    name: str,
    source: str,
    config: Mapping[str, Any],
    *,
    weights: StoredWeights | None = None,
    notes: tuple[Note, ...] = (),
) -> Model:
    """Build the description of a config.

    Raises ConfigError or UnsupportedModelError.
    """
    read = Config(config)
    return Model(name=name, source=source, config=read, architecture=build(read), weights=weights, read_notes=notes)


@lru_cache(maxsize=128)
def model_of(architecture: Architecture) -> Model:
    """The model of an architecture that a caller has built, stored in the format that it states."""
    return Model(
        name=architecture.model_type, source="the architecture given", config=Config({}), architecture=architecture
    )
