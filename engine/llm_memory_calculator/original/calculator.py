"""The original's classes, thin over the same description: every figure is one of the model's own sums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from .. import api
from ..architecture import Architecture, Layer
from ..arguments import MOST_SEQUENCES, MOST_TOKENS
from ..checks import flag, whole
from ..engines import engine_for
from ..formats.numerics import FORMATS, parse_format
from ..formats.scheme import Formats
from ..memory.adapters import LoraConfig
from ..memory.caches import cache_bytes
from ..models import Model
from ..report import MemoryReport
from ..units import GB

ConfigLike = Mapping[str, Any]
_KINDS: Final = {
    "decoder": "decoder-only",
    "encoder": "encoder-only",
    "encoder-decoder": "encoder-decoder",
    "diffusion": "diffusion",
}
_PROJECTOR: Final = re.compile(r"proj|merger|connector|adapter|resampler|embed_vision|embed_audio")


class UniversalParameterCounter:
    """Counts the parameters of a config."""

    def count_parameters(self, config: ConfigLike, respect_weight_tying: bool = True) -> int:
        """Trainable parameters, tied weights once (or twice, when tying is not respected), buffers not counted."""
        return _model(config, respect_weight_tying).architecture.parameter_count


class ModelMemoryCalculator:
    """The parts of a model's memory, by the original's method names; sizes in GB of 10**9 bytes.

    Every config is described as `calculate_memory` describes it, and every error is the same. `precision` None is the
    checkpoint's own format. The KV cache keeps 16 bits whatever the weights are, unless precision is a 32-bit one.
    """

    PRECISION_BYTES: ClassVar[dict[str, float]] = {
        name: form.bits_per_weight() / 8 for name, form in FORMATS.items() if form.bits
    }
    """Bytes a weight of each number format, scales and zero points included."""

    def detect_model_type(self, config: ConfigLike) -> str:
        """decoder-only, encoder-only, encoder-decoder, multimodal, state-space, hybrid or diffusion."""
        return model_kind(_model(config).architecture)

    def detect_attention_type(self, config: ConfigLike) -> str:
        """mha, mqa, gqa, mla, or none."""
        return _model(config).architecture.attention_type.lower()

    def calculate_model_weights(
        self, config: ConfigLike, precision: str | None = None, respect_weight_tying: bool = True
    ) -> tuple[int, float]:
        """Parameters, and the GB that they are stored in."""
        report = self.calculate_total_memory(config, precision=precision, respect_weight_tying=respect_weight_tying)
        return report.parameter_count, report.weight_memory_gb

    def calculate_kv_cache(
        self, config: ConfigLike, batch_size: int = 1, seq_length: int = 2048, precision: str | None = None
    ) -> float:
        """Keys and values of `batch_size` sequences, cross-attention included."""
        return self.calculate_total_memory(config, batch_size, seq_length, precision=precision).kv_cache_gb

    def calculate_activation_memory(
        self, config: ConfigLike, batch_size: int = 1, seq_length: int = 2048, precision: str | None = None
    ) -> float:
        """Peak of the intermediate results of one step with chunked prefill."""
        return self.calculate_total_memory(config, batch_size, seq_length, precision=precision).activation_memory_gb

    def calculate_state_memory(self, config: ConfigLike, batch_size: int = 1, precision: str | None = None) -> float:
        """Convolution windows and recurrent states, which do not grow with the length."""
        return self.calculate_total_memory(config, batch_size, precision=precision).state_memory_gb

    def calculate_lora_adapter_memory(
        self,
        config: ConfigLike,
        lora_config: LoraConfig | ConfigLike,
        precision: str | None = None,
        tensor_parallel: int = 1,
    ) -> float:
        """Adapters on one tensor-parallel rank."""
        report = self.calculate_total_memory(
            config, precision=precision, tensor_parallel=tensor_parallel, lora_config=lora_config
        )
        return report.lora_adapter_memory_gb

    def calculate_encoder_params(self, config: ConfigLike) -> int:
        """Parameters of the encoder, or of the towers beside a decoder, projectors not counted."""
        architecture = _model(config).architecture
        if architecture.task == "encoder":
            return architecture.parameter_count
        return _parameters((*architecture.encoder, *(layer for layer in architecture.towers if not _projects(layer))))

    def calculate_decoder_params(self, config: ConfigLike) -> int:
        """Parameters of the decoder with its tables and head; 0 for an encoder."""
        architecture = _model(config).architecture
        return 0 if architecture.task == "encoder" else _parameters(architecture.text_layers())

    def calculate_projector_params(self, config: ConfigLike) -> int:
        """Parameters between the towers and the decoder."""
        return _parameters(layer for layer in _model(config).architecture.towers if _projects(layer))

    def calculate_encoder_kv_cache(
        self, config: ConfigLike, batch_size: int = 1, precision: str | None = None
    ) -> float:
        """0: an encoder sees its source at once and caches nothing."""
        _model(config).formats(precision, None)
        return 0.0

    def calculate_decoder_kv_cache(
        self, config: ConfigLike, batch_size: int = 1, seq_length: int = 2048, precision: str | None = None
    ) -> float:
        """Keys and values of the decoder's self-attention."""
        return _cache_gb(_model(config), batch_size, seq_length, 0, precision)

    def calculate_cross_attention_kv_cache(
        self, config: ConfigLike, batch_size: int = 1, encoder_seq_length: int = 1500, precision: str | None = None
    ) -> float:
        """Keys and values of `encoder_seq_length` encoded positions (or of as many as the encoder always gives)."""
        return _cache_gb(_model(config), batch_size, 0, encoder_seq_length, precision)

    def calculate_audio_input_memory(
        self, num_mel_bins: int = 128, audio_frames: int = 3000, batch_size: int = 1, precision: str = "fp32"
    ) -> float:
        """The mel spectrograms: batch x bins x frames values."""
        bins, frames = whole("num_mel_bins", num_mel_bins, most=10_000), _frames(audio_frames)
        return _sequences(batch_size) * bins * frames * parse_format(precision).bits / 8 / GB

    def calculate_audio_conv_memory(
        self, config: ConfigLike, audio_frames: int = 3000, batch_size: int = 1, precision: str | None = None
    ) -> float:
        """What the convolutions before an audio encoder hold: their channels for each frame.

        One that halves the rate holds half of that, so this is the most.
        """
        model = _model(config)
        frames = _frames(audio_frames)
        architecture = model.architecture
        values = sum(
            operator.filters * frames
            for layer in (*architecture.encoder, *architecture.towers)
            for operator in layer.operators
        )
        return _sequences(batch_size) * values * model.formats(precision, None).activation_bytes / GB

    def calculate_total_memory(
        self,
        config: ConfigLike,
        batch_size: int = 1,
        seq_length: int = 2048,
        num_images: int = 0,
        precision: str | None = None,
        **arguments: Any,
    ) -> MemoryReport:
        """`calculate_memory`, with all of its arguments."""
        return api.calculate_memory(
            config,
            batch_size=batch_size,
            seq_length=seq_length,
            precision=precision,
            num_images=num_images,
            **arguments,
        )


def model_kind(architecture: Architecture) -> str:
    """The kind of a model by what it is made of."""
    if architecture.towers and architecture.task != "diffusion":
        return "multimodal"
    state = architecture.state()
    if state.recurrent or state.lean:
        return "state-space" if architecture.attention_type == "none" else "hybrid"
    return _KINDS[architecture.task]


def _model(config: ConfigLike, respect_weight_tying: bool = True) -> Model:
    model = api.load_model(config)
    return model if flag("respect_weight_tying", respect_weight_tying) else model.with_untied_head()


def _parameters(layers: Iterable[Layer]) -> int:
    return sum(
        layer.repeat * weight.parameters
        for layer in layers
        for operator in layer.operators
        for weight in operator.weights()
    )


def _projects(layer: Layer) -> bool:
    return _PROJECTOR.search(layer.path) is not None


def _cache_gb(model: Model, sequences: object, tokens: int, source: int, precision: str | None) -> float:
    formats: Formats = model.formats(precision, None)
    held = float(cache_bytes(model.architecture.caching(), formats, engine_for(), tokens, source))
    return _sequences(sequences) * held / GB


def _sequences(batch_size: object) -> int:
    return whole("batch_size", batch_size, most=MOST_SEQUENCES)


def _frames(value: object) -> int:
    return whole("audio_frames", value, most=MOST_TOKENS)


__all__ = ["ModelMemoryCalculator", "UniversalParameterCounter", "model_kind"]
