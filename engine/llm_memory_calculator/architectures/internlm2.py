"""InternLM 2, 2.5: a Llama with grouped KV heads and one product for q, k and v."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, gated_feed_forward, plain_decoder, pre_norm, read_heads


def build(config: Config) -> Architecture:
    names, bias = ("wqkv", "wqkv", "wqkv", "wo"), config.boolean("bias", default=True)
    return plain_decoder(
        config,
        read_heads(config),
        bias=bias,
        attend=partial(attention, path="attention", names=names, apart=True),
        feed=partial(gated_feed_forward, path="feed_forward", names=("w1", "w3", "w2")),
        layer=partial(pre_norm, names=("attention_norm", "ffn_norm")),
        paths=("model.tok_embeddings", "model.norm", "output", ""),
    )
