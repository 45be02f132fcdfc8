"""BitNet b1.58 2B: a Llama with norms before the last product of both blocks, and squared ReLU in the gate."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import Heads, Operators, attention, gated_feed_forward, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    def attend(hidden: int, heads: Heads, *, window: int | None, bias: bool) -> Operators:
        *before, out = attention(hidden, heads, window=window, bias=bias)
        return (*before, Norm(name="self_attn.attn_sub_norm", width=hidden), out)

    def feed(hidden: int, width: int) -> Operators:
        *before, down = gated_feed_forward(hidden, width)
        return (*before, Norm(name="mlp.ffn_sub_norm", width=width), down)

    return plain_decoder(config, read_heads(config, kv_default=5), attend=attend, feed=feed)
