"""GLM-4.6V under its own name: GLM-4.1V with other marks around an image, or GLM-4.5V where its text has experts."""

from ..architecture import Architecture
from ..config import Config
from .glm4v import build as build_dense
from .glm4v_moe import build as build_mixture


def build(config: Config) -> Architecture:
    has_experts = config.section("text_config", default={}).has("n_routed_experts", "num_local_experts")
    return build_mixture(config) if has_experts else build_dense(config)
