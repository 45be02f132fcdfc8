"""S4 (arXiv 2111.00396), diagonal as in S4D: a state space of fixed rates in every layer.

No config of it is published in the format of Hugging Face. The fields, by the names of its own code: d_model, n_layers,
d_state (64), vocab_size, and d_inner, the width of a feed-forward in each layer (none where it is absent).
"""

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, Norm, Output, Recurrence, Vector
from ._blocks import Operators, columns, decoder, depth_of, feed_forward, grouped


def build(config: Config) -> Architecture:
    hidden, states = config.integer("d_model", "hidden_size"), config.integer("d_state", default=64, least=2)
    config.note(
        "model_type",
        "No config of an S4 language model is published; this one was read as S4D in float32: a table, layers of "
        "norm, state space and gated projection, a norm, and a head.",
    )
    # conjugate pairs: half as many complex numbers, each of two values
    pairs = states // 2
    width = config.optional_integer("d_inner")
    feed: Operators = () if width is None else feed_forward(hidden, width, bias=True, path="ff", names=("up", "down"))
    block: Operators = (
        Norm(name="norm", width=hidden, bias=True),
        Recurrence(
            name="s4",
            heads=hidden,
            key_dim=2 * pairs,
            vectors=(
                Vector(name="s4.kernel.log_dt"),
                Vector(name="s4.kernel.log_A_real", width=pairs),
                Vector(name="s4.kernel.A_imag", width=pairs),
                Vector(name="s4.kernel.C", width=2 * pairs),
                Vector(name="s4.D"),
            ),
            inputs=2,
            # a complex product by the rate, the input added, and the real part of another product
            flops_per_value=7,
        ),
        Activation(name="s4.activation", width=hidden, gated=False),
        columns("s4.output_linear", [Output(name="s4.output_linear", units=hidden)] * 2, hidden, bias=True),
        Activation(name="s4.glu", width=hidden),
        *((Norm(name="ff_norm", width=hidden, bias=True), *feed) if feed else ()),
    )
    stack = grouped(
        [None] * depth_of(config, "n_layers", "n_layer", "num_hidden_layers"), lambda _: block, "layers.{index}"
    )
    return decoder(
        config,
        stack,
        hidden=hidden,
        tied_default=True,
        norm_bias=True,
        paths=("embedding", "norm", "lm_head", ""),
    )
