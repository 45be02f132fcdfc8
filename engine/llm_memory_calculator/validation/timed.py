"""Measured times beside estimated ones: what is asked, how each metric follows from the report, what a row is like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llm_memory_hardware import find_devices

from ..errors import DoesNotFitError, UnknownFormatError
from ..formats.scheme import stored_bytes
from ..models import Model
from ..performance.machine import card_of, kind_of
from ..performance.reports import kind_of_model
from ..report import EndToEndReport, ImagesReport, Interval
from .kinds import Answer, compared
from .models import Models
from .reading import RefusedRow
from .scores import Comparison

Times = Callable[..., EndToEndReport | ImagesReport]
"""What is asked for an estimate: `estimate_performance`, or what stands for it in a test."""
METRICS = ("ttft_ms", "tpot_ms", "e2e_ms", "output_tokens_per_s", "prefill_tokens_per_s", "decode_tokens_per_s")
_NOT_SAID = frozenset({"unset", "auto"})
# Formats as files of measured times write them: what is dropped, and what is meant.
_DROPPED = re.compile(r"^gguf-|^ud-|-(?:mcg|mul1)$")
_MEANT = {"fp4": "nvfp4", "int8-w8a8": "w8a8", "q2_k_xl": "q2_k", "q6_k_xl": "q6_k", "q8_k_xl": "q8_0"}
_LARGER_MIX = re.compile(r"q[345]_k_xl")
# A fifth of Qwen3.6-27B's UD-Q8_K_XL is in 16 bits; of mixtures hardly any is.
_LARGER = 1.15
_OF_GGUF = ("llama_cpp", "ik_llama_cpp", "ollama", "ktransformers")
# ik_llama.cpp's own formats have the bits of llama.cpp's of that number; of a mix by its mean: the nearest.
_OF_IK = re.compile(r"iq(\d)_k(?:_r4)?$")
_BY_BITS = {"3.068": "iq3_xxs"}
# gpt-oss in a file that is named by the 16 bits of what is not in mxfp4.
_REST_IN_16 = "(named f16)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one row asks."""

    named: str
    """The model as the row names it."""
    model: Model
    hardware: str
    engine: str
    version: str | None = None
    precision: str | None = None
    kv_precision: str | None = None
    layout: Mapping[str, int]
    load: Mapping[str, Any]
    """batch_size or concurrency or request_rate, lengths, depth and the like."""
    settings: Mapping[str, Any] | None = None
    saturated: bool = False
    """As much is asked for at once as can be served, whatever the load says."""

    def asked(self) -> dict[str, Any]:
        """As arguments of the estimate."""
        # a name may mean several devices, as a board with two chips does; a row with a layout counts them itself
        hardware = find_devices(self.hardware)[0].name if self.layout else self.hardware
        asked = {
            "hardware": hardware,
            "engine": self.engine,
            "engine_version": self.version,
            "precision": self.precision,
            "kv_precision": self.kv_precision,
            "engine_settings": self.settings or None,
        }
        return {name: value for name, value in asked.items() if value is not None} | {**self.layout, **self.load}


def answered(question: Question, models: Models, estimate: Times) -> EndToEndReport:
    """The estimate of a question; of one that another row asked already, the same. Raises CalculatorError."""
    asked = question.asked()
    try:
        found = models.once((question.named, repr(sorted(asked.items()))), lambda: estimate(question.model, **asked))
    except DoesNotFitError:
        raise RefusedRow("does not fit by the estimate") from None
    if isinstance(found, ImagesReport):
        raise RefusedRow("makes images")
    return found


def values_of(report: EndToEndReport, measured: Mapping[str, float | None]) -> tuple[Comparison, ...]:
    """Each measured metric beside its estimate and its range. Raises RefusedRow where none was measured."""
    found: list[Comparison] = []
    for metric, value in measured.items():
        if value is not None:
            limit = limit_of(report, metric)
            found += [replace(one, limit=limit) for one in compared(metric, value, *estimated(report, metric))]
    if not found:
        raise RefusedRow("nothing measured that is estimated")
    return tuple(found)


def estimated(report: EndToEndReport, metric: str) -> tuple[float | None, Interval | None]:
    """The estimate of a metric, and its range."""
    serving, prefill = report.serving, report.prefill_phase
    match metric:
        case "ttft_ms":
            return report.ttft_ms, report.ttft_interval_ms
        case "tpot_ms":
            return report.tpot_ms, report.tpot_interval_ms
        case "e2e_ms":
            return report.total_ms, report.total_interval_ms
        case "ttft_p90_ms" | "ttft_p99_ms" | "e2e_p90_ms" | "e2e_p99_ms":
            of, percentile = metric.split("_", 1)
            return None if serving is None else getattr(getattr(serving, of), percentile), None
        case "output_tokens_per_s":
            return report.output_tokens_per_s, _rate(
                report.output_tokens_per_s, report.total_ms, report.total_interval_ms
            )
        case "decode_tokens_per_s":
            return report.decode_tokens_per_s, _rate(
                report.decode_tokens_per_s, report.tpot_ms, report.tpot_interval_ms
            )
        case "prefill_tokens_per_s" if prefill is not None:
            return prefill.tokens_per_s, _rate(prefill.tokens_per_s, prefill.latency_ms, prefill.latency_interval_ms)
    return None, None


def limit_of(report: EndToEndReport, metric: str) -> float | None:
    """What the devices' peak and bandwidth allow of a metric: the least of a time, the most of a rate."""
    prefill, decode = report.prefill_phase, report.decode_phase
    if prefill is None:
        return None
    first = prefill.latency_ms * max(prefill.compute_share, prefill.bandwidth_share)
    each = 0.0 if decode is None else decode.latency_ms * max(decode.compute_share, decode.bandwidth_share)
    whole = first + each * (report.output_tokens - 1)
    match metric:
        case "ttft_ms":
            return first
        case "tpot_ms" if decode is not None:
            return each
        case "e2e_ms":
            return whole
        case "prefill_tokens_per_s":
            return prefill.tokens_per_s * prefill.latency_ms / first
        case "decode_tokens_per_s" if report.decode_tokens_per_s and report.tpot_ms and each:
            return report.decode_tokens_per_s * report.tpot_ms / each
        case "output_tokens_per_s":
            return report.output_tokens_per_s * report.total_ms / whole
    return None


def _rate(rate: float | None, time: float | None, interval: Interval | None) -> Interval | None:
    """The range of a rate that goes with one over a time."""
    if rate is None or time is None or interval is None:
        return None
    return Interval(
        low=rate * time / interval.high,
        high=rate * time / interval.low,
        level=interval.level,
        evidence=interval.evidence,
    )


def answer_of(
    question: Question, models: Models, values: tuple[Comparison, ...], *, system: str, backend: str | None = None
) -> Answer:
    """The answer with what the row is like, by which bias is told."""
    return Answer(
        model=question.named,
        system=system,
        hardware=find_devices(question.hardware)[0].name,
        engine=question.engine,
        values=values,
        traits=_traits(question, models, backend),
    )


def _traits(question: Question, models: Models, backend: str | None) -> dict[str, float | str]:
    load, architecture = question.load, question.model.architecture
    prompt, output = mean_of(load.get("input_tokens")), mean_of(load.get("output_tokens"))
    traits: dict[str, float | str] = {"context": (load.get("depth") or 0) + prompt + output / 2}
    if prompt > 1 and output > 1:
        traits["input/output"] = prompt / output
    for name, said in (("concurrency", "concurrency"), ("batch_size", "batch")):
        if load.get(name) is not None and not question.saturated:
            traits[said] = load[name]
    traits["bits"] = models.once(
        (question.named, question.precision or ""), lambda: _bits(question.model, question.precision)
    )
    traits["class"] = kind_of_model(architecture)
    if backend is None:
        accelerator = find_devices(question.hardware)[0]
        traits["accelerator"] = kind_of(accelerator) or card_of(accelerator) or "default"
    else:
        traits["backend"] = backend
    return traits


def has_experts(model: Model) -> bool:
    """Whether a token multiplies some of the experts only."""
    return model.architecture.active_parameter_count < model.architecture.parameter_count


def mean_of(length: Any) -> float:
    """The mean of a length, or of one between two."""
    return (length["least"] + length["most"]) / 2 if isinstance(length, Mapping) else float(length or 0)


def _bits(model: Model, precision: str | None) -> float:
    """Stored bits of a weight, over the model."""
    architecture, scheme = model.architecture, model.formats(precision, None).scheme
    return (
        8 * stored_bytes(architecture, scheme) / (architecture.stored_parameter_count or architecture.parameter_count)
    )


def weights_in(model: Model, said: str | None, engine: str) -> str | None:
    """The weights' format that a row says; None where the checkpoint's own is as narrow. Raises RefusedRow."""
    if said is None or said.lower() in _NOT_SAID:
        return None
    word = _DROPPED.sub("", _DROPPED.sub("", said.lower().split(" ")[0].rstrip(",")))
    if engine == "mlx" and word.endswith("bit"):
        word = f"mlx_{word}"
    word = _MEANT.get(word, word)
    if own_format := _OF_IK.match(word):
        word = {"2": "q2_k", "6": "q6_k"}.get(own_format[1], f"q{own_format[1]}_k_m")
    word = "gguf_f16" if _REST_IN_16 in said.lower() else _BY_BITS.get(word, word)
    if _LARGER_MIX.fullmatch(word):
        # a copy with some tensors in more bits than llama-quantize's largest mix of this name
        word = word.replace("_xl", "_m")
    try:
        scheme = model.formats(word, None).scheme
    except UnknownFormatError:
        raise RefusedRow(f"format not known: {said}") from None
    own = model.formats(None, None).scheme
    if scheme.quantized is None:
        if own.quantized is not None and engine in _OF_GGUF:
            # a file says what lies in it, and not what is multiplied
            return word if word.startswith("gguf_") else {"bf16": "gguf_bf16", "fp32": "gguf_f32"}.get(word, "gguf_f16")
        # another format of as many bits changes no number, and a checkpoint's own stays
        return None if own.quantized is not None or scheme.plain.bits == own.plain.bits else word
    if own.quantized is None:
        return word
    # a copy of int4 weights in nvfp4 has as many bits and other products
    alike = own.quantized.computes_in == scheme.quantized.computes_in
    kept = own.quantized.bits < scheme.quantized.bits or (alike and own.quantized.bits == scheme.quantized.bits)
    return None if kept and (engine not in _OF_GGUF or own.quantized == scheme.quantized) else word


def require_size(model: Model, precision: str | None, said: float | None) -> None:
    """Raise RefusedRow where a file is by more than _LARGER above the format that it is named by. said: GiB."""
    if said is not None and said * 2**30 > _LARGER * stored_bytes(
        model.architecture, model.formats(precision, None).scheme
    ):
        raise RefusedRow("its file is larger than the format that it is named by")


def cache_in(said: str | None) -> str | None:
    """The cache's format that a row says, where that is another than 16 bits."""
    return None if said is None or said.lower() in {"fp16", "bf16", "auto"} else said.lower()
