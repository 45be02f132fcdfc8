"""The original's functions of layouts, under its names, arguments and columns."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import api, search
from ..arguments import MOST_SEARCHED_DEVICES, MOST_SEQUENCES, HardwareLike, ModelLike
from ..checks import choice, flag, strict, whole
from ..errors import ArgumentError, DoesNotFitError
from ..memory.inverse import fewest_or_refuse
from ..question import require_decoder
from .question import deployment_of, devices_of, load_of

if TYPE_CHECKING:
    import pandas

    from ..deployment import Deployment, Load
    from ..report import LayoutRow

log = logging.getLogger(__name__)

STAGES = ("decode", "prefill")
LATENCY, RATE = "Latency(ms)", "Tokens/s"


@strict
def get_various_parallelization(
    model: ModelLike, total_nodes: int = 8, *, token: str | None = None
) -> set[tuple[int, int]]:
    """Every (tensor, pipeline) split of one copy of the model that uses at most total_nodes devices."""
    devices = whole("total_nodes", total_nodes, most=MOST_SEARCHED_DEVICES)
    architecture = api.load_model(model, token=token).architecture
    return {
        (layout.tensor, layout.pipeline) for layout in search.layouts_of(architecture, devices, devices, MOST_SEQUENCES)
    }


@strict
def get_best_parallelization_strategy(
    stage: str = "decode",
    model: ModelLike | None = None,
    total_nodes: int | None = None,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2000,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    debug: bool = False,
    *,
    token: str | None = None,
) -> pandas.DataFrame:
    """One row: micro batch, TP, PP, Latency(ms), Tokens/s of the stage's best layout, and its DP and EP.

    total_nodes: devices; None is as many as the hardware's name says, or 8. debug: log every layout that fits.
    stage: decode (Latency is the mean step, Tokens/s output tokens) or prefill (Latency is TTFT, Tokens/s prompt
    tokens).
    """
    stage = choice("stage", stage, STAGES)
    deployment = _offered(model, system_name, bits, token, total_nodes)
    load = _in_flight(load_of(batch_size, input_tokens, output_tokens, beam_size), stage)
    table = _table(search.best_layouts(deployment, load, goal=stage).rows(), stage)
    if flag("debug", debug):
        log.warning("%s", table.to_string())
    return table.head(1)


@strict
def get_pareto_optimal_performance(
    stage: str = "decode",
    model: ModelLike | None = None,
    total_nodes: int | None = None,
    batch_list: int | Sequence[int] = 1,
    beam_size: int = 1,
    input_tokens: int = 2000,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    debug: bool = False,
    *,
    token: str | None = None,
) -> pandas.DataFrame:
    """The points over all layouts and batches that no other beats in both Latency(ms) and Tokens/s, quickest first.

    Columns: batch, micro batch, TP, PP, Latency(ms), Tokens/s, DP, EP; of points that are equal in both, the first.
    batch_list: one batch or several; one that fits no layout has no points, which is logged. Other arguments as for
    `get_best_parallelization_strategy`. Raises DoesNotFitError when no batch fits any layout.
    """
    import numpy
    import pandas

    stage = choice("stage", stage, STAGES)
    deployment = _offered(model, system_name, bits, token, total_nodes)
    batches = [batch_list] if isinstance(batch_list, int) else batch_list
    if isinstance(batches, str) or not isinstance(batches, Sequence) or not batches:
        raise ArgumentError("batch_list must be a batch or a list of at least one, such as [8, 16, 32].")
    tables, unfit = [], None
    for batch in batches:
        load = load_of(batch, input_tokens, output_tokens, beam_size)
        try:
            found = search.best_layouts(deployment, _in_flight(load, stage), goal=stage)
        except DoesNotFitError as error:
            log.warning("%s", error)
            unfit = error
            continue
        table = _table(found.rows(), stage)
        table.insert(0, "batch", load.sequences)
        tables.append(table)
    if not tables:
        assert unfit is not None
        raise unfit
    points = pandas.concat(tables, ignore_index=True)
    if flag("debug", debug):
        log.warning("%s", points.to_string())
    # all on the same devices, which cost the same
    same = numpy.zeros(len(points))
    best = search.unbeaten(points[LATENCY].to_numpy(), points[RATE].to_numpy(), same, same)
    return points.iloc[best].reset_index(drop=True)


@strict
def get_minimum_system_size(
    model: ModelLike,
    batch_size: int = 1,
    input_tokens: int = 2000,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    *,
    token: str | None = None,
) -> int:
    """The fewest devices of which some layout holds the model with this batch and length.

    Raises DoesNotFitError when no split of the model fits these devices.
    """
    deployment = deployment_of(model, system_name, bits, token=token)
    load = load_of(batch_size, input_tokens, output_tokens)
    assert deployment.accelerator is not None
    node = deployment.accelerator.link_domain
    most = node * deployment.architecture.depth
    return fewest_or_refuse(deployment, load, most=most, node=node).layout.devices


def _offered(
    model: ModelLike | None,
    system_name: HardwareLike | None,
    bits: str | None,
    token: str | None,
    total_nodes: int | None,
) -> Deployment:
    """A decoder with the devices that its layouts may share out."""
    deployment = deployment_of(model, system_name, bits, token=token)
    require_decoder(deployment.model)
    return replace(deployment, devices=devices_of(deployment, system_name, total_nodes))


def _in_flight(load: Load, stage: str) -> Load:
    """Each beam as a sequence of its own in decode; a prompt is taken in once."""
    return replace(load, sequences=load.sequences * (load.beams if stage == "decode" else 1), beams=1)


def _table(rows: Sequence[LayoutRow], stage: str) -> pandas.DataFrame:
    """Layouts in the original's columns, in the order given."""
    import pandas

    decode = stage == "decode"
    return pandas.DataFrame(
        {
            "micro batch": [row.micro_batch for row in rows],
            "TP": [row.tensor_parallel for row in rows],
            "PP": [row.pipeline_parallel for row in rows],
            LATENCY: [row.tpot_ms if decode else row.ttft_ms for row in rows],
            RATE: [row.decode_tokens_per_s if decode else row.prefill_tokens_per_s for row in rows],
            "DP": [row.data_parallel for row in rows],
            "EP": [row.expert_parallel for row in rows],
        }
    )


__all__ = [
    "get_best_parallelization_strategy",
    "get_minimum_system_size",
    "get_pareto_optimal_performance",
    "get_various_parallelization",
]
