"""GPT: GPT-2's blocks with norms over their results, and none before the head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, post_norm


def build(config: Config) -> Architecture:
    hidden, fused = config.integer("n_embd", "hidden_size"), "c_attn"
    heads = equal_heads(hidden, config.integer("n_head", "num_attention_heads"))
    block = post_norm(
        hidden,
        attention(hidden, heads, qkv_bias=True, out_bias=True, path="attn", names=(fused, fused, fused, "c_proj")),
        feed_forward(hidden, 4 * hidden, bias=True, names=("c_fc", "c_proj")),
        bias=True,
        names=("ln_1", "ln_2"),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config, "n_layer", "num_hidden_layers"), lambda _: block, "transformer.h.{index}"),
        hidden=hidden,
        positions=config.integer("n_positions", "max_position_embeddings", default=512),
        tied_default=True,
        before_head=(),
        paths=("transformer.tokens_embed", "", "lm_head", "transformer.positions_embed"),
        length=("n_positions", "max_position_embeddings"),
    )
