"""What Sana's transformer and its autoencoder share: a gated feed-forward of convolutions."""

from ..operators import Activation, Convolution, Norm
from ._blocks import Operators, within
from ._diffusion import conv


def convolved_feed_forward(hidden: int, width: int, path: str, *, normed: bool = False) -> Operators:
    """To twice the width, a convolution of each channel alone, one half gating the other, and back."""
    inverted, depth, point, act, norm = within(path, "conv_inverted", "conv_depth", "conv_point", "act", "norm")
    return (
        conv(inverted, hidden, 2 * width, 1),
        Convolution(name=depth, inputs=2 * width, outputs=2 * width, kernel=9, groups=2 * width),
        Activation(name=act, width=width),
        Convolution(name=point, inputs=width, outputs=hidden, kernel=1, bias=False),
        *((Norm(name=norm, width=hidden, bias=True),) if normed else ()),
    )
