"""Nomic BERT: rotary positions, a norm after each sum; gated feed-forwards, or experts in every other layer (v2)."""

from ..architecture import Architecture
from ..config import DEEPEST_STACK, Config
from ..operators import Embedding, Learned, Norm
from ..units import ceil_div
from ._blocks import Operators, equal_heads, feed_forward, gated_feed_forward, grouped, mixture, post_norm
from ._encoders import (
    classifier,
    encoder_attention,
    encoder_model,
    label_count,
    masked_head,
    pooled,
    token_head,
    with_head,
)


def build(config: Config) -> Architecture:
    # the published configs have GPT-2's names and switches; transformers has its own, and neither bias nor choice
    published = config.has("n_embd", "n_inner", "n_layer", "n_head")
    hidden = config.integer("n_embd", "hidden_size", default=768)
    width = config.integer("n_inner", "intermediate_size", default=4 * hidden if published else 3072)
    depth = config.integer("n_layer", "num_hidden_layers", default=12, most=DEEPEST_STACK)
    heads = equal_heads(hidden, config.integer("n_head", "num_attention_heads", default=12))
    longest = config.integer("n_positions", "max_position_embeddings", default=1024 if published else 2048)
    multiple = config.integer("pad_vocab_size_multiple", default=1) if published else 1
    vocabulary = multiple * ceil_div(config.integer("vocab_size", default=30_528), multiple)
    bias, inner_bias = (published and config.boolean(name, default=True) for name in ("qkv_proj_bias", "mlp_fc1_bias"))
    gated = not published or config.text("activation_function", default="gelu_new") in ("glu", "swiglu", "geglu")
    experts = config.integer("num_experts", default=0, least=0) if published else 0
    every = config.integer("moe_every_n_layers", default=2) if experts else 1
    sparse = [bool(experts) and index % every == 1 % every for index in range(depth)]
    rotary = not published or config.values.get("rotary_emb_fraction", 0) != 0

    def forward(has_experts: bool) -> Operators:
        if has_experts:
            routed = mixture(
                hidden,
                count=experts,
                active=config.integer("moe_top_k", default=2),
                width=width,
                gated=False,
                router="mlp.router.layer",
                module="mlp.experts.mlp",
                names=("", "w1", "w2"),
            )
            return (*routed, Learned(name="mlp.experts.bias", size=hidden))
        if gated:
            return gated_feed_forward(hidden, width, bias=inner_bias, names=("fc12", "fc11", "fc2"))
        return feed_forward(hidden, width, bias=inner_bias, names=("fc1", "fc2"))

    attend = encoder_attention(hidden, heads, path="attn", names=("Wqkv", "Wqkv", "Wqkv", "out_proj"), bias=bias)

    def head(kind: str, path: str) -> Operators | None:
        place = "cls.predictions"
        match kind:
            case "":
                return ()
            case "MaskedLM" | "PreTraining":
                return masked_head(
                    config,
                    hidden,
                    vocabulary,
                    dense=f"{place}.transform.dense",
                    norm=f"{place}.transform.layer_norm",
                    decoder=f"{place}.decoder",
                    own_bias="" if published else f"{place}.bias",
                    bias=inner_bias or not published,
                    always_tied=published,
                )
            case "SequenceClassification":
                labels = classifier("classifier", label_count(config), hidden)
                return (pooled(f"{path}pooler.dense", hidden), labels)
            case _:
                return token_head(config, kind, hidden)

    path, last = with_head(config, "bert", head)
    tables = {
        "word_embeddings": vocabulary,
        "position_embeddings": 0 if rotary else longest,
        "token_type_embeddings": config.integer("type_vocab_size", default=2, least=0),
    }
    return encoder_model(
        config,
        first=(
            *(
                Embedding(
                    name=f"{path}embeddings.{name}",
                    entries=entries,
                    width=hidden,
                    part="vocabulary" if name == "word_embeddings" else "positions",
                )
                for name, entries in tables.items()
                if entries
            ),
            Norm(name=f"{path}emb_ln", width=hidden, bias=True),
        ),
        stack=grouped(
            sparse,
            lambda kind: post_norm(hidden, attend, forward(kind), bias=True, names=("norm1", "norm2")),
            f"{path}encoder.layers.{{index}}",
        ),
        last=last,
        hidden=hidden,
        vocabulary=vocabulary,
        longest=longest,
    )
