"""EXAONE 3.0 and 3.5: a Llama whose modules have GPT-2's names."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, read_heads
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, heads = config.integer("hidden_size"), read_heads(config, kv_default=8)
    bias = config.boolean("attention_bias", default=False)
    block = pre_norm(
        hidden,
        attention(
            hidden,
            heads,
            qkv_bias=bias,
            out_bias=bias,
            path="attn.attention",
            names=("q_proj", "k_proj", "v_proj", "out_proj"),
        ),
        gated_feed_forward(
            hidden,
            config.integer("intermediate_size"),
            bias=config.boolean("mlp_bias", default=False),
            names=("c_fc_0", "c_fc_1", "c_proj"),
        ),
        names=("ln_1", "ln_2"),
    )
    return decoder(
        config,
        grouped([None] * depth_of(config, "num_layers", "num_hidden_layers"), lambda _: block, "transformer.h.{index}"),
        paths=("transformer.wte", "transformer.ln_f", "lm_head", ""),
    )
