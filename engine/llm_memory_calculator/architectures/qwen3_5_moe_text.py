"""Qwen3.5, the text of its mixtures: Qwen3-Next with its projections apart, and experts in every layer."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import shared_expert_mixture
from .qwen3_5_text import PROJECTIONS
from .qwen3_next import of_delta_nets


def build(config: Config) -> Architecture:
    # decoder_sparse_step and mlp_only_layers are Qwen3-Next's; this family has experts in every layer whatever they say
    experts = shared_expert_mixture(config, count=256, active=8, width=512, shared_width=512)
    return of_delta_nets(config.stating(decoder_sparse_step=1, mlp_only_layers=()), PROJECTIONS, experts)
