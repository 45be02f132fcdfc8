"""The original's functions of time, under its names, arguments and keys."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import api
from ..arguments import MOST_TOKENS, HardwareLike, ModelLike
from ..checks import choice, flag, strict, whole
from ..errors import ArgumentError, CalculatorError
from ..models import Model
from ..performance import reports
from ..question import lengths_of, require_decoder, require_phases, require_tokens
from ..report import ImagesReport
from ..units import ceil_div
from .question import deployment_of, layout_of, load_of
from .reports import (
    ChunkedReport,
    DecodeReport,
    PrefillReport,
    TwoPhaseReport,
    decode_report,
    prefill_report,
    two_phase_report,
)

log = logging.getLogger(__name__)


@strict
def estimate_prefill_performance(
    model: ModelLike,
    batch_size: int = 1,
    input_tokens: int = 2048,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    debug: bool = False,
    *,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    token: str | None = None,
) -> PrefillReport:
    """Time to first token of a batch of prompts, ms; the report also answers to the original's keys (`TTFT`, ...).

    system_name: an accelerator's name, an Accelerator, or a dict of custom hardware in the original's keys.
    bits: format of the weights; None is the checkpoint's own. debug: log every operator's time.
    Raises DoesNotFitError when the devices cannot hold it, LayoutError when the model cannot be shared so.
    """
    layout = layout_of(tensor_parallel, pipeline_parallel, expert_parallel, data_parallel)
    deployment = deployment_of(model, system_name, bits, layout, kv_precision=kv_precision, token=token)
    load = load_of(batch_size, input_tokens)
    report = prefill_report(deployment, load, reports.estimate_prefill(deployment, load))
    _log_operators(report, debug)
    return report


@strict
def estimate_decode_performance(
    model: ModelLike,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    debug: bool = False,
    *,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    token: str | None = None,
) -> DecodeReport:
    """Mean time of a decode step, ms, over the output tokens after the first; arguments and errors as for prefill.

    beam_size: continuations kept of each sequence. Raises ArgumentError for a model that generates no tokens.
    """
    layout = layout_of(tensor_parallel, pipeline_parallel, expert_parallel, data_parallel)
    deployment = deployment_of(model, system_name, bits, layout, kv_precision=kv_precision, token=token)
    require_decoder(deployment.model)
    load = load_of(batch_size, input_tokens, output_tokens, beam_size)
    report = decode_report(deployment, load, reports.estimate_decode(deployment, load))
    _log_operators(report, debug)
    return report


def _log_operators(report: PrefillReport | DecodeReport, debug: bool) -> None:
    if flag("debug", debug):
        log.warning("%s", report.model_df.to_string())


@strict
def estimate_end_to_end_performance(
    model: ModelLike,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    debug: bool = False,
    *,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    token: str | None = None,
) -> TwoPhaseReport | ImagesReport:
    """TTFT, TPOT, total time (ms) and output tokens a second of a static batch; arguments and errors as for prefill.

    Of a pipeline of diffusion, the images that it makes of batch_size prompts by its defaults; `estimate_performance`
    takes others.
    """
    if model is not None and system_name is not None:
        found = api.load_model(model, token=token)
        if found.architecture.task == "diffusion":
            return _images(
                found,
                system_name,
                batch_size=batch_size,
                beam_size=beam_size,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                precision=bits,
                kv_precision=kv_precision,
                tensor_parallel=tensor_parallel,
                pipeline_parallel=pipeline_parallel,
                expert_parallel=expert_parallel,
                data_parallel=data_parallel,
            )
    layout = layout_of(tensor_parallel, pipeline_parallel, expert_parallel, data_parallel)
    deployment = deployment_of(model, system_name, bits, layout, kv_precision=kv_precision, token=token)
    once = lengths_of(deployment.model, input_tokens, output_tokens)
    load = replace(load_of(batch_size, once.tokens, once.output, beam_size), notes=once.notes)
    require_phases(deployment.model, load.output)
    report = two_phase_report(deployment, load, reports.estimate_end_to_end(deployment, load))
    if flag("debug", debug):
        log.warning("%s", report)
    return report


def _images(model: Model, system_name: HardwareLike, **asked: Any) -> ImagesReport:
    report = api.estimate_performance(model, system_name, **asked)
    assert isinstance(report, ImagesReport)
    return report


@strict
def estimate_chunked_performance(
    model: ModelLike,
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    chunk_size: int = 512,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    debug: bool = False,
    *,
    expert_parallel: int = 1,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    token: str | None = None,
) -> ChunkedReport:
    """A batch whose prompts are taken in by steps of at most chunk_size tokens; Latency is the time of all of them, ms.

    Every chunk reads the weights once and the cache of the chunks before it, so that smaller chunks never take less
    time; they hold less memory for activations, and between them other sequences go on. Prompts shorter than a chunk
    go together. TPOT is that of the steps after the prompts. Further arguments as for prefill.
    Raises ArgumentError for a model that sees its prompt at once, DoesNotFitError when the devices cannot hold it.
    """
    layout = layout_of(tensor_parallel, pipeline_parallel, expert_parallel, data_parallel)
    deployment = deployment_of(model, system_name, bits, layout, kv_precision=kv_precision, token=token)
    require_decoder(deployment.model)
    if deployment.architecture.task != "decoder":
        raise ArgumentError(
            f"{deployment.model.name} has an encoder, whose attention to both sides cannot be cut into chunks; ask "
            "estimate_end_to_end_performance."
        )
    chunk = whole("chunk_size", chunk_size, most=MOST_TOKENS)
    load = load_of(batch_size, input_tokens, output_tokens)
    chunked = replace(deployment, engine=deployment.engine.told(**{deployment.engine.CHUNK: chunk}))
    both = two_phase_report(chunked, load, reports.estimate_end_to_end(chunked, load))
    report = ChunkedReport(end_to_end=both, chunk_size=chunk, num_chunks=ceil_div(load.tokens, chunk))
    _log_operators(report.prefill, debug)
    return report


@strict
def compare_performance_configurations(
    model: ModelLike,
    configurations: Sequence[Mapping[str, Any]],
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    debug: bool = False,
    *,
    token: str | None = None,
) -> list[dict[str, Any]]:
    """End-to-end times of several configurations, most output tokens a second first.

    A configuration has name, system_name and any of tensor_parallel, pipeline_parallel, expert_parallel, data_parallel,
    bits, beam_size. One that cannot run stands last with its `error` and None for its figures.
    """
    known = (
        "name",
        "system_name",
        "tensor_parallel",
        "pipeline_parallel",
        "expert_parallel",
        "data_parallel",
        "bits",
        "kv_precision",
        "beam_size",
    )
    model = api.load_model(model, token=token)
    require_tokens(model)
    if isinstance(configurations, (str, Mapping)) or not isinstance(configurations, Sequence) or not configurations:
        raise ArgumentError("configurations must be a list of at least one dict with name and system_name.")
    rows: list[dict[str, Any]] = []
    for number, configuration in enumerate(configurations, 1):
        if not isinstance(configuration, Mapping):
            raise ArgumentError(f"configurations[{number - 1}] must be a dict, and is {configuration!r}.")
        for key in configuration:
            choice(f"configurations[{number - 1}] key", key, known)
        name = configuration.get("name", f"configuration {number}")
        arguments = {key: value for key, value in configuration.items() if key != "name"}
        row: dict[str, Any] = {"config_name": name, "configuration": dict(configuration)}
        try:
            report = estimate_end_to_end_performance(
                model,
                batch_size=batch_size,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                debug=debug,
                token=token,
                **arguments,
            )
        except CalculatorError as error:
            figures = dict.fromkeys(("performance", "total_throughput", "ttft", "tpot", "total_latency"))
            rows.append({**row, **figures, "error": str(error)})
            continue
        assert isinstance(report, TwoPhaseReport)
        rows.append(
            {
                **row,
                "performance": report,
                "total_throughput": report.output_tokens_per_s,
                "ttft": report.ttft_ms,
                "tpot": report.tpot_ms,
                "total_latency": report.total_ms,
            }
        )
    return sorted(rows, key=lambda row: -(row["total_throughput"] or 0.0))
