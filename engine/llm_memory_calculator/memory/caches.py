"""What a cache holds in bytes, and what one more token adds to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..report import Note
from ..units import ceil_div

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..engines import Engine
    from ..formats.scheme import Formats
    from ..operators import Operator
    from ..units import Quantity

# Tokens beyond every window.
_BEYOND = 2**30
# Tokens over which the first ones are averaged, since some caches make one entry of several.
_FIRST = 128


def cache_bytes(
    caching: Iterable[tuple[int, Operator]], formats: Formats, engine: Engine, tokens: Quantity, source: Quantity = 0
) -> Quantity:
    """Bytes that the cache holds of one sequence that attends `source` encoded positions.

    caching: (how many layers have it, operator).
    """
    total: Quantity = 0
    for layers, operator in caching:
        entry_bytes = engine.entry_bytes(operator.cached_entry(), formats)
        total = total + layers * entry_bytes * operator.cached_entries(tokens, source)
    return total


class Growth(NamedTuple):
    """Bytes that a token adds to the cache of one sequence, over all layers."""

    first: int
    """Before any window is full; where several tokens become one entry, the mean of the first 128."""
    beyond: int
    """Once every window is full."""
    mean: int
    """The cache of a sequence over its tokens, at one length."""

    def over(self, ranks: int) -> Growth:
        """On each of so many ranks that share the tokens."""
        return Growth(*(ceil_div(part, ranks) for part in self))


def growth(architecture: Architecture, formats: Formats, engine: Engine, tokens: int) -> Growth:
    """How the cache of a sequence grows, and its mean at a length of `tokens`."""
    first, beyond = _slopes(architecture, formats, engine)
    held = cache_bytes(architecture.caching(), formats, engine, tokens, architecture.source_of(tokens))
    return Growth(first=first, beyond=beyond, mean=math.ceil(float(held) / max(tokens, 1)))


@lru_cache(maxsize=512)
def _slopes(architecture: Architecture, formats: Formats, engine: Engine) -> tuple[int, int]:
    """(first, beyond) of a Growth, which no length changes."""

    def held(tokens: int) -> float:
        return float(cache_bytes(architecture.caching(), formats, engine, tokens))

    empty = held(0)
    first = math.ceil(max(held(1) - empty, (held(_FIRST) - empty) / _FIRST))
    return first, math.ceil((held(2 * _BEYOND) - held(_BEYOND)) / _BEYOND)


def growth_notes(found: Growth, tokens: int) -> tuple[Note, ...]:
    """That a token does not always add as much."""
    if found.first == found.mean:
        return ()
    later = f" at first and {found.beyond:,} once every sliding window is full"
    if found.first == found.beyond:
        later = ", and the positions of the source are cached besides"
    text = (
        f"A token adds {found.first:,} bytes to the cache{later}; a sequence of {tokens:,} tokens holds "
        f"{found.mean:,} a token."
    )
    return (Note(subject="kv_cache_bytes_per_token", text=text, origin="warning"),)


def cache_notes(architecture: Architecture, formats: Formats, engine: Engine) -> tuple[Note, ...]:
    """Where an engine keeps what is cached in another format than was counted."""
    return (*_uniform_notes(architecture, formats, engine), *_state_notes(architecture, formats, engine))


def _uniform_notes(architecture: Architecture, formats: Formats, engine: Engine) -> tuple[Note, ...]:
    """A precision that was asked for holds for the whole cache, of which an engine keeps a part otherwise."""
    if not formats.uniform:
        return ()
    of_all, as_kept = (
        growth(architecture, replace(formats, uniform=uniform), engine, _FIRST).first for uniform in (True, False)
    )
    if of_all == as_kept:
        return ()
    name = formats.kv_cache.name
    text = (
        f"The precision asked for was counted for all that is cached, the indexer's keys too: {of_all:,} bytes a "
        f"token. {engine.name} keeps these in another format, {as_kept:,} bytes a token, which kv_precision "
        f"{name!r} counts."
    )
    return (Note(subject="kv_precision", text=text, origin="assumption"),)


def _state_notes(architecture: Architecture, formats: Formats, engine: Engine) -> tuple[Note, ...]:
    """An engine may keep recurrent states in the model's format where neither config nor caller says."""
    chosen = sum(
        layer.repeat * operator.state().recurrent
        for layer in architecture.stack
        for operator in layer.operators
        if operator.state_is_chosen
    )
    less = chosen * (engine.recurrent_bytes - formats.activation_bytes)
    if less <= 0 or not engine.CHOOSES_STATES:
        return ()
    text = (
        f"Recurrent states are counted in float32, as the model's own code keeps them. {engine.name} keeps them in "
        f"{formats.scheme.plain.name} unless it is told otherwise (mamba_ssm_cache_dtype), {less / 1e6:,.1f} MB less "
        "for each sequence of a whole copy, which state_precision 'auto' counts."
    )
    return (Note(subject="state_memory_bytes", text=text, origin="assumption"),)
