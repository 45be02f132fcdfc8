"""What Gemma 3n and 4 have alike: an embedding of a token for each layer, and the parts of their conformers."""

from __future__ import annotations

from ..architecture import Layer
from ..config import Config
from ..operators import Activation, Convolution, Embedding, Linear, Norm, Output
from ._blocks import Operators, feed_forward, plain
from ._towers import tower


def layer_input(hidden: int, inputs: int) -> Operators:
    """What a layer adds of its own embedding of the token."""
    return (
        plain("per_layer_input_gate", inputs, hidden),
        Activation(name="per_layer_act", width=inputs),
        plain("per_layer_projection", hidden, inputs),
        Norm(name="post_per_layer_input_norm", width=hidden),
    )


def layer_tables(config: Config, hidden: int, depth: int, inputs: int) -> Operators:
    """A table of embeddings for every layer beside the common one, and the projection of the common one to them."""
    if not inputs:
        return ()
    projection = "model.per_layer_model_projection"
    return (
        Embedding(
            name="model.embed_tokens_per_layer",
            entries=config.integer("vocab_size_per_layer_input", default=262_144),
            width=depth * inputs,
            part="layer_vocabulary",
        ),
        Linear(name=projection, outputs=(Output(name=projection, units=depth * inputs),), input_units=hidden),
        Norm(name="model.per_layer_projection_norm", width=inputs, heads=depth),
    )


def half_step(path: str, hidden: int) -> Operators:
    """A feed-forward of a conformer, of which half is added."""
    return (
        Norm(name=f"{path}.pre_layer_norm", width=hidden),
        *feed_forward(hidden, 4 * hidden, bias=False, path=path, names=("ffw_layer_1", "ffw_layer_2")),
        Norm(name=f"{path}.post_layer_norm", width=hidden),
    )


def light_convolution(hidden: int, kernel: int) -> Operators:
    """The gated depthwise convolution of a conformer."""
    return (
        Norm(name="lconv1d.pre_layer_norm", width=hidden),
        plain("lconv1d.linear_start", 2 * hidden, hidden),
        Convolution(
            name="lconv1d.depthwise_conv1d", inputs=hidden, outputs=hidden, kernel=kernel, groups=hidden, bias=False
        ),
        Norm(name="lconv1d.conv_norm", width=hidden),
        plain("lconv1d.linear_end", hidden, hidden),
    )


def halvings(path: str, channels: tuple[int, int], *names: tuple[str, str]) -> tuple[Layer, ...]:
    """Two convolutions over a spectrum, each of which halves time and pitch, with the names of each and its norm."""
    found = []
    for index, (inputs, outputs) in enumerate(((1, channels[0]), channels)):
        convolution, norm = names[index]
        operators = (
            Convolution(name=convolution, inputs=inputs, outputs=outputs, kernel=9, bias=False),
            Norm(name=norm, width=outputs),
        )
        found.append(tower(path, operators, reduction=4**index, of_sound=True))
    return tuple(found)


def heard(path: str, operators: Operators, bins: int, depth: int | None = None) -> Layer:
    """A layer after them, or as many equal ones; half of the spectrum's pitches are left after the first."""
    return tower(path, operators, depth, reduction=max(1, bins), of_sound=True)
