"""Questions over one model or several: what it is and needs, models side by side, its cache at several lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from .. import api, sources
from ..architecture import Architecture
from ..arguments import MOST_TOKENS, ModelLike
from ..checks import flag, strict, whole
from ..engines import engine_for
from ..errors import ArgumentError, CalculatorError
from ..memory.caches import growth
from ..models import Model

SEQ_LENGTHS = (1024, 4096, 16384, 32768)
# Bytes of the cache over those of multi-head attention over the whole length with the same layers and hidden size:
# grouped heads of 8 and more, latents and windows are below the first, grouped heads of 2 to 4 below the second.
_EXCELLENT, _GOOD = 1 / 7, 1 / 2


class HuggingFaceConfigLoader:
    """Configs of models by hub id, short name, path or folder: the bundled catalogue first, then the hub."""

    def __init__(self, token: str | None = None) -> None:
        """token: for gated and private repositories; None takes HF_TOKEN."""
        self.token = token

    def fetch_model_config(self, model_id_or_path: ModelLike) -> dict[str, Any]:
        """The config as published; empty for an Architecture, which has none. Raises SourceError."""
        if isinstance(model_id_or_path, (Model, Architecture)):
            return _config(api.load_model(model_id_or_path))
        return dict(sources.resolve(model_id_or_path, token=self.token).config)

    def get_model_config(
        self, model_id_or_path: ModelLike, add_param_count: bool = True, respect_weight_tying: bool = True
    ) -> dict[str, Any]:
        """The config with `num_parameters`, which is counted from the description."""
        if not flag("add_param_count", add_param_count):
            return self.fetch_model_config(model_id_or_path)
        model = api.load_model(model_id_or_path, token=self.token)
        counted = model if flag("respect_weight_tying", respect_weight_tying) else model.with_untied_head()
        return {**_config(model), "num_parameters": counted.architecture.parameter_count}

    def get_model_info(self, model_id_or_path: ModelLike) -> dict[str, Any] | None:
        """What the hub says of a repository: downloads, likes, tags, created_at, last_modified; None for what is none.

        Raises SourceError when the hub cannot be asked.
        """
        if isinstance(model_id_or_path, (Model, Architecture, Mapping)):
            return None
        place = sources.locate(model_id_or_path)
        return _model_info(place.name, self.token) if place.kind in ("hub", "catalogue") else None

    def analyze_model(
        self,
        model_id_or_path: ModelLike,
        seq_length: int = 2048,
        batch_size: int = 1,
        precision: str | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """`analyze_hf_model` with this loader's token."""
        return analyze_hf_model(
            model_id_or_path,
            seq_length=seq_length,
            batch_size=batch_size,
            precision=precision,
            token=self.token,
            **arguments,
        )

    def compare_models(
        self,
        model_ids_or_paths: Sequence[ModelLike],
        seq_length: int = 2048,
        precision: str | None = None,
        **arguments: Any,
    ) -> list[dict[str, Any]]:
        """`compare_models` with this loader's token."""
        return compare_models(
            model_ids_or_paths, seq_length=seq_length, precision=precision, token=self.token, **arguments
        )


def analyze_hf_model(
    model_id: ModelLike,
    seq_length: int = 2048,
    batch_size: int = 1,
    precision: str | None = None,
    token: str | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """What a model is and needs: model_id, model_type, attention_type, parameter_count, memory_report, config.

    model_info (downloads, likes, tags, created_at, last_modified) is there where the config itself came from the hub.
    Further arguments are those of `calculate_memory`. Raises CalculatorError.
    """
    model = api.load_model(model_id, token=token, refresh=arguments.pop("refresh", False))
    report = api.calculate_memory(
        model, batch_size=batch_size, seq_length=seq_length, precision=precision, token=token, **arguments
    )
    analysis: dict[str, Any] = {
        "model_id": _called(model_id),
        "model_type": report.model_type,
        "attention_type": report.attention_type,
        "parameter_count": report.parameter_count,
        "memory_report": report,
        "config": _config(model),
    }
    if model.repository:
        analysis["model_info"] = _model_info(model.repository, token)
    return analysis


def _called(model: ModelLike) -> ModelLike:
    """A name, a path or a config as it was given; a Model or an Architecture by its name."""
    return api.load_model(model).name if isinstance(model, (Model, Architecture)) else model


def _config(model: Model) -> dict[str, Any]:
    """A copy of the config, which is the caller's to change."""
    return deepcopy(dict(model.config.values))


def _model_info(repository: str, token: str | None) -> dict[str, Any]:
    """What the hub says of a repository, by the original's keys."""
    said = sources.repository_info(repository, token=token)
    keys = {"created_at": "createdAt", "last_modified": "lastModified"}
    return {name: said.get(keys.get(name, name)) for name in ("downloads", "likes", "tags", *keys)}


def compare_models(
    model_ids: Sequence[ModelLike],
    seq_length: int = 2048,
    precision: str | None = None,
    token: str | None = None,
    **arguments: Any,
) -> list[dict[str, Any]]:
    """`analyze_hf_model` of each model, in the order given; one that cannot be analysed has model_id and error."""
    if isinstance(model_ids, str) or not isinstance(model_ids, Sequence) or not model_ids:
        raise ArgumentError("model_ids must be a list of at least one model, such as ['Qwen/Qwen2.5-7B'].")
    found = []
    for model in model_ids:
        try:
            found.append(analyze_hf_model(model, seq_length, precision=precision, token=token, **arguments))
        except CalculatorError as error:
            found.append({"model_id": _called(model), "error": str(error)})
    return found


@strict
def analyze_attention_efficiency(
    model_id_or_config: ModelLike,
    seq_lengths: Sequence[int] = SEQ_LENGTHS,
    batch_size: int = 1,
    precision: str | None = None,
    token: str | None = None,
    respect_weight_tying: bool = True,
    *,
    kv_precision: str | None = None,
) -> dict[str, Any]:
    """The cache at several lengths: model, attention_type, results, memory_per_token_bytes, efficiency_rating.

    results[length] has total_memory_gb, kv_cache_gb and kv_cache_percent (of the total). memory_per_token_bytes is what
    one more token of one sequence adds while no window is full. The rating compares the cache of the longest length
    with multi-head attention over all of it in as many layers of the same width: excellent up to a seventh, good up to
    half, else moderate; unknown where nothing is cached.
    """
    if isinstance(seq_lengths, str) or not isinstance(seq_lengths, Sequence) or not seq_lengths:
        raise ArgumentError("seq_lengths must be a list of at least one length in tokens, such as [1024, 32768].")
    lengths = [whole("seq_lengths", length, most=MOST_TOKENS) for length in seq_lengths]
    model = api.load_model(model_id_or_config, token=token)
    results = {}
    for length in lengths:
        report = api.calculate_memory(
            model,
            batch_size=batch_size,
            seq_length=length,
            precision=precision,
            kv_precision=kv_precision,
            respect_weight_tying=respect_weight_tying,
            token=token,
        )
        results[length] = {
            "total_memory_gb": report.total_memory_gb,
            "kv_cache_gb": report.kv_cache_gb,
            "kv_cache_percent": 100 * report.kv_cache_bytes / report.total_memory_bytes,
        }
    architecture, formats = model.architecture, model.formats(precision, kv_precision)
    longest = max(lengths)
    cached = architecture.cached_values(longest, architecture.source_of(longest))
    whole_cache = 2 * architecture.depth * architecture.hidden_size * longest
    return {
        "model": model.name,
        "attention_type": architecture.attention_type,
        "results": results,
        "memory_per_token_bytes": growth(architecture, formats, engine_for(), longest).first,
        "efficiency_rating": _rating(float(cached) / whole_cache),
    }


def _rating(share: float) -> str:
    if share == 0:
        return "unknown"
    if share <= _EXCELLENT:
        return "excellent"
    return "good" if share <= _GOOD else "moderate"
