"""ModernBERT: rotary positions, gated feed-forwards, a norm before each block, windows in two layers of three."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, Embedding, Norm
from ._blocks import Operators, gated_feed_forward, grouped, layer_windows, plain, vocabulary_head
from ._encoders import classifier, encoder_attention, encoder_model, label_count, read_shape, with_head


def build(config: Config) -> Architecture:
    shape = read_shape(config, width=1152, depth=22, vocabulary=50_368, positions=8192, types=0)
    hidden = shape.hidden
    bias, norm_bias = config.boolean("attention_bias", default=False), config.boolean("norm_bias", default=False)
    feed_forward = gated_feed_forward(
        hidden, shape.width, bias=config.boolean("mlp_bias", default=False), names=("Wi", "Wi", "Wo")
    )

    def block(kind: tuple[bool, int | None]) -> Operators:
        leads, window = kind
        return (
            *(() if leads else (Norm(name="attn_norm", width=hidden, bias=norm_bias),)),
            *encoder_attention(
                hidden, shape.heads, path="attn", names=("Wqkv", "Wqkv", "Wqkv", "Wo"), bias=bias, window=window
            ),
            Norm(name="mlp_norm", width=hidden, bias=norm_bias),
            *feed_forward,
        )

    every = config.integer("global_attn_every_n_layers", default=3)
    # half of local_attention to each side, and the position itself
    window = 2 * (config.integer("local_attention", default=128) // 2) + 1
    windows = layer_windows(config, shape.depth, window, slides=lambda index: index % every != 0)

    def head(kind: str, path: str) -> Operators | None:
        final = Norm(name=f"{path}final_norm", width=hidden, bias=norm_bias)
        if kind == "":
            return (final,)
        match kind:
            case "MaskedLM":
                tied = config.boolean("tie_word_embeddings", default=True)
                with_bias = config.boolean("decoder_bias", default=True)
                ending = (vocabulary_head("decoder", shape.vocabulary, hidden, tied=tied, bias=with_bias, per="token"),)
            case "SequenceClassification":
                ending = (classifier("classifier", label_count(config), hidden),)
            case "MultipleChoice":
                ending = (classifier("classifier", 1, hidden),)
            case "TokenClassification" | "QuestionAnswering":
                ending = (classifier("classifier", label_count(config), hidden, per="token"),)
            case _:
                return None
        return (
            final,
            plain("head.dense", hidden, hidden, config.boolean("classifier_bias", default=False)),
            Activation(name="head.act", width=hidden, gated=False),
            Norm(name="head.norm", width=hidden, bias=norm_bias),
            *ending,
        )

    path, last = with_head(config, "model", head)
    return encoder_model(
        config,
        first=(
            Embedding(name=f"{path}embeddings.tok_embeddings", entries=shape.vocabulary, width=hidden),
            Norm(name=f"{path}embeddings.norm", width=hidden, bias=norm_bias),
        ),
        stack=grouped([(index == 0, window) for index, window in enumerate(windows)], block, f"{path}layers.{{index}}"),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
        longest=shape.positions,
    )
