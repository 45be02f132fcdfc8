"""GPT-J: attention without biases beside a feed-forward with them, one LayerNorm for both, a bias on the head."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, parallel


def build(config: Config) -> Architecture:
    hidden = config.integer("n_embd", "hidden_size")
    heads = equal_heads(hidden, config.integer("n_head", "num_attention_heads"))
    block = parallel(
        hidden,
        attention(hidden, heads, path="attn", names=("q_proj", "k_proj", "v_proj", "out_proj")),
        feed_forward(hidden, config.optional_integer("n_inner") or 4 * hidden, bias=True, names=("fc_in", "fc_out")),
        name="ln_1",
        bias=True,
    )
    depth = depth_of(config, "n_layer", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.h.{index}"),
        hidden=hidden,
        norm_bias=True,
        head_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", ""),
        length=("n_positions", "max_position_embeddings"),
    )
