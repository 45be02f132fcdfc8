"""OLMo 1: a Llama whose LayerNorms learn nothing."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    final = Norm(name="model.norm", width=config.integer("hidden_size"), scaled=False)
    return plain_decoder(config, read_heads(config), layer=partial(pre_norm, scaled=False), before_head=(final,))
