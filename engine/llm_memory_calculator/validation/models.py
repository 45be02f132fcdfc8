"""The models of measured rows: each name is looked up once, in a folder of configs before anywhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..api import load_model
from ..errors import ArgumentError, CalculatorError, UnknownFormatError, shown
from ..models import Model
from .reading import RefusedRow

# Spellings of quantised formats that logs have and that mean nothing in a model's name.
_SPELLINGS = {"bnb4": "nf4"}
_CHECKPOINT_S_OWN = frozenset({"auto", "?"})

Found = TypeVar("Found")


@dataclass(slots=True)
class Models:
    """What names mean, and what was asked of them already."""

    configs: dict[str, str] = field(default_factory=dict)
    """The path of a config by the model's name in lower case."""
    _found: dict[str, Model | CalculatorError] = field(default_factory=dict)
    _asked: dict[tuple[str, str], Any] = field(default_factory=dict)

    def named(self, name: str) -> Model:
        """The model of this name. Raises CalculatorError, of an unknown name without asking for it again."""
        if name not in self._found:
            try:
                self._found[name] = self._load(name)
            except CalculatorError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, CalculatorError):
            raise found
        return found

    def once(self, what: tuple[str, str], ask: Callable[[], Found]) -> Found:
        """What a question comes to, asked once: several rows of a file may be of one run."""
        if what not in self._asked:
            try:
                self._asked[what] = ask()
            except CalculatorError as error:
                self._asked[what] = error
        found: Found | CalculatorError = self._asked[what]
        if isinstance(found, CalculatorError):
            raise found
        return found

    def _load(self, name: str) -> Model:
        path = self.configs.get(name.lower())
        return load_model(name) if path is None else replace(load_model(path), name=name)


def models_of(folder: str | os.PathLike[str] | None) -> Models:
    """The models of a folder of `org__name.json`, and all that are known without it. Raises ArgumentError."""
    if folder is None:
        return Models()
    path = os.fspath(folder)
    if not os.path.isdir(path):
        raise ArgumentError(f"configs {shown(path)} is no folder; give one that holds configs as org__name.json.")
    files = sorted(name for name in os.listdir(path) if name.lower().endswith(".json"))
    if not files:
        raise ArgumentError(f"configs {shown(path)} holds no .json file; name a model's config org__name.json.")
    return Models({name[: -len(".json")].replace("__", "/").lower(): os.path.join(path, name) for name in files})


def precision_of(model: Model, said: str | None) -> str | None:
    """The format that a row says, where the checkpoint itself is not quantised: of several words a quantised one.

    Raises RefusedRow for words that are no format.
    """
    own = model.formats(None, None).scheme
    words = [_SPELLINGS.get(word, word) for word in (said or "").lower().replace("/", " ").replace("?", " ").split()]
    words = [word for word in words if word not in _CHECKPOINT_S_OWN]
    if own.quantized is not None or not words:
        return None
    plain, known = None, False
    for word in words:
        try:
            scheme = model.formats(word, None).scheme
        except UnknownFormatError:
            continue
        known = True
        if scheme.quantized is not None:
            return word
        # another format of as many bits changes no number
        if scheme.plain.bits != own.plain.bits:
            plain = word
    if not known:
        raise RefusedRow(f"format not known: {said}")
    return plain
