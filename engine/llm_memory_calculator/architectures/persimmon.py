"""Persimmon 8B: LayerNorm and biases, norms over each head of q and k, squared ReLU without a gate."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads, query_key_norms
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("hidden_size"), "query_key_value"
    heads = equal_heads(hidden, config.integer("num_attention_heads"))
    norms = query_key_norms(heads, names=("q_layernorm", "k_layernorm"), bias=True)
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=True,
            out_bias=True,
            norms=norms if config.boolean("qk_layernorm", default=True) else (),
            names=(fused, fused, fused, "dense"),
        ),
        feed_forward(hidden, config.integer("intermediate_size"), bias=True, names=("dense_h_to_4h", "dense_4h_to_h")),
        bias=True,
    )
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, norm_bias=True, paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""))
