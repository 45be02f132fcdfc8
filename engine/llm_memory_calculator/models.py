"""A model at hand: its config, the architecture built from it, and the formats that callers asked for so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .architecture import Architecture
from .architectures import build
from .config import Config
from .memory import Formats, formats_for, untied
from .quantization import WeightScheme, scheme_for
from .report import Note


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """One description, from which every answer is summed."""

    name: str
    source: str
    """Where the config is from."""
    config: Config
    architecture: Architecture
    asked: str = ""
    """What the caller called it, where that is another name."""
    _schemes: dict[str | None, WeightScheme] = field(default_factory=dict)

    def formats(self, precision: str | None, kv_precision: str | None) -> Formats:
        """The formats of weights and KV cache; None keeps the checkpoint's own and 16 bits."""
        if not isinstance(precision, str | None) or precision not in self._schemes:
            scheme = scheme_for(self.config, self.architecture, precision)
            self._schemes[precision] = scheme
        return formats_for(self._schemes[precision], kv_precision)

    def notes(self, formats: Formats) -> tuple[Note, ...]:
        source = Note(subject="model", text=f"Config from {self.source}.", origin="source")
        if self.asked:
            text = f"{self.asked!r} has the architecture and format of {self.name}, which was counted."
            source = Note(subject="model", text=text, origin="assumption")
        return (source, *formats.scheme.notes, *self.architecture.notes)

    def with_untied_head(self) -> Model:
        return replace(self, architecture=untied(self.architecture), _schemes={})


def describe(name: str, source: str, config: Mapping[str, Any]) -> Model:
    """Build the description of a config.

    Raises ConfigError or UnsupportedModelError.
    """
    read = Config(config)
    return Model(name=name, source=source, config=read, architecture=build(read))
