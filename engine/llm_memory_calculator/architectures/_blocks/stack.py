"""How blocks make a layer and layers a stack: norms around blocks, and which layer has a window or experts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Literal, TypeVar

from ...architecture import Layer
from ...config import DEEPEST_STACK, Config
from ...errors import ConfigError, shown
from ...operators import Buffer, Linear, Norm, Output
from .products import Operators

Kind = TypeVar("Kind", bound=Hashable)
SLIDING, FULL = "sliding_attention", "full_attention"


def depth_of(config: Config, *names: str) -> int:
    """The number of layers; `names` where a family has others than num_hidden_layers."""
    return config.integer(*(names or ("num_hidden_layers",)), most=DEEPEST_STACK)


def grouped(kinds: Sequence[Kind], block: Callable[[Kind], Operators], path: str) -> tuple[Layer, ...]:
    """Layers of a stack by kind, in the order in which the kinds first appear."""
    indices: dict[Kind, list[int]] = {}
    for index, kind in enumerate(kinds):
        indices.setdefault(kind, []).append(index)
    return tuple(Layer(path=path, operators=block(kind), indices=tuple(found)) for kind, found in indices.items())


def pre_norm(
    hidden: int,
    attend: Operators,
    feed_forward: Operators,
    *,
    bias: bool = False,
    scaled: bool = True,
    names: tuple[str, str] = ("input_layernorm", "post_attention_layernorm"),
) -> Operators:
    """A layer that norms the input of each of its two blocks."""
    before, between = (Norm(name=name, width=hidden, bias=bias, scaled=scaled) for name in names)
    return (before, *attend, between, *feed_forward)


def sandwich_norm(
    hidden: int,
    attend: Operators,
    feed_forward: Operators,
    *,
    names: tuple[str, str, str, str] = (
        "input_layernorm",
        "post_attention_layernorm",
        "pre_feedforward_layernorm",
        "post_feedforward_layernorm",
    ),
) -> Operators:
    """A layer that norms the input and the output of each of its two blocks."""
    before, after, before_feed_forward, after_feed_forward = (Norm(name=name, width=hidden) for name in names)
    return (before, *attend, after, before_feed_forward, *feed_forward, after_feed_forward)


def post_norm(
    hidden: int,
    attend: Operators,
    feed_forward: Operators,
    *,
    bias: bool = False,
    names: tuple[str, str] = ("post_attention_layernorm", "post_feedforward_layernorm"),
) -> Operators:
    """A layer that norms the output of each of its two blocks, or the sum with its input (BERT)."""
    return (
        *attend,
        Norm(name=names[0], width=hidden, bias=bias),
        *feed_forward,
        Norm(name=names[1], width=hidden, bias=bias),
    )


def parallel(
    hidden: int, attend: Operators, feed_forward: Operators, *, name: str = "input_layernorm", bias: bool = False
) -> Operators:
    """A layer that norms its input once, for attention and feed-forward side by side."""
    return (Norm(name=name, width=hidden, bias=bias), *attend, *feed_forward)


def hyper_connection(
    names: tuple[str, str, str],
    hidden: int,
    streams: int,
    *,
    weights: int,
    scales: int,
    per: Literal["token", "sequence"],
) -> Operators:
    """A product over all streams of the residual gives `weights` that collapse, expand or mix them; base and scale."""
    mix, base, scale = names
    return (
        Linear(
            name=mix,
            outputs=(Output(name=mix, units=weights),),
            input_units=streams * hidden,
            role="router",
            per=per,
        ),
        Buffer(name=base, size=weights, counted=True),
        Buffer(name=scale, size=scales, counted=True),
    )


def window_of(config: Config, default: int | None) -> int | None:
    """The sliding window in tokens; null says there is none, an absent field means the family's default."""
    if "sliding_window" in config.values and config.values["sliding_window"] is None:
        return None
    if config.has("sliding_window"):
        return config.integer("sliding_window")
    if default is not None:
        return config.integer("sliding_window", default=default)
    return None


def layer_windows(config: Config, depth: int, window: int | None, *, slides: Callable[[int], bool]) -> list[int | None]:
    """The window of each layer: by layer_types where the config has them, else where `slides(index)` says so."""
    types = config.names("layer_types", (SLIDING, FULL), depth) if config.has("layer_types") else None
    if window is None:
        if types is not None and SLIDING in types:
            raise ConfigError("The config's layer_types has sliding_attention layers, and its sliding_window is null.")
        return [None] * depth
    if types is not None:
        return [window if kind == SLIDING else None for kind in types]
    return [window if slides(index) else None for index in range(depth)]


def windows_of(
    config: Config, default: int | None, *, slides: Callable[[int], bool] = lambda _: True
) -> list[int | None]:
    """The window of each layer: by layer_types where the config has them, else where `slides(index)` says so.

    default is the family's where the config leaves sliding_window out.
    """
    return layer_windows(config, depth_of(config), window_of(config, default), slides=slides)


def periodic_windows(
    config: Config, default: int, *, period: int, name: str = "sliding_window_pattern"
) -> list[int | None]:
    """The window of each layer: by layer_types, else by a pattern that starts anew again and again.

    The pattern is a number n (each n-th layer is full) or letters (L for a windowed layer, G for a full one); default
    and period are the family's window and number.
    """
    depth, window = depth_of(config), window_of(config, default)
    if window is None or config.has("layer_types"):
        return layer_windows(config, depth, window, slides=lambda _: False)
    if isinstance(config.values.get(name), str):
        letters = config.text(name)
        if not letters or set(letters) - {"L", "G"}:
            raise ConfigError(
                f"The config's {name} must be a number or made of the letters L and G, and is {shown(letters)}."
            )
        return layer_windows(config, depth, window, slides=lambda index: letters[index % len(letters)] == "L")
    every = config.integer(name, default=period)
    return layer_windows(config, depth, window, slides=lambda index: (index + 1) % every != 0)


def qwen_windows(
    config: Config, slides: Callable[[int, int], bool] = lambda index, limit: index >= limit
) -> list[int | None]:
    """Qwen's windows: none unless use_sliding_window, then in the layers from max_window_layers on.

    `slides` says otherwise of the index of a layer and max_window_layers.
    """
    if not config.boolean("use_sliding_window", default=False):
        return [None] * depth_of(config)
    limit = config.integer("max_window_layers", default=28, least=0)
    return windows_of(config, 4096, slides=lambda index: slides(index, limit))


def sparse_layers(config: Config) -> list[bool]:
    """Which layers of a Qwen mixture have experts: every decoder_sparse_step-th but those of mlp_only_layers."""
    depth, step = depth_of(config), config.integer("decoder_sparse_step", default=1)
    dense = set(config.integers("mlp_only_layers", default=()))
    if step > depth or any(index >= depth for index in dense):
        raise ConfigError(f"The config's decoder_sparse_step {step} or mlp_only_layers exceeds its {depth} layers.")
    return [index not in dense and (index + 1) % step == 0 for index in range(depth)]


def leading_dense(config: Config, default: int | None = None, name: str = "first_k_dense_replace") -> list[bool]:
    """Which layers have experts: by mlp_layer_types where the config has them, else all from first_k_dense_replace."""
    depth = depth_of(config)
    if config.has("mlp_layer_types"):
        return [kind == "sparse" for kind in config.names("mlp_layer_types", ("dense", "sparse"), depth)]
    leading = config.integer(name, least=0) if default is None else config.integer(name, default=default, least=0)
    return [index >= leading for index in range(depth)]


def per_layer(config: Config, name: str, depth: int, *, least: int = 0) -> tuple[int, ...]:
    """A whole number for each layer: a list of them, or one for all."""
    if not isinstance(config.values.get(name), list):
        return (config.integer(name, least=least),) * depth
    found = config.integers(name, least=least)
    config.check_length(name, found, depth)
    return found


def kv_sharing(config: Config, kinds: Sequence[str]) -> list[bool]:
    """Which layers attend the keys and values of an earlier one: the last num_kv_shared_layers (Gemma 3n and 4)."""
    shared = config.integer("num_kv_shared_layers", default=0, least=0)
    own = len(kinds) - shared
    if own < 1 or set(kinds[own:]) - set(kinds[:own]):
        raise ConfigError(
            f"The config's num_kv_shared_layers {shared} leaves a kind of layer without one that has keys and values "
            f"of its own, of {len(kinds)} layers."
        )
    return [index >= own for index in range(len(kinds))]
