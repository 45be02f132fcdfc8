"""What an engine sees of a device: how much memory, through which runtime, and how it reaches its peers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from ..facts import table

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

Runtime = Literal["cuda", "rocm", "metal", "cpu", "tpu", "gaudi", "neuron", "ascend", "xpu", "other"]

# Where engines on these libraries run.
GGML_RUNTIMES: tuple[Runtime, ...] = ("cuda", "rocm", "metal", "cpu", "ascend", "xpu")
TORCH_RUNTIMES: tuple[Runtime, ...] = (
    "cuda",
    "rocm",
    "metal",
    "cpu",
    "tpu",
    "gaudi",
    "neuron",
    "ascend",
    "xpu",
    "other",
)
_BY_MAKER: dict[str, Runtime] = {
    "NVIDIA": "cuda",
    "AMD": "rocm",
    "Apple": "metal",
    "Google": "tpu",
    "AWS": "neuron",
    "Huawei": "ascend",
    "Intel": "xpu",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device as a runtime shows it."""

    total_bytes: int | None = None
    """All of its memory that the runtime sees, whatever is in use; None where no device was named."""
    runtime: Runtime = "cuda"
    linked: bool = True
    """Whether a scale-up link joins it with its peers, and not only the host's bus."""
    generation: str = ""
    """The design as its maker calls it (Hopper); empty where not known."""
    unified: bool = False
    """Whether the host's programs use the same memory."""
    shared_bytes: int | None = None
    """Of one memory with the host what both parts of a model may have together; None where the host has its own."""
    name: str = ""
    capability: float = 0.0
    """NVIDIA's number of the design; 0 where none is known."""

    @property
    def has_context(self) -> bool:
        """Whether a process takes memory of the device for a context, as CUDA's and ROCm's do."""
        return self.runtime in ("cuda", "rocm")

    @property
    def pads(self) -> bool:
        """Whether its compiler fills heads and widths up to what its ranks divide, as Neuron's does."""
        return self.runtime == "neuron"

    @property
    def total_gib(self) -> float:
        """GiB that the runtime sees; of no named device, those of an 80 GB card, for which engines choose alike."""
        return (_UNNAMED_BYTES if self.total_bytes is None else self.total_bytes) / 2**30


# An H100 of 80 GB as CUDA shows it.
_UNNAMED_BYTES = round(79.19 * 2**30)
UNNAMED = Device()


@lru_cache(maxsize=1024)
def device_of(accelerator: Accelerator) -> Device:
    """The device that an accelerator of the catalogue, or a custom one, is to an engine."""
    runtime = _BY_MAKER.get(accelerator.manufacturer, "other")
    if accelerator.type in ("cpu", "tpu"):
        runtime = accelerator.type
    if runtime == "cuda" and accelerator.type == "asic":
        runtime = "other"
    if accelerator.name.startswith("Gaudi"):
        runtime = "gaudi"
    if runtime == "other" and accelerator.type == "gpu":
        # a custom accelerator says no maker, and most of them are cards with CUDA
        runtime = "cuda"
    # a card's own LPDDR lies behind a link to the host
    lent = (accelerator.memory_type or "").startswith("LPDDR") and accelerator.host_link is None
    unified = runtime in ("metal", "cpu") or lent
    whole, lends = max(accelerator.memory_bytes, accelerator.usable_memory_bytes), accelerator.usable_memory_bytes
    left = round((1 - table("memory")["host"]["programs"]) * whole)
    said = accelerator.compute_capability or ""
    return Device(
        total_bytes=accelerator.usable_memory_bytes,
        capability=float(said) if runtime == "cuda" and said[:1].isdecimal() else 0.0,
        runtime=runtime,
        linked=accelerator.link is not None,
        generation=accelerator.architecture,
        unified=unified,
        # what Metal lends the system has left already
        shared_bytes=(max(left, lends) if runtime == "metal" else left) if unified else None,
        name=accelerator.name,
    )
