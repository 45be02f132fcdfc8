"""DiffLlama: differential attention (arXiv 2410.05258), four vectors weighing half of the heads against the others."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._blocks import Heads, Operators, attention, plain_decoder, read_heads


def build(config: Config) -> Architecture:
    def attend(hidden: int, heads: Heads, *, window: int | None, bias: bool) -> Operators:
        weighing = (Learned(name=f"self_attn.lambda_{name}", size=heads.dim) for name in ("q1", "k1", "q2", "k2"))
        return (*attention(hidden, heads, window=window, bias=bias), *weighing)

    return plain_decoder(config, read_heads(config), attend=attend)
