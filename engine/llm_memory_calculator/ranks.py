"""What the devices of a copy hold: each kind of layer once, on a tensor-parallel rank, then dealt to the stages.

Layers are of one kind when their operators are equal and their weights have equal formats. A kind is sized and timed
once; a stage of a pipeline is how many it has of each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from .architecture import Architecture, Layer
from .engines import Engine
from .formats.numerics import Format
from .formats.scheme import WeightScheme, alike
from .operators import Operator, State, sum_states
from .parallel import Layouts, Parallelism
from .stacks import UnlikeError, shortened, stacked
from .units import Quantity

HostPart = Literal["", "experts", "all"]
"""What of a layer lies in the host's memory."""


Numbers = tuple[tuple[tuple[tuple[int, ...] | None, int | None], ...], ...]
"""Of each kind of layers, by the groups that the architecture has, their numbers and whose matrices they run."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """Layers alike, as one tensor-parallel rank has them; sizes are of one such layer."""

    layer: Layer
    """One of them, with the indices of all."""
    stored_bytes: float
    read_bytes: float
    """What a step reads: matrices that are stored with another layer, or as the table, too."""
    operators: tuple[tuple[Operator, float, Format], ...]
    """Each operator with the bytes of weights that it reads, and the format that its product runs from."""
    parameters: int
    copied_parameters: int
    """More of them in a copy that has all of its matrices."""
    state: State
    caching: tuple[Operator, ...]
    live_values: int
    """Values a token that are alive while its widest operator runs."""
    residual_width: int
    mixes: bool
    """Whether there are routed experts."""
    on_host: HostPart = ""
    members: tuple[Kind, ...] = ()
    """Of layers as they are in several layouts at once: those that are unlike."""
    where: Any = None
    """And which of these each layout has."""

    @property
    def count(self) -> int:
        return self.layer.repeat

    @property
    def borrows_cache(self) -> bool:
        """Whether it attends keys and values that another layer keeps, and keeps none itself."""
        return not self.caching and any(operator.looks_back for operator, _, _ in self.operators)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holding:
    """What a device of one stage holds, and of those that hold as much."""

    stage: int
    """The first of them, from 0."""
    alike: Quantity
    """How many stages hold the same."""
    text: tuple[tuple[Quantity, Kind], ...]
    """(how many, kind) of what a step of the text runs through, in order."""
    stack: tuple[tuple[Quantity, Kind], ...]
    """The part of it that is neither embedding nor head."""
    encoder: tuple[Kind, ...]
    encoder_alive: Quantity
    """Values a position that are alive in a pass of the encoder; 0 where it is not here."""
    towers: tuple[Kind, ...]
    copied: tuple[tuple[int, Kind], ...]
    """Those of `text` that have here a copy of matrices which another stage stores."""
    weights: int
    """Bytes."""
    parameters: int
    depth: Quantity
    """Layers of the stack."""
    state: State
    caching: tuple[tuple[int, Operator], ...]
    live_values: int
    """Values a token that are alive in a step, its residual twice."""
    mixes: bool
    """Whether there are routed experts."""
    samples: Quantity
    """Whether the head is here: true or false, or 1 and 0 of several."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rank:
    """A tensor-parallel rank, its layers by kind; the stack by the groups that the architecture has."""

    towers: tuple[Kind, ...]
    encoder: tuple[Kind, ...]
    first: Kind
    stack: tuple[tuple[Kind, ...], ...]
    last: Kind

    @property
    def numbers(self) -> Numbers:
        return tuple(tuple((kind.layer.indices, kind.layer.owner) for kind in group) for group in self.stack)


def live_beside(kinds: Iterable[Kind]) -> float:
    """Values a position that are alive in a tower or an encoder: two copies of its residual and the widest operator."""
    alive = [(2 * kind.residual_width + kind.live_values) / kind.layer.reduction for kind in kinds]
    return max(alive, default=0.0)


def holdings(
    architecture: Architecture, scheme: WeightScheme, layout: Parallelism, engine: Engine
) -> tuple[Holding, ...]:
    """What the devices of each unlike stage hold, in the order of the stages."""
    if isinstance(layout, Layouts):
        return (side_by_side(architecture, scheme, layout, engine),)
    # of an engine its stages alone bear on it, so that one that is asked on every accelerator is dealt to once
    depths = tuple(engine.stage_depths(architecture.depth, layout.pipeline))
    return _holdings(architecture, scheme, layout.tensor, layout.expert, layout.pooled, layout.context, depths)


@lru_cache(maxsize=512)
def side_by_side(architecture: Architecture, scheme: WeightScheme, layouts: Layouts, engine: Engine) -> Holding:
    """What a step of the text runs through on the devices of several layouts at once: counts are arrays by unlike stage
    and layout, sizes arrays by layout. A layout with fewer unlike stages has some that no device is.

    Raises UnlikeError where layers that ranks have are not of the same kinds in all layouts.
    """
    import numpy

    keys = [(layout.tensor, layout.expert, layout.pooled, layout.context) for layout in layouts.members]
    unlike = list(dict.fromkeys(keys))
    ranks = [_rank(architecture, scheme, *key) for key in unlike]
    where = numpy.array([unlike.index(key) for key in keys]).reshape(layouts.shape)
    stacks = [[kind for group in rank.stack for kind in group] for rank in ranks]
    if any(len(stack) != len(stacks[0]) for stack in stacks):
        raise UnlikeError("ranks with other kinds of layers")
    columns = [[rank.first for rank in ranks], *zip(*stacks, strict=True), [rank.last for rank in ranks]]
    kinds = [_side_by_side(column, where) for column in columns]
    by_depth = {
        stages: _counts(ranks[0], engine.stage_depths(architecture.depth, stages))
        for stages in {layout.pipeline for layout in layouts.members}
    }
    most = max(map(len, by_depth.values()))
    filled = {stages: found + [(0, found[0][1])] * (most - len(found)) for stages, found in by_depth.items()}
    by_stage = [filled[layout.pipeline] for layout in layouts.members]
    # by unlike stage, step, what loads are of and layout (and machine)
    beside = (most, 1, *(1,) * layouts.loads, *layouts.shape)
    alike = numpy.array([[number for number, _ in found] for found in by_stage], dtype=numpy.float64).T.reshape(beside)
    counts = numpy.array([[here for _, here in found] for found in by_stage], dtype=numpy.float64).T
    # layouts of as many stages have as many layers in each
    counts = shortened(counts.reshape(len(columns), *beside), begin=2)
    text = tuple(zip(counts, kinds, strict=True))
    return Holding(
        stage=0,
        alike=alike,
        text=text,
        stack=text[1:-1],
        encoder=(),
        encoder_alive=0,
        towers=(),
        copied=(),
        weights=0,
        parameters=0,
        depth=counts[1:-1].sum(axis=0),
        state=State(),
        caching=(),
        live_values=0,
        mixes=any(kind.mixes for kind in kinds),
        samples=True,
    )


def _counts(rank: _Rank, depths: Iterable[int]) -> list[tuple[int, tuple[int, ...]]]:
    """(how many stages, layers of each kind in them, embedding and head included) of each unlike stage."""
    found: dict[tuple[int, ...], int] = {}
    for (is_first, is_last, dealt), numbers in _unlike(rank.numbers, tuple(depths)):
        counts = (int(is_first), *(here for here, _ in dealt), int(is_last))
        found[counts] = found.get(counts, 0) + len(numbers)
    return [(number, counts) for counts, number in found.items()]


def _side_by_side(members: Sequence[Kind], where: Any) -> Kind:
    if all(kind is members[0] for kind in members):
        return members[0]
    first = members[0]
    return replace(
        first,
        stored_bytes=stacked([kind.stored_bytes for kind in members], where),
        read_bytes=stacked([kind.read_bytes for kind in members], where),
        operators=stacked([kind.operators for kind in members], where),
        members=tuple(members),
        where=where,
    )


@lru_cache(maxsize=2048)
def _holdings(
    architecture: Architecture,
    scheme: WeightScheme,
    tensor: int,
    expert: int,
    copies: int,
    context: int,
    depths: tuple[int, ...],
) -> tuple[Holding, ...]:
    rank = _rank(architecture, scheme, tensor, expert, copies, context)
    return tuple(
        _holding(architecture, rank, numbers, len(depths), counts)
        for (_, _, counts), numbers in _unlike(rank.numbers, depths)
    )


@lru_cache(maxsize=2048)
def _unlike(
    groups: Numbers, depths: tuple[int, ...]
) -> tuple[tuple[tuple[bool, bool, tuple[tuple[int, int], ...]], tuple[int, ...]], ...]:
    """The stages by (is it the first, the last, what is dealt to it): the same however many ranks share a layer."""
    found: dict[tuple[bool, bool, tuple[tuple[int, int], ...]], list[int]] = {}
    begin = 0
    for stage, depth in enumerate(depths):
        counts = _dealt(groups, begin, begin + depth)
        found.setdefault((stage == 0, stage == len(depths) - 1, counts), []).append(stage)
        begin += depth
    return tuple((kind, tuple(stages)) for kind, stages in found.items())


def _dealt(groups: Numbers, begin: int, end: int) -> tuple[tuple[int, int], ...]:
    """(layers, of which with matrices of their own that another stage stores) of each kind of the stack in a stage."""
    counts = []
    for group in groups:
        copied = False
        for indices, owner in group:
            # layers of a denoiser have no number, and are never dealt
            here = 1 if indices is None else _between(indices, begin, end)
            # the matrices are on another stage, so this one keeps a copy of its own
            copies = here > 0 and not copied and owner is not None and not begin <= owner < end
            copied = copied or copies
            counts.append((here, int(copies)))
    return tuple(counts)


def _between(indices: tuple[int, ...], begin: int, end: int) -> int:
    """How many of these, which ascend, lie between."""
    return bisect_left(indices, end) - bisect_left(indices, begin)


def _holding(
    architecture: Architecture,
    rank: _Rank,
    numbers: tuple[int, ...],
    stages: int,
    counts: tuple[tuple[int, int], ...],
) -> Holding:
    is_first, is_last = numbers[0] == 0, numbers[0] == stages - 1
    text: list[tuple[int, Kind]] = [(1, rank.first)] if is_first else []
    kinds = (kind for group in rank.stack for kind in group)
    dealt = [(here, copies, kind) for (here, copies), kind in zip(counts, kinds, strict=True) if here]
    stack = tuple((here, kind) for here, _, kind in dealt)
    text += stack
    # the table is on the first stage, so the last one keeps a copy of its own
    head_copies = int(stages > 1 and is_last)
    if is_last:
        text.append((1, rank.last))
    encoder, towers = (rank.encoder, rank.towers) if is_first else ((), ())
    beside = [(kind.count, kind) for kind in (*encoder, *towers)]
    copied = [(copies, kind) for _, copies, kind in dealt if copies] + [(1, rank.last)] * head_copies
    everything = text + beside
    return Holding(
        stage=numbers[0],
        alike=len(numbers),
        text=tuple(text),
        stack=stack,
        encoder=encoder,
        encoder_alive=live_beside(encoder),
        towers=towers,
        copied=tuple(copied),
        weights=round(
            sum(count * kind.stored_bytes for count, kind in everything)
            + sum(count * (kind.read_bytes - kind.stored_bytes) for count, kind in copied)
        ),
        parameters=sum(count * kind.parameters for count, kind in everything)
        + sum(count * kind.copied_parameters for count, kind in copied),
        depth=sum(here for here, _, _ in dealt),
        state=sum_states((here, kind.state) for here, _, kind in dealt),
        caching=tuple((here, operator) for here, _, kind in dealt for operator in kind.caching),
        live_values=2 * architecture.hidden_size + max((kind.live_values for _, kind in text), default=0),
        mixes=any(kind.mixes for _, kind in text),
        samples=is_last and any(operator.gives_logits for operator in rank.last.layer.operators),
    )


@lru_cache(maxsize=512)
def _rank(
    architecture: Architecture, scheme: WeightScheme, tensor: int, expert: int, copies: int, context: int
) -> _Rank:
    shared = architecture.shard(tensor, expert, copies, context)

    def kinds(layers: Iterable[Layer]) -> tuple[Kind, ...]:
        return tuple(kind for layer in layers for kind in _kinds(layer, scheme))

    return _Rank(
        towers=kinds(shared.towers),
        encoder=kinds(shared.encoder),
        first=kinds([shared.first])[0],
        stack=tuple(_kinds(layer, scheme) for layer in shared.stack),
        last=kinds([shared.last])[0],
    )


@lru_cache(maxsize=4096)
def _kinds(layer: Layer, scheme: WeightScheme) -> tuple[Kind, ...]:
    """The kinds of a group of layers on a rank: one, unless formats differ by layer."""
    return tuple(
        _kind(layer if group.count == layer.repeat else replace(layer, indices=group.indices), sum(group.sizes), scheme)
        for group in alike(layer, scheme)
    )


def _kind(layer: Layer, stored: float, scheme: WeightScheme) -> Kind:
    one = layer if layer.indices is None else replace(layer, indices=layer.indices[:1])
    whole = one.self_contained()
    (read,) = alike(whole, scheme)
    parameters = sum(weight.parameters for operator in one.operators for weight in operator.weights())
    return Kind(
        layer=layer,
        stored_bytes=stored,
        read_bytes=sum(read.sizes),
        operators=tuple(zip(whole.operators, read.sizes, read.formats, strict=True)),
        parameters=parameters,
        copied_parameters=sum(weight.parameters for operator in whole.operators for weight in operator.weights())
        - parameters,
        state=sum_states((1, operator.state()) for operator in layer.operators),
        caching=tuple(operator for operator in layer.operators if operator.caches),
        live_values=max((operator.live_values() for operator in layer.operators), default=0),
        residual_width=max((operator.residual_width for operator in layer.operators), default=0),
        mixes=any(operator.expert_count > 0 for operator in layer.operators),
    )
