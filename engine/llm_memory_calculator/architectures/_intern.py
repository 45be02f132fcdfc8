"""InternViT, whose fields and modules transformers and OpenGVLab name differently, and what follows it in InternVL."""

from __future__ import annotations

from dataclasses import dataclass

from ..architecture import Layer
from ..config import DEEPEST_STACK, Config
from ..images import Images, Videos
from ..operators import Convolution, Learned, Norm
from ._blocks import Operators, equal_heads, feed_forward, pre_norm, query_key_norms
from ._encoders import encoder_attention
from ._images import FixedImages, TiledImages
from ._towers import ImageTower, tower, two_matrices
from ._videos import FrameVideos, Sampling
from ._vision import square

# More than any model has, and few enough to try every grid of them.
MOST_TILES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InternNames:
    """How a config calls what is optional, with its defaults, and how the checkpoint calls the modules."""

    bias: str
    head_norms: tuple[str, bool]
    norm: str
    image: int
    path: str
    first: tuple[str, str, str]
    """Class token, convolution over a patch, positions."""
    layers: str
    attention: tuple[str, str, str, str]
    attention_path: str
    norms: tuple[str, str]
    scales: tuple[str, str]


IN_TRANSFORMERS = InternNames(
    bias="attention_bias",
    head_norms=("use_qk_norm", False),
    norm="layer_norm",
    image=448,
    path="vision_tower",
    first=("cls_token", "patch_embeddings.projection", "position_embeddings"),
    layers="encoder.layer.{index}",
    attention=("q_proj", "k_proj", "v_proj", "projection_layer"),
    attention_path="attention",
    norms=("layernorm_before", "layernorm_after"),
    scales=("lambda_1", "lambda_2"),
)
BY_OPENGVLAB = InternNames(
    bias="qkv_bias",
    head_norms=("qk_normalization", True),
    norm="rms_norm",
    image=224,
    path="vision_model",
    first=("class_embedding", "patch_embedding", "position_embedding"),
    layers="encoder.layers.{index}",
    attention=("qkv", "qkv", "qkv", "proj"),
    attention_path="attn",
    norms=("norm1", "norm2"),
    scales=("ls1", "ls2"),
)


def intern_tower(config: Config, names: InternNames, *, sizes: tuple[int, int, int, int]) -> ImageTower:
    """A class token, learned positions, a learned scale for the output of each block.

    sizes: the defaults of hidden_size, intermediate_size, num_hidden_layers and num_attention_heads.
    """
    hidden = config.integer("hidden_size", default=sizes[0])
    width = config.integer("intermediate_size", default=sizes[1])
    depth = config.integer("num_hidden_layers", default=sizes[2], most=DEEPEST_STACK)
    heads = equal_heads(hidden, config.integer("num_attention_heads", default=sizes[3]))
    patch, image = square(config, "patch_size", default=14), square(config, "image_size", default=names.image)
    count = (image // patch) ** 2
    head_norms: Operators = ()
    if config.boolean(names.head_norms[0], default=names.head_norms[1]):
        head_norms = query_key_norms(heads, path=names.attention_path, own_scales=True)
    attend = encoder_attention(
        hidden,
        heads,
        path=names.attention_path,
        names=names.attention,
        bias=config.boolean(names.bias, default=False),
        out_bias=True,
        window=count + 1,
    )
    block = pre_norm(
        hidden,
        (*head_norms, *attend),
        feed_forward(hidden, width, bias=True, names=("fc1", "fc2")),
        bias=config.text("norm_type", default=names.norm) == "layer_norm",
        names=names.norms,
    )
    channels = config.integer("num_channels", default=3)
    token, embedding, positions = names.first
    first: Operators = (
        Learned(name=token, size=hidden),
        Convolution(name=embedding, inputs=channels, outputs=hidden, kernel=patch * patch),
    )
    if config.boolean("use_absolute_position_embeddings", default=True):
        first += (Learned(name=positions, size=(count + 1) * hidden),)
    if config.boolean("use_mask_token", default=False):
        first += (Learned(name="mask_token", size=hidden),)
    pooled = config.boolean("use_mean_pooling", default=True)
    last: Operators = () if pooled else (Norm(name="layernorm", width=hidden, bias=True),)
    return ImageTower(
        layers=(
            tower(f"{names.path}.embeddings", first),
            tower(
                f"{names.path}.{names.layers}",
                (*block, *(Learned(name=scale, size=hidden) for scale in names.scales)),
                depth,
            ),
            tower(names.path, last),
        ),
        width=hidden,
        patch=patch,
        pixels=image,
        patches=count,
        class_tokens=1,
    )


def intern_projector(
    config: Config, found: ImageTower, text_hidden: int, path: str, names: tuple[str, str, str]
) -> Layer:
    """A norm and two matrices over the patches of a group side by side."""
    group = merged_patches(config)
    norm, *matrices = names
    return tower(
        path,
        (
            Norm(name=norm, width=found.width * group, bias=True),
            *two_matrices(found.width * group, text_hidden, text_hidden, names=(matrices[0], matrices[1])),
        ),
        reduction=group,
    )


def merged_patches(config: Config) -> int:
    """Patches that become one token."""
    return round(1 / config.real("downsample_ratio", default=0.5, most=1.0)) ** 2


def tiled_images(config: Config, found: ImageTower, *, least: int = 1, most: int = 12) -> Images:
    """Up to `most` tiles and the whole image, between two marks."""
    return TiledImages(
        tile=found.pixels,
        positions=found.positions,
        tokens=found.patches // merged_patches(config),
        min_tiles=least,
        max_tiles=most,
        marks=2,
    )


def tiled_videos(config: Config, found: ImageTower) -> Videos:
    """Frames of one tile, each between two marks, after its number in words ("Frame12: ") and before a line's end."""
    frame = FixedImages(positions=found.positions, tokens=found.patches // merged_patches(config))
    return FrameVideos(frame=frame, sampling=Sampling(), marks=8)
