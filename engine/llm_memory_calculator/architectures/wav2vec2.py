"""Wav2Vec 2.0 and HuBERT: convolutions over the waveform (320 samples a position), a BERT over what they give."""

from dataclasses import dataclass, replace

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..images import InputSize
from ..operators import Convolution, Learned, Norm
from ._blocks import Operators, feed_forward, grouped, plain, post_norm
from ._encoders import classifier, encoder_attention, encoder_model, label_count, read_shape, with_head


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveformSounds:
    """The sequence itself: what convolutions without padding make of 16,000 samples a second."""

    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    longest: float | None = None

    alone = False

    def size(self, seconds: float) -> InputSize:
        length = int(seconds * 16_000)
        for kernel, stride in zip(self.kernels, self.strides, strict=False):
            length = max(1, (length - kernel) // stride + 1)
        return InputSize(length, length)


def build(config: Config) -> Architecture:
    shape = read_shape(config, vocabulary=32)
    hidden = shape.hidden
    for name in ("add_adapter", "adapter_attn_dim", "conv_pos_batch_norm"):
        if config.values.get(name):
            raise ConfigError(
                f"The config's {name} is {shown(config.values[name])}, which is not described; leave it out."
            )

    def head(kind: str, _: str) -> Operators | None:
        if kind == "":
            return ()
        if kind == "CTC":
            return (classifier("lm_head", shape.vocabulary, hidden, per="token"),)
        if kind not in ("SequenceClassification", "AudioFrameClassification"):
            return None
        weighted = config.boolean("use_weighted_layer_sum", default=False)
        layers: Operators = (Learned(name="layer_weights", size=shape.depth + 1),) if weighted else ()
        if kind == "AudioFrameClassification":
            return (*layers, classifier("classifier", label_count(config), hidden, per="token"))
        between = config.integer("classifier_proj_size", default=256)
        labels = classifier("classifier", label_count(config), between)
        return (*layers, plain("projector", between, hidden, True), labels)

    path, last = with_head(config, "hubert" if config.model_type == "hubert" else "wav2vec2", head)
    block = post_norm(
        hidden,
        encoder_attention(
            hidden, shape.heads, path="attention", names=("q_proj", "k_proj", "v_proj", "out_proj"), bias=True
        ),
        feed_forward(hidden, shape.width, bias=True, path="feed_forward", names=("intermediate_dense", "output_dense")),
        bias=True,
        names=("layer_norm", "final_layer_norm"),
    )
    model = encoder_model(
        config,
        first=(*_waveform(config, f"{path}feature_extractor.conv_layers"), *_positions(config, path, hidden)),
        stack=grouped([None] * shape.depth, lambda _: block, f"{path}encoder.layers.{{index}}"),
        last=last,
        hidden=hidden,
        vocabulary=shape.vocabulary,
    )
    return replace(model, sounds=_sounds(config))


def _sounds(config: Config) -> WaveformSounds:
    strides = config.integers("conv_stride", default=(5, 2, 2, 2, 2, 2, 2), least=1)
    return WaveformSounds(kernels=_kernels(config), strides=strides)


def _kernels(config: Config) -> tuple[int, ...]:
    return config.integers("conv_kernel", default=(10, 3, 3, 3, 3, 2, 2), least=1)


def _waveform(config: Config, path: str) -> Operators:
    """The convolutions: a norm of each channel after the first, or a norm after each."""
    widths = config.integers("conv_dim", default=(512,) * 7, least=1)
    kernels = _kernels(config)
    bias, norms = config.boolean("conv_bias", default=False), config.text("feat_extract_norm", default="group")
    if not widths or len(widths) != len(kernels) or norms not in ("group", "layer"):
        raise ConfigError(
            "The config's conv_dim and conv_kernel must be lists of one length, and feat_extract_norm 'group' or "
            f"'layer'; they are {widths}, {kernels} and {shown(norms)}."
        )
    found: Operators = ()
    for index, (inputs, outputs, kernel) in enumerate(zip((1, *widths), widths, kernels, strict=False)):
        found += (Convolution(name=f"{path}.{index}.conv", inputs=inputs, outputs=outputs, kernel=kernel, bias=bias),)
        if norms == "layer" or index == 0:
            found += (Norm(name=f"{path}.{index}.layer_norm", width=outputs, bias=True),)
    return found


def _positions(config: Config, path: str, hidden: int) -> Operators:
    """From the convolutions' width to the layers', then a wide convolution that tells positions, and a norm."""
    width = config.integers("conv_dim", default=(512,) * 7, least=1)[-1]
    kernel = config.integer("num_conv_pos_embeddings", default=128)
    # a vector for what training masks is there unless it masks nothing
    masked = config.values.get("mask_time_prob", 0.05) != 0 or config.values.get("mask_feature_prob", 0) != 0
    place = f"{path}encoder.pos_conv_embed.conv"
    normed = not config.has("feat_proj_layer_norm") or config.boolean("feat_proj_layer_norm")
    return (
        *((Norm(name=f"{path}feature_projection.layer_norm", width=width, bias=True),) if normed else ()),
        plain(f"{path}feature_projection.projection", hidden, width, True),
        *((Learned(name=f"{path}masked_spec_embed", size=hidden),) if masked else ()),
        Convolution(
            name=place,
            inputs=hidden,
            outputs=hidden,
            kernel=kernel,
            groups=config.integer("num_conv_pos_embedding_groups", default=16),
        ),
        Learned(name=f"{place}.length", size=kernel),
        Norm(name=f"{path}encoder.layer_norm", width=hidden, bias=True),
    )
