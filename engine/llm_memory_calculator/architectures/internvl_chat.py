"""InternVL 1.5 to 3.5 as OpenGVLab keeps it: InternViT, a projector and the decoder of llm_config."""

from ..architecture import Architecture
from ..config import Config
from ._intern import BY_OPENGVLAB, MOST_TILES, intern_projector, intern_tower, tiled_images, tiled_videos
from ._towers import multimodal


def build(config: Config) -> Architecture:
    vision = config.section("vision_config")
    found = intern_tower(vision, BY_OPENGVLAB, sizes=(3200, 12_800, 48, 25))
    dynamic = config.boolean("dynamic_image_size", default=True)
    most = config.integer("max_dynamic_patch", default=6, most=MOST_TILES) if dynamic else 1
    least = config.integer("min_dynamic_patch", default=1, most=most)
    return multimodal(
        config,
        "internlm2",
        lambda text: (*found.layers, intern_projector(config, found, text.hidden_size, "mlp1", ("0", "1", "3"))),
        images=tiled_images(config, found, least=least, most=most),
        videos=tiled_videos(config, found),
        section="llm_config",
    )
