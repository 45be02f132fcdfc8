"""An open mesh of candidates: formats, accelerators, layouts, batches and lengths, in chunks of arrays.

Batches, prompts, answers, layouts of as many stages and machines of one engine in one format are the axes of arrays,
each number an array of those alone on which it hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..deployment import Deployment, Load
from ..errors import LayoutError
from ..memory import judge, ledger
from ..parallel import Layouts, Parallelism, side_by_side
from ..performance.machine import machine_of
from ..performance.phases import decode_time, prefill_time
from ..performance.spent import Seconds
from ..performance.step import Clock, require_laws
from ..stacks import UnlikeError
from .cells import offer_on
from .fleet import together

if TYPE_CHECKING:
    import numpy

    from ..architecture import Architecture
    from ..engines import Engine
    from ..performance.machine import Machine
    from ..units import Quantity

    Array = numpy.ndarray[Any, Any]

# Cells of a chunk: as many as take some tens of milliseconds, after which a search can be ended.
CHUNK = 2**17
# Axes of a load: sequences, prompt, answer.
_LOADS = 3
# Just below the size from which glibc gives memory back at once, whatever was freed before.
_KEPT_BYTES = 2**25 - 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The loads of a mesh."""

    batches: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rack:
    """Deployments that are answered as one, along an axis of arrays."""

    deployments: tuple[Deployment, ...]
    holding: Deployment
    """For memory."""
    timed: Deployment
    total_bytes: Quantity
    """What the runtime shows of a device of each."""
    alone: bool = False
    """Whether it is one whose layouts are asked one by one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """Layouts on machines, for some of the loads."""

    rack: Rack
    layouts: tuple[Parallelism, ...]
    """Those whose copies share nothing as one copy."""
    copies: Array
    """By batch, how many there are of each; 1 where the copies are the layout's own."""
    offered: Array
    """Which (batch, layout, machine) are asked."""
    axes: Axes

    @property
    def shape(self) -> tuple[int, ...]:
        loads = (self.axes.batches, self.axes.inputs, self.axes.outputs)
        return *map(len, loads), len(self.layouts), len(self.rack.deployments)

    @property
    def count(self) -> int:
        """Candidates."""
        return int(self.offered.sum()) * len(self.axes.inputs) * len(self.axes.outputs)

    @property
    def asked(self) -> Array:
        """The candidates, as of fewer axes."""
        return self.offered[:, None, None]

    @property
    def load(self) -> Load:
        """All loads, before the axes of layouts and machines."""
        return self._load_before(2)

    def _load_before(self, axes: int) -> Load:
        import numpy

        values = (self.axes.batches, self.axes.inputs, self.axes.outputs, *((1,),) * axes)
        sequences, tokens, output, *_ = numpy.ix_(*(numpy.array(one, dtype=numpy.float64) for one in values))
        return Load(sequences=sequences, tokens=tokens, output=output)

    @property
    def layout(self) -> Parallelism:
        """All of them, as arrays."""
        shape = self.copies.shape
        return _together(self.layouts, self.copies.tobytes(), shape)

    def part(self, layouts: slice | Array, batches: slice | Array, axes: Axes) -> Plane:
        """Some of the layouts, for some of the batches."""
        import numpy

        numbers = numpy.arange(len(self.layouts))[layouts]
        return Plane(
            rack=self.rack,
            layouts=tuple(self.layouts[number] for number in numbers),
            copies=self.copies[batches][:, numbers],
            offered=self.offered[batches][:, numbers],
            axes=axes,
        )

    def place_of(self, index: int) -> tuple[Parallelism, Deployment, tuple[int, int, int]]:
        """A candidate by its flat index: its layout, its deployment in none yet, and batch, prompt and answer."""
        axes = self.axes
        index, machine = divmod(index, len(self.rack.deployments))
        index, layout = divmod(index, len(self.layouts))
        index, then = divmod(index, len(axes.outputs))
        batch, first = divmod(index, len(axes.inputs))
        found, copies = self.layouts[layout], int(self.copies[batch, layout])
        found = found if copies == 1 else replace(found, data=copies)
        return found, self.rack.deployments[machine], (axes.batches[batch], axes.inputs[first], axes.outputs[then])

    def at(self, index: int) -> tuple[Deployment, Load]:
        """A candidate as an ordinary question."""
        layout, deployment, (sequences, tokens, output) = self.place_of(index)
        return deployment.laid_out(layout), Load(sequences=sequences, tokens=tokens, output=output)

    def held(self) -> tuple[Array, Array]:
        """Bytes that the fullest device holds, and those that are left of the condition that binds. Raises
        UnlikeError."""
        import numpy

        rack, load, shape = self.rack, self._load_before(1), self.shape
        needs, margins = numpy.empty(shape), numpy.empty(shape)
        for number in range(len(self.layouts)):
            there = rack.holding.laid_out(self._copied(number, 1))
            found = judge(there, load, ledger(there, load), rack.total_bytes)
            needs[..., number, :], margins[..., number, :] = found.need.total, found.margin_bytes
        return needs, margins

    def times(self) -> tuple[Array, Array]:
        """Seconds to the first token of the last prompt, and mean seconds of a decode step; of as few axes as they hang
        on. Raises UnlikeError."""
        load, clock = self.load, Clock(Seconds)
        there = self.rack.timed.laid_out(self._copied(0, 2) if self.rack.alone else self.layout)
        return prefill_time(there, load, clock).total, decode_time(there, load, clock).total

    def _copied(self, number: int, axes: int) -> Parallelism:
        """One of the layouts with its copies by batch, before the axes of lengths and so many others."""
        layout = self.layouts[number]
        copies: Quantity = self.copies[:, number].reshape(-1, *(1,) * (_LOADS - 1 + axes))
        return layout if layout.data > 1 else replace(layout, data=copies)


@lru_cache(maxsize=1024)
def _together(members: tuple[Parallelism, ...], copies: bytes, shape: tuple[int, int]) -> Layouts:
    import numpy

    found = side_by_side(members, column=True, loads=_LOADS)
    if members[0].data > 1:
        return found
    # by batch and layout
    data: Quantity = numpy.frombuffer(copies).reshape(shape)[:, None, None, :, None]
    return replace(found, data=data)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """A chunk with its answers."""

    plane: Plane
    needs: Array
    """Bytes of the fullest device."""
    margins: Array
    """Bytes that are left of the condition that binds."""
    wanted: Array
    """Which are asked and hold the load."""
    ttft: Array | None = None
    """Seconds; None where nothing holds."""
    tpot: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """All chunks, and what could not be asked."""

    planes: tuple[Plane, ...]
    count: int
    """Candidates."""
    left_out: dict[str, str]
    """Accelerators with the reason."""


def mesh_of(deployments: Sequence[Deployment], axes: Axes) -> Mesh:
    """The mesh of deployments, each of up to its devices in any layout, and loads."""
    left_out: dict[str, str] = {}
    fleets, alone = together(deployments)
    racks = []
    for fleet in fleets:
        first, timing = fleet.deployments[0], cast("Engine", fleet.engine)
        holding, timed = (first.moved(one, first.accelerator, first.layout) for one in (fleet.holding, timing))
        racks.append(Rack(deployments=fleet.deployments, holding=holding, timed=timed, total_bytes=fleet.total_bytes))
    for one in alone:
        try:
            require_laws(machine_of(one), one.architecture, one.formats)
        except LayoutError as error:
            left_out.setdefault(one.device, str(error))
        else:
            racks.append(_alone(one))
    chunks = [chunk for rack in racks for plane in _planes(rack, axes) for chunk in _chunks(plane)]
    # layouts without stages are most often the better ones, by which the others are thrown out at once
    planes = tuple(sorted(chunks, key=lambda plane: plane.layouts[0].pipeline))
    return Mesh(planes=planes, count=sum(plane.count for plane in planes), left_out=left_out)


def _alone(deployment: Deployment) -> Rack:
    assert deployment.usable_bytes is not None
    return Rack(
        deployments=(deployment,),
        holding=deployment,
        timed=deployment,
        total_bytes=deployment.usable_bytes,
        alone=True,
    )


def _planes(rack: Rack, axes: Axes) -> Iterator[Plane]:
    """The layouts of machines: those of as many stages for all batches, those whose copies share experts by the batches
    that they are for."""
    import numpy

    deployments = rack.deployments
    machines = tuple((machine_of(one), one.devices or 1) for one in deployments)
    for found in _alike(deployments[0].architecture, machines, axes.batches, rack.alone):
        plane = Plane(rack=rack, layouts=found.layouts, copies=found.copies, offered=found.offered, axes=axes)
        wanted: Array = numpy.any(plane.offered, axis=2)
        yield _cropped(plane, wanted)


class _Alike(NamedTuple):
    """Layouts that stand side by side; see `Plane`."""

    layouts: tuple[Parallelism, ...]
    copies: Array
    offered: Array


@lru_cache(maxsize=128)
def _alike(
    architecture: Architecture,
    machines: tuple[tuple[Machine, int], ...],
    batches: tuple[int, ...],
    one_by_one: bool,
) -> tuple[_Alike, ...]:
    """machines: each with its devices."""
    import numpy

    shape = len(batches), len(machines)
    offered: dict[Parallelism, Array] = {}
    copies: dict[Parallelism, Array] = {}
    for number, (machine, devices) in enumerate(machines):
        # copies beyond the batch are not made
        most = numpy.minimum(batches, devices)
        for sequences in dict.fromkeys(most.tolist()):
            here = most == sequences
            for layout in offer_on(machine, architecture, devices, sequences).members:
                one = layout if layout.pooled > 1 else replace(layout, data=1)
                offered.setdefault(one, numpy.zeros(shape, dtype=bool))[here, number] = True
                copies.setdefault(one, numpy.ones(len(batches)))[here] = layout.data if one.data == 1 else 1
    alike: dict[object, list[Parallelism]] = {}
    for layout, there in offered.items():
        kind = (layout.pipeline, layout.data > 1, there.any(axis=1).tobytes())
        alike.setdefault((kind, layout) if one_by_one else kind, []).append(layout)
    return tuple(
        _Alike(
            layouts=tuple(layouts),
            copies=numpy.stack([copies[layout] for layout in layouts], axis=1),
            offered=numpy.stack([offered[layout] for layout in layouts], axis=1),
        )
        for layouts in alike.values()
    )


def _cropped(plane: Plane, wanted: Array) -> Plane:
    """Without layouts and batches of which none is wanted."""
    batches, layouts = _rows_and_columns(wanted)
    if layouts.all() and batches.all():
        return plane
    kept = tuple(batch for batch, here in zip(plane.axes.batches, batches.tolist(), strict=True) if here)
    return plane.part(layouts, batches, replace(plane.axes, batches=kept))


def _rows_and_columns(wanted: Array) -> tuple[Array, Array]:
    """Of which batches and of which layouts some are wanted."""
    import numpy

    batches: Array = numpy.any(wanted, axis=1)
    layouts: Array = numpy.any(wanted, axis=0)
    return batches, layouts


def _chunks(plane: Plane) -> Iterator[Plane]:
    """A plane in pieces: of fewer layouts first, then of fewer batches, prompts and answers."""
    *loads, layouts, machines = plane.shape
    sizes, room = [], max(1, CHUNK // machines)
    for length in (*reversed(loads), layouts):
        sizes.append(min(length, room))
        room = max(1, room // length)
    axes = plane.axes
    of_outputs, of_inputs, of_batches, of_layouts = sizes
    for layout in _pieces(layouts, of_layouts):
        for batch in _pieces(loads[0], of_batches):
            for first in _pieces(loads[1], of_inputs):
                for then in _pieces(loads[2], of_outputs):
                    part = Axes(batches=axes.batches[batch], inputs=axes.inputs[first], outputs=axes.outputs[then])
                    yield plane.part(layout, batch, part)


def _pieces(length: int, size: int) -> list[slice]:
    return [slice(begin, begin + size) for begin in range(0, length, size)]


def answered(mesh: Mesh, goes_on: Callable[[int], bool]) -> Iterator[Cells]:
    """Every chunk with its answers; `goes_on`: told how many candidates are done, says whether to go on."""
    import numpy

    # made and freed once: from then on the C library keeps what smaller arrays give back
    numpy.empty(_KEPT_BYTES, dtype=numpy.uint8)
    done = 0
    for plane in mesh.planes:
        if not goes_on(done):
            return
        try:
            yield _answers(plane)
        except UnlikeError:
            yield from map(_answers, _apart(plane))
        done += plane.count
    goes_on(done)


def _apart(plane: Plane) -> Iterator[Plane]:
    """Layout by layout and machine by machine."""
    for layout in range(len(plane.layouts)):
        here = slice(layout, layout + 1)
        one = plane.part(here, slice(None), plane.axes)
        for machine, deployment in enumerate(plane.rack.deployments):
            yield replace(one, rack=_alone(deployment), offered=one.offered[:, :, machine : machine + 1])


def _answers(plane: Plane) -> Cells:
    import numpy

    needs, margins = plane.held()
    wanted = plane.asked & (margins >= 0)
    # the long axes first, which are passed over side by side
    holding: Array = numpy.any(wanted, axis=(1, 2)).any(axis=2)
    # no time is asked of layouts and batches that nothing holds
    if not holding.any():
        return Cells(plane=plane, needs=needs, margins=margins, wanted=wanted)
    timed = _cropped(plane, holding)
    if timed is not plane:
        batches, layouts = _rows_and_columns(holding)
        needs, margins, wanted = (one[batches][:, :, :, layouts] for one in (needs, margins, wanted))
    ttft, tpot = timed.times()
    return Cells(plane=timed, needs=needs, margins=margins, wanted=wanted, ttft=ttft, tpot=tpot)
