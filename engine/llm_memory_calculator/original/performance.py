"""The original's functions of time and layout, under its names, arguments and keys."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import api, search
from ..architecture import Step
from ..arguments import (
    MOST_BEAMS,
    MOST_DEVICES,
    MOST_SEARCHED_DEVICES,
    MOST_SEQUENCES,
    MOST_TOKENS,
    HardwareLike,
    ModelLike,
    Question,
)
from ..checks import choice, flag, strict, whole
from ..deployment import Deployment, Load
from ..errors import ArgumentError, CalculatorError, DoesNotFitError
from ..parallel import Parallelism, check
from ..performance import reports
from ..question import assumed, deployed, named, require_decoder, require_tokens
from ..report import EndToEndReport, Note, PhaseReport

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)


def _deployment(
    model: ModelLike,
    system_name: HardwareLike | None,
    bits: str | None,
    kv_precision: str | None,
    token: str | None,
    **layout: object,
) -> Deployment:
    """A model on the system that was named, in the layout given, whose parts are 1 where they are not."""
    if system_name is None:
        raise ArgumentError(
            "system_name is needed: an accelerator's name such as 'H100', or a dict of custom hardware with Flops "
            "(TFLOPS), Memory_size (GB) and Memory_BW (GB/s)."
        )
    parts = {name: whole(f"{name}_parallel", value, most=MOST_DEVICES) for name, value in layout.items()}
    found = api.load_model(model, token=token)
    require_tokens(found)
    accelerator, count = named(system_name, None, "system_name")
    used, notes = Parallelism(**parts), tuple[Note, ...]()
    if count is not None and count < used.devices:
        raise ArgumentError(
            f"{system_name!r} is {count} devices, and the layout that was given needs {used.devices}; name as many, "
            "or give a smaller layout."
        )
    if count is not None and count > used.devices and parts:
        text = f"{system_name!r} names {count} devices, and the layout that was given uses {used.devices} of them."
        notes = (assumed("system_name", text),)
    check(found.architecture, used)
    asked = Question(precision=bits, kv_precision=kv_precision)
    return deployed(asked, found, accelerator=accelerator, layout=used, devices=count, notes=notes)


def _load(batch_size: object, input_tokens: object, output_tokens: object = None, beam_size: object = 1) -> Load:
    return Load(
        sequences=whole("batch_size", batch_size, most=MOST_SEQUENCES),
        tokens=whole("input_tokens", input_tokens, most=MOST_TOKENS),
        output=0 if output_tokens is None else whole("output_tokens", output_tokens, most=MOST_TOKENS),
        beams=whole("beam_size", beam_size, most=MOST_BEAMS),
    )


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
    data_parallel: int = 1,
    kv_precision: str | None = None,
    debug: bool = False,
    token: str | None = None,
) -> PhaseReport:
    """Time to first token of a batch of prompts, ms; the report also answers to the original's keys (`TTFT`, ...).

    system_name: an accelerator's name, an Accelerator, or a dict of custom hardware in the original's keys.
    bits: format of the weights; None is the checkpoint's own. debug: log every operator's time.
    Raises DoesNotFitError when the devices cannot hold it.
    """
    deployment = _deployment(
        model,
        system_name,
        bits,
        kv_precision,
        token,
        tensor=tensor_parallel,
        pipeline=pipeline_parallel,
        data=data_parallel,
        expert=expert_parallel,
    )
    load = _load(batch_size, input_tokens)
    report = reports.estimate_prefill(deployment, load)
    return _with_operators(deployment, report, Step(batch=load.sequences, query=load.tokens), debug)


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
    data_parallel: int = 1,
    kv_precision: str | None = None,
    debug: bool = False,
    token: str | None = None,
) -> PhaseReport:
    """Mean time of a decode step, ms, over the output tokens after the first; arguments as for prefill."""
    deployment = _deployment(
        model,
        system_name,
        bits,
        kv_precision,
        token,
        tensor=tensor_parallel,
        pipeline=pipeline_parallel,
        data=data_parallel,
        expert=expert_parallel,
    )
    require_decoder(deployment.model)
    load = _load(batch_size, input_tokens, output_tokens, beam_size)
    report = reports.estimate_decode(deployment, load)
    step = Step(batch=load.sequences * load.beams, query=1, context=load.tokens + load.output // 2)
    return _with_operators(deployment, report, step, debug)


def _with_operators(deployment: Deployment, report: PhaseReport, step: Step, debug: bool) -> PhaseReport:
    found = replace(report, operators=tuple(reports.operator_rows(deployment, step)))
    if flag("debug", debug):
        log.warning("%s", found.model_df.to_string())
    return found


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
    data_parallel: int = 1,
    kv_precision: str | None = None,
    debug: bool = False,
    token: str | None = None,
) -> EndToEndReport:
    """TTFT, TPOT, total time (ms) and output tokens a second of a static batch; arguments as for prefill."""
    deployment = _deployment(
        model,
        system_name,
        bits,
        kv_precision,
        token,
        tensor=tensor_parallel,
        pipeline=pipeline_parallel,
        data=data_parallel,
        expert=expert_parallel,
    )
    load = _load(batch_size, input_tokens, output_tokens, beam_size)
    if load.output > 1:
        require_decoder(deployment.model)
    report = reports.estimate_end_to_end(deployment, load)
    if flag("debug", debug):
        log.warning("%s", report)
    return report


@strict
def compare_performance_configurations(
    model: ModelLike,
    configurations: Sequence[Mapping[str, Any]],
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
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
                token=token,
                **arguments,
            )
        except CalculatorError as error:
            figures = dict.fromkeys(("performance", "total_throughput", "ttft", "tpot", "total_latency"))
            rows.append({**row, **figures, "error": str(error)})
            continue
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


@strict
def get_various_parallelization(
    model: ModelLike, total_nodes: int = 8, token: str | None = None
) -> set[tuple[int, int]]:
    """Every (tensor, pipeline) split of one copy of the model that uses at most total_nodes devices."""
    devices = whole("total_nodes", total_nodes, most=MOST_SEARCHED_DEVICES)
    architecture = api.load_model(model, token=token).architecture
    return {
        (layout.tensor, layout.pipeline) for layout in search.layouts(architecture, devices, devices, MOST_SEQUENCES)
    }


@strict
def get_best_parallelization_strategy(
    stage: str = "decode",
    model: ModelLike = "",
    total_nodes: int | None = None,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2000,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    token: str | None = None,
) -> pandas.DataFrame:
    """One row: micro batch, TP, PP, Latency(ms), Tokens/s of the stage's best layout, and its DP and EP.

    total_nodes: devices; None is as many as the hardware's name says, or 8.
    stage: decode (Latency is the mean step, Tokens/s output tokens) or prefill (Latency is TTFT, Tokens/s prompt
    tokens).
    """
    import pandas

    stage = choice("stage", stage, ("decode", "prefill"))
    deployment = _deployment(model, system_name, bits, None, token)
    require_decoder(deployment.model)
    if total_nodes is not None:
        assert system_name is not None
        total_nodes = named(system_name, whole("total_nodes", total_nodes, most=MOST_DEVICES), "total_nodes")[1]
    devices = whole("total_nodes", total_nodes or deployment.devices or 8, most=MOST_SEARCHED_DEVICES)
    load = _load(batch_size, input_tokens, output_tokens, beam_size)
    together = replace(load, sequences=load.sequences * load.beams, beams=1)
    best = search.best_layouts(replace(deployment, devices=devices), together, goal=stage).best.row
    decode = stage == "decode"
    return pandas.DataFrame(
        {
            "micro batch": [best.micro_batch],
            "TP": [best.tensor_parallel],
            "PP": [best.pipeline_parallel],
            "Latency(ms)": [best.tpot_ms if decode else best.ttft_ms],
            "Tokens/s": [best.decode_tokens_per_s if decode else best.prefill_tokens_per_s],
            "DP": [best.data_parallel],
            "EP": [best.expert_parallel],
        }
    )


@strict
def get_minimum_system_size(
    model: ModelLike,
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    token: str | None = None,
) -> int:
    """The fewest devices of which some layout holds the model with this batch and length.

    Raises DoesNotFitError when no split of the model fits these devices.
    """
    deployment = _deployment(model, system_name, bits, None, token)
    load = _load(batch_size, input_tokens, output_tokens)
    assert deployment.accelerator is not None
    most = deployment.accelerator.link_domain * deployment.architecture.depth
    fewest = search.fewest_devices(deployment, load, most=most)
    if fewest is None:
        raise DoesNotFitError(
            f"{deployment.model.name} at batch {load.sequences} x {load.tokens + load.output:,} tokens fits on no "
            f"split over {most} x {deployment.device}; use a larger device, a smaller precision or a smaller batch."
        )
    return fewest
