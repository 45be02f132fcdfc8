"""GPT-Neo: GPT-2 without biases on q, k and v; every second layer attends 256 tokens, yet caches all of them."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("hidden_size")
    heads = equal_heads(hidden, config.integer("num_heads", "num_attention_heads"))
    config.note("window_size", "The local layers mask what is outside their window; they store and read all of it.")
    block = pre_norm(
        hidden,
        attention(
            hidden, heads, out_bias=True, path="attn.attention", names=("q_proj", "k_proj", "v_proj", "out_proj")
        ),
        feed_forward(
            hidden, config.optional_integer("intermediate_size") or 4 * hidden, bias=True, names=("c_fc", "c_proj")
        ),
        bias=True,
        names=("ln_1", "ln_2"),
    )
    depth = depth_of(config, "num_layers", "num_hidden_layers")
    return decoder(
        config,
        grouped([None] * depth, lambda _: block, "transformer.h.{index}"),
        positions=config.integer("max_position_embeddings", default=2048),
        tied_default=True,
        norm_bias=True,
        paths=("transformer.wte", "transformer.ln_f", "lm_head", "transformer.wpe"),
    )
