"""The question of a sweep: what is asked of whom, and where the rows go."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from llm_memory_hardware import Accelerator, accelerators_for_serving, all_accelerators, find_accelerator
from llm_memory_hardware.catalogue import current

from ..architecture import Architecture
from ..arguments import ALL, CompareHardware, Sweep, asks, declarations
from ..checks import is_all, meant_by
from ..errors import ArgumentError, CalculatorError, UnknownArgumentError, shown
from ..models import Model, model_of
from ..question import named
from ..report import SweepReport, abandoned
from .columns import Columns, columns_of
from .flight import answers, workers_of
from .output import Listed, opened
from .own_workers import answers_from_here, answers_from_processes
from .rows import Named, Place, SweepRow, answer, one_line

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..arguments import ModelLike

log = logging.getLogger(__name__)

# What a workload does not say: these are of the sweep itself, or of a report that it has not.
_OF_THE_SWEEP = ("model", "hardware", "top", "rank_by", "detail", "token", "refresh")


@asks(Sweep)
def sweep(asked: Sweep) -> DataFrame | SweepReport:
    """Every model on every accelerator under every workload, each in its best layout: a row each.

    A row has the model, the accelerator, the workload's numbers, devices and layout, TTFT, TPOT with its range, output
    tokens a second, in all and of each device, price, evidence; or, where there are none, the error. Rows are a
    DataFrame in the order asked for, or, with output, are added to its file model by model, in the order in which they
    come, and the answer is a report of how many. Models that the file has already are kept as they are, so that a sweep
    that ended early goes on when it is asked again. An error of one model is a row; one of the executor is raised.

    cancelled: asked some fifty times a second; a sweep that is cancelled waits for nothing. What an executor of one's
    own has begun it ends by itself; processes and threads of the sweep end at their next accelerator.
    """
    models, hardware, workloads = _models(asked), _hardware(asked), _workloads(asked)
    columns = columns_of(hardware, workloads)
    for place in hardware:
        for workload in workloads:
            # refused here where both the name and the workload say how many, and not the same
            named(place.name if place.own is None else place.own, workload.get("devices"))
    cancelled = asked.cancelled or _never
    file = None if asked.output is None else os.fspath(asked.output)
    output = Listed(columns) if file is None else opened(file, columns)
    left = [model for model in models if model.name not in output.models]
    done = kept = len(models) - len(left)
    errors = 0
    under_way: set[str] = set()
    with ExitStack() as ends:
        ends.callback(output.close)
        tasks = _handed_out(left, hardware, workloads, under_way)
        found = ends.enter_context(closing(_found(asked, len(left), tasks, cancelled)))
        _tell(asked, done, len(models))
        for rows in found:
            output.add(rows)
            errors += sum(row.error is not None for row in rows)
            under_way.discard(rows[0].model)
            done += 1
            _tell(asked, done, len(models))
    if isinstance(output, Listed):
        if under_way:
            log.warning("%s", abandoned(len(under_way)))
        return _table(output, models, columns)
    assert file is not None
    return SweepReport(
        output=file,
        models=len(models),
        kept=kept,
        answered=done - kept,
        rows=(done - kept) * len(columns.keys),
        errors=errors,
        abandoned=len(under_way),
        complete=done == len(models),
    )


def _handed_out(
    models: Sequence[Named],
    hardware: Sequence[Place],
    workloads: Sequence[Mapping[str, Any]],
    under_way: set[str],
) -> Iterator[tuple[Any, ...]]:
    """The task of each model, which is under way once it is taken."""
    for model in models:
        under_way.add(model.name)
        yield model, hardware, workloads


def _found(
    asked: Sweep, models: int, tasks: Iterator[tuple[Any, ...]], cancelled: Callable[[], bool]
) -> Generator[list[SweepRow]]:
    """The rows of each model, as they come: from an executor, processes of this machine, or made here."""
    if asked.executor is not None:
        yield from answers(asked.executor, asked.workers or workers_of(asked.executor), answer, tasks, cancelled)
    elif asked.workers is not None and models:
        yield from answers_from_processes(min(asked.workers, models), tasks, cancelled)
    else:
        yield from answers_from_here(tasks, cancelled)


def _never() -> bool:
    return False


def _tell(asked: Sweep, done: int, total: int) -> None:
    if asked.progress is not None:
        asked.progress(done, total)


def _table(output: Listed, models: Sequence[Named], columns: Columns) -> DataFrame:
    import pandas

    rows = [row for model in models for row in output.rows.get(model.name, ())]
    whole = {name: "Int64" for name, kind in columns.kinds.items() if kind == "whole"}
    return pandas.DataFrame(rows, columns=list(columns.kinds)).astype(whole)


def _models(asked: Sweep) -> list[Named]:
    """The models, each once, by the names of their rows. Raises ArgumentError where two unlike ones have the same."""
    given: Any = asked.models
    found: dict[str, Any] = {}
    for model in given:
        name = _name_of(model)
        if found.setdefault(name, model) is not model and found[name] != model:
            raise ArgumentError(f"models has two of the name {name!r}; give each a name of its own.")
    return [Named(name=name, asked=model, token=asked.token, refresh=asked.refresh) for name, model in found.items()]


def _name_of(model: ModelLike) -> str:
    """By its content where it is a config, so that a file that is gone on with is never taken for that of another."""
    if isinstance(model, (str, os.PathLike)):
        return one_line(os.fsdecode(model))
    if isinstance(model, Mapping):
        content = json.dumps(model, sort_keys=True, default=str).encode()
        return f"{one_line(str(model.get('_name_or_path') or 'config'))} {hashlib.sha256(content).hexdigest()[:12]}"
    if isinstance(model, Model):
        return one_line(model.name)
    if isinstance(model, Architecture):
        return one_line(model_of(model).name)
    raise ArgumentError(f"models must be names, paths, configs or models, and one is {shown(model)}.")


def _hardware(asked: Sweep) -> tuple[Place, ...]:
    """The accelerators, each once. Raises CalculatorError for one that is not known."""
    given: Any = asked.hardware
    if given is None:
        entries: Sequence[Any] = accelerators_for_serving()
    elif is_all(given):
        entries = all_accelerators()
    elif isinstance(given, (str, Mapping, Accelerator)):
        entries = [given]
    elif isinstance(given, Sequence) and given:
        entries = given
    else:
        raise ArgumentError(
            f"hardware must be a list of accelerators such as ['A100_80GB', 'H100'], {ALL!r} for the whole catalogue, "
            f"or left out for what clouds rent, and is {shown(given)}."
        )
    found: dict[str, Place] = {}
    for entry in entries:
        accelerator, devices = named(entry, None)
        built_in = _is_built_in(accelerator)
        said = accelerator.name if accelerator.name != _UNNAMED else f"{_UNNAMED} {_mark(accelerator)}"
        name = one_line(said if devices is None else f"{devices}x{said}")
        place = Place(name=name, canonical=accelerator.name, devices=devices, own=None if built_in else accelerator)
        if found.setdefault(name, place) != place:
            raise ArgumentError(f"hardware has two of the name {name!r}; give each a name of its own.")
    return tuple(found.values())


# What hardware of one's own is called that has no name.
_UNNAMED = "custom"


def _mark(accelerator: Accelerator) -> str:
    """What tells unnamed hardware from other such, so that no file mixes the rows of both."""
    return sha256(repr(accelerator).encode()).hexdigest()[:6]


def _is_built_in(accelerator: Accelerator) -> bool:
    """Whether a worker finds the same by its name alone: what is a user's own, it may not have."""
    if current().is_own(accelerator.name):
        return False
    try:
        return find_accelerator(accelerator.name) == accelerator
    except CalculatorError:
        return False


def _workloads(asked: Sweep) -> tuple[dict[str, Any], ...]:
    """What each workload says, with what all of them share. Raises ArgumentError for what none can."""
    defaults: Any = {name: default for name, default, _ in declarations(CompareHardware) if name not in _OF_THE_SWEEP}
    shared = {name: value for name in defaults if (value := getattr(asked, name)) != defaults[name]}
    given: Any = asked.workloads or ({},)
    found = []
    for workload in given:
        unknown = next((name for name in workload if name not in defaults), None)
        if unknown is not None:
            near = meant_by(str(unknown), tuple(defaults))
            raise UnknownArgumentError(f"workloads has an argument {unknown!r}.{near} Accepted: {', '.join(defaults)}.")
        found.append({**shared, **workload})
    return tuple(found)
