"""Mamba-2 and Codestral-Mamba: heads that keep a matrix each, and nothing else."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import decoder, depth_of, grouped
from ._recurrent import check_head, from_mamba_ssm, mamba2


def build(config: Config) -> Architecture:
    config = from_mamba_ssm(config)
    hidden, heads = config.integer("hidden_size"), config.integer("num_heads", default=128)
    inner = config.integer("expand", default=2) * hidden
    block = (
        Norm(name="norm", width=hidden),
        *mamba2(
            hidden,
            heads=heads,
            dim=check_head(config.integer("head_dim", default=64), heads, inner),
            groups=config.integer("n_groups", default=8),
            state=config.integer("state_size", default=128),
            kernel=config.integer("conv_kernel", default=4),
            chunk=config.integer("chunk_size", default=256),
            bias=config.boolean("use_bias", default=False),
            conv_bias=config.boolean("use_conv_bias", default=True),
        ),
    )
    stack = grouped([None] * depth_of(config), lambda _: block, "backbone.layers.{index}")
    return decoder(config, stack, paths=("backbone.embeddings", "backbone.norm_f", "lm_head", ""))
