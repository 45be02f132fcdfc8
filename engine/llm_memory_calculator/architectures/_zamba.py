"""What Zamba and Zamba2 share: layers that keep a state, and blocks of attention whose weights several layers use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..architecture import Layer
from ..config import Config
from ..operators import Norm
from ._blocks import Heads, Operators, attention, borrowed, check_heads, gated_feed_forward, share
from ._recurrent import STATE

HYBRID = "hybrid"
KINDS = {"mamba": STATE, STATE: STATE, HYBRID: HYBRID}


def doubled_attention(
    config: Config,
    hidden: int,
    width: int,
    *,
    path: str,
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    bias: bool = False,
) -> Operators:
    """Zamba's shared block: attention to hidden states with the first embeddings beside them, and a feed-forward."""
    doubled = config.integer("attention_hidden_size", default=2 * hidden)
    query = config.integer("num_attention_heads")
    heads = Heads(
        query=query,
        kv=config.integer("num_key_value_heads", default=query),
        dim=config.integer("attention_head_dim", default=share(doubled, query)),
    )
    check_heads(heads.query, heads.kv)
    return (
        Norm(name=f"{path}.input_layernorm", width=doubled),
        *attention(hidden, heads, input_width=doubled, path=f"{path}.self_attn"),
        Norm(name=f"{path}.pre_ff_layernorm", width=hidden),
        *gated_feed_forward(hidden, width, bias=bias, path=f"{path}.feed_forward", names=names),
    )


def zamba_stack(
    kinds: Sequence[str],
    state: Callable[[str], Operators],
    shared: Operators,
    own: Operators,
    blocks: int,
) -> tuple[Layer, ...]:
    """Layers that keep a state, at some of which `blocks` shared blocks take turns, with `own` operators in each use.

    `state` gives the layer that keeps a state, under a path; the shared block's result goes into it.
    """
    path = "model.layers.{index}"
    at = {kind: [index for index, found in enumerate(kinds) if found == kind] for kind in (STATE, HYBRID)}
    inner = (*own, *state("mamba_decoder."))
    found = [Layer(path=path, operators=state(""), indices=tuple(at[STATE]))] if at[STATE] else []
    for first, *later in (at[HYBRID][block::blocks] for block in range(min(blocks, len(at[HYBRID])))):
        found.append(Layer(path=path, operators=(*shared, *inner), indices=(first,)))
        if later:
            operators = (*borrowed(shared), *inner)
            found.append(Layer(path=path, operators=operators, indices=tuple(later), owner=first))
    return tuple(found)
