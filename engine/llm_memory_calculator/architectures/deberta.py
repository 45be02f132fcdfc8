"""DeBERTa: BERT whose queries and keys also attend relative positions; q, k and v in one matrix, the keys unbiased."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Learned
from ._blocks import attention, feed_forward, grouped, plain, post_norm
from ._deberta import attended_positions, deberta_model
from ._encoders import Shape, two_sided


def build(config: Config) -> Architecture:
    def layers(shape: Shape, path: str, relative: int) -> tuple[Layer, ...]:
        hidden, place = shape.hidden, "attention.self"
        to_positions, to_content = attended_positions(config) if relative else (False, False)
        extra = (
            *(Learned(name=f"{place}.{name}", size=hidden) for name in ("q_bias", "v_bias")),
            *((plain(f"{place}.pos_proj", hidden, hidden, part="mixer"),) if to_positions else ()),
            *((plain(f"{place}.pos_q_proj", hidden, hidden, True, part="mixer"),) if to_content else ()),
        )
        attend = attention(
            hidden,
            shape.heads,
            path="attention",
            names=("self.in_proj", "self.in_proj", "self.in_proj", "output.dense"),
            out_bias=True,
            core=two_sided(shape.heads, "attention", relative=relative),
        )
        block = post_norm(
            hidden,
            (*extra, *attend),
            feed_forward(hidden, shape.width, bias=True, path="", names=("intermediate.dense", "output.dense")),
            bias=True,
            names=("attention.output.LayerNorm", "output.LayerNorm"),
        )
        return grouped([None] * shape.depth, lambda _: block, path)

    return deberta_model(config, layers, vocabulary=50_265, sizes=(768, 3072, 12, 12), bucketed=False)
