"""XGLM: OPT's layers with positions that are not learned."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import attention, depth_of, equal_heads, feed_forward, plain_decoder, pre_norm

# LayerNorm and biases throughout, by the names of fairseq
fairseq_attention = partial(attention, names=("q_proj", "k_proj", "v_proj", "out_proj"))
fairseq_feed_forward = partial(feed_forward, bias=True, path="", names=("fc1", "fc2"))
fairseq_norms = partial(pre_norm, bias=True, names=("self_attn_layer_norm", "final_layer_norm"))


def build(config: Config) -> Architecture:
    hidden = config.integer("d_model", "hidden_size")
    return plain_decoder(
        config,
        equal_heads(hidden, config.integer("attention_heads", "num_attention_heads")),
        bias=True,
        attend=fairseq_attention,
        feed=fairseq_feed_forward,
        layer=fairseq_norms,
        hidden=hidden,
        width=config.integer("ffn_dim"),
        depth=depth_of(config, "num_layers", "num_hidden_layers"),
        tied_default=True,
        norm_bias=True,
        paths=("model.embed_tokens", "model.layer_norm", "lm_head", ""),
    )
