"""LLaVA-NeXT (1.6): LLaVA over the tiles of a larger canvas and the whole image, with a learned end of each row."""

from ..architecture import Architecture
from ..config import Config
from ._llava import CLIP_336, canvas_images, image_tower, llava_of_tiles, pooled_videos

_CANVASES = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]


def build(config: Config) -> Architecture:
    found = image_tower(config, CLIP_336)
    # LLaVA-NeXT-Video's frames are pooled by two, what is left over dropped
    videos = pooled_videos(found, found.side // 2) if config.model_type == "llava_next_video" else None
    return llava_of_tiles(config, found, "llama", canvas_images(config, found, _CANVASES), videos=videos)
