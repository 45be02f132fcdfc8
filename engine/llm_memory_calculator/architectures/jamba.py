"""Jamba: Mamba layers with one of attention among eight, and experts in every other layer."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError
from ._blocks import Operators, attention, decoder, depth_of, gated_feed_forward, grouped, mixture, pre_norm, read_heads
from ._recurrent import auto_rank, inner_norms, mamba


def build(config: Config) -> Architecture:
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    width, experts = config.integer("intermediate_size"), config.integer("num_experts", "num_local_experts", default=16)
    attends, sparse = (
        periodic(config, depth, "attn_layer", (8, 4)),
        [experts > 1 and has for has in periodic(config, depth, "expert_layer", (2, 1))],
    )
    state, rank = config.integer("mamba_d_state", default=16), auto_rank(config, "mamba_dt_rank", hidden)
    scan = mamba(
        hidden,
        inner=config.integer("mamba_expand", default=2) * hidden,
        state=state,
        kernel=config.integer("mamba_d_conv", default=4),
        rank=rank,
        bias=config.boolean("mamba_proj_bias", default=False),
        conv_bias=config.boolean("mamba_conv_bias", default=True),
        path="mamba",
        norms=inner_norms(rank, state, scaled=True, path="mamba"),
    )
    attend = attention(hidden, read_heads(config, kv_default=8))
    dense = gated_feed_forward(hidden, width, path="feed_forward")
    mixed: Operators = ()
    if any(sparse):
        mixed = mixture(
            hidden,
            count=experts,
            active=config.integer("num_experts_per_tok", default=2),
            width=width,
            router="feed_forward.router",
            module="feed_forward.experts",
        )
    stack = grouped(
        list(zip(attends, sparse, strict=True)),
        lambda kind: pre_norm(
            hidden,
            attend if kind[0] else scan,
            mixed if kind[1] else dense,
            names=("input_layernorm", "pre_ff_layernorm"),
        ),
        "model.layers.{index}",
    )
    return decoder(config, stack, paths=("model.embed_tokens", "model.final_layernorm", "lm_head", ""))


def periodic(config: Config, depth: int, what: str, default: tuple[int, int]) -> list[bool]:
    """Which layers have it: one in each {what}_period, at {what}_offset."""
    period = config.integer(f"{what}_period", default=default[0])
    offset = config.integer(f"{what}_offset", default=default[1], least=0)
    if offset >= period:
        raise ConfigError(f"The config's {what}_offset {offset} must be smaller than its {what}_period {period}.")
    return [index % period == offset for index in range(depth)]
