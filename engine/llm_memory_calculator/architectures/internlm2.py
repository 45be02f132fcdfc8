"""InternLM 2, 2.5: a Llama with grouped KV heads and one product for q, k and v."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("bias", default=True)
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=bias,
            out_bias=bias,
            path="attention",
            names=("wqkv", "wqkv", "wqkv", "wo"),
            apart=True,
        ),
        gated_feed_forward(hidden, config.integer("intermediate_size"), path="feed_forward", names=("w1", "w3", "w2")),
        names=("attention_norm", "ffn_norm"),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        paths=("model.tok_embeddings", "model.norm", "output", ""),
    )
