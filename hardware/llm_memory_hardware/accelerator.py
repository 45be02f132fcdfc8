"""What an accelerator is: capacity, bandwidth, dense peaks and links, each in base units and each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn, TypeVar

from .facts import NUMBER_FORMATS, HardwareType, Link, Price, Source
from .original_keys import config_of, facts_of
from .usable import USABLE_RULES

__all__ = ["Accelerator", "accelerator_from_config"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
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
    memory_sizes: tuple[int, ...] = ()
    """The sizes in bytes that it is sold with, where they are few; empty: any up to ``memory_bytes``."""
    announced_memory_bytes: int | None = None
    """Bytes that its maker announced and people still say, where the product offers less; None: as ``memory_bytes``."""
    usable_rule: str | None = None
    """By what rule of ``USABLE_RULES`` the runtime sees more or less where another size is fitted; None: the same
    share."""
    memory_bandwidth: float
    """Peak bytes per second between the device and its memory."""
    gpu_cores: tuple[int, ...] = ()
    """The numbers of GPU cores that the chip is sold with at this bandwidth, the whole chip last; ``peak_flops`` is the
    whole chip's, and fewer cores have their share of it. Empty where names do not tell chips apart by them."""
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
    instance_memory: Mapping[str, int] = field(default_factory=dict)
    """Bytes of memory of each of ``instances``, of all its devices together, where memory is fitted to order."""
    prices: tuple[Price, ...] = ()
    """Public list prices, each with its date."""
    sources: tuple[Source, ...] = ()
    """Where every number comes from."""
    disputed: Mapping[str, str] = field(default_factory=dict)
    """Fields on which sources differ by more than they round, each with what was taken and what others say."""
    reading: str | None = field(default=None, compare=False)
    """What of the name by which it was asked for was not taken to the letter, in a sentence; None: all of it was."""

    def __post_init__(self) -> None:
        """Freeze the mappings, the peaks in the order of ``NUMBER_FORMATS``."""
        shown = {name: self.peak_flops[name] for name in NUMBER_FORMATS if name in self.peak_flops}
        object.__setattr__(self, "peak_flops", _Fixed({**shown, **self.peak_flops}))
        object.__setattr__(self, "boards", _Fixed(self.boards))
        object.__setattr__(self, "instances", _Fixed(self.instances))
        object.__setattr__(self, "instance_memory", _Fixed(self.instance_memory))
        object.__setattr__(self, "disputed", _Fixed(self.disputed))

    def __hash__(self) -> int:
        """Hash by name: names are unique in the catalogue, and the peaks are a mapping."""
        return hash(self.name)

    def with_memory(self, memory_bytes: int) -> Accelerator:
        """The same with so many bytes of memory, of which the runtime sees what the rule says; named with the size."""
        if self.usable_rule is None:
            usable = round(self.usable_memory_bytes * memory_bytes / self.memory_bytes)
        else:
            usable = USABLE_RULES[self.usable_rule](memory_bytes)
        return replace(
            self,
            name=f"{self.name}_{memory_bytes / _GIGA:.15g}GB",
            aliases=(),
            memory_bytes=memory_bytes,
            usable_memory_bytes=usable,
            memory_is_maximum=False,
            memory_sizes=(),
            boards={},
            instances={},
            instance_memory={},
            prices=(),
            pci_ids=(),
        )

    def with_gpu_cores(self, cores: int) -> Accelerator:
        """The same chip with so many of its GPU cores at work, which have their share of the rates; named with them."""
        whole = self.gpu_cores[-1]
        return replace(
            self,
            name=f"{self.name}_{cores}_core",
            aliases=(),
            peak_flops={name: rate * cores / whole for name, rate in self.peak_flops.items()},
            gpu_cores=(cores,),
        )

    def in_instance(self, instance: str) -> Accelerator:
        """The same with its share of the memory of an instance type of ``instance_memory``, and that type's prices."""
        devices = self.instances[instance]
        return replace(
            self.with_memory(self.instance_memory[instance] // devices),
            instances={instance: devices},
            prices=tuple(price for price in self.prices if price.instance == instance),
        )

    @property
    def memory_gb(self) -> float:
        """The marketed capacity in GB of 10**9 bytes."""
        return self.memory_bytes / _GIGA

    @property
    def takes_modules(self) -> bool:
        """Whether its memory may be modules in a computer's sockets, of which a name says the number: ``8x32GB``."""
        return self.type == "cpu" or (self.memory_is_maximum and self.manufacturer != "Apple")

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
        return config_of(
            name=self.name,
            manufacturer=self.manufacturer,
            hardware_type=self.type,
            memory_type=self.memory_type,
            memory_bytes=self.memory_bytes,
            memory_bandwidth=self.memory_bandwidth,
            peak_flops=self.peak_flops,
            link=self.link or self.host_link,
            devices_per_node=self.devices_per_node,
        )

    @classmethod
    def from_config(cls, config: Mapping[str, object], name: str = "custom") -> Accelerator:
        """An accelerator from a dict in the keys of the original API: see ``accelerator_from_config``."""
        facts = facts_of(config, name)
        return cls(
            **facts,
            architecture="custom",
            usable_memory_bytes=facts["memory_bytes"],
            host_link=None,
            tdp_w=None,
        )


def accelerator_from_config(config: Mapping[str, object], name: str = "custom") -> Accelerator:
    """An accelerator from a dict in the keys of the original API.

    ``Flops`` (TFLOPS) is the 16-bit rate and serves bf16 and fp16; a format that has another rate stands in
    ``peak_tflops``, and when that names bf16 or fp16 it alone says which of the two there are. No rate of another
    format is invented. ``Memory_size`` is in GB, ``Memory_BW`` and ``ICN`` (one direction) in GB/s, ``ICN_LL`` in
    microseconds. ``name`` is used when the dict has none. Raises InvalidHardwareError, which names the key.
    """
    return Accelerator.from_config(config, name)
