"""GPT-2: learned positions, LayerNorm and biases throughout, a tied head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, query = config.integer("n_embd", "hidden_size"), config.integer("n_head", "num_attention_heads")
    heads = equal_heads(hidden, query)
    positions = config.integer("n_positions", "max_position_embeddings", default=1024)
    width = config.optional_integer("n_inner") or 4 * hidden
    block = pre_norm(
        hidden,
        attention(
            hidden, heads, qkv_bias=True, out_bias=True, path="attn", names=("c_attn", "c_attn", "c_attn", "c_proj")
        ),
        feed_forward(hidden, width, bias=True, names=("c_fc", "c_proj")),
        bias=True,
        names=("ln_1", "ln_2"),
    )
    depth = depth_of(config, "n_layer", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.h.{index}"),
        hidden=hidden,
        positions=positions,
        tied_default=True,
        norm_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"),
        length=("n_positions", "max_position_embeddings"),
    )
