"""A grid of candidates: the best of them by a goal, answered as any other question, and those that no other beats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from ..performance.machine import machine_of
from ..performance.reports import reach, worst_reach
from ..report import GridReport, GridRow, LayoutRow, Note
from ..units import GB
from .cells import row_of, scores, usd_per_million
from .comparison import price_of
from .front import Best, Front
from .layouts import place
from .mesh import Axes, Cells, Mesh, Plane, answered, mesh_of

if TYPE_CHECKING:
    import numpy

    from ..deployment import Deployment, Load
    from ..units import Quantity

    Array = numpy.ndarray[Any, Any]

COST = "cost"
# What of a layout decides between candidates that are as good: the fewest devices, then the narrower and the shorter.
_SIZES = ("devices", "tensor_parallel", "pipeline_parallel")


def grid_report(
    deployments: Sequence[Deployment],
    axes: Axes,
    *,
    goal: str,
    worst: bool,
    top: int,
    goes_on: Callable[[int, int], bool],
    notes: tuple[Note, ...],
) -> GridReport:
    """The best of the grid of deployments, each of up to its devices in any layout, and loads.

    worst: by the worse end of each range, else by the estimate; goes_on: told of each chunk how many candidates are
    done, of how many; says whether to go on.
    """
    mesh = mesh_of(deployments, axes)
    found, done = _Found(mesh, axes, goal, worst, top), 0

    def after(count: int) -> bool:
        nonlocal done
        done = count
        return goes_on(count, mesh.count)

    for cells in answered(mesh, after):
        found.take(cells)
    left = [
        Note(subject="hardware", text=f"{name} was left out: {why}", origin="warning")
        for name, why in mesh.left_out.items()
    ]
    return GridReport(
        model=deployments[0].model.name,
        goal=goal,
        rank_by="worst" if worst else "estimate",
        candidates=mesh.count,
        answered=done,
        fitting=found.fitting,
        rows=found.rows(),
        front=found.front(),
        notes=(*left, *found.notes(), *notes),
    )


class FrontRows(Sequence[GridRow]):
    """Rows that are made when they are looked at: of a grid of many lengths there are thousands."""

    def __init__(self, planes: Sequence[Plane], columns: tuple[Array, ...]) -> None:
        self._planes, self._columns = planes, columns

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> GridRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[GridRow, ...]: ...
    def __getitem__(self, index: int | slice) -> GridRow | tuple[GridRow, ...]:
        if isinstance(index, slice):
            return tuple(self[one] for one in range(len(self))[index])
        chunk, where, tpot_ms, rate, _, _, ttft_ms, needs = (column[index].item() for column in self._columns)
        layout, deployment, lengths = self._planes[chunk].place_of(where)
        share = needs / deployment.usable_bytes
        return _row(deployment.laid_out(layout), lengths, ttft_ms, tpot_ms, rate, needs, share)


class _Found:
    """What is told of the chunks so far."""

    def __init__(self, mesh: Mesh, axes: Axes, goal: str, worst: bool, top: int) -> None:
        import numpy

        self.goal, self.worst, self.fitting = goal, worst, 0
        self._planes: list[Plane] = []
        self._input_numbers = {tokens: number for number, tokens in enumerate(axes.inputs)}
        self._output_numbers = {tokens: number for number, tokens in enumerate(axes.outputs)}
        self._prices: dict[int, float] = {}
        costs = [self._costs(plane).reshape(-1) for plane in mesh.planes]
        self._best = Best(top, ties=2 + len(_SIZES))
        groups = len(axes.inputs) * len(axes.outputs)
        self._front = Front(groups, numpy.concatenate(costs) if costs else numpy.zeros(1), told=2)
        self._nearest: tuple[float, Plane, int] | None = None

    def take(self, cells: Cells) -> None:
        import numpy

        plane, wanted, number = cells.plane, cells.wanted, len(self._planes)
        self._planes.append(plane)
        self.fitting += int(wanted.sum())
        if cells.ttft is None or cells.tpot is None:
            if not self.fitting:
                self._miss(cells)
            return
        row = row_of(plane.layout, plane.load, cells.ttft, cells.tpot, memory_share=0.0)
        cost, rate = self._costs(plane), row.output_tokens_per_s
        first, second = self._scores(cost, _worse(plane, cells.ttft, cells.tpot) if self.worst else row)
        self._best.add(number, wanted, first, second, cost, *(getattr(row, name) for name in _SIZES))
        tpot, told = numpy.broadcast_to(row.tpot_ms, wanted.shape), (numpy.asarray(row.ttft_ms), cells.needs)
        self._front.add(number, wanted, tpot, numpy.asarray(rate), cost, self._groups(plane), *told)

    def _scores(self, cost: Array, row: LayoutRow) -> tuple[Quantity, Quantity]:
        """What ranks candidates at such a cost an hour, smaller is better."""
        rate = row.output_tokens_per_s
        return (usd_per_million(cost, rate), -rate) if self.goal == COST else scores(self.goal, row)

    def _costs(self, plane: Plane) -> Array:
        """US dollars an hour of the layouts on each machine; above any where no price is known."""
        import numpy

        deployments = plane.rack.deployments
        for one in deployments:
            if id(one) not in self._prices:
                price = _price(one)
                self._prices[id(one)] = numpy.inf if price is None else price
        prices = numpy.array([self._prices[id(one)] for one in deployments])
        found: Array = prices * plane.layout.devices
        return found

    def _groups(self, plane: Plane) -> Array:
        """The number of each pair of lengths, before the axes of layouts and machines."""
        import numpy

        first = [self._input_numbers[tokens] for tokens in plane.axes.inputs]
        then = [self._output_numbers[tokens] for tokens in plane.axes.outputs]
        found: Array = numpy.array(first)[:, None] * len(self._output_numbers) + numpy.array(then)
        return found[..., None, None]

    def _miss(self, cells: Cells) -> None:
        import numpy

        margins = numpy.where(cells.plane.asked, cells.margins, -numpy.inf)
        index = int(margins.argmax())
        missing = -float(margins.flat[index])
        if self._nearest is None or missing < self._nearest[0]:
            self._nearest = missing, cells.plane, index

    def rows(self) -> tuple[GridRow, ...]:
        """The best, each answered as any other question."""
        return tuple(_answered(*self._planes[chunk].at(index)) for chunk, index in self._best.found())

    def front(self) -> FrontRows:
        """Those that no other of the same lengths beats, as the arrays have them."""
        return FrontRows(self._planes, self._front.found())

    def notes(self) -> Iterator[Note]:
        if self._nearest is not None and not self.fitting:
            missing, plane, index = self._nearest
            deployment, load = plane.at(index)
            text = (
                f"None of the candidates fits: the nearest, {load.sequences:,} x {load.tokens + load.output:,} tokens "
                f"in {deployment.formats.scheme.label} on {deployment.device} as {deployment.layout}, lacks "
                f"{missing / GB:.1f} GB a device. Give more devices, a smaller precision, a smaller batch or shorter "
                "sequences."
            )
            yield Note(subject="devices", text=text, origin="warning")
        if len(self._input_numbers) * len(self._output_numbers) > 1:
            text = (
                "rows rank candidates of different lengths against each other, front compares those of the same: ask "
                "one pair of lengths where they are not to be chosen."
            )
            yield Note(subject="input_tokens", text=text, origin="warning")


def _worse(plane: Plane, ttft: Quantity, tpot: Quantity) -> LayoutRow:
    """The candidates at the worse ends of their ranges."""
    layout, load, deployments = plane.layout, plane.load, plane.rack.deployments
    if plane.rack.alone:
        deployments = tuple(one.laid_out(plane.layouts[0]) for one in deployments)
    machines = tuple(map(machine_of, deployments))
    served = load.sequences / layout.data
    first = worst_reach(deployments, machines, "prefill", ttft, served, layout)
    then = worst_reach(deployments, machines, "decode", tpot, served, layout)
    return row_of(layout, load, ttft * first, tpot * then, memory_share=0.0)


def _answered(deployment: Deployment, load: Load) -> GridRow:
    """A candidate as any other question is answered."""
    placed = place(deployment, load)
    row, needs = placed.row, placed.verdict.need.total
    lengths = load.sequences, load.tokens, load.output
    return _row(deployment, lengths, row.ttft_ms, row.tpot_ms, row.output_tokens_per_s, needs, row.memory_share)


def _row(
    deployment: Deployment,
    lengths: tuple[int, int, int],
    ttft_ms: float,
    tpot_ms: float,
    rate: float,
    needs: float,
    share: float,
) -> GridRow:
    price, machine, layout = _price(deployment), machine_of(deployment), deployment.layout
    cost = None if price is None else round(price * layout.devices, 4)
    batch, tokens, output = lengths
    of_copy = batch / layout.data
    return GridRow(
        **layout.said(),
        hardware=deployment.device,
        engine=deployment.engine.said,
        precision=deployment.formats.scheme.label,
        batch_size=batch,
        input_tokens=tokens,
        output_tokens=output,
        ttft_ms=ttft_ms,
        tpot_ms=tpot_ms,
        ttft_high_ms=ttft_ms * reach(deployment, "prefill", ttft_ms / 1e3, of_copy).high,
        tpot_high_ms=tpot_ms * reach(deployment, "decode", tpot_ms / 1e3, of_copy).high,
        output_tokens_per_s=rate,
        memory_gb=needs / GB,
        memory_share=share,
        usd_per_hour=cost,
        usd_per_million_output_tokens=None if cost is None else usd_per_million(cost, rate),
        evidence=machine.evidence if machine.engine.timed else "none",
    )


def _price(deployment: Deployment) -> float | None:
    """US dollars an hour of a device; None where none is known."""
    assert deployment.accelerator is not None
    return price_of(deployment.accelerator)
