"""Gemma 3n E2B and E4B: MobileNetV5 for images and a conformer for sounds beside the text model of gemma3n_text."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Embedding, Learned, Norm
from ._blocks import Operators, attention, equal_heads, plain
from ._encoders import two_sided
from ._gemma import half_step, halvings, heard, light_convolution
from ._images import FixedImages
from ._mobilenet import STEM, WIDTH, mobilenet
from ._sound import SpectrumSounds
from ._towers import INSIDE, multimodal, tower
from .gemma3n_text import build as build_text

_MERGE = 4  # positions of the conformer that become one token


def build(config: Config) -> Architecture:
    vision, audio = (config.section(name, default={}) for name in ("vision_config", "audio_config"))
    tokens = config.integer("vision_soft_tokens_per_image", default=256)
    sounds, width = _conformer(audio, "model.audio_tower")
    bins = _bins(audio)

    def towers(text: Architecture) -> tuple[Layer, ...]:
        to_text = _embedder(vision, vision.integer("hidden_size", default=WIDTH), text.hidden_size)
        sound_to_text = _embedder(audio, width, text.hidden_size)
        return (
            *mobilenet("model.vision_tower.timm_model"),
            tower("model.embed_vision", to_text, reduction=STEM // tokens),
            *sounds,
            heard("model.embed_audio", sound_to_text, _MERGE * bins),
        )

    return multimodal(
        config,
        build_text,
        towers,
        images=FixedImages(positions=STEM, tokens=tokens),
        # the processor fills up or cuts every sound to 30 s
        sounds=SpectrumSounds(
            bins=bins,
            frame=513,
            halvings=2,
            tokens=config.integer("audio_soft_tokens_per_image", default=188),
            longest=30,
        ),
        moved=INSIDE,
    )


def _embedder(config: Config, width: int, text: int) -> Operators:
    """A table of the tower's own tokens, norms of these and of what it gives, and the matrix to the decoder."""
    return (
        Embedding(name="embedding", entries=config.integer("vocab_size", default=128), width=width, part="positions"),
        Norm(name="hard_embedding_norm", width=width),
        Norm(name="soft_embedding_norm", width=width),
        plain("embedding_projection", text, width),
        Norm(name="embedding_post_projection_norm", width=text, scaled=False),
    )


def _conformer(config: Config, path: str) -> tuple[tuple[Layer, ...], int]:
    """Two feed-forwards around attention with relative positions and a convolution."""
    hidden = config.integer("hidden_size", default=1536)
    first, second = config.integers("sscp_conv_channel_size", default=(128, 32), least=1)
    heads = equal_heads(hidden, config.integer("conf_num_attention_heads", default=8))
    kernel = config.integer("conf_conv_kernel_size", default=5)
    window = sum(
        config.integer(f"conf_attention_{part}", default=default, least=0)
        for part, default in (("chunk_size", 12), ("context_left", 13), ("context_right", 0))
    )
    attend = attention(
        hidden, heads, path="attention", names=("attn.q_proj", "attn.k_proj", "attn.v_proj", "post"),
        core=two_sided(heads, "attention", window),
    )  # fmt: skip
    block = (
        *half_step("ffw_layer_start", hidden),
        Norm(name="attention.pre_attn_norm", width=hidden),
        Learned(name="attention.attn.per_dim_scale", size=heads.dim),
        plain("attention.attn.relative_position_embedding.pos_proj", hidden, hidden),
        *attend,
        Norm(name="attention.post_norm", width=hidden),
        *light_convolution(hidden, kernel),
        *half_step("ffw_layer_end", hidden),
        Norm(name="norm", width=hidden),
    )
    depth = config.integer("conf_num_hidden_layers", default=12, most=DEEPEST_STACK)
    stem, bins = f"{path}.subsample_conv_projection", _bins(config)
    layers = (
        *halvings(stem, (first, second), ("conv_0.conv", "conv_0.norm"), ("conv_1.conv", "conv_1.norm")),
        heard(stem, (plain("input_proj_linear", hidden, second * (bins // 4)),), bins),
        heard(f"{path}.conformer.{{index}}", block, bins, depth),
    )
    return layers, hidden


def _bins(config: Config) -> int:
    """Pitches of the spectrum."""
    return config.integer("input_feat_size", default=128)
