"""An accelerator under an engine: the law of each kind of work on it, and what its constants rest on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from llm_memory_hardware.accelerator import Accelerator

from ..engines import Engine
from ..errors import LayoutError
from ..facts import table
from ..formats.numerics import Format
from ..operators import WorkKind

if TYPE_CHECKING:
    from ..deployment import Deployment

Evidence = Literal["measured", "sister", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The time of one kind of work in one format:

    t0 + max(flops x (1 + ramp / rows) / rate, bytes / bandwidth), the ramp in steps that carry prefill only.
    """

    rate: float
    """Attainable FLOP/s."""
    bandwidth: float
    """Attainable bytes/s."""
    t0: float = 0.0
    """Seconds of a launch."""
    prefill_t0: float = 0.0
    """Seconds more in a step that carries prefill."""
    ramp: float = 0.0
    """Rows at which attention reaches half of its rate."""
    padding_rows: float = 0.0
    """Rows added to each expert that is touched."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine:
    """One accelerator as the laws see it, with the engine that drives it."""

    accelerator: Accelerator
    engine: Engine
    evidence: Evidence
    """measured: kernels of this accelerator were fitted; sister: of one with the same chip; none: default constants."""
    constants: dict[str, float]

    @property
    def memory_bandwidth(self) -> float:
        return self.accelerator.memory_bandwidth

    def peak(self, form: Format) -> float:
        """FLOP/s of the first format that the accelerator has among those that the product can run in."""
        return self.accelerator.peak_flops[self.runs_in(form)]

    def runs_in(self, form: Format) -> str:
        """The format that a product with these weights runs in on this accelerator."""
        for name in form.computes_in:
            if name in self.accelerator.peak_flops:
                return name
        known = self.accelerator.peak_flops
        if not known:
            raise LayoutError(
                f"No dense peak rate of {self.accelerator.name} is known, so that its speed cannot be estimated: ask "
                "for its memory alone, or give a dict with Flops, Memory_size and Memory_BW."
            )
        raise LayoutError(
            f"{self.accelerator.name} has no peak rate for {form.name} (it would run in "
            f"{', '.join(form.computes_in)}); its catalogue entry has {', '.join(known)}. "
            + (
                "Give another precision, such as 'bf16'."
                if any(name in known for name in ("bf16", "fp16", "fp32"))
                else "What is not quantized runs in 16 bits, so that its speed cannot be estimated: ask for its memory "
                "alone, or give a dict with Flops, Memory_size and Memory_BW."
            )
        )


@lru_cache(maxsize=1024)
def machine_for(accelerator: Accelerator, engine: Engine) -> Machine:
    """The accelerator with its own constants, a sister's, or the default ones."""
    facts = table("timing")
    known, sister = facts["accelerator"], facts["same_constants"].get(accelerator.name)
    evidence: Evidence = "none"
    constants = known["default"]
    if accelerator.name in known and accelerator.sources:
        constants, evidence = known[accelerator.name], "measured"
    elif sister and accelerator.sources:
        constants, evidence = known[sister], "sister"
    return Machine(accelerator=accelerator, engine=engine, evidence=evidence, constants=constants)


def machine_of(deployment: Deployment) -> Machine:
    """A deployment's accelerator under its engine."""
    assert deployment.accelerator is not None
    return machine_for(deployment.accelerator, deployment.engine)


@lru_cache(maxsize=8192)
def law_of(machine: Machine, kind: WorkKind, form: Format, activations: Format) -> Law:
    """The law of an operator whose weights are stored in `form` and whose activations are in `activations`."""
    facts, own, memory = table("timing"), machine.constants, machine.memory_bandwidth
    if kind == "matmul":
        changes = facts["matmul"]["format"][_row(machine, form)]
        return Law(
            rate=machine.peak(form) * changes.get("ec", own["ec"]),
            bandwidth=memory * own["em"] * changes.get("em_factor", 1.0),
            t0=changes.get("t0", own["t0"]),
        )
    if kind == "experts":
        experts = facts["experts"]
        return Law(
            rate=machine.peak(form) * experts["share"][_row(machine, form)],
            bandwidth=memory * experts["em"],
            t0=experts["launch"],
            padding_rows=experts["padding_rows"],
        )
    if kind == "elementwise":
        passes = machine.engine.kernels.elementwise_passes
        return Law(rate=math.inf, bandwidth=memory * facts["elementwise"]["em"] / passes)
    if kind == "scan":
        scan = facts["scan"]
        return Law(
            rate=_vector_peak(machine, activations) * scan["share"], bandwidth=memory * scan["em"], t0=scan["launch"]
        )
    attention = _attention(machine, kind, activations)
    # a recurrence in chunks is made of matrix products whose rows are the chunk's, however long the query is
    return replace(attention, ramp=0.0) if kind == "recurrence" else attention


def _attention(machine: Machine, kind: WorkKind, activations: Format) -> Law:
    own, kernels = machine.constants, machine.engine.kernels
    latent = kind == "latent_attention"
    return Law(
        rate=machine.peak(activations) * own["prefill_ec"],
        bandwidth=machine.memory_bandwidth * own["kv_em"] * kernels.attention_em,
        t0=own["kv_t0"] + (kernels.latent_launch if latent else 0.0),
        prefill_t0=own["prefill_t0"] - own["kv_t0"] + (kernels.latent_prefill if latent else 0.0),
        ramp=own["prefill_s0"],
    )


def _vector_peak(machine: Machine, activations: Format) -> float:
    """FLOP/s outside the matrix units: the fp32 peak, or a share of the slowest one that is known."""
    peaks = machine.accelerator.peak_flops
    if not peaks:
        return machine.peak(activations)  # which says that none is known
    return peaks.get("fp32") or min(peaks.values()) * table("timing")["scan"]["without_fp32"]


def _row(machine: Machine, form: Format) -> str:
    """The row of the tables by format: few-bit weights that the accelerator cannot multiply follow weights_only."""
    if form.bits < 16 and machine.runs_in(form) in ("bf16", "fp16", "fp32"):
        return "weights_only"
    return form.name if form.name in table("timing")["matmul"]["format"] else "weights_only"
