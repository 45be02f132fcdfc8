"""TeleChat and TeleChat2: a Llama with biases after each block's last product, and one product for k and v."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ._blocks import Heads, attention, check_heads, depth_of, gated_feed_forward, plain_decoder, share


def build(config: Config) -> Architecture:
    hidden, query = config.integer("hidden_size"), config.integer("n_head", "num_attention_heads")
    kv = config.integer("num_key_value_heads", default=query)
    check_heads(query, kv)
    names = ("query", "key_value", "key_value", "dense")
    return plain_decoder(
        config,
        Heads(query=query, kv=kv, dim=share(hidden, query)),
        bias=False,
        attend=partial(attention, out_bias=True, path="self_attention", names=names),
        feed=partial(gated_feed_forward, down_bias=True),
        width=config.integer("ffn_hidden_size"),
        depth=depth_of(config, "n_layer", "num_hidden_layers"),
        path="transformer.h.{index}",
        tied_default=True,
        paths=("transformer.word_embeddings", "transformer.ln_f", "lm_head", ""),
        length=("seq_length", "training_seqlen"),
    )
