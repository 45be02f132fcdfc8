"""A question in two objects: what serves, and what it is asked to serve. Data; nothing here counts anything.

Any number of a `Load`, and the copies of a layout, may be a NumPy array of a sweep: memory and time take arrays as they
take numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .engines import device_of
from .errors import ArgumentError

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from .architecture import Architecture
    from .engines import Engine
    from .formats.scheme import Formats
    from .images import ImageSize, InputSize
    from .lengths import Lengths
    from .memory.adapters import Adapters
    from .memory.calibration import Calibration
    from .models import Model
    from .parallel import Parallelism
    from .performance.calibration import TimeCalibration
    from .report import Note
    from .units import Quantity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speculation:
    """What drafts tokens that the model then verifies. Compared by identity."""

    method: str
    tokens: int
    """Drafted at once."""
    acceptance: float
    """Chance that a drafted token is taken where all before it were, 0 to 1."""
    name: str = ""
    """The draft's, where it is a model or a head of its own."""
    architecture: Architecture | None = None
    """What is loaded beside the model, without what it shares with it; None: nothing."""
    formats: Formats
    over_stages: bool = True
    """Whether the engine drafts for a model whose layers are dealt to stages of a pipeline."""
    notes: tuple[Note, ...] = ()
    """What was assumed of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillWorkers:
    """Copies that take in prompts alone, on devices of their own of the same kind."""

    count: int
    layout: Parallelism
    """Of each."""
    bandwidth: float | None = None
    """Bytes/s of a device at which caches cross, where that was told."""

    @property
    def devices(self) -> int:
        return self.count * self.layout.devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model in its formats on devices in a layout, served by an engine."""

    model: Model
    formats: Formats
    engine: Engine
    layout: Parallelism
    accelerator: Accelerator | None = None
    """The devices' kind; None where only memory was given, or nothing."""
    memory_bytes: int | None = None
    """Memory of one device as it is sold, where that is all that is known of it."""
    devices: int | None = None
    """Devices at hand, of which a layout may leave some idle; None: those of the layout."""
    calibration: Calibration | None = None
    """What a start-up log measured of such an engine on such a device."""
    measured: TimeCalibration | None = None
    """What measured runs say of the times of such an engine on such devices."""
    speculation: Speculation | None = None
    """What drafts tokens for the model."""
    prefill: PrefillWorkers | None = None
    """Who takes in prompts where the layout only decodes; None: it does both."""
    notes: tuple[Note, ...] = ()
    """What was assumed of all this, and where it is from."""

    @property
    def architecture(self) -> Architecture:
        return self.model.architecture

    @property
    def over_stages(self) -> bool:
        """Whether it can be laid out over stages of a pipeline."""
        return self.speculation is None or self.speculation.over_stages

    @property
    def apart(self) -> tuple[Note, ...]:
        """What is said of parts of the checkpoint that are not counted; layers for multi-token prediction are where
        they draft."""
        drafts = self.speculation is not None and self.speculation.method == "mtp"
        return () if drafts else self.architecture.apart

    @property
    def prefill_worker(self) -> Deployment:
        """One of those that take in prompts, where some do."""
        assert self.prefill is not None
        return replace(self, layout=self.prefill.layout, prefill=None)

    @property
    def devices_in_all(self) -> int:
        """Those that take in prompts included."""
        return self.layout.devices + (0 if self.prefill is None else self.prefill.devices)

    @property
    def usable_bytes(self) -> int | None:
        """What the runtime sees of one device; None where no device was named."""
        return self.engine.total_bytes

    @property
    def device(self) -> str:
        """One of the devices in words."""
        if self.accelerator is not None:
            return self.accelerator.name
        return "a device" if self.memory_bytes is None else f"a device of {self.memory_bytes / 1e9:g} GB"

    def said(self) -> dict[str, Any]:
        """What every report says of it."""
        kept = self.engine.kept_in(self.formats) if self.architecture.caching() else "none"
        said = {"model": self.model.name, "precision": self.formats.scheme.label, "kv_precision": kept}
        return said | {"engine": self.engine.said}

    def on(self, accelerator: Accelerator, devices: int | None = None) -> Deployment:
        """The same on other devices, for which the engine may take other defaults."""
        return self._moved(_engine_on(self.engine, accelerator), accelerator, self.layout, devices)

    def laid_out(self, layout: Parallelism) -> Deployment:
        """The same in another layout."""
        return self.moved(self.engine, self.accelerator, layout)

    def moved(self, engine: Engine, accelerator: Accelerator | None, layout: Parallelism) -> Deployment:
        """The same elsewhere."""
        return self._moved(engine, accelerator, layout, self.devices)

    def _moved(
        self, engine: Engine, accelerator: Accelerator | None, layout: Parallelism, devices: int | None
    ) -> Deployment:
        # a search makes thousands: `dataclasses.replace` takes four times as long
        return Deployment(
            model=self.model,
            formats=self.formats,
            engine=engine,
            layout=layout,
            accelerator=accelerator,
            memory_bytes=self.memory_bytes,
            devices=devices,
            calibration=self.calibration,
            measured=self.measured,
            speculation=self.speculation,
            prefill=self.prefill,
            notes=self.notes,
        )

    def __str__(self) -> str:
        return (
            f"{self.model.name} ({self.formats.scheme.label}, {self.engine.kept_in(self.formats)} cache) on "
            f"{self.layout.devices} x {self.device} as {self.layout}, {self.engine}"
        )


@lru_cache(maxsize=8192)
def _engine_on(engine: Engine, accelerator: Accelerator) -> Engine:
    """The engine on such a device; a comparison asks it of the whole catalogue."""
    return engine.on(device_of(accelerator))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The images of each sequence: how many, and what one is to the tower and to the language model."""

    count: Quantity
    size: ImageSize
    sides: tuple[int, int]
    """Height and width in pixels."""
    frames: int = 1
    """Frames of each, where videos are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoising:
    """How a pipeline makes them."""

    steps: int
    passes: int
    """Of the denoiser in each step: two with classifier-free guidance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The video or the sound of each sequence."""

    seconds: float
    size: InputSize
    frames: int = 0
    """Of a video, as many as are taken."""
    alone: bool = False
    """The tower takes one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests that come and go, over all copies."""

    users: int | None = None
    """Who each ask, wait for the answer and ask again; all begin at once."""
    rate: float | None = None
    """Requests a second that come, where there are no users."""
    even: bool = False
    """Whether they come one after the other, and not as by chance."""
    requests: int
    inputs: Lengths
    """Of prompts, tokens."""
    outputs: Lengths
    cached_share: float = 0.0
    """Of each prompt that a prefix cache has."""
    depth: int = 0
    """Tokens of context in the cache before each prompt."""
    ttft_target: float | None = None
    """Seconds to the first token that a good request keeps."""
    tpot_target: float | None = None
    """Seconds a token after the first that it keeps."""

    def at(self, rate: float) -> Traffic:
        """The same lengths at a rate."""
        return replace(self, users=None, rate=rate, requests=min(requests_of(rate), MOST_OF_A_RATE))

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence at its end."""
        return self.depth + self.inputs.longest + self.outputs.longest


MOST_OF_A_RATE = 20_000
"""Requests of a rate that are simulated at most, which takes about a second."""


def requests_of(rate: float) -> int:
    """Requests of a rate where nobody said how many: those of a minute."""
    return max(100, round(60 * rate))


def cached_of(tokens: int, share: float) -> int:
    """Tokens that a prefix cache has of a prompt: of one that it has whole the last is computed all the same."""
    return min(tokens - 1, round(tokens * share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is served at once."""

    sequences: Quantity = 1
    """Over all copies of the model."""
    tokens: Quantity
    """Of each sequence: its prompt, or all of it where no output is told apart."""
    output: Quantity = 0
    """Tokens generated for each sequence after these."""
    depth: Quantity = 0
    """Tokens of context that are in the cache before the prompt."""
    cached: Quantity = 0
    """Tokens of the prompt that a prefix cache has."""
    beams: Quantity = 1
    """Continuations of each sequence in decode."""
    mix: tuple[tuple[int, float], ...] = ()
    """Lengths of the sequences, each with its share of them; `tokens` is the longest. Empty: all have `tokens`."""
    source: Quantity | None = None
    """Encoded positions that each sequence attends; None: as many as it has tokens, or as the encoder always gives."""
    images: Pictures | None = None
    denoising: Denoising | None = None
    video: Recording | None = None
    sound: Recording | None = None
    adapters: Adapters | None = None
    traffic: Traffic | None = None
    """How requests come and go, where they do; the rest is then what the cache is to have room for."""
    notes: tuple[Note, ...] = ()
    """What was assumed of it."""

    def __post_init__(self) -> None:
        """Raise ArgumentError for arrays of another kind than float64: whole numbers would overflow without a word."""
        for name in ("sequences", "tokens", "output", "beams", "source"):
            kind = getattr(getattr(self, name), "dtype", None)
            if kind is not None and kind != "float64":
                raise ArgumentError(f"Load.{name} must be a plain number or an array of float64, and is of {kind}.")
