"""The time of a pipeline that makes images or videos: encoders of the prompt once, the denoiser in every step, the
decoder once. Its operators are those that memory counts, each at the positions that its layer works on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..engines.stored import component_of
from ..operators import Step
from ..ranks import holdings
from ..report import ImagesReport, Line, PipelinePart
from ..units import ceil_div, smaller
from .machine import machine_of
from .phases import shares
from .reports import bound_of, breakdown, interval, rates, time_notes, with_room
from .spent import Spent
from .step import Clock

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..images import Latents
    from ..ranks import Holding, Kind
    from ..units import Quantity

Placed = tuple["Kind", Step]
"""Layers of a kind, and the step at the positions that they work on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What one device makes at once."""

    latents: Latents
    prompts: Quantity
    images: Quantity
    """Of all these prompts."""
    positions: Quantity
    """Of the denoiser for an image, without the prompt's."""
    pixels: Quantity
    """Of a frame."""
    passes: int
    """Of the denoiser in a step."""

    @property
    def passes_at_once(self) -> int:
        return min(self.passes, self.latents.passes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTime:
    """A part of a pipeline: one of its passes, and how many there are."""

    name: Literal["text encoders", "denoiser", "decoder"]
    spent: Spent
    passes: int


def making_of(deployment: Deployment, load: Load) -> Making:
    """What the fullest copy makes."""
    latents, images, denoising = deployment.architecture.latents, load.images, load.denoising
    assert latents is not None
    assert images is not None
    assert denoising is not None
    latents = replace(latents, frames=images.frames)
    prompts = ceil_div(load.sequences, deployment.layout.data)
    return Making(
        latents=latents,
        prompts=prompts,
        images=prompts * images.count,
        positions=images.size.tokens - (latents.prompt if latents.joint else 0),
        pixels=images.size.positions / images.frames,
        passes=denoising.passes,
    )


def encoding(making: Making, holding: Holding) -> Iterator[Placed]:
    """The encoders of prompts, each over as many positions as the pipeline gives it: no more than it has of its own."""
    own: dict[str, Quantity] = {}
    for kind in holding.encoder:
        for operator, _, _ in kind.operators:
            for weight in operator.weights():
                if weight.part == "positions" and weight.rows > 2:
                    own[component_of(kind, operator)] = weight.rows
    for kind in holding.encoder:
        longest = own.get(component_of(kind, kind.layer.operators[0]), making.latents.prompt)
        # the prompt that is left out with guidance is encoded too
        yield kind, Step(batch=making.prompts * making.passes, query=smaller(making.latents.prompt, longest))


def denoising(making: Making, holding: Holding) -> Iterator[Placed]:
    """One pass of the denoiser: of all passes of a step that run at once."""
    prompt = making.latents.prompt
    for _, kind in holding.text:
        positions = making.positions / kind.layer.reduction
        match kind.layer.over:
            case "prompt":
                positions = prompt
            case "both":
                positions = positions + prompt
        batch = making.images * making.passes_at_once
        yield kind, Step(batch=batch, query=positions, source=prompt, encoded=prompt)


def decoding(making: Making, holding: Holding) -> Iterator[Placed]:
    """The decoder of images: a frame after the other where there are several."""
    for kind in holding.towers:
        frames = (making.latents.frames - 1) // kind.layer.frame_reduction + 1
        positions = making.pixels * kind.layer.frame_reduction / kind.layer.reduction
        yield kind, Step(batch=making.images * frames, query=positions)


def pass_time(deployment: Deployment, placed: Iterable[Placed]) -> Spent:
    """Seconds of a pass through layers that each have a step of their own, with the launches of their operators."""
    machine, clock, found = machine_of(deployment), Clock(), Spent()
    host, launches = machine.engine.host, 0.0
    for kind, step in placed:
        if kind.layer.idle or not kind.operators:
            continue
        found.add(clock.merged(deployment, machine, kind, step, True), kind.count)
        found.add(clock.grouped(deployment, machine, kind, step, True), kind.count)
        launches += kind.count * (host.layer_prefill + host.operator_prefill * len(kind.operators))
    found.spend("launch", launches)
    found.launch_s = found.launch_s + launches
    found.spend("host", host.step)
    return found


def parts_of(deployment: Deployment, load: Load) -> tuple[PartTime, ...]:
    """All that one copy runs for its prompts."""
    assert load.denoising is not None
    making, holding = making_of(deployment, load), _holding(deployment)
    decoder = deployment
    if making.latents.upcast and deployment.formats.scheme.plain.name == "fp16":
        # in float32, whose convolutions run in TF32 where there are such units (torch.backends.cudnn.allow_tf32)
        decoder = replace(deployment, formats=deployment.model.formats("tf32", None))
    passes = load.denoising.steps * making.passes // making.passes_at_once
    found = [PartTime(name="denoiser", spent=pass_time(deployment, denoising(making, holding)), passes=passes)]
    if holding.encoder:
        found.insert(
            0, PartTime(name="text encoders", spent=pass_time(deployment, encoding(making, holding)), passes=1)
        )
    if holding.towers:
        spent = pass_time(decoder, decoding(making, _holding(decoder)))
        found.append(PartTime(name="decoder", spent=spent, passes=1))
    return tuple(found)


def _holding(deployment: Deployment) -> Holding:
    """What each device has: all of the pipeline."""
    (holding,) = holdings(
        deployment.architecture, deployment.formats.scheme, deployment.layout, machine_of(deployment).engine
    )
    return holding


def estimate_images(deployment: Deployment, load: Load) -> ImagesReport:
    """The images or videos of a batch of prompts."""
    deployment, verdict = with_room(deployment, load)
    images, steps = load.images, load.denoising
    assert images is not None
    assert steps is not None
    parts, whole = parts_of(deployment, load), Spent()
    for part in parts:
        whole.add(part.spent, part.passes)
    denoiser = next(part for part in parts if part.name == "denoiser")
    made = making_of(deployment, load).images
    total = interval(deployment, "prefill", whole, made)
    return ImagesReport(
        **deployment.said(),
        **deployment.layout.said(),
        hardware=machine_of(deployment).accelerator.name,
        batch_size=load.sequences,
        num_images=images.count,
        height=images.sides[0],
        width=images.sides[1],
        num_frames=images.frames,
        num_inference_steps=steps.steps,
        guidance_passes=steps.passes,
        total_ms=whole.total * 1e3,
        total_interval_ms=total,
        step_ms=denoiser.spent.total * denoiser.passes / steps.steps * 1e3,
        seconds_per_image=whole.total / made,
        images_per_s=load.sequences * images.count / whole.total,
        images_per_s_interval=rates(load.sequences * images.count, total),
        bound=bound_of(whole),
        memory_share=verdict.used_share,
        memory_spare_bytes=round(verdict.told.margin),
        memory_spare_range_bytes=verdict.straddling,
        parts=tuple(_told(deployment, part) for part in parts),
        breakdown=tuple(_line(part) for part in parts),
        notes=(*deployment.notes, *load.notes, *time_notes(deployment, load.sequences)),
    )


def _told(deployment: Deployment, part: PartTime) -> PipelinePart:
    return PipelinePart(
        name=part.name,
        passes=part.passes,
        total_ms=part.passes * part.spent.total * 1e3,
        flops=float(part.passes * part.spent.flops),
        bound=bound_of(part.spent),
        compute_share=shares(deployment, part.spent)[0],
    )


def _line(part: PartTime) -> Line:
    times = "once" if part.passes == 1 else f"{part.passes:,} passes"
    each = Spent()
    each.add(part.spent, part.passes)
    return Line(
        name=part.name,
        value=each.total * 1e3,
        unit="ms",
        why=f"{times}, {each.flops / 1e12:,.4g} TFLOP, {bound_of(part.spent)}-bound",
        parts=breakdown(each, {}),
    )
