"""Encoders of images that stand beside a decoder."""

from __future__ import annotations

from ..architecture import Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Activation, BidirectionalAttention, Embedding, Linear, Norm, Output
from ..operators.base import Split
from ._blocks import share


def _tower_linear(
    name: str, outputs: tuple[str, ...], rows: int, columns: int, split: Split = "none", bias: bool = True
) -> Linear:
    return Linear(
        name=name,
        outputs=tuple(Output(name=output, units=rows) for output in outputs),
        input_units=columns,
        bias=bias,
        split=split,
        role="tower",
    )


def siglip(config: Config, path: str = "vision_tower.vision_model") -> tuple[Layer, ...]:
    """SigLIP: patches by a convolution, learned positions, encoder layers with biases, a final norm."""
    hidden, width = config.integer("hidden_size", default=768), config.integer("intermediate_size", default=3072)
    heads, depth = config.integer("num_attention_heads", default=12), _depth(config)
    patch, channels = config.integer("patch_size", default=16), config.integer("num_channels", default=3)
    patches = (config.integer("image_size", default=224, least=patch) // patch) ** 2
    attention = BidirectionalAttention(name="self_attn", heads=heads, head_dim=share(hidden, heads))
    block = (
        Norm(name="layer_norm1", width=hidden, bias=True),
        _tower_linear(
            "self_attn.qkv", tuple(f"self_attn.{name}_proj" for name in "qkv"), hidden, hidden, split="columns"
        ),
        attention,
        _tower_linear("self_attn.out_proj", ("self_attn.out_proj",), hidden, hidden, split="rows"),
        Norm(name="layer_norm2", width=hidden, bias=True),
        _tower_linear("mlp.fc1", ("mlp.fc1",), width, hidden, split="columns"),
        Activation(name="mlp.act", width=width, gated=False),
        _tower_linear("mlp.fc2", ("mlp.fc2",), hidden, width, split="rows"),
    )
    return (
        Layer(
            path=f"{path}.embeddings",
            operators=(
                _tower_linear("patch_embedding", ("patch_embedding",), hidden, channels * patch * patch),
                Embedding(name="position_embedding", entries=patches, width=hidden, split="none"),
            ),
        ),
        Layer(path=f"{path}.encoder.layers.{{index}}", operators=block, indices=tuple(range(depth))),
        Layer(path=path, operators=(Norm(name="post_layernorm", width=hidden, bias=True),)),
    )


def _depth(config: Config) -> int:
    return config.integer("num_hidden_layers", default=12, most=DEEPEST_STACK)


def projector(name: str, inputs: int, outputs: int, norm: str, path: str) -> Layer:
    """One matrix from the tower's values to the decoder's, and the norm before it."""
    return Layer(
        path=path, operators=(_tower_linear(name, (name,), outputs, inputs, bias=False), Norm(name=norm, width=inputs))
    )
