"""EAGLE heads: a layer or a few on the model's own hidden states, with its table (vLLM's llama_eagle.py and
llama_eagle3.py).
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Linear, Norm, Operator
from . import build
from ._blocks import plain, vocabulary_head
from ._encoders import class_of

# Hidden states of the model that EAGLE-3 takes side by side: of an early, a middle and a late layer.
_TAKEN = 3
_ATTENDS = ("q", "k", "v")


def eagle_of(config: Config, name: str) -> str:
    """eagle or eagle3 where a config is of such a head, by its class, its fields or its name as vLLM's
    SpeculativeConfig has it; else nothing.
    """
    stated = class_of(config)
    if "Eagle3" in stated or config.has("draft_vocab_size") or "eagle3" in name.lower():
        return "eagle3"
    return "eagle" if "Eagle" in stated or re.search(r"eagle-", name.lower()) else ""


def eagle_head(config: Config, method: str, target: Architecture) -> Architecture:
    """The head without the table, which is the model's, and without a head over the vocabulary where it is that too."""
    values = {key: value for key, value in config.values.items() if key not in ("architectures", "draft_vocab_size")}
    whole = build(Config(values))
    hidden = whole.hidden_size
    first, *others = _one_by_one(whole.stack)
    if method == "eagle3":
        taken = plain("fc", hidden, _TAKEN * target.hidden_size)
        first = replace(
            first, operators=(*map(_beside_embedding, first.operators), Norm(name="hidden_norm", width=hidden))
        )
        entries = config.integer("draft_vocab_size", default=whole.vocab_size)
        last: tuple[Operator, ...] = (
            Norm(name="norm", width=hidden),
            vocabulary_head("lm_head", entries, hidden, tied=False),
        )
    else:
        # the first layer norms nothing, and the head is the model's
        taken, last = plain("fc", hidden, 2 * hidden), ()
        kept = (operator for operator in first.operators if operator.name != "input_layernorm")
        first = replace(first, operators=tuple(kept))
    return replace(
        whole,
        first=Layer(path="", operators=(taken,)),
        stack=(first, *others),
        last=Layer(path="", operators=last),
        rotary_values=0,
        apart=(),
        unloaded=(),
    )


def _one_by_one(stack: tuple[Layer, ...]) -> list[Layer]:
    return [replace(layer, indices=(index,)) for layer in stack for index in layer.indices or ()]


def _beside_embedding(operator: Operator) -> Operator:
    """A projection of EAGLE-3's first layer, which takes the token's embedding beside the hidden state."""
    if isinstance(operator, Linear) and any(output.part in _ATTENDS for output in operator.outputs):
        return replace(operator, input_units=2 * operator.input_units)
    return operator
