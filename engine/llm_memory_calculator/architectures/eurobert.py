"""EuroBERT: a Llama that attends both sides."""

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..operators import Embedding, Norm
from ._blocks import Operators, attention, gated_feed_forward, grouped, pre_norm, read_heads, vocabulary_head
from ._encoders import classifier, encoder_model, label_count, pooled, token_head, two_sided, with_head


def build(config: Config) -> Architecture:
    hidden, vocabulary = config.integer("hidden_size"), config.integer("vocab_size", default=128_256)
    bias, inner_bias = (config.boolean(name, default=False) for name in ("attention_bias", "mlp_bias"))
    heads = read_heads(config)
    block = pre_norm(
        hidden,
        attention(hidden, heads, qkv_bias=bias, out_bias=bias, core=two_sided(heads, "self_attn")),
        gated_feed_forward(hidden, config.integer("intermediate_size"), bias=inner_bias),
    )

    def head(kind: str, path: str) -> Operators | None:
        norm = Norm(name=f"{path}norm", width=hidden)
        match kind:
            case "":
                return (norm,)
            case "MaskedLM":
                tied = config.boolean("tie_word_embeddings", default=False)
                return (
                    norm,
                    vocabulary_head("lm_head", vocabulary, hidden, tied=tied, bias=inner_bias, per="token"),
                )
            case "SequenceClassification":
                return (norm, pooled("dense", hidden), classifier("classifier", label_count(config), hidden))
            case _:
                found = token_head(config, kind, hidden)
                return None if found is None else (norm, *found)

    path, last = with_head(config, "model", head)
    depth = config.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)
    return encoder_model(
        config,
        first=(Embedding(name=f"{path}embed_tokens", entries=vocabulary, width=hidden),),
        stack=grouped([None] * depth, lambda _: block, f"{path}layers.{{index}}"),
        last=last,
        hidden=hidden,
        vocabulary=vocabulary,
        longest=config.integer("max_position_embeddings", default=8192),
    )
