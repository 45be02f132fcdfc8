"""LED: BART whose encoder has Longformer's windows, and projections of their own for what sees everything."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Operator
from ._blocks import feed_forward, grouped
from ._encoders import attention_windows, global_attention
from ._seq2seq import Half, bart_model, normed

_PROJECTIONS = tuple(f"longformer_self_attn.{name}" for name in ("query", "key", "value"))


def build(config: Config) -> Architecture:
    def encode(hidden: int, half: Half, path: str) -> tuple[Layer, ...]:
        query, key, value = _PROJECTIONS

        def block(window: int) -> tuple[Operator, ...]:
            attend = global_attention(
                hidden, half.heads, path="self_attn", names=(query, key, value, "output"), window=window
            )
            forward = feed_forward(hidden, half.width, bias=True, path="", names=("fc1", "fc2"))
            return normed(hidden, (("self_attn_layer_norm", attend), ("final_layer_norm", forward)), before=False)

        return grouped(attention_windows(config, half.depth), block, f"{path}.layers.{{index}}")

    return bart_model(
        config,
        before=False,
        lengths=("max_encoder_position_embeddings", "max_decoder_position_embeddings"),
        longest=(16_384, 1024),
        table_norm=True,
        base="led",
        encode=encode,
    )
