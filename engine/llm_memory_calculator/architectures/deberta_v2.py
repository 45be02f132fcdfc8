"""DeBERTa-v2 and v3: BERT whose queries and keys also attend a table of relative positions."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Convolution, Norm
from ._blocks import plain
from ._deberta import attended_positions, deberta_model
from ._encoders import Shape, bert_layers


def build(config: Config) -> Architecture:
    def layers(shape: Shape, path: str, relative: int) -> tuple[Layer, ...]:
        hidden = shape.hidden
        stack = bert_layers(
            shape,
            path,
            projections=("self.query_proj", "self.key_proj", "self.value_proj", "output.dense"),
            relative=relative,
        )
        if not relative or config.boolean("share_att_key", default=False):
            return stack
        names = zip(("pos_key_proj", "pos_query_proj"), attended_positions(config), strict=True)
        own = tuple(plain(f"attention.self.{name}", hidden, hidden, True, part="mixer") for name, used in names if used)
        return tuple(replace(layer, operators=(*own, *layer.operators)) for layer in stack)

    model = deberta_model(config, layers, vocabulary=128_100, sizes=(1536, 6144, 24, 24), bucketed=True)
    kernel = config.integer("conv_kernel_size", default=0, least=0)
    if not kernel:
        return model
    hidden, groups = model.hidden_size, config.integer("conv_groups", default=1)
    path = f"{model.stack[0].path.removesuffix('.layer.{index}')}.conv"
    mixing = (
        Convolution(name=f"{path}.conv", inputs=hidden, outputs=hidden, kernel=kernel, groups=groups),
        Norm(name=f"{path}.LayerNorm", width=hidden, bias=True),
    )
    return replace(model, first=replace(model.first, operators=(*model.first.operators, *mixing)))
