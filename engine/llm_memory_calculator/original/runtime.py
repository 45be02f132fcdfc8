"""The original's Runtime_breakdown: the milliseconds of a phase by parts of the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..operators import ATTENTION_PARTS, FEED_FORWARD_PARTS, State, Step
from ..performance.step import operators
from ..ranks import holdings

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..operators import Operator
    from ..ranks import Kind
    from ..report import Line
    from ..units import Quantity

Place = Literal[
    "Embedding", "QKVO_layers", "LA_layers", "FFN_layers", "Mamba_time", "AR_time", "Send_Recv_time", "Other"
]
# Kinds of work that are no operator's.
_BETWEEN_OPERATORS: dict[str, Place] = {
    "collective": "AR_time",
    "pipeline": "Send_Recv_time",
    "launch": "Other",
    "host": "Other",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RuntimeBreakdown(Mapping[str, float]):
    """Milliseconds of a phase: by kind of work (matmul, attention, host ...) as a mapping, by the original's parts of a
    model as attributes.

    Embedding + MHA + FFN + Mamba_time + Collective + Other is the phase's latency, and so is the sum over the mapping.
    A part that a model has none of is 0.0. What cannot be told apart: the softmax runs within the kernel of attention
    and stands in LA_layers, so that Softmax is 0.0; ranks that share experts sum their results as tensor-parallel ranks
    do, in AR_time, so that A2A_time is 0.0; a stage's wait for the slowest one stands in Send_Recv_time.
    """

    by_kind: Mapping[str, float]
    """By kind of work."""
    Embedding: float = 0.0
    """Tables that are looked up, and the head over the vocabulary."""
    QKVO_layers: float = 0.0
    """The projections of attention."""
    LA_layers: float = 0.0
    """Attention itself: logits, softmax and the sum of the values."""
    FFN_layers: float = 0.0
    """The products of the feed-forward, with experts and their routers."""
    Mamba_time: float = 0.0
    """Whatever keeps a state, with the projections around it: Mamba, linear attention, RWKV, short convolutions."""
    AR_time: float = 0.0
    """All-reduces between tensor-parallel ranks."""
    Send_Recv_time: float = 0.0
    """Messages from stage to stage of a pipeline."""
    Other: float = 0.0
    """What is none of these: norms, activations, the host's work, products beside attention and feed-forward."""

    @property
    def Softmax(self) -> float:
        return 0.0

    @property
    def A2A_time(self) -> float:
        return 0.0

    @property
    def MHA(self) -> float:
        """Attention with its projections."""
        return self.QKVO_layers + self.LA_layers + self.Softmax

    @property
    def FFN(self) -> float:
        return self.FFN_layers

    @property
    def Collective(self) -> float:
        """All messages between devices."""
        return self.AR_time + self.A2A_time + self.Send_Recv_time

    def __getitem__(self, kind: str) -> float:
        return self.by_kind[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_kind)

    def __len__(self) -> int:
        return len(self.by_kind)


def runtime_breakdown(
    deployment: Deployment, steps: Iterable[tuple[Quantity, Step]], kinds: Iterable[Line]
) -> RuntimeBreakdown:
    """The times by kind of work of a phase, each dealt to the parts of the model as its operators share it."""
    spent = _spent(deployment, steps)
    times: dict[Place, float] = defaultdict(float)
    by_kind = {line.name: line.value for line in kinds}
    for kind, value in by_kind.items():
        if kind in _BETWEEN_OPERATORS:
            times[_BETWEEN_OPERATORS[kind]] += value
            continue
        # the steps of a pipeline overlap, each operator's as much as all of them
        scale = value / sum(spent[kind].values())
        for place, seconds in spent[kind].items():
            times[place] += seconds * scale
    return RuntimeBreakdown(by_kind=by_kind, **times)


def _spent(deployment: Deployment, steps: Iterable[tuple[Quantity, Step]]) -> dict[str, dict[Place, float]]:
    """Seconds of the operators of all stages, by kind of work and by part of the model."""
    found: dict[str, dict[Place, float]] = defaultdict(lambda: defaultdict(float))
    layout, engine = deployment.layout, deployment.engine
    stages = holdings(deployment.architecture, deployment.formats.scheme, layout, engine)
    for times, step in steps:
        for holding in stages:
            for one in operators(deployment, holding, step):
                seconds = times * holding.alike * one.layers * one.time.seconds
                found[one.operator.kind][_place_of(one.operator, one.kind)] += seconds
    return found


def _place_of(operator: Operator, layer: Kind) -> Place:
    """The part of the model that an operator of a kind of layer belongs to."""
    weights = operator.weights()
    parts = {weight.part for weight in weights if weight.part is not None}
    if operator.state() != State():
        return "Mamba_time"
    if operator.kind in ("attention", "latent_attention"):
        return "LA_layers"
    if operator.gives_logits or any(weight.role == "table" for weight in weights):
        return "Embedding"
    if parts & FEED_FORWARD_PARTS or any(weight.role in ("expert", "router") for weight in weights):
        return "FFN_layers"
    if operator.kind == "matmul" and layer.state != State() and parts <= {"mixer"}:
        return "Mamba_time"
    return "QKVO_layers" if parts & ATTENTION_PARTS else "Other"
