"""OPT: learned positions, two more than its length, and biases; the 350M has a narrower table and no last norm."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Linear, Norm, Output
from ._blocks import Operators, attention, decoder, depth_of, equal_heads, feed_forward, grouped

PADDING_POSITIONS = 2


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    heads = equal_heads(hidden, config.integer("num_attention_heads"))
    bias = config.boolean("enable_bias", default=True)
    learned = config.boolean("layer_norm_elementwise_affine", default=True)
    last_norm = config.boolean("do_layer_norm_before", default=True) and not (
        config.has("_remove_final_layer_norm") and config.boolean("_remove_final_layer_norm")
    )
    width = config.optional_integer("word_embed_proj_dim") or hidden

    def norm(name: str) -> Norm:
        return Norm(name=name, width=hidden, bias=True, scaled=learned)

    def projection(name: str, outputs: int, inputs: int) -> Operators:
        path = f"model.decoder.{name}"
        return (Linear(name=path, outputs=(Output(name=path, units=outputs),), input_units=inputs),)

    block = (
        norm("self_attn_layer_norm"),
        *attention(hidden, heads, qkv_bias=bias, out_bias=bias, names=("q_proj", "k_proj", "v_proj", "out_proj")),
        norm("final_layer_norm"),
        *feed_forward(hidden, config.integer("ffn_dim"), bias=bias, path="", names=("fc1", "fc2")),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config), lambda _: block, "model.decoder.layers.{index}"),
        positions=config.integer("max_position_embeddings", default=2048) + PADDING_POSITIONS,
        table_width=width,
        after_table=() if width == hidden else projection("project_in", hidden, width),
        before_head=(
            *((norm("model.decoder.final_layer_norm"),) if last_norm else ()),
            *(() if width == hidden else projection("project_out", width, hidden)),
        ),
        tied_default=True,
        paths=("model.decoder.embed_tokens", "", "lm_head", "model.decoder.embed_positions"),
    )
