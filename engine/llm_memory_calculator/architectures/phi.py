"""Phi-1, 1.5 and 2: attention and feed-forward side by side, LayerNorm and biases throughout, also on the head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, parallel


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    norms = query_key_norms(heads, names=("q_layernorm", "k_layernorm"), bias=True)
    block = parallel(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=True,
            out_bias=True,
            norms=norms if config.boolean("qk_layernorm", default=False) else (),
            names=("q_proj", "k_proj", "v_proj", "dense"),
        ),
        feed_forward(hidden, config.integer("intermediate_size"), bias=True, names=("fc1", "fc2")),
        bias=True,
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        norm_bias=True,
        head_bias=True,
        paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""),
    )
