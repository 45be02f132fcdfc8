"""Wan's transformer by its own repositories' config, whose model_type says what it makes a video from."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ._wan import read_wan, wan


def build(config: Config) -> Architecture:
    kind = config.text("model_type", default="t2v")
    if kind not in ("t2v", "ti2v"):
        raise ConfigError(
            f"The config's model_type is {shown(kind)}: of the class WanModel only 't2v' and 'ti2v' are described, "
            "since those from images have an encoder of them in Wan 2.1 and none in 2.2, which no field tells "
            "apart. Give the transformer/config.json of the repository's -Diffusers copy."
        )
    hidden, heads = config.integer("dim", default=2048), config.integer("num_heads", default=16)
    if hidden % heads:
        raise ConfigError(f"The config's dim {hidden} is not a multiple of its num_heads {heads}.")
    config.note(
        "_class_name",
        "The denoiser alone was counted: its encoder of the prompt (UMT5-XXL) and its autoencoder stand beside it as "
        "files that no config describes. The -Diffusers copy of the repository has all parts.",
        "warning",
    )
    described = config.stating(num_attention_heads=heads, attention_head_dim=hidden // heads).renamed(
        in_channels="in_dim", out_channels="out_dim"
    )
    return wan(described, read_wan(described))
