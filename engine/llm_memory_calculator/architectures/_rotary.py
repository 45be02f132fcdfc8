"""The tables of sines and cosines that engines keep for rotary positions: one row a position that the config allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..architecture import Architecture
from ..config import LARGEST_SIZE, Config

# rope_type of tables that are made longer by its factor; the others stretch the positions that there are.
_LONGER = ("linear", "dynamic")
_MOST_FACTOR = 10_000


def rotary_values(config: Config, architecture: Architecture) -> int:
    """Values of these tables, each distinct one once; 0 where positions are learned, or none are stated.

    Source: vLLM's layers/rotary_embedding (cos_sin_cache of max_position x factor rows of rotary_dim values; a table
    for each theta and width, so two where windowed layers have a theta or full ones a width of their own).
    """
    values = config.values
    text = values.get("text_config")
    if isinstance(text, dict):
        values = {**values, **text}
    positions = _size(values.get("max_position_embeddings"))
    if positions is None or architecture.attention_type == "none" or _learned(architecture):
        return 0
    width = _size(values.get("qk_rope_head_dim") or values.get("head_dim"))
    if width is None:
        hidden, heads = _size(values.get("hidden_size")), _size(values.get("num_attention_heads"))
        if hidden is None or heads is None:
            return 0
        width = hidden // heads
    # transformers 5 writes what it once wrote beside it into rope_parameters
    stated = values.get("rope_parameters")
    rotary = stated if isinstance(stated, dict) else {}
    share = values.get("partial_rotary_factor", rotary.get("partial_rotary_factor"))
    width = int(width * share) if isinstance(share, float) and 0 < share <= 1 else width
    rows = positions * _factor(values.get("rope_scaling") or rotary)
    local = positions if values.get("rope_local_base_freq") else 0
    return round((rows + local) * width + rows * sum(_widths(values) - {width}))


def _widths(values: Mapping[str, Any]) -> set[int]:
    """Widths of the heads of layers that state their own: of all full ones, or by layer."""
    layers = values.get("per_layer_config")
    stated = layers.values() if isinstance(layers, dict) else ()
    own = [layer.get("head_dim") for layer in stated if isinstance(layer, dict)]
    return {width for one in (values.get("global_head_dim"), *own) if (width := _size(one)) is not None}


def _size(value: object) -> int | None:
    """A whole number that can be a size; None for all else, which other readers of the field refuse."""
    return value if type(value) is int and 0 < value <= LARGEST_SIZE else None


def _learned(architecture: Architecture) -> bool:
    return any(weight.part == "positions" for operator in architecture.first.operators for weight in operator.weights())


def _factor(scaling: object) -> float:
    """How much longer a table is than the positions that the config states."""
    if not isinstance(scaling, dict) or scaling.get("rope_type", scaling.get("type")) not in _LONGER:
        return 1.0
    return Config(scaling, where="rope_scaling.").real("factor", default=1.0, most=_MOST_FACTOR)
