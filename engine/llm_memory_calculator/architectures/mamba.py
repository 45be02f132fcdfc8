"""Mamba: a selective scan in every layer, and nothing else; a state in place of a KV cache."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import Operators, decoder, depth_of, grouped
from ._recurrent import auto_rank, from_mamba_ssm, inner_norms, mamba


def build(config: Config) -> Architecture:
    return of_mamba(from_mamba_ssm(config))


def of_mamba(config: Config, normed: bool = False) -> Architecture:
    """Mamba, or Falcon-Mamba with norms of the time steps, B and C."""
    hidden, state = config.integer("hidden_size"), config.integer("state_size", default=16)
    rank = auto_rank(config, "time_step_rank", hidden)
    norms: Operators = inner_norms(rank, state, scaled=False, path="mixer") if normed else ()
    block = (
        Norm(name="norm", width=hidden),
        *mamba(
            hidden,
            inner=config.optional_integer("intermediate_size") or config.integer("expand", default=2) * hidden,
            state=state,
            kernel=config.integer("conv_kernel", default=4),
            rank=rank,
            bias=config.boolean("use_bias", default=False),
            conv_bias=config.boolean("use_conv_bias", default=True),
            norms=norms,
        ),
    )
    stack = grouped([None] * depth_of(config), lambda _: block, "backbone.layers.{index}")
    return decoder(
        config,
        stack,
        tied_default=True,
        paths=("backbone.embeddings", "backbone.norm_f", "lm_head", ""),
    )
