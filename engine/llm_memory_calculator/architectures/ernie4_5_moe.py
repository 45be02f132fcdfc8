"""ERNIE 4.5 21B-A3B and 300B-A47B: leading dense layers, then routed and shared experts with a router correction."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Buffer
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward, mixture
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads, depth = config.integer("hidden_size"), read_heads(config, kv_default=4), depth_of(config)
    bias, width = config.boolean("use_bias", default=False), config.integer("moe_intermediate_size")
    count = config.integer("moe_num_experts", "num_experts")
    shared = config.integer("moe_num_shared_experts", default=2, least=0)
    begin = config.integer("moe_layer_start_index", default=1, least=0)
    end = config.integer("moe_layer_end_index", default=-1, least=-1)
    every = config.integer("moe_layer_interval", default=1)
    attend = attention(hidden, heads, qkv_bias=bias, out_bias=bias)
    experts = (
        *mixture(
            hidden,
            count=count,
            active=config.integer("moe_k", "num_experts_per_tok"),
            width=width,
            shared=gated_feed_forward(
                hidden, shared * width, bias=bias, path="mlp.shared_experts", shared=True, reduces=False
            )
            if shared
            else (),
        ),
        Buffer(name="mlp.moe_statics.e_score_correction_bias", size=count, counted=True),
    )
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"), bias=bias)
    stack = grouped(
        [begin <= index and (end < 0 or index <= end) and (index + 1) % every == 0 for index in range(depth)],
        lambda sparse: pre_norm(hidden, attend, experts if sparse else dense),
        "model.layers.{index}",
    )
    return decoder(config, stack, tied_default=True, head_bias=bias)
