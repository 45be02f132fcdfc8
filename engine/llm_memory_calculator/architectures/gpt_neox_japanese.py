"""GPT-NeoX-Japanese: GPT-NeoX without biases but for one after the last layer's attention."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Learned
from ._blocks import attention, decoder, depth_of, equal_heads, feed_forward, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, fused, depth = config.integer("hidden_size"), "query_key_value", depth_of(config)
    heads = equal_heads(hidden, config.integer("num_attention_heads"))
    attend = attention(hidden, heads, path="attention", names=(fused, fused, fused, "dense"))
    width = config.integer("intermediate_multiple_size", default=4) * hidden
    feed = feed_forward(hidden, width, bias=False, names=("dense_h_to_4h", "dense_4h_to_h"))
    stack = grouped(
        [index == depth - 1 for index in range(depth)],
        lambda last: pre_norm(
            hidden,
            (*attend, Learned(name="attention.dense_bias", size=hidden)) if last else attend,
            feed,
            bias=True,
        ),
        "gpt_neox_japanese.layers.{index}",
    )
    paths = ("gpt_neox_japanese.embed_in", "gpt_neox_japanese.final_layer_norm", "embed_out", "")
    return decoder(config, stack, tied_default=True, norm_bias=True, paths=paths)
