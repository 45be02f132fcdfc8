"""VaultGemma: Gemma 2 without the norms over the output of its blocks."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain_decoder, pre_norm, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=4, dim_default=256),
        layer=partial(pre_norm, names=("input_layernorm", "pre_feedforward_layernorm")),
        windows=windows_of(config, 4096, slides=lambda index: index % 2 == 0),
        tied_default=True,
    )
