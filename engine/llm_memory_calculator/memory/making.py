"""The ledger of a pipeline that makes images or videos: its parts run one after the other, whole on every device."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from ..engines.places import standing
from ..facts import table
from ..ranks import live_beside
from ..units import ceil_div, larger, whole_near, whole_up
from .adapters import adapter_bytes
from .ledger import Ledger, places

if TYPE_CHECKING:
    from ..deployment import Deployment, Load, Pictures
    from ..images import Latents
    from ..ranks import Holding
    from ..units import Quantity


def making_ledger(deployment: Deployment, load: Load) -> Ledger:
    """Bytes on each device, which has all of the pipeline and its share of the prompts."""
    architecture, engine = deployment.architecture, deployment.engine
    here = ceil_div(load.sequences, deployment.layout.data)
    (place,) = places(deployment)
    holding, held_always = place.holding, standing(engine, place)
    held: Quantity = 0.0
    peaks: dict[str, Quantity] = {}
    if load.images is not None and architecture.latents is not None:
        latents = replace(architecture.latents, frames=load.images.frames)
        held = _held(latents, deployment, load.images, here)
        peaks = _peaks(latents, holding, deployment, load.images, here)
    return Ledger(
        stage=0,
        stages=1,
        weights=holding.weights,
        loaded=whole_near(held_always.loaded),
        kv_cache=0,
        images=whole_up(held),
        adapters=adapter_bytes(place, load.adapters, engine),
        activations=whole_up(reduce(larger, peaks.values(), 0)),
        context=held_always.context,
        buffers=held_always.buffers,
        host=whole_near(held_always.host),
        peaks=peaks,
    )


def _peaks(
    latents: Latents, holding: Holding, deployment: Deployment, images: Pictures, prompts: Quantity
) -> dict[str, Quantity]:
    """Peak bytes of each part: attention never holds its scores, and the decoder takes each image whole.

    Of a video it takes as many frames together as it decodes at once.
    """
    facts, formats = table("memory"), deployment.formats
    made = prompts * images.count
    decoder, decoded = _decoded(latents)
    upcast = latents.upcast and formats.scheme.plain.name == "fp16"
    width = 4 if upcast else formats.activation_bytes
    text = [kind for _, kind in holding.text]
    skips = sum(count * kind.layer.kept / kind.layer.reduction for count, kind in holding.text)
    forward = facts["forward"]["factor"] * formats.activation_bytes
    # the decoder's weights are widened too while it runs
    widened = sum(
        kind.count * operator.active_parameters() for kind in holding.towers for operator in kind.layer.operators
    )
    return {
        "encoders": forward * live_beside(holding.encoder) * latents.prompt * latents.passes * prompts,
        "a step of the denoiser": forward * (live_beside(text) + skips) * images.size.tokens * latents.passes * made,
        "decoder": decoder
        * width
        * live_beside(holding.towers)
        * decoded
        * (images.size.positions / latents.frames)
        * made
        + (widened * (width - formats.activation_bytes) if upcast else 0),
    }


def _decoded(latents: Latents) -> tuple[float, int]:
    """What the law of a decoder is multiplied by, and the frames whose values are alive in it."""
    images, videos = table("memory")["diffusion"], table("memory")["video"]
    if latents.frame_scale == 1:
        return images["decoder_factor"], latents.decoded_together
    beside = videos["frames_beside"] if latents.frames > 1 else videos["frames_beside_one"]
    return videos["decoder_factor"], latents.decoded_together + beside


def _held(latents: Latents, deployment: Deployment, images: Pictures, prompts: Quantity) -> Quantity:
    """Bytes of latents with their copies for each pass and what the denoiser gives, and of pixels in float32."""
    values = latents.values(images.size.positions) * (1 + 2 * latents.passes) * deployment.formats.activation_bytes
    return prompts * images.count * (values + 3 * 4 * images.size.positions)
