"""diffusers: components of a pipeline on a device, all or one after the other. Its activations stand in memory/making.

Numbers stand in data/engines/diffusers.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .base import Spread, Standing
from .described import Described, spread_of
from .device import TORCH_RUNTIMES
from .stored import stored

if TYPE_CHECKING:
    from .base import Place
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diffusers(Described):
    """Hugging Face diffusers on PyTorch."""

    TITLE: ClassVar[str] = "diffusers"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = TORCH_RUNTIMES
    TASKS: ClassVar[tuple[str, ...]] = ("diffusion",)
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("fp8", "nf4")
    OFFLOADS: ClassVar[tuple[str, ...]] = ("model", "sequential")
    ALONE: ClassVar[bool] = True

    @property
    def step_tokens(self) -> int:
        """A pass takes its batch whole."""
        return 2**31

    def standing(self, place: Place) -> Standing:
        """With an offload, what is not running stays in the host's memory."""
        return Standing(host=self._host(place), context=self.context_bytes())

    def _host(self, place: Place) -> float:
        """Bytes of what waits while the largest component, or the largest matrix of one, is on the device."""
        sizes: dict[str, float] = {}
        largest = 0.0
        for one in stored(place.holding):
            sizes[one.component] = sizes.get(one.component, 0.0) + one.total_bytes
            largest = max(largest, one.layer_bytes)
        match self.settings["offload"]:
            case "model":
                return place.holding.weights - max(sizes.values(), default=0.0)
            case "sequential":
                return place.holding.weights - largest
        return 0.0

    def spread(self, place: Place) -> Spread:
        latents = place.architecture.latents
        moving = latents is not None and latents.frames > 1
        return spread_of(self.facts["spread"]["videos" if moving else "images"])
