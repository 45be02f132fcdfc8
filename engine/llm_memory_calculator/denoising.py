"""What is asked of a pipeline that makes images or videos: its steps, its guidance, and the size of what it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .arguments import CalculateMemory, EstimatePerformance, Made, declarations
from .deployment import Denoising
from .errors import ArgumentError
from .facts import table
from .question import assumed, held_load, sides_of
from .report import Note

if TYPE_CHECKING:
    from .deployment import Deployment, Load
    from .models import Model

_OF_MAKING = tuple(vars(Made)["__annotations__"])
# what a question of time may say of tokens and of requests that come and go
_OF_TOKENS = (
    *("input_tokens", "output_tokens", "beam_size", "concurrency", "request_rate", "cached_share", "depth"),
    *("requests", "ttft_target_ms", "tpot_target_ms", "speculative"),
)


@dataclass(frozen=True, slots=True)
class _Usual:
    """What a pipeline does where nobody says otherwise, and who says so."""

    steps: int
    guidance: bool
    of: str


def require_no_making(asked: Made, model: Model) -> None:
    """Raise ArgumentError where what pipelines alone have is asked of another model."""
    shown, rule = asked.num_images, model.architecture.images
    if shown and rule is not None:
        height, width = sides_of(asked.image_resolution)
        tokens = shown * rule.size(height, width).tokens
        raise ArgumentError(
            f"num_images is {shown:,}, and the time in which {model.name} looks at images is not described; those of "
            f"{height:,} x {width:,} pixels are {tokens:,} tokens: count them in input_tokens for the rest of the time."
        )
    for name in _OF_MAKING:
        if getattr(asked, name) is not None:
            raise ArgumentError(
                f"{name} is of pipelines that make images, and {model.name} ({model.architecture.model_type}) makes "
                "none; leave it out."
            )


def making_load(asked: EstimatePerformance, deployment: Deployment) -> Load:
    """The prompts with the images of each, as memory counts them, and the steps in which they are made.

    Raises ArgumentError for what has no meaning here, and for a pipeline whose steps are not described.
    """
    model = deployment.model
    question: Any = type(asked)
    for name, default, _ in declarations(question):
        if name in _OF_TOKENS and getattr(asked, name) != default:
            raise ArgumentError(
                f"{name} has no meaning for {model.name} ({model.architecture.model_type}), which makes batch_size x "
                "num_images images at a time; leave it out."
            )
    usual, latents = _usual(model), model.architecture.latents
    if deployment.engine.settings.get("offload", "none") != "none":
        raise ArgumentError(
            "The time to move components between host and device is not described: leave offload out, or ask "
            "calculate_memory for its memory."
        )
    notes = list[Note]()
    held = CalculateMemory(
        model_id_or_config=model,
        num_images=asked.num_images or 0,
        num_frames=asked.num_frames,
        image_resolution=asked.image_resolution,
    )
    load = held_load(held, deployment, asked.batch_size)
    steps = asked.num_inference_steps
    if steps is None:
        steps = usual.steps
        notes.append(assumed("num_inference_steps", f"{steps:,} steps were taken, the default of {usual.of}."))
    guided = asked.guidance
    if guided is None:
        guided = usual.guidance and not (latents is not None and latents.learned_guidance)
        passes = "two passes of the denoiser, with the prompt and without it" if guided else "one pass of the denoiser"
        notes.append(assumed("guidance", f"In each step {passes}: the default of {usual.of}."))
    # memory's note of the batch speaks of passes as they are by default
    kept = [note for note in load.notes if note.subject != "batch_size"]
    if latents is not None and load.images is not None:
        text = f"A prompt is {latents.prompt:,} tokens, an image or video {load.images.size.tokens:,} positions"
        notes.append(assumed("batch_size", f"{text} with those of the prompt." if latents.joint else f"{text}."))
    return replace(load, denoising=Denoising(steps=steps, passes=1 + guided), notes=(*notes, *kept))


def _usual(model: Model) -> _Usual:
    facts, kind = table("diffusion"), model.architecture.model_type
    own = facts["models"].get(model.name)
    if own is not None:
        return _Usual(own["steps"], own["guidance"], f"{model.name}'s card")
    known = facts["pipelines"].get(kind)
    if known is None:
        raise ArgumentError(
            f"The time of {model.name} ({kind}) is not described: it is of {', '.join(facts['pipelines'])}; "
            "calculate_memory and max_batch_size describe its memory."
        )
    return _Usual(known["steps"], known["guidance"], kind)
