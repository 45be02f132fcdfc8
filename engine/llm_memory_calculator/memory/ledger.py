"""The ledger: what one device holds, for the device that holds most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, cast

from ..engines import Draft, Place
from ..engines.places import by_place, caching, stand_in, standing
from ..facts import table
from ..operators import State
from ..parallel import Layouts, Parallelism
from ..ranks import Holding, holdings, live_beside
from ..stacks import EACH, UnlikeError, stacked
from ..units import are_plain, ceil_div, choose, larger, smaller, somewhere, whole_near, whole_up
from ..work import look, looked
from .adapters import adapter_bytes
from .calibration import calibrated, measured_here, offsets_of

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..deployment import Deployment, Load, Speculation
    from ..engines import Engine
    from ..formats.scheme import Formats
    from ..images import InputSize
    from ..units import Quantity


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Bytes on one device; each an array where the load is one.

    Not frozen: many are made in a search, and a frozen one takes three times as long to make.
    """

    stage: Quantity
    """Its pipeline stage, from 0."""
    stages: int
    weights: Quantity
    """As the checkpoint stores them."""
    loaded: Quantity = 0
    """What the engine's copy of them holds beyond: padding, tables, matrices kept once more. May be less than 0."""
    kv_cache: Quantity
    state: Quantity = 0
    """Convolution windows and recurrent states."""
    paging: Quantity = 0
    """What the engine keeps of its sequences beyond cache and state: pages, windows kept longer. May be less than 0."""
    draft_weights: Quantity = 0
    """What is loaded to draft tokens, as the engine holds it."""
    draft_cache: Quantity = 0
    """Keys, values and states of the draft's own layers."""
    images: Quantity = 0
    """What towers keep alive of images, videos and sounds, and their embeddings; latents and pixels of what is made."""
    adapters: Quantity = 0
    gradients: Quantity = 0
    activations: Quantity
    """The largest of the peaks, which run one after the other."""
    context: Quantity
    """The device's context and libraries."""
    buffers: Quantity = 0
    """Communication buffers and the like."""
    graphs: Quantity = 0
    """Captured graphs."""
    graphs_counted: Quantity = 0
    """What the engine takes away for graphs in its own sum."""
    host: Quantity = 0
    """Bytes of the weights that stay in the host's memory, on no device."""
    host_kept: Quantity = 0
    """Bytes of what is kept of the sequences that lie there too."""
    stated_overhead: bool = False
    """Whether the overhead was told in place of the engine's own."""
    peaks: Mapping[str, Quantity] = field(default_factory=dict)
    """What runs one after the other, by what it is."""

    @property
    def as_told(self) -> bool:
        """Whether something of it was asked for that no engine holds so: gradients, a stated overhead."""
        return self.stated_overhead or somewhere(self.gradients)

    @property
    def overhead(self) -> Quantity:
        return whole_near(self.context + self.buffers + self.graphs)

    def said(self) -> dict[str, Any]:
        """What a report says of it. For plain numbers only."""
        # states that an engine keeps smaller are no part below nothing
        smaller_states = max(min(self.paging, 0), -self.state)
        return {
            "worst_device": self.where,
            "weight_memory_bytes": self.weights,
            "weight_padding_bytes": self.loaded,
            "host_memory_bytes": self.host,
            "kv_cache_bytes": self.kv_cache + min(self.paging, 0) - smaller_states,
            "cache_padding_bytes": max(self.paging, 0),
            "host_cache_bytes": self.host_kept,
            "activation_memory_bytes": self.activations,
            "state_memory_bytes": self.state + smaller_states,
            "draft_weight_bytes": self.draft_weights,
            "draft_cache_bytes": self.draft_cache,
            "image_memory_bytes": self.images,
            "lora_adapter_memory_bytes": self.adapters,
            "gradient_memory_bytes": self.gradients,
            "extra_work_bytes": self.overhead,
        }

    @property
    def kept(self) -> Quantity:
        """What is kept of the sequences."""
        return self.kv_cache + self.state + self.draft_cache + self.paging - self.host_kept

    @property
    def total(self) -> Quantity:
        held = self.resident + self.adapters + self.gradients + self.kept
        return held + self.activations + self.images + self.overhead

    @property
    def resident(self) -> Quantity:
        """Weights on the device, as the engine holds them."""
        return self.weights + self.loaded + self.draft_weights - self.host

    @property
    def least(self) -> Quantity:
        """Weights, cache and state alone: what no engine can do without."""
        stored = self.weights + self.draft_weights + self.adapters - self.host
        return stored + larger(0, self.kv_cache + self.state + self.draft_cache - self.host_kept)

    @property
    def apart(self) -> Quantity:
        """What lies in the host's memory, weights and what is kept of the sequences."""
        return self.host + self.host_kept

    @property
    def where(self) -> str:
        """The device in words. For plain numbers only."""
        return "every device" if self.stages == 1 else f"pipeline stage {self.stage + 1} of {self.stages}"


@lru_cache(maxsize=4096)
def place_of(
    architecture: Architecture,
    formats: Formats,
    layout: Parallelism,
    holding: Holding,
    draft: Draft | None = None,
) -> Place:
    """The same place for the same model in the same formats and layout of a copy, so that what an engine holds there
    is summed once."""
    return Place(architecture=architecture, formats=formats, layout=layout, holding=holding, draft=draft)


def places(deployment: Deployment, axes: int = 0) -> tuple[Place, ...]:
    """The places of each unlike stage of a deployment; axes: of loads, which stand before those of layouts side by side
    (and machines)."""
    layout = deployment.layout
    if isinstance(layout, Layouts):
        engines = deployment.engine.beside or (deployment.engine,)
        parts = deployment.architecture, deployment.formats, layout, engines, deployment.speculation
        return (_side_by_side(*parts, axes),)
    # of the copies only those bear on a device that share its experts
    sizes = layout.tensor, layout.pipeline, layout.pooled, layout.expert, layout.context
    found = _on_machines if deployment.engine.beside else _places
    return found(deployment.model.architecture, deployment.formats, *sizes, deployment.engine, deployment.speculation)


@lru_cache(maxsize=128)
def _side_by_side(
    architecture: Architecture,
    formats: Formats,
    layouts: Layouts,
    engines: tuple[Engine, ...],
    speculation: Speculation | None,
    axes: int,
) -> Place:
    """The places of layouts side by side, by unlike stage, what loads are of and layout (and machine); of a layout with
    fewer stages the first again.

    Raises UnlikeError where places differ in more than numbers.
    """
    import numpy

    firsts = [stand_in(engine) for engine in engines]
    unlike = list(dict.fromkeys(firsts))
    found: dict[tuple[Engine, Place], int] = {}
    rows = []
    for layout in looked(layouts.members):
        sizes = layout.tensor, layout.pipeline, layout.pooled, layout.expert, layout.context
        for engine in unlike:
            there = _places(architecture, formats, *sizes, engine, speculation)
            rows.append([found.setdefault((engine, place), len(found)) for place in there])
    most = max(map(len, rows))
    where = numpy.array([row + row[:1] * (most - len(row)) for row in rows]).T
    if layouts.column:
        number = {engine: index for index, engine in enumerate(unlike)}
        where = where.reshape(most, -1, len(unlike))[..., [number[engine] for engine in firsts]]
    return _of(tuple(found), where.reshape(most, *(1,) * axes, *where.shape[1:]))


def _of(members: tuple[tuple[Engine, Place], ...], where: Any) -> Place:
    """Some of these places side by side, with what drafts for them."""
    import numpy

    first = members[0][1]
    # what a device has of a model hangs on no engine: few are unlike
    unlike: dict[Place, int] = {}
    index = numpy.array([unlike.setdefault(place, len(unlike)) for _, place in members])[where]
    found = replace(
        first,
        layout=stacked([place.layout for place in unlike], index),
        holding=_held_by([place.holding for place in unlike], index),
        members=members,
        where=where,
    )
    drafts = [None if place.draft is None else place.draft.place for _, place in members]
    drafting = next((place for place in drafts if place is not None), None)
    if first.draft is None or drafting is None:
        return found
    beside = tuple(
        (engine, _nothing_of(drafting) if one is None else one)
        for (engine, _), one in zip(members, drafts, strict=True)
    )
    return replace(found, draft=replace(first.draft, place=_of(beside, where)))


def _held_by(members: Sequence[Holding], where: Any) -> Holding:
    """What several devices hold side by side: sizes alone."""
    names = ("weights", "parameters", "depth", "state", "live_values", "encoder_alive")
    sizes: dict[str, Any] = {name: stacked([getattr(one, name) for one in members], where) for name in names}
    sizes["samples"] = stacked([int(one.samples) for one in members], where)
    each = dict.fromkeys(("caching", "text", "stack", "encoder", "towers", "copied", "mixes"), EACH)
    return replace(members[0], stage=0, **each, **sizes)


@lru_cache(maxsize=64)
def _nothing_of(place: Place) -> Place:
    """A device that has nothing of a model where others have some."""
    none: dict[str, Any] = dict.fromkeys(("caching", "text", "stack", "encoder", "towers", "copied"), ())
    sizes: dict[str, Any] = dict.fromkeys(("weights", "parameters", "depth", "live_values", "encoder_alive"), 0)
    return replace(place, holding=replace(place.holding, state=State(), mixes=False, samples=False, **none, **sizes))


@lru_cache(maxsize=1024)
def _picked(place: Place, stages: bytes, shape: tuple[int, ...]) -> Place:
    """Of places side by side one unlike stage of each load and layout (and machine)."""
    import numpy

    picked = numpy.frombuffer(stages, dtype=numpy.int64).reshape(shape)
    where = numpy.broadcast_to(place.where, (len(place.where), *shape))
    return _of(place.members, numpy.take_along_axis(where, picked[None], axis=0)[0])


def picked_stages(deployment: Deployment, need: Ledger) -> Place:
    """The places that a ledger of layouts side by side is of."""
    stages = need.stage
    (place,) = places(deployment, stages.ndim - len(cast("Layouts", deployment.layout).shape))
    return _picked(place, stages.tobytes(), stages.shape)


def place_in(architecture: Architecture, formats: Formats, layout: Parallelism, engine: Engine) -> Place:
    """The place of every device of a layout without stages that drafts nothing."""
    (place,) = _places(
        architecture, formats, layout.tensor, 1, layout.pooled, layout.expert, layout.context, engine, None
    )
    return place


@lru_cache(maxsize=4096)
def _places(
    architecture: Architecture,
    formats: Formats,
    tensor: int,
    pipeline: int,
    copies: int,
    expert: int,
    context: int,
    engine: Engine,
    speculation: Speculation | None,
) -> tuple[Place, ...]:
    of_copy = Parallelism(tensor=tensor, pipeline=pipeline, data=copies, expert=expert, context=context)
    found = []
    for holding in holdings(architecture, formats.scheme, of_copy, engine):
        draft = None
        if speculation is not None:
            draft = _draft(speculation, of_copy, engine, here=holding.stage == pipeline - 1)
        found.append(place_of(architecture, formats, of_copy, holding, draft))
    return tuple(found)


@lru_cache(maxsize=1024)
def _on_machines(
    architecture: Architecture,
    formats: Formats,
    tensor: int,
    pipeline: int,
    copies: int,
    expert: int,
    context: int,
    engine: Engine,
    speculation: Speculation | None,
) -> tuple[Place, ...]:
    """The same of one layout on machines side by side, stage by stage. Raises UnlikeError."""
    import numpy

    sizes = tensor, pipeline, copies, expert, context
    each = [_places(architecture, formats, *sizes, one, speculation) for one in engine.beside]
    if len(set(map(len, each))) > 1:
        raise UnlikeError("engines that deal stages otherwise")
    found = []
    for places_of_stage in zip(*each, strict=True):
        place = _of(tuple(zip(engine.beside, places_of_stage, strict=True)), numpy.arange(len(engine.beside)))
        holding = replace(place.holding, stage=places_of_stage[0].holding.stage)
        found.append(replace(place, holding=holding))
    return tuple(found)


@lru_cache(maxsize=1024)
def _draft(speculation: Speculation, layout: Parallelism, engine: Engine, *, here: bool) -> Draft:
    """What drafts, as a device has it: shared by the tensor-parallel ranks as the model is, and whole on the last stage
    of a pipeline (vLLM's gpu_model_runner.py makes its drafter there alone)."""
    place, architecture, formats = None, speculation.architecture, speculation.formats
    if here and architecture is not None:
        stage = replace(layout, pipeline=1)
        (holding,) = holdings(architecture, formats.scheme, stage, engine)
        place = place_of(architecture, formats, stage, holding)
    return Draft(method=speculation.method, tokens=speculation.tokens, place=place)


def _before_load(place: Place, engine: Engine, peaks: Mapping[str, Quantity]) -> Ledger:
    """What a device holds before any sequence, with so high peaks."""
    holding, held = place.holding, standing(engine, place)
    return Ledger(
        stage=holding.stage,
        stages=place.layout.pipeline,
        weights=holding.weights,
        loaded=whole_near(held.loaded),
        kv_cache=0,
        draft_weights=0 if place.draft is None else whole_near(_draft_weights(engine, place)),
        activations=whole_up(reduce(larger, peaks.values(), 0)),
        context=held.context,
        buffers=held.buffers,
        graphs=held.graphs,
        graphs_counted=held.graphs_counted,
        host=whole_near(held.host),
        peaks=peaks,
    )


@by_place()
def _draft_weights(engine: Engine, place: Place) -> float:
    """Bytes of what drafts, as the engine holds it."""
    return 0 if place.draft is None or place.draft.place is None else engine.draft_bytes(place.draft.place)


def standing_ledger(engine: Engine, place: Place) -> Ledger:
    """What a device holds before any sequence, of an engine whose peaks hang on no load."""
    return _before_load(place, engine, engine.peaks(place, 0, 0, 0))


def serving_ledger(deployment: Deployment, load: Load) -> Ledger:
    """Bytes on the device that holds most, of a model that is served step by step."""
    look()
    formats, engine = deployment.formats, deployment.engine
    tokens = held_tokens(deployment, load)
    here, encoded = held_sequences(deployment, load), encoded_positions(deployment, load)
    lengths, offsets, measured = held_lengths(deployment, load), offsets_of(deployment), measured_here(deployment)
    found, shared = None, shared_bytes(engine)
    for place in places(deployment, axes_of(deployment, load)):
        holding = place.holding
        cache = whole_up(here * _cached_bytes(engine, place, lengths))
        state = whole_up(here * engine.state_bytes(holding.state, formats.activation_bytes))
        kept = sum(engine.held_bytes(place, here * share, length, positions) for length, positions, share in lengths)
        drafted, drafting = 0, None if place.draft is None else place.draft.place
        if drafting is not None:
            # which sees the same tokens
            states = engine.state_bytes(drafting.holding.state, formats.activation_bytes)
            drafted = whole_up(here * (_cached_bytes(engine, drafting, lengths) + states))
        one = _before_load(place, engine, engine.peaks(place, here, tokens, encoded))
        one.kv_cache, one.state, one.draft_cache = cache, state, drafted
        apart = sum(
            engine.host_held_bytes(place, here * share, length, positions) for length, positions, share in lengths
        )
        one.host_kept = whole_up(apart)
        one.paging = whole_up(kept) + one.host_kept - cache - state - drafted
        one.images = _media_bytes(deployment, load, place, here)
        one.adapters = adapter_bytes(place, load.adapters, engine)
        one = calibrated(one, offsets, measured) if offsets else one
        if isinstance(deployment.layout, Layouts):
            one = _fullest(one, place, shared)
        found = one if found is None else _fuller(found, one, shared)
    assert found is not None
    return found


@lru_cache(maxsize=1024)
def shared_bytes(engine: Engine) -> Quantity | None:
    """What device and host have together where they have one memory; of machines side by side 0 where they have not."""
    if not engine.beside:
        return engine.device.shared_bytes
    each = [one.device.shared_bytes or 0 for one in engine.beside]
    return stacked(each) if any(each) else None


def _weighed(need: Ledger, shared: Quantity | None) -> Quantity:
    """What a device is fuller by: with what the host has of it, where they have one memory."""
    return need.total if shared is None else need.total + choose(shared > 0, need.apart, 0)


def _fullest(need: Ledger, place: Place, shared: Quantity | None) -> Ledger:
    """The fullest of the unlike stages along the first axis, the first where several hold as much."""
    import numpy

    total = _weighed(need, shared)
    shape = numpy.broadcast_shapes(numpy.shape(total), place.where.shape)
    stage = numpy.broadcast_to(total, shape).argmax(axis=0)
    later = [(index, stage == index) for index in range(1, shape[0])]

    def picked(value: Quantity) -> Quantity:
        # what is the same in all stages is not picked, and keeps its few numbers
        if numpy.ndim(value) < len(shape):
            return value
        found = value[0]
        for index, here in later if len(value) > 1 else ():
            found = numpy.where(here, value[index], found)
        return found

    chosen = {
        item.name: picked(getattr(need, item.name))
        for item in fields(Ledger)
        if item.name not in ("stage", "stages", "peaks")
    }
    return Ledger(stage=stage, stages=need.stages, **chosen)


def axes_of(deployment: Deployment, load: Load) -> int:
    """Axes of a load's arrays before those of layouts side by side (and machines)."""
    if not isinstance(deployment.layout, Layouts):
        return 0
    numbers = (load.sequences, load.tokens, load.output, load.depth, load.beams, load.source)
    return max(0, max(getattr(number, "ndim", 0) for number in numbers) - len(deployment.layout.shape))


def _cached_bytes(engine: Engine, place: Place, lengths: Iterable[tuple[Quantity, Quantity, float]]) -> Quantity:
    """What a device caches of a sequence, of the mean of these (tokens, positions of the source, share)."""
    total: Quantity = 0
    for length, positions, share in lengths:
        for layers in caching(engine, place):
            total = total + share * (layers.total * layers.operator.cached_entries(length, positions))
    return total


def held_tokens(deployment: Deployment, load: Load) -> Quantity:
    """Tokens of each sequence at its end; an encoder generates none."""
    return load.tokens if deployment.architecture.task == "encoder" else load.depth + load.tokens + load.output


def held_lengths(deployment: Deployment, load: Load) -> tuple[tuple[Quantity, Quantity, float], ...]:
    """(tokens, positions of the source, share of the sequences) of each length that sequences are kept at."""
    if load.mix and deployment.engine.PAGED:
        source = deployment.architecture.source_of
        return tuple(
            (tokens, source(tokens) if load.source is None else load.source, share) for tokens, share in load.mix
        )
    return ((held_tokens(deployment, load), encoded_positions(deployment, load), 1),)


def held_sequences(deployment: Deployment, load: Load) -> Quantity:
    """Sequences of the fullest copy, each continuation one."""
    return ceil_div(load.sequences * load.beams, deployment.layout.data)


def encoded_positions(deployment: Deployment, load: Load) -> Quantity:
    """Positions of the source of each sequence."""
    return deployment.architecture.source_of(held_tokens(deployment, load)) if load.source is None else load.source


def _fuller(one: Ledger, other: Ledger, shared: Quantity | None) -> Ledger:
    """The one of two that holds more, the first where they hold as much; element by element for arrays."""
    more = _weighed(other, shared) > _weighed(one, shared)
    if isinstance(more, bool):
        return other if more else one
    chosen = {
        item.name: _chosen(more, getattr(other, item.name), getattr(one, item.name))
        for item in fields(Ledger)
        if item.name not in ("stages", "peaks")
    }
    return Ledger(stages=one.stages, **chosen)


def _chosen(more: Quantity, this: Quantity, other: Quantity) -> Quantity:
    # a number that both have stays one: what is made of it has fewer passes over arrays
    return this if are_plain(this, other) and this == other else choose(more, this, other)


def _media_bytes(deployment: Deployment, load: Load, place: Place, sequences: Quantity) -> Quantity:
    """What a tower keeps alive, and the embeddings that it hands on, in the images, videos and sounds of one step.

    An engine takes as many of a kind into a step as their tokens fit its budget, and one at least; one kind runs after
    the other.
    """
    width, alive, handed = deployment.architecture.hidden_size, [], []
    for count, size, of_sound, alone in _media(load):
        there, values = _tower_values(deployment.engine, place, of_sound)
        if not somewhere(there):
            continue
        shown = larger(1, larger(size.tokens, size.attended))
        together = smaller(sequences * count, larger(1, deployment.engine.step_budget // shown))
        alive.append((1 if alone else together) * (values * size.positions))
        handed.append(there * together * (shown * width))
    peak = table("memory")["forward"]["factor"] * (reduce(larger, alive, 0) + sum(handed))
    return whole_up(peak * deployment.formats.activation_bytes)


@by_place()
def _tower_values(_: Engine, place: Place, of_sound: bool) -> tuple[int, float]:
    """(1 where a device has a tower of this kind, else 0; values a position that are alive in it)."""
    tower = [kind for kind in place.holding.towers if kind.layer.of_sound == of_sound]
    return int(bool(tower)), live_beside(tower)


def _media(load: Load) -> Iterator[tuple[Quantity, InputSize, bool, bool]]:
    """(how many of a sequence, what one is, is it heard, is it encoded alone) of all that is shown to a model."""
    if load.images is not None:
        yield load.images.count, load.images.size, False, False
    for recording, of_sound in ((load.video, False), (load.sound, True)):
        if recording is not None:
            yield 1, recording.size, of_sound, recording.alone
