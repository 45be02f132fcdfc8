"""TeleChat and TeleChat2: a Llama with biases after each block's last product, and one product for k and v."""

from ..architecture import Architecture
from ..config import Config
from ._attention import Heads, attention, check_heads, share
from ._decoder import decoder
from ._feed_forward import gated_feed_forward
from ._stack import depth_of, grouped, pre_norm


def build(config: Config) -> Architecture:
    hidden, query = config.integer("hidden_size"), config.integer("n_head", "num_attention_heads")
    kv, width = config.integer("num_key_value_heads", default=query), config.integer("ffn_hidden_size")
    check_heads(query, kv)
    attend = attention(
        hidden,
        Heads(query=query, kv=kv, dim=share(hidden, query)),
        out_bias=True,
        path="self_attention",
        names=("query", "key_value", "key_value", "dense"),
    )
    feed = (*gated_feed_forward(hidden, width)[:-1], gated_feed_forward(hidden, width, bias=True)[-1])
    block = pre_norm(hidden, attend, feed)
    return decoder(
        config,
        grouped([None] * depth_of(config, "n_layer", "num_hidden_layers"), lambda _: block, "transformer.h.{index}"),
        tied_default=True,
        paths=("transformer.word_embeddings", "transformer.ln_f", "lm_head", ""),
        length=("seq_length", "training_seqlen"),
    )
