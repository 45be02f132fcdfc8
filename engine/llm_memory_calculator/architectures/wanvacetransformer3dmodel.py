"""Wan's transformer with layers beside it that a video to be edited runs through (VACE)."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ._blocks import Operators, grouped, plain
from ._wan import read_wan, wan


def build(config: Config) -> Architecture:
    shape = read_wan(config)
    beside = config.integers("vace_layers", default=tuple(range(0, 40, 5)))
    if not beside or max(beside) >= shape.depth:
        raise ConfigError(
            f"The config's vace_layers must name some of its {shape.depth} layers, and is {shown(list(beside))}."
        )

    def block(is_first: bool) -> Operators:
        ends = ("proj_in", "proj_out") if is_first else ("proj_out",)
        return (*shape.block(), *(plain(name, shape.hidden, shape.hidden, bias=True) for name in ends))

    return wan(
        config,
        shape,
        first=(shape.patches("vace_patch_embedding", config.integer("vace_in_channels", default=96)),),
        stack=grouped([index == 0 for index in range(len(beside))], block, "vace_blocks.{index}"),
    )
