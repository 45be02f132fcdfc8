"""Which layouts a number of devices can take, which of them hold the model, and which is best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import DoesNotFitError
from ..memory import Verdict, ledger, short_note, verdict_of
from ..memory.explanation import explanation
from ..memory.inverse import fewest_devices
from ..memory.reports import length_notes
from ..parallel import Parallelism, most_groups, most_stages, problem, tensor_sizes
from ..performance.phases import decode_time, prefill_time
from ..performance.reports import Times, interval, times_explained
from ..performance.step import Clock
from ..report import Interval, LayoutReport, LayoutRow, Line, Note
from ..units import GB, ceil_div

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..deployment import Deployment, Load

_SCORES: dict[str, Callable[[LayoutRow, int], tuple[float, float]]] = {
    "throughput": lambda row, share: (-row.output_tokens_per_s / share, row.tpot_ms),
    "latency": lambda row, _: (row.tpot_ms, row.ttft_ms),
    "decode": lambda row, share: (-row.decode_tokens_per_s / share, row.tpot_ms),
    "prefill": lambda row, share: (-row.prefill_tokens_per_s / share, row.ttft_ms),
}


def score(row: LayoutRow, goal: str, by_device: bool = False) -> tuple[float, float]:
    """What orders layouts by a goal, smaller is better; tokens a second of all devices, or of each of them."""
    return _SCORES[goal](row, row.devices if by_device else 1)


def layouts(
    architecture: Architecture, devices: int, node: int, batch: int, *, by_layers: bool = False
) -> Iterator[Parallelism]:
    """Layouts of up to `devices` devices: tensor groups within a node of `node`, whole copies with what remains.

    by_layers: devices of a copy share whole layers alone.

    Devices that no whole copy can use stay idle; copies beyond the batch are not made. For each split of a copy only
    the most copies are considered, since fewer never serve more. The experts of a mixture are whole in a copy, split in
    width or dealt out, or dealt out over the copies, then without a pipeline: engines that serve so need none.
    """
    groups = most_groups(architecture)
    for tensor in (1,) if by_layers else tensor_sizes(architecture, min(devices, node)):
        for pipeline in range(1, min(devices // tensor, most_stages(architecture)) + 1):
            data = min(devices // (tensor * pipeline), batch)
            plain = Parallelism(tensor=tensor, pipeline=pipeline, data=data)
            yield plain
            split = replace(plain, expert=tensor)
            if groups and tensor > 1 and not problem(architecture, split):
                yield split
            shared = replace(plain, expert=tensor * data)
            if pipeline == 1 and data > 1 and shared.expert <= groups and not problem(architecture, shared):
                yield shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A layout that holds a load, with its times."""

    deployment: Deployment
    load: Load
    verdict: Verdict
    times: Times

    @property
    def row(self) -> LayoutRow:
        layout, load = self.deployment.layout, self.load
        assert self.times.decode is not None
        ttft, tpot = self.times.prefill.total, self.times.decode.total
        return LayoutRow(
            **layout.said(),
            micro_batch=ceil_div(ceil_div(load.sequences, layout.data), layout.pipeline),
            ttft_ms=ttft * 1e3,
            tpot_ms=tpot * 1e3,
            output_tokens_per_s=load.sequences * load.output / (ttft + tpot * (load.output - 1)),
            decode_tokens_per_s=load.sequences / tpot,
            prefill_tokens_per_s=load.sequences * load.tokens / ttft,
            memory_share=self.verdict.used_share,
        )

    @property
    def explanation(self) -> Line:
        """The tree of what the fullest device holds."""
        return explanation(self.deployment, self.load, ledger(self.deployment, self.load))

    @property
    def tpot_interval_ms(self) -> Interval:
        assert self.times.decode is not None
        each = self.load.sequences * self.load.beams / self.deployment.layout.data
        return interval(self.deployment, "decode", self.times.decode, each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The layouts that hold a load, best first."""

    placed: tuple[Placed, ...]
    considered: int

    @property
    def best(self) -> Placed:
        return self.placed[0]


def best_layouts(deployment: Deployment, load: Load, *, goal: str, advise: bool = True) -> Found:
    """The layouts of up to `deployment.devices` devices that hold the load, in the order of `goal`.

    Where none does by the estimate, those whose weights, cache and state are no more than a device shows: a time is not
    refused for an estimate. Raises DoesNotFitError, with what the best split would need, when no layout can hold the
    model, and with how many devices would do where `advise` says so: looking for them takes longer than all the rest.
    """
    accelerator, devices = deployment.accelerator, deployment.devices
    assert accelerator is not None
    assert devices is not None
    considered, placed, clock = 0, list[Placed](), Clock()
    short: list[tuple[Deployment, Verdict]] = []
    least: tuple[float, Verdict, str] | None = None
    by_layers = deployment.engine.BY_LAYERS
    for layout in layouts(
        deployment.architecture, devices, accelerator.link_domain, load.sequences, by_layers=by_layers
    ):
        if deployment.engine.refused(layout):
            continue
        considered += 1
        candidate = deployment.laid_out(layout)
        verdict = verdict_of(candidate, load)
        if verdict.fits:
            placed.append(_placed(candidate, load, verdict, clock))
            continue
        if verdict.possible:
            short.append((candidate, verdict))
        if least is None or (verdict.need.total, str(layout)) < (least[0], least[2]):
            least = (verdict.need.total, verdict, str(layout))
    if not placed:
        # of the splits of a copy alone the one with least missing, for copies do not mend it
        short.sort(key=lambda entry: -entry[1].margin_bytes)
        placed = [_placed(candidate, load, verdict, clock) for candidate, verdict in short[:_SHORT]]
    if not placed:
        assert least is not None
        tokens = load.tokens + load.output
        raise DoesNotFitError(
            f"{deployment.model.name} with {deployment.formats.scheme.label} weights, batch {load.sequences:,} x "
            f"{tokens:,} tokens, fits on no layout of {devices} x {accelerator.name}: the best split ({least[2]}) "
            f"needs {least[1].need.total / GB:.1f} GB a device, and {least[1].budget_bytes / GB:.1f} GB are there."
            + (f" {_remedy(deployment, load)}" if advise else "")
        )
    ranked = sorted(((one, one.row) for one in placed), key=lambda entry: score(entry[1], goal))
    return Found(placed=tuple(one for one, _ in ranked), considered=considered)


# Layouts that are timed where memory is short of all.
_SHORT = 4


def _placed(deployment: Deployment, load: Load, verdict: Verdict, clock: Clock) -> Placed:
    prefill, decode = prefill_time(deployment, load, clock), decode_time(deployment, load, clock)
    return Placed(deployment=deployment, load=load, verdict=verdict, times=Times(prefill=prefill, decode=decode))


def layout_report(found: Found, goal: str, keep: int = 4, *, explained: bool = False) -> LayoutReport:
    """The best layout of a search, and the next best."""
    deployment, load = found.best.deployment, found.best.load
    return LayoutReport(
        **deployment.said(),
        hardware=deployment.device,
        devices=deployment.devices or deployment.layout.devices,
        goal=goal,
        batch_size=load.sequences,
        input_tokens=load.tokens,
        output_tokens=load.output,
        best=found.best.row,
        tpot_interval_ms=found.best.tpot_interval_ms,
        others=tuple(one.row for one in found.placed[1:keep]),
        considered=found.considered,
        fitting=sum(bool(one.verdict.fits) for one in found.placed),
        ledger=found.best.explanation if explained else None,
        breakdown=times_explained(deployment, load, found.best.times) if explained else (),
        notes=(
            *(() if found.best.verdict.fits else (short_note(found.best.verdict),)),
            *deployment.notes,
            *load.notes,
            *one_token_notes(load),
            *length_notes(deployment.architecture, load.tokens + load.output, "output_tokens"),
        ),
    )


def one_token_notes(load: Load) -> tuple[Note, ...]:
    """What the time per output token is of where none follows the first."""
    if load.output > 1:
        return ()
    text = "One output token has none after it: the time per output token is that of the step that would follow."
    return (Note(subject="output_tokens", text=text, origin="assumption"),)


def _remedy(deployment: Deployment, load: Load) -> str:
    assert deployment.accelerator is not None
    most = max(64, 8 * (deployment.devices or 1))
    enough = fewest_devices(deployment, load, most=most, node=deployment.accelerator.link_domain)
    if enough is None:
        return "Use a larger accelerator, a smaller precision, a smaller batch or shorter sequences."
    return (
        f"{enough.layout.devices} devices would do as {enough.layout} (calculate_memory with find 'devices', or "
        "get_minimum_system_size, looks for the fewest); or use a smaller precision, a smaller batch or shorter "
        "sequences."
    )


def fewest_in_node(deployment: Deployment, load: Load) -> Deployment | None:
    """The deployment on the smallest group of one node that holds the load; None when none does."""
    return next(of_a_node(deployment, load), None)


def of_a_node(deployment: Deployment, load: Load) -> Iterator[Deployment]:
    """The deployment on each group of one node that holds the load, the smallest first: tensor-parallel ones, or stages
    of a pipeline where an engine deals whole layers.
    """
    assert deployment.accelerator is not None
    architecture, node = deployment.architecture, deployment.accelerator.link_domain
    if deployment.engine.BY_LAYERS:
        groups = [Parallelism(pipeline=stages) for stages in range(1, min(node, most_stages(architecture)) + 1)]
    else:
        groups = [Parallelism(tensor=tensor) for tensor in tensor_sizes(architecture, node)]
    for layout in groups:
        candidate = deployment.laid_out(layout)
        if verdict_of(candidate, load).fits:
            yield candidate
