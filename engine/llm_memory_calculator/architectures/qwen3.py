"""Qwen3 dense: norms over each head of q and k, a head size of its own."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, qwen_windows, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=32, dim_default=128),
        attend=partial(attention, head_norms=True),
        windows=qwen_windows(config),
    )
