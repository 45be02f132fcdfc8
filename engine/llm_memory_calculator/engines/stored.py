"""The matrices that a device stores, one by one: for engines that keep them in another width, or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..formats.numerics import Format
    from ..operators import Operator
    from ..ranks import Holding, Kind


class Stored(NamedTuple):
    """An operator of layers alike that stores weights of its own."""

    component: str
    """The first name of its path in the checkpoint: model, vae, text_encoder_2."""
    operator: Operator
    form: Format
    layers: int
    layer_bytes: float

    @property
    def total_bytes(self) -> float:
        return self.layers * self.layer_bytes


def stored(holding: Holding) -> Iterator[Stored]:
    """What a device stores, once each; what is read from another layer's matrices is left out."""
    beside = ((kind.count, kind) for kind in (*holding.encoder, *holding.towers))
    for layers, kind in (*holding.text, *beside):
        if kind.layer.owner is not None:
            continue
        for own, (operator, size, form) in zip(kind.layer.operators, kind.operators, strict=True):
            if size and not own.borrows:
                yield Stored(component_of(kind, operator), own, form, layers, size)


def component_of(kind: Kind, operator: Operator) -> str:
    """The first name of an operator's path in the checkpoint."""
    return f"{kind.layer.path}.{operator.name}".lstrip(".").partition(".")[0]
