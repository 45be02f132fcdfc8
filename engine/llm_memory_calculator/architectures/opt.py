"""OPT: learned positions, two more than its length, and biases; the 350M has a narrower table and no last norm."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import Operators, attention, equal_heads, feed_forward, plain, plain_decoder, pre_norm

PADDING_POSITIONS = 2


def build(config: Config) -> Architecture:
    hidden, bias = config.integer("hidden_size"), config.boolean("enable_bias", default=True)
    learned = config.boolean("layer_norm_elementwise_affine", default=True)
    width = config.optional_integer("word_embed_proj_dim") or hidden
    widened: Operators = ()
    before_head: Operators = ()
    if config.boolean("do_layer_norm_before", default=True) and not (
        config.has("_remove_final_layer_norm") and config.boolean("_remove_final_layer_norm")
    ):
        before_head += (Norm(name="model.decoder.final_layer_norm", width=hidden, bias=True, scaled=learned),)
    if width != hidden:
        widened = (plain("model.decoder.project_in", hidden, width),)
        before_head += (plain("model.decoder.project_out", width, hidden),)
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("num_attention_heads")),
        bias=bias,
        attend=partial(attention, names=("q_proj", "k_proj", "v_proj", "out_proj")),
        feed=partial(feed_forward, bias=bias, path="", names=("fc1", "fc2")),
        layer=partial(pre_norm, bias=True, scaled=learned, names=("self_attn_layer_norm", "final_layer_norm")),
        width=config.integer("ffn_dim"),
        path="model.decoder.layers.{index}",
        positions=config.integer("max_position_embeddings", default=2048) + PADDING_POSITIONS,
        table_width=width,
        after_table=widened,
        before_head=before_head,
        tied_default=True,
        paths=("model.decoder.embed_tokens", "", "lm_head", "model.decoder.embed_positions"),
    )
