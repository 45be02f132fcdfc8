"""IDEFICS 9B and 80B, an open Flamingo: a Llama with gated layers of cross-attention to images before every few layers.

A resampler makes some latents of each image. The cross-attention stands in the layer before which it runs.
"""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Embedding, Learned, Linear, Norm, Output
from ._blocks import (
    Heads,
    Operators,
    attention,
    decoder,
    depth_of,
    equal_heads,
    feed_forward,
    gated_feed_forward,
    grouped,
    pre_norm,
    query_key_norms,
)
from ._encoders import cross_attention, encoder_attention
from ._images import FixedImages
from ._towers import ImageTower, clip, tower

_TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32_000,
    "max_position_embeddings": 2048,
}
_VISION = {"intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16, "patch_size": 14}
_CROSS = "gated_cross_attn.cross_attn"


def build(config: Config) -> Architecture:
    config = config.completed(_TEXT)
    found = clip(config.section("vision_config", default={}).completed(_VISION), "model.vision_model")
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads = equal_heads(hidden, config.integer("num_attention_heads"))
    plain_layer = pre_norm(
        hidden, attention(hidden, heads), gated_feed_forward(hidden, config.integer("intermediate_size"))
    )
    cross = _cross_layer(config, heads, found.width)
    every = config.integer("cross_layer_interval", default=1)
    stack = grouped(
        [index % every == 0 and index < depth // every * every for index in range(depth)],
        lambda crosses: (*cross, *plain_layer) if crosses else plain_layer,
        "model.layers.{index}",
    )
    latents, resampler = _resampler(config, found)
    return replace(
        _with_own_tokens(decoder(config, stack), config.integer("additional_vocab_size", default=0, least=0)),
        towers=(*found.layers, *resampler),
        images=FixedImages(positions=found.positions, tokens=2, attended=latents or found.positions),
    )


def _cross_layer(config: Config, heads: Heads, source: int) -> Operators:
    """A layer of cross-attention and feed-forward, each with a learned gate (one number, or one for each value)."""
    hidden = config.integer("hidden_size")
    norms: Operators = ()
    if config.boolean("qk_layer_norms", default=False):
        norms = query_key_norms(heads, path=_CROSS, names=("q_layer_norm", "k_layer_norm"))
    gate = hidden if config.text("alpha_type", default="float") == "vector" else 1
    return (
        *pre_norm(
            hidden,
            cross_attention(
                hidden,
                heads,
                path=_CROSS,
                names=("q_proj", "k_proj", "v_proj", "o_proj"),
                source_width=source,
                norms=norms,
            ),
            gated_feed_forward(hidden, config.integer("intermediate_size"), path="gated_cross_attn.mlp"),
            names=("gated_cross_attn.input_layernorm", "gated_cross_attn.post_attention_layernorm"),
        ),
        Learned(name="gated_cross_attn.alpha_cross_attn", size=gate),
        Learned(name="gated_cross_attn.alpha_dense", size=gate),
    )


def _resampler(config: Config, found: ImageTower) -> tuple[int, tuple[Layer, ...]]:
    """The latents of an image, and the layers in which they attend its positions and themselves."""
    if not config.boolean("use_resampler", default=False):
        return 0, ()
    own, width, path = config.section("perceiver_config", default={}), found.width, "model.perceiver_resampler"
    latents = own.integer("resampler_n_latents", default=64)
    query = own.integer("resampler_n_heads", default=16)
    heads = Heads(query=query, kv=query, dim=own.integer("resampler_head_dim", default=96))
    norms: Operators = ()
    if own.boolean("qk_layer_norms_perceiver", default=False):
        norms = query_key_norms(heads, path="0", names=("q_layer_norm", "k_layer_norm"), bias=True)
    block = (
        Norm(name="0.context_layer_norm", width=width, bias=True),
        Norm(name="0.latents_layer_norm", width=width, bias=True),
        *norms,
        *encoder_attention(width, heads, path="0", names=("q_proj", "k_proj", "v_proj", "output_proj")),
        Norm(name="1.ln", width=width, bias=True),
        *feed_forward(width, 4 * width, bias=False, path="1", names=("fc", "c_proj")),
    )
    return latents, (
        tower(path, (Learned(name="latents", size=latents * width),)),
        tower(f"{path}.blocks.{{index}}", block, own.integer("resampler_depth", default=6, most=DEEPEST_STACK)),
        tower(path, (Norm(name="layer_norm", width=width, bias=True),)),
    )


def _with_own_tokens(text: Architecture, count: int) -> Architecture:
    """The decoder with `count` tokens of its own, kept apart from Llama's in the table and in the head."""
    if not count:
        return text
    name = "lm_head.additional_fc"
    table = Embedding(name="model.embed_tokens.additional_embedding", entries=count, width=text.hidden_size)
    head = Linear(
        name=name,
        outputs=(Output(name=name, units=count),),
        input_units=text.hidden_size,
        role="head",
        stored=not text.has_tied_head,
        per="sequence",
    )
    return replace(
        text,
        first=replace(text.first, operators=(*text.first.operators, table)),
        last=replace(text.last, operators=(*text.last.operators, head)),
    )
