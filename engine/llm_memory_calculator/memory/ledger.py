"""The ledger: what one device stores, for the device that stores most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import reduce
from typing import TYPE_CHECKING

from ..facts import table
from ..ranks import Holding, Kind, holdings
from ..units import ceil_div, choose, larger, smaller, whole_near, whole_up
from .adapters import adapter_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..deployment import Deployment, Load
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
    kv_cache: Quantity
    state: Quantity = 0
    """Convolution windows and recurrent states."""
    images: Quantity = 0
    """What towers keep alive of images, videos and sounds, and their embeddings; latents and pixels of what is made."""
    adapters: Quantity = 0
    gradients: Quantity = 0
    forward: Quantity
    """Peak of the intermediate results of a step."""
    sampler: Quantity = 0
    """Peak of the sampler, which does not run while a step does."""
    context: Quantity
    """The device's context and libraries."""
    buffers: Quantity = 0
    """Communication buffers and the like."""
    graphs: Quantity = 0
    """Captured graphs."""
    peaks: Mapping[str, Quantity] = field(default_factory=dict)
    """Peaks of parts that run one after the other, of which `forward` is the largest."""

    @property
    def activations(self) -> Quantity:
        return whole_up(larger(self.forward, self.sampler))

    @property
    def overhead(self) -> Quantity:
        return whole_near(self.context + self.buffers + self.graphs)

    @property
    def total(self) -> Quantity:
        cached = self.kv_cache + self.state
        held = self.weights + self.adapters + self.gradients + cached
        return held + self.activations + self.images + self.overhead

    @property
    def where(self) -> str:
        """The device in words. For plain numbers only."""
        return "every device" if self.stages == 1 else f"pipeline stage {self.stage + 1} of {self.stages}"


def serving_ledger(deployment: Deployment, load: Load) -> Ledger:
    """Bytes on the device that stores most, of a model that is served step by step."""
    architecture, formats, layout = deployment.architecture, deployment.formats, deployment.layout
    engine, factor = deployment.engine, table("memory")["forward"]["factor"]
    tokens, chunk = held_tokens(deployment, load), engine.step_tokens
    here, encoded = held_sequences(deployment, load), encoded_positions(deployment, load)
    peers = layout.devices_of_copy > 1
    # attention to both sides cannot be cut into chunks, so an encoder takes its sequences whole, one at least
    least = tokens if architecture.task == "encoder" else here
    step_tokens = smaller(here * tokens, larger(chunk, least))
    found = None
    for holding in holdings(architecture, formats.scheme, layout, engine):
        alive = holding.live_values * step_tokens
        if holding.encoder:
            alive = larger(alive, live_beside(holding.encoder) * smaller(here * encoded, larger(chunk, encoded)))
        cached: Quantity = 0
        for layers, operator in holding.caching:
            cached = cached + layers * operator.cached_values(tokens, encoded)
        samples = holding.samples and architecture.task != "encoder"
        one = Ledger(
            stage=holding.stage,
            stages=layout.pipeline,
            weights=holding.weights,
            kv_cache=whole_up(here * cached * formats.kv_bytes),
            state=whole_up(here * engine.state_bytes(holding.state, formats.activation_bytes)),
            images=_media_bytes(deployment, load, holding, here),
            adapters=adapter_bytes(holding, load.adapters, layout.tensor, engine),
            forward=factor * alive * formats.activation_bytes,
            sampler=engine.sampler_bytes(architecture.vocab_size, here) if samples else 0,
            context=engine.context_bytes(peers),
            buffers=engine.buffer_bytes(peers),
            graphs=engine.graph_bytes(holding.depth, mixes=holding.mixes),
        )
        found = one if found is None else _fuller(found, one)
    assert found is not None
    return found


def held_tokens(deployment: Deployment, load: Load) -> Quantity:
    """Tokens of each sequence at its end; an encoder generates none."""
    return load.tokens if deployment.architecture.task == "encoder" else load.tokens + load.output


def held_sequences(deployment: Deployment, load: Load) -> Quantity:
    """Sequences of the fullest copy, each continuation one."""
    return ceil_div(load.sequences * load.beams, deployment.layout.data)


def encoded_positions(deployment: Deployment, load: Load) -> Quantity:
    """Positions of the source of each sequence."""
    return deployment.architecture.source_of(held_tokens(deployment, load)) if load.source is None else load.source


def _fuller(one: Ledger, other: Ledger) -> Ledger:
    """The one of two that holds more, the first where they hold as much; element by element for arrays."""
    more = other.total > one.total
    if isinstance(more, bool):
        return other if more else one
    chosen = {
        item.name: choose(more, getattr(other, item.name), getattr(one, item.name))
        for item in fields(Ledger)
        if item.name not in ("stages", "peaks")
    }
    return Ledger(stages=one.stages, **chosen)


def live_beside(kinds: Iterable[Kind]) -> float:
    """Values a position that are alive in a tower or an encoder: two copies of its residual and the widest operator."""
    alive = [(2 * kind.residual_width + kind.live_values) / kind.layer.reduction for kind in kinds]
    return max(alive, default=0.0)


def _media_bytes(deployment: Deployment, load: Load, holding: Holding, sequences: Quantity) -> Quantity:
    """What a tower keeps alive, and the embeddings that it hands on, in the images, videos and sounds of one step.

    An engine takes as many of a kind into a step as their tokens fit its budget, and one at least; one kind runs after
    the other.
    """
    width, alive, handed = deployment.architecture.hidden_size, [], []
    for count, size, of_sound, alone in _media(load):
        tower = [kind for kind in holding.towers if kind.layer.of_sound == of_sound]
        if not tower:
            continue
        shown = larger(1, larger(size.tokens, size.attended))
        together = smaller(sequences * count, larger(1, deployment.engine.step_tokens // shown))
        alive.append((1 if alone else together) * (live_beside(tower) * size.positions))
        handed.append(together * (shown * width))
    peak = table("memory")["forward"]["factor"] * (reduce(larger, alive, 0) + sum(handed))
    return whole_up(peak * deployment.formats.activation_bytes)


def _media(load: Load) -> Iterator[tuple[Quantity, InputSize, bool, bool]]:
    """(how many of a sequence, what one is, is it heard, is it encoded alone) of all that is shown to a model."""
    if load.images is not None:
        yield load.images.count, load.images.size, False, False
    for recording, of_sound in ((load.video, False), (load.sound, True)):
        if recording is not None:
            yield 1, recording.size, of_sound, recording.alone
