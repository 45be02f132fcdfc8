"""Phi-3, Phi-3.5 and Phi-4: Llama with q, k, v and gate, up stored as one matrix each."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, read_heads, windows_of


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config),
        bias=False,
        attend=partial(attention, names=("qkv_proj", "qkv_proj", "qkv_proj", "o_proj")),
        feed=partial(gated_feed_forward, names=("gate_up_proj", "gate_up_proj", "down_proj")),
        windows=windows_of(config, None),
    )
