"""What an accelerator is: capacity, bandwidth, dense peaks and links, each in base units and each with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias, TypeVar, get_args

__all__ = [
    "HARDWARE_TYPES",
    "NUMBER_FORMATS",
    "PRICE_TIERS",
    "Accelerator",
    "HardwareType",
    "Link",
    "Price",
    "PriceTier",
    "Source",
]

HardwareType: TypeAlias = Literal["gpu", "tpu", "asic", "cpu"]
HARDWARE_TYPES: Final[tuple[HardwareType, ...]] = get_args(HardwareType)

PriceTier: TypeAlias = Literal["on_demand", "spot"]
PRICE_TIERS: Final[tuple[PriceTier, ...]] = get_args(PriceTier)

NUMBER_FORMATS: Final = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4", "int4")
"""The number formats for which a peak may be given, in the order in which they are shown."""

_GIGA: Final = 10**9

_Value = TypeVar("_Value")


class _Fixed(dict[str, _Value]):
    """A dict that cannot be changed; copied, pickled and written as JSON like any other."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("an accelerator's mappings cannot be changed; make another with dataclasses.replace")

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[str, _Value]]]:
        return type(self), (dict(self),)


_NONE: Final[_Fixed[int]] = _Fixed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way by which one device sends bytes to others, to the host or to other nodes."""

    name: str
    """What the link is called, as in its maker's documents (``NVLink 4``)."""
    bandwidth: float
    """Bytes per second, in one direction, of one device, over all its ports together."""
    latency_s: float | None = None
    """Seconds before the first byte arrives; None where nobody has published it."""
    max_devices: int | None = None
    """How many devices the link joins (2: a bridge between two cards; 72: a rack); None: every device of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One public list price."""

    provider: str
    """Who rents it (``AWS``)."""
    tier: PriceTier
    """on_demand, or spot (can be taken away)."""
    usd_per_hour: float
    """US dollars an hour for all ``devices`` together."""
    devices: int
    """Devices of this kind that the price is for."""
    instance: str | None = None
    """The provider's instance type, a key of ``Accelerator.instances``; None where the offer has none."""
    region: str | None = None
    """Where the price holds; None when it holds everywhere or was not said."""
    date: str
    """When it was read: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
    url: str
    """Where it stands."""
    without_host: bool = False
    """Whether the machine that the devices stand in is billed apart from this."""

    @property
    def usd_per_device_hour(self) -> float:
        """US dollars an hour for one device."""
        return self.usd_per_hour / self.devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where facts come from, and which."""

    title: str
    """The document's title, and what was read there or assumed."""
    url: str
    """Its address."""
    date: str
    """When it was published or read: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
    facts: tuple[str, ...]
    """The fields it supports: ``memory_bytes``, ``peak_flops``, ``peak_flops.int8``, ``link`` and so on."""


class _Later:
    """Fields that are read when they are asked for: prices and sources, half of a file, which few answers need."""

    __slots__ = ("_read",)

    _read: Callable[[str], tuple[Any, ...]]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # asked for a slot that is empty
            if name not in ("prices", "sources"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            found = self._read(name)
            object.__setattr__(self, name, found)
            return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator(_Later):
    """One device of a kind: what a runtime addresses. A card or module of several devices is a name in ``boards``.

    Equal when every field is equal; hashed by name. Its mappings cannot be changed.
    """

    name: str
    """The canonical name, unique in the catalogue (``H100_SXM``)."""
    aliases: tuple[str, ...] = ()
    """Other names that mean this device; one listed by several devices is ambiguous."""
    manufacturer: str
    """Who makes it (``NVIDIA``)."""
    type: HardwareType
    """gpu, tpu, asic or cpu."""
    architecture: str
    """The generation of the design, as its maker calls it (``Hopper``)."""
    released: str | None = None
    """When it could first be had: ``YYYY`` or ``YYYY-MM``; None when not known."""
    compute_capability: str | None = None
    """What compilers call the design: CUDA's compute capability (``9.0``), AMD's LLVM target (``gfx942``)."""
    memory_type: str | None
    """The kind of memory (``HBM3``); None when not known."""
    memory_bus_bits: int | None = None
    """Width of the memory bus in bits; None when not published."""
    memory_bytes: int
    """Bytes of the marketed capacity, counted as the datasheet counts it (GB = 10**9 unless it says GiB)."""
    usable_memory_bytes: int
    """Bytes that the runtime sees before anything is allocated. It can be more than ``memory_bytes``: a card
    sold as 80 GB holds 80 GiB, less what the driver keeps."""
    memory_is_maximum: bool = False
    """Whether the memory is fitted to order, and ``memory_bytes`` the most that it can be at this bandwidth. A name
    with the size ("M4 Max 64GB") is the device with that memory."""
    memory_bandwidth: float
    """Peak bytes per second between the device and its memory."""
    cache_bytes: int | None = None
    """Bytes of the L2 of a GPU, the last-level cache of a CPU, the on-chip SRAM of an ASIC; None when not known."""
    peak_flops: Mapping[str, float]
    """Dense FLOP/s (for int8 and int4, OP/s) by number format, with fp32 accumulation, never with sparsity; one
    multiply-add is two. A format is absent where the device has no unit for it or no rate was published; all are, where
    no dense rate was."""
    link: Link | None
    """The scale-up link between the devices of one node; None: they have only ``host_link``."""
    host_link: Link | None
    """The link to the host (PCIe); None when not known."""
    network: Link | None = None
    """The way to other nodes, a device's share of it, in its maker's reference server; None when not known."""
    devices_per_node: int
    """Devices of the unit usually deployed: a server, a tray, the chips of one TPU host."""
    runtime_devices: int = 1
    """Devices that the runtime shows of one: the cores of a chip that its maker counts, links and rents as one."""
    tdp_w: float | None
    """Watts of the thermal design power; None when not published."""
    pci_ids: tuple[str, ...] = ()
    """``vendor:device`` in lower-case hexadecimal (``10de:2330``), where public."""
    boards: Mapping[str, int] = field(default_factory=dict)
    """Names of cards, modules, servers and racks that hold several devices of this kind, each with how many."""
    instances: Mapping[str, int] = field(default_factory=dict)
    """Cloud instance types that hold devices of this kind, each with how many."""
    prices: tuple[Price, ...] = ()
    """Public list prices, each with its date."""
    sources: tuple[Source, ...] = ()
    """Where every number comes from."""

    def __post_init__(self) -> None:
        """Freeze the mappings, the peaks in the order of ``NUMBER_FORMATS``."""
        peaks = self.peak_flops
        if not isinstance(peaks, _Fixed):
            ordered = [(name, peaks[name]) for name in NUMBER_FORMATS if name in peaks]
            peaks = _Fixed(ordered if len(ordered) == len(peaks) else {**dict(ordered), **peaks})
            object.__setattr__(self, "peak_flops", peaks)
        object.__setattr__(self, "boards", _Fixed(self.boards) if self.boards else _NONE)
        object.__setattr__(self, "instances", _Fixed(self.instances) if self.instances else _NONE)

    def __hash__(self) -> int:
        """Hash by name: names are unique in the catalogue, and the peaks are a mapping."""
        return hash(self.name)

    def reading_later(self, read: Callable[[str], tuple[Any, ...]]) -> Accelerator:
        """This accelerator, its prices and sources read by ``read`` when they are first asked for."""
        object.__setattr__(self, "_read", read)
        object.__delattr__(self, "prices")
        object.__delattr__(self, "sources")
        return self

    def with_memory(self, memory_bytes: int) -> Accelerator:
        """The same with so many bytes of memory, of which the runtime sees the same share; named with the size."""
        usable = round(self.usable_memory_bytes * memory_bytes / self.memory_bytes)
        return replace(
            self,
            name=f"{self.name}_{memory_bytes / _GIGA:.12g}GB",
            aliases=(),
            memory_bytes=memory_bytes,
            usable_memory_bytes=usable,
            memory_is_maximum=False,
            boards={},
            instances={},
            prices=(),
            pci_ids=(),
        )

    @property
    def memory_gb(self) -> float:
        """The marketed capacity in GB of 10**9 bytes."""
        return self.memory_bytes / _GIGA

    @property
    def link_domain(self) -> int:
        """The most devices that reach one another without the network: the node's, or more where the link joins more.

        It bounds tensor parallelism. A GB200 stands four to a tray, and NVLink joins the 72 of a rack.
        """
        joined = self.link.max_devices if self.link is not None else None
        return max(self.devices_per_node, joined or 1)

    def link_between(self, devices: int) -> Link | None:
        """The fastest link by which ``devices`` devices of one ``link_domain`` reach one another; None: none known."""
        if self.link is not None and (self.link.max_devices is None or devices <= self.link.max_devices):
            return self.link
        return self.host_link

    def to_config(self) -> dict[str, Any]:
        """A new dict in the keys of the original API: TFLOPS, GB and GB/s, each of one device."""
        from .original_keys import config_of

        return config_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, object], name: str = "custom") -> Accelerator:
        """An accelerator from a dict in the keys of the original API: see ``accelerator_from_config``."""
        from .original_keys import accelerator_from_config

        return accelerator_from_config(config, name)
