"""Jais 13B and 30B: GPT-2 with a gated feed-forward, and ALiBi in place of learned positions."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward, gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("n_embd", "hidden_size"), "c_attn"
    width, names = config.optional_integer("n_inner") or 4 * hidden, ("c_fc2", "c_fc", "c_proj")
    gated = config.text("activation_function", default="gelu_new") == "swiglu"
    feed = (
        gated_feed_forward(hidden, width, bias=True, names=names)
        if gated
        else feed_forward(hidden, width, bias=True, names=names[1:])
    )
    heads = equal_heads(hidden, config.integer("n_head", "num_attention_heads"))
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=True, out_bias=True, path="attn", names=(fused, fused, fused, "c_proj")),
        feed,
        bias=True,
        names=("ln_1", "ln_2"),
    )
    learned = config.text("position_embedding_type", default="learned") == "learned"
    return decoder(
        config,
        grouped([None] * depth_of(config, "n_layer", "num_hidden_layers"), lambda _: block, "transformer.h.{index}"),
        hidden=hidden,
        positions=config.integer("n_positions", default=1024) if learned else None,
        tied_default=True,
        norm_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"),
        length=("n_positions", "max_position_embeddings"),
    )
