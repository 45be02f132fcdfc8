"""InternVL as transformers keeps it: InternViT over up to 12 tiles and the whole image, four patches a token."""

from ..architecture import Architecture
from ..config import Config
from ._intern import IN_TRANSFORMERS, intern_projector, intern_tower, tiled_images, tiled_videos
from ._towers import multimodal


def build(config: Config) -> Architecture:
    vision = config.section("vision_config", default={})
    found = intern_tower(vision, IN_TRANSFORMERS, sizes=(1024, 4096, 24, 16))
    names = ("layer_norm", "linear_1", "linear_2")
    return multimodal(
        config,
        "qwen2",
        lambda text: (
            *found.layers,
            intern_projector(config, found, text.hidden_size, "multi_modal_projector", names),
        ),
        images=tiled_images(config, found),
        videos=tiled_videos(config, found),
    )
