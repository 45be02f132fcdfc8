"""Blocks of feed-forward networks: of two matrices, gated, and mixtures of experts."""

from __future__ import annotations

from collections.abc import Mapping

from ...config import Config
from ...errors import ConfigError
from ...operators import Activation, Buffer, Experts, Linear, Output, Part
from .products import Operators, within

# what an expert that all tokens run calls its matrices
_SHARED: Mapping[Part, Part] = {
    "gate": "shared_gate",
    "up": "shared_up",
    "gate_up": "shared_gate_up",
    "down": "shared_down",
}


def gated_feed_forward(
    hidden: int,
    width: int,
    *,
    bias: bool = False,
    down_bias: bool | None = None,
    path: str = "mlp",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    reduces: bool = True,
    shared: bool = False,
    apart: bool = False,
) -> Operators:
    """down(act(gate(x)) * up(x)), gate and up in one product; down has a bias where the others have, or by itself.

    `shared` is an expert that all tokens run beside routed ones. Gate and up of one name are one matrix in the
    checkpoint, and in files made from it too unless they are `apart` there.
    """
    parts: tuple[Part, Part] = ("gate_up", "gate_up") if names[0] == names[1] and not apart else ("gate", "up")
    of_gate, of_up, of_down = (_SHARED[part] if shared else part for part in (*parts, "down"))
    gate, up, down, fused, act = within(path, *names, "gate_up", "act")
    return (
        Linear(
            name=fused,
            outputs=(Output(name=gate, units=width, part=of_gate), Output(name=up, units=width, part=of_up)),
            input_units=hidden,
            bias=bias,
            split="columns",
        ),
        Activation(name=act, width=width),
        _down(down, hidden, width, bias if down_bias is None else down_bias, reduces, of_down),
    )


def feed_forward(
    hidden: int,
    width: int,
    *,
    bias: bool,
    path: str = "mlp",
    names: tuple[str, str],
    reduces: bool = True,
    shared: bool = False,
) -> Operators:
    """down(act(up(x)))."""
    parts: tuple[Part, Part] = ("up", "down")
    of_up, of_down = (_SHARED[part] if shared else part for part in parts)
    up, down, act = within(path, *names, "act")
    return (
        Linear(
            name=up,
            outputs=(Output(name=up, units=width, part=of_up),),
            input_units=hidden,
            bias=bias,
            split="columns",
        ),
        Activation(name=act, width=width, gated=False),
        _down(down, hidden, width, bias, reduces, of_down),
    )


def _down(name: str, hidden: int, width: int, bias: bool, reduces: bool, part: Part) -> Linear:
    return Linear(
        name=name,
        outputs=(Output(name=name, units=hidden, part=part),),
        input_units=width,
        bias=bias,
        split="rows",
        reduces=reduces,
    )


def mixture(
    hidden: int,
    *,
    count: int,
    active: int,
    width: int,
    bias: bool = False,
    router: str = "mlp.gate",
    router_bias: bool = False,
    module: str = "mlp.experts",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    shared: Operators = (),
    gated: bool = True,
    latent: int | None = None,
) -> Operators:
    """Router, routed experts, then shared experts if any; one sum over the ranks carries both.

    `latent` is the width of what the experts work on, where it is not the hidden size.
    """
    if active > count:
        raise ConfigError(f"The config routes each token to {active} experts, and there are only {count}.")
    return (
        Linear(
            name=router,
            outputs=(Output(name=router, units=count, part="router"),),
            input_units=hidden,
            bias=router_bias,
            role="router",
        ),
        Experts(
            name=module,
            count=count,
            active=active,
            hidden=hidden if latent is None else latent,
            intermediate=width,
            gated=gated,
            bias=bias,
            module=module,
            names=names,
        ),
        *shared,
    )


def beside_shared(
    config: Config,
    *,
    shared: int | None = None,
    shared_width: int | None = None,
    bias: bool = False,
    path: str = "mlp",
    names: tuple[str, str, str] = ("experts", "shared_experts", "gate"),
    correction: str | None = "gate.e_score_correction_bias",
    correction_counted: bool = False,
) -> Operators:
    """Routed experts by the usual names, shared ones as one feed-forward beside them, and DeepSeek-V3's correction.

    shared is the family's default number of shared experts (None: the config must say); shared_width is that of all
    where it does not follow from their number; bias is theirs. names are of routed experts, shared ones and router.
    correction_counted: the correction is a parameter and not a buffer.
    """
    hidden, width = config.integer("hidden_size"), config.integer("moe_intermediate_size")
    count = config.integer("n_routed_experts", "num_experts", "num_local_experts")
    if shared_width is None:
        known = ("n_shared_experts", "num_shared_experts")
        number = config.integer(*known, least=0) if shared is None else config.integer(*known, default=shared, least=0)
        shared_width = number * width
    routed, shared_path, router = within(path, *names)
    corrections: Operators = ()
    if correction is not None:
        corrections = (Buffer(name=within(path, correction)[0], size=count, counted=correction_counted),)
    return (
        *mixture(
            hidden,
            count=count,
            active=config.integer("num_experts_per_tok"),
            width=width,
            router=router,
            module=routed,
            shared=gated_feed_forward(hidden, shared_width, bias=bias, path=shared_path, shared=True, reduces=False)
            if shared_width
            else (),
        ),
        *corrections,
    )


def shared_expert_mixture(config: Config, *, count: int, active: int, width: int, shared_width: int) -> Operators:
    """Qwen's mixture: routed experts beside one shared expert with a gate; nothing where there are no experts.

    count, active and the widths are the family's defaults.
    """
    hidden, gate = config.integer("hidden_size"), "mlp.shared_expert_gate"
    experts = config.integer("num_experts", "num_local_experts", default=count, least=0)
    if experts == 0:
        return ()
    shared = config.integer("shared_expert_intermediate_size", default=shared_width)
    return mixture(
        hidden,
        count=experts,
        active=config.integer("num_experts_per_tok", default=active),
        width=config.integer("moe_intermediate_size", default=width),
        shared=(
            *gated_feed_forward(hidden, shared, path="mlp.shared_expert", shared=True, reduces=False),
            Linear(
                name=gate,
                outputs=(Output(name=gate, units=1, part="shared_router"),),
                input_units=hidden,
                role="router",
            ),
        ),
    )


def router_correction(count: int, name: str = "mlp.gate.e_score_correction_bias") -> Buffer:
    """What DeepSeek-V3's way of balancing adds to the routers' scores."""
    return Buffer(name=name, size=count)
