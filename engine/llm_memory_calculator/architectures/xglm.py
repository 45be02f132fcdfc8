"""XGLM: OPT's layers with positions that are not learned."""

from ..architecture import Architecture
from ..config import Config
from ._attention import attention, equal_heads
from ._decoder import decoder
from ._feed_forward import feed_forward
from ._products import Operators
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden = config.integer("d_model", "hidden_size")
    block = biased_block(hidden, config.integer("attention_heads", "num_attention_heads"), config.integer("ffn_dim"))
    return decoder(
        config,
        grouped([None] * depth_of(config, "num_layers", "num_hidden_layers"), lambda _: block, "model.layers.{index}"),
        hidden=hidden,
        tied_default=True,
        norm_bias=True,
        paths=("model.embed_tokens", "model.layer_norm", "lm_head", ""),
    )


def biased_block(hidden: int, heads: int, width: int) -> Operators:
    """LayerNorm and biases throughout, by the names of fairseq."""
    return pre_norm(
        hidden,
        attention(
            hidden,
            equal_heads(hidden, heads),
            qkv_bias=True,
            out_bias=True,
            names=("q_proj", "k_proj", "v_proj", "out_proj"),
        ),
        feed_forward(hidden, width, bias=True, path="", names=("fc1", "fc2")),
        bias=True,
        names=("self_attn_layer_norm", "final_layer_norm"),
    )
