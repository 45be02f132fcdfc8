"""Qwen 1.5, 2 and 2.5: Llama with biases on q, k and v; a sliding window only where use_sliding_window says so."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, plain_decoder, qwen_windows, read_heads


def build(config: Config) -> Architecture:
    return plain_decoder(
        config,
        read_heads(config, kv_default=32),
        bias=False,
        attend=partial(attention, qkv_bias=True),
        windows=qwen_windows(config),
        gguf_rules="rich_values" if config.model_type == "qwen2" else "",
    )
