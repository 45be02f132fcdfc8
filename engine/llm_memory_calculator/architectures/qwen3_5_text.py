"""Qwen3.5, the text of its dense models: Qwen3-Next with a feed-forward in place of experts."""

from ..architecture import Architecture
from ..config import Config
from .qwen3_next import of_delta_nets

PROJECTIONS = ("in_proj_qkv", "in_proj_qkv", "in_proj_qkv", "in_proj_z", "in_proj_b", "in_proj_a")


def build(config: Config) -> Architecture:
    return of_delta_nets(config, PROJECTIONS, (), kv_default=4)
