"""nanochat: norms without weights, one of them right after the table, and a feed-forward of squared ReLU."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config)
    bias = config.boolean("attention_bias", default=False)
    block = (
        Norm(name="input_layernorm", width=hidden, scaled=False),
        *attention(hidden, heads, qkv_bias=bias, out_bias=bias, norms=query_key_norms(heads, scaled=False)),
        Norm(name="post_attention_layernorm", width=hidden, scaled=False),
        *feed_forward(hidden, config.integer("intermediate_size"), bias=False, names=("fc1", "fc2")),
    )
    norm = (Norm(name="model.norm", width=hidden, scaled=False),)
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, after_table=norm, before_head=norm)
