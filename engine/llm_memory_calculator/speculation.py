"""What a question says of drafted tokens: one word, a draft's name, or an object as vLLM's --speculative-config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .checks import choice, real, whole
from .errors import ArgumentError, did_you_mean

METHODS = ("mtp", "eagle", "eagle3", "draft_model", "ngram")
"""By vLLM's names: the checkpoint's own layers for multi-token prediction, a head on the model's hidden states, a model
of its own, or n-grams of the prompt."""
ALONE = ("mtp", "ngram")
"""Those for which no draft is named."""
MOST_DRAFTED = 64
_FIELDS = ("method", "model", "num_speculative_tokens", "acceptance_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speculative:
    """Drafted tokens as they were asked for."""

    method: str | None = None
    """None: as the draft's config says."""
    model: Any = None
    """The draft, by whatever a model is named by."""
    tokens: int | None = None
    """Drafted at once; None: as many as is usual."""
    acceptance: float | None = None
    """Chance that a drafted token is taken where all before it were, 0 to 1; None: as is usual of the method."""


def speculative(name: str, value: Any) -> Speculative:
    """The word, the draft or the object of an argument. Raises ArgumentError."""
    if isinstance(value, Speculative):
        return value
    if isinstance(value, str) and value.lower() in ALONE:
        return Speculative(method=value.lower())
    if isinstance(value, str) and value.lower() in METHODS:
        raise ArgumentError(
            f"{name} is {value!r}, a method whose draft is to be named: give an object of method ({value.lower()!r}) "
            "and model (its repository or path), or 'mtp' or 'ngram', which need none."
        )
    if not isinstance(value, Mapping):
        return Speculative(model=value)
    for key in value:
        if key not in _FIELDS:
            near = did_you_mean(str(key), _FIELDS)
            raise ArgumentError(f"{name} has no field {key!r}.{near} Accepted: {', '.join(_FIELDS)}.")
    method, model, tokens, acceptance = (value.get(field) for field in _FIELDS)
    if method is not None:
        method = choice(f"{name}'s method", method.lower() if isinstance(method, str) else method, METHODS)
    if method in ALONE and model is not None:
        raise ArgumentError(f"{name}'s method {method!r} takes no draft; leave its model out.")
    if method not in ALONE and model is None:
        raise ArgumentError(f"{name} names no draft; give its model, or the method mtp or ngram.")
    if tokens is not None:
        tokens = whole(f"{name}'s num_speculative_tokens", tokens, most=MOST_DRAFTED)
    if acceptance is not None:
        acceptance = real(f"{name}'s acceptance_rate", acceptance, most=1, or_none=True)
    return Speculative(method=method, model=model, tokens=tokens, acceptance=acceptance)
