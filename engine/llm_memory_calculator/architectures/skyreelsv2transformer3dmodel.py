"""The transformer of SkyReels V2: Wan's, told the frames of a second too where its config says so."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Embedding
from ._blocks import Operators
from ._diffusion import of_image
from ._wan import read_wan, wan

# num_frames, height and width of the pipeline.
FRAMES, SIZE = 97, (544, 960)


def build(config: Config) -> Architecture:
    shape = read_wan(config)
    rate: Operators = ()
    if config.boolean("inject_sample_info", default=False):
        rate = (
            Embedding(name="fps_embedding", entries=2, width=shape.hidden, part="positions"),
            of_image("fps_projection.net.0.proj", shape.hidden, shape.hidden),
            of_image("fps_projection.net.2", 6 * shape.hidden, shape.hidden),
        )
    return wan(config, shape, first=rate, frames=FRAMES, size=SIZE)
