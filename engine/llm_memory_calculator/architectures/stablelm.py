"""StableLM 3B, 2-1.6B and 2-12B: a Llama with LayerNorm; the 12B norms q and k and has its blocks side by side."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, query_key_norms, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, parallel, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=32)
    norms = query_key_norms(heads, names=("q_layernorm", "k_layernorm"), own_scales=True)
    attend = attention(
        hidden,
        heads,
        qkv_bias=config.boolean("use_qkv_bias", default=False),
        norms=norms if config.boolean("qk_layernorm", default=False) else (),
    )
    layer = parallel if config.boolean("use_parallel_residual", default=False) else pre_norm
    block = layer(hidden, attend, gated_feed_forward(hidden, config.integer("intermediate_size")), bias=True)
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}"),
        norm_bias=True,
    )
