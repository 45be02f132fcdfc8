"""PaliGemma 1 and 2: SigLIP, one matrix, and a Gemma."""

from ..architecture import Architecture
from ..config import Config
from ._blocks import plain
from ._towers import multimodal, siglip, tower, whole_images

_TEXT = {
    "hidden_size": 2048,
    "intermediate_size": 16_384,
    "num_hidden_layers": 18,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
    "vocab_size": 257_152,
}
_VISION = {
    "hidden_size": 1152,
    "intermediate_size": 4096,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "patch_size": 14,
    "vision_use_head": False,
}


def build(config: Config) -> Architecture:
    found = siglip(config.section("vision_config", default=_VISION))
    outputs = config.optional_integer("projection_dim")
    return multimodal(
        config,
        "gemma",
        lambda text: (
            *found.layers,
            tower("multi_modal_projector", (plain("linear", outputs or text.hidden_size, found.width, bias=True),)),
        ),
        images=whole_images(found),
        defaults=_TEXT,
    )
