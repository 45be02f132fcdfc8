"""MPT: ALiBi instead of positions, LayerNorm without biases, a feed-forward of four times the width, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, decoder, depth_of, equal_heads, feed_forward, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("d_model", "hidden_size")
    heads = equal_heads(hidden, config.integer("n_heads", "num_attention_heads"))
    block = pre_norm(
        hidden,
        attention(hidden, heads, path="attn", names=("Wqkv", "Wqkv", "Wqkv", "out_proj")),
        feed_forward(
            hidden,
            config.integer("expansion_ratio", default=4) * hidden,
            bias=False,
            path="ffn",
            names=("up_proj", "down_proj"),
        ),
        names=("norm_1", "norm_2"),
    )
    depth = depth_of(config, "n_layers", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.blocks.{index}"),
        hidden=hidden,
        tied_default=True,
        paths=("transformer.wte", "transformer.norm_f", "lm_head", ""),
        length=("max_seq_len",),
    )
