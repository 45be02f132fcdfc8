"""ZAYA1: compressed convolutional attention (arXiv 2510.04476), scaled residuals and routers that are networks."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ..operators import CausalConvolution, Convolution, Learned, Linear, Norm, Output, TokenShift
from ._blocks import (
    Heads,
    Operators,
    attention,
    decoder,
    depth_of,
    grouped,
    mixture,
    plain,
    read_heads,
    router_correction,
    window_of,
    within,
)

FULL, SLIDING = "hybrid", "hybrid_sliding"


def build(config: Config) -> Architecture:
    if config.has("zaya_mlp_expansion"):
        raise ConfigError(
            "The config's zaya_mlp_expansion is of the checkpoints before transformers had this family, whose fields "
            "are others; the published config of today is needed."
        )
    config = config.filled(tie_word_embeddings=True)
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    heads, window = read_heads(config, kv_default=2, dim_default=128), window_of(config, default=None)
    kinds = config.names("layer_types", (FULL, SLIDING), depth) if config.has("layer_types") else (FULL,) * depth
    if window is None and SLIDING in kinds:
        raise ConfigError(f"The config's layer_types has {SLIDING} layers, and its sliding_window is not given.")

    def block(kind: tuple[str, bool]) -> Operators:
        sliding, first = kind
        return (
            Norm(name="input_layernorm", width=hidden),
            *_attention(config, heads, window if sliding == SLIDING else None),
            *_scaled_residual("post_attention_residual_scale", hidden),
            Norm(name="post_attention_layernorm", width=hidden),
            *_experts(config, first),
            *_scaled_residual("post_mlp_residual_scale", hidden),
        )

    return decoder(
        config,
        grouped([(kind, index == 0) for index, kind in enumerate(kinds)], block, "model.layers.{index}"),
        head_bias=config.boolean("lm_head_bias", default=False),
        after_table=tuple(Learned(name=f"model.input_hidden_states_{name}", size=hidden) for name in ("scale", "bias")),
    )


def _attention(config: Config, heads: Heads, window: int | None) -> Operators:
    """Queries and keys pass two short convolutions; one half of the values is of the token before."""
    hidden, bias = config.integer("hidden_size"), config.boolean("attention_bias", default=False)
    if heads.kv * heads.dim % 2:
        raise ConfigError(f"The config's {heads.kv} key-value heads of {heads.dim} values cannot be halved.")
    path = "self_attn.qkv_proj"
    query, key, current, delayed, depthwise, mixing, shift = within(
        path, "q_proj", "k_proj", "v_proj_current", "v_proj_delayed", "conv_qk_depthwise", "conv_qk_grouped", "shift"
    )
    half = heads.kv * heads.dim // 2
    channels = (heads.query + heads.kv) * heads.dim
    first, second = (config.integer(name, default=2) for name in ("cca_time0", "cca_time1"))
    project = Linear(
        name=path,
        outputs=(
            Output(name=query, units=heads.query, width=heads.dim, part="q"),
            Output(name=key, units=heads.kv, width=heads.dim, part="k"),
            Output(name=current, units=half, part="v"),
            Output(name=delayed, units=half, part="v"),
        ),
        input_units=hidden,
        bias=bias,
        split="columns",
    )
    convolve = CausalConvolution(
        name=depthwise,
        channels=(Output(name=depthwise, units=heads.query + heads.kv, width=heads.dim),),
        kernel=first,
        kept=first + second - 2,
        bias=True,
    )
    mix = Convolution(
        name=mixing, inputs=channels, outputs=channels, kernel=second, groups=heads.query + heads.kv, role="vector"
    )
    _, core, out = attention(hidden, heads, window=window, out_bias=bias)
    last = TokenShift(name=shift, width=half, mixes=(), streams=1)
    return (project, convolve, mix, last, Learned(name="self_attn.qk_norm.temp", size=heads.kv), core, out)


def _experts(config: Config, first: bool) -> Operators:
    """Routed experts, one of them idle; a router goes on from the one of the layer before."""
    hidden, rank = config.integer("hidden_size"), config.integer("router_hidden_size", default=256)
    count = config.integer("num_experts", default=16)
    down, scale, norm, one, two, out, biases = within(
        "mlp.gate",
        "down_proj",
        "router_states_scale",
        "router_mlp.norm",
        "router_mlp.fc1",
        "router_mlp.fc2",
        "router_mlp.out_proj",
        "balancing_biases",
    )
    _, *routed = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok", default=1),
        width=config.integer("moe_intermediate_size", default=2048),
    )
    choose = Linear(
        name=out, outputs=(Output(name=out, units=count + 1, part="router"),), input_units=rank, role="router"
    )
    return (
        plain(down, rank, hidden, bias=True),
        *(() if first else (Learned(name=scale, size=rank),)),
        Norm(name=norm, width=rank),
        plain(one, rank, rank, bias=True),
        plain(two, rank, rank, bias=True),
        choose,
        *routed,
        router_correction(count + 1, biases),
    )


def _scaled_residual(path: str, hidden: int) -> Operators:
    names = ("hidden_states_scale", "hidden_states_bias", "residual_scale", "residual_bias")
    return tuple(Learned(name=name, size=hidden) for name in within(path, *names))
