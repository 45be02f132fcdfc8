"""A device as a machine or a cluster reports it, found in the catalogue: by PCI id, by name, by name and memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from .accelerator import Accelerator
from .catalogue import Catalogue, current, find_accelerator
from .errors import InvalidHardwareError, UnknownHardwareError, shown
from .names import comparable, refuse_share

__all__ = ["Confidence", "DeviceMatch", "match_device"]

Confidence: TypeAlias = Literal["certain", "likely", "none"]

_NAMES: Final = (
    "name",
    "raw_name",
    "product_name",
    "device_name",
    "marketing_name",
    "model_name",
    "cpu_model",
    "model",
    "product",
)
_PCI_VENDORS: Final = ("pci_vendor", "pci_vendor_id", "vendor_id")
_PCI_DEVICES: Final = ("pci_device", "pci_device_id", "device_id")
_MEMORY_UNITS: Final = {
    "memory_bytes": 1,
    "memory_mb": 10**6,
    "memory_mib": 2**20,
    "memory_gb": 10**9,
    "memory_gib": 2**30,
}
_MEMORY_TEXT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?\s*", re.IGNORECASE)
_TEXT_UNITS: Final = {"b": 1, "mb": 10**6, "mib": 2**20, "gb": 10**9, "gib": 2**30, "tb": 10**12, "tib": 2**40}
_PCI: Final = re.compile(r"(?:0x)?([0-9a-f]{4}):(?:0x)?([0-9a-f]{4})", re.IGNORECASE)
_PCI_TOGETHER: Final = re.compile(r"0x([0-9a-f]{4})([0-9a-f]{4})", re.IGNORECASE)  # nvidia-smi: device, then vendor
_HEX: Final = re.compile(r"(?:0x)?0{0,4}([0-9a-f]{4})", re.IGNORECASE)
_TOLERANCE: Final = 0.07  # GB against GiB is 7.4 %, and both readings are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMatch:
    """What a reported device is, how sure that is, and why. False where nothing was found."""

    accelerator: Accelerator | None
    """The entry of the catalogue; None where none could be told."""
    confidence: Confidence
    """certain: by its PCI id, or by its name with the memory agreeing; likely: by its name alone or by what is left
    after the memory ruled others out; none: not found."""
    reason: str
    """Why, in one sentence."""
    nearest: tuple[str, ...] = ()
    """Where nothing was found: the canonical names that come nearest, best first."""

    def __bool__(self) -> bool:
        """Whether an entry was found."""
        return self.accelerator is not None


def match_device(
    device_info: Mapping[str, Any],
    configs: Mapping[str, Mapping[str, Any]] | Iterable[Accelerator] | None = None,
) -> DeviceMatch:
    """The entry of the catalogue that a reported device is.

    ``device_info``: a name (``name``, ``product_name``, ``cpu_model`` ...), the memory (``memory_mb``, ``memory_gb``,
    ``memory_bytes``, or ``memory`` as in ``"81559 MiB"``) and the PCI id (``pci_id`` as ``"10de:2330"``, or
    ``pci_vendor`` and ``pci_device``); one at least of name and PCI id. Other keys are passed over.
    ``configs``: descriptions in the original's keys, or accelerators, to choose from instead of the catalogue.
    Raises InvalidHardwareError when what is reported cannot be read.
    """
    if not isinstance(device_info, Mapping):
        raise InvalidHardwareError(
            f"A reported device must be a mapping with a name or pci_id, not {type(device_info).__name__}."
        )
    name, memory, pci = _name(device_info), _memory(device_info), _pci(device_info)
    if name is None and pci is None:
        raise InvalidHardwareError(
            f"A reported device must have a name ({', '.join(_NAMES)}) or a pci_id ('10de:2330'); it has "
            f"{', '.join(map(str, device_info)) or 'nothing'}."
        )
    catalogue = _catalogue(configs)
    if name is not None:
        try:
            if not catalogue.has(name):
                refuse_share(name)
        except UnknownHardwareError as error:
            # its PCI id is the whole device's
            return DeviceMatch(accelerator=None, confidence="none", reason=str(error))
    if pci is not None:
        found = _by_pci(catalogue, pci, name, memory)
        if found is not None:
            return found
    if name is None:
        return DeviceMatch(
            accelerator=None, confidence="none", reason=f"No entry of the catalogue has the PCI id {pci}."
        )
    return _by_name(catalogue, name, memory)


def _by_pci(catalogue: Catalogue, pci: str, name: str | None, memory: tuple[float, ...]) -> DeviceMatch | None:
    """The match by PCI id; None when no entry has the id."""
    owners = [entry for entry in catalogue if any(pci in (known, known.partition(":")[2]) for known in entry.pci_ids)]
    if not owners:
        return None
    fitting = [entry for entry in owners if _agrees(entry, memory)]
    if not fitting:
        return _other_memory(f"The PCI id {pci} is", owners, memory)
    meant = _names_of(catalogue, name) if name is not None else []
    named = [entry for entry in fitting if entry.name in meant]
    if len(fitting) == 1 or len(named) == 1:
        entry = (named or fitting)[0]
        differs = bool(meant) and not named
        reason = f"The PCI id {pci} is {entry.name}'s"
        if differs:
            reason += f", though the name {name!r} means {' or '.join(meant)}"
        return DeviceMatch(accelerator=entry, confidence="likely" if differs else "certain", reason=f"{reason}.")
    names = tuple(entry.name for entry in named or fitting)
    return DeviceMatch(
        accelerator=None,
        confidence="none",
        reason=f"The PCI id {pci} is shared by {', '.join(names)}, and nothing else that is reported tells them apart.",
        nearest=names,
    )


def _by_name(catalogue: Catalogue, name: str, memory: tuple[float, ...]) -> DeviceMatch:
    readings = catalogue.readings(name)
    meant = [catalogue[reading.name] for reading in readings]
    if not meant:
        near = tuple(catalogue.suggestions(name))
        return DeviceMatch(
            accelerator=None,
            confidence="none",
            reason=f"The name {name!r} is not in the catalogue.",
            nearest=near,
        )
    partly = readings[0].partly
    slip = f" ({readings[0].note})" if readings[0].note else ""
    fitting = [entry for entry in meant if _agrees(entry, memory)]
    if len(fitting) > 1 and memory:
        # of two modules of a kind the memory tells which, though it is the host's too
        fitting = [entry for entry in fitting if _is_of_size(entry, memory)] or fitting
    told = memory and not _shared_memory(meant[0])
    if len(fitting) == 1 and len(meant) == 1 and not partly:
        reason = f"The name {name!r} is {fitting[0].name}'s{slip}" + (", and the memory agrees." if told else ".")
        certain = told and not slip
        return DeviceMatch(accelerator=fitting[0], confidence="certain" if certain else "likely", reason=reason)
    if len(fitting) == 1 and (told or not partly):
        reason = f"The name {name!r} means {' or '.join(entry.name for entry in meant)}, and the memory tells which."
        return DeviceMatch(accelerator=fitting[0], confidence="likely", reason=reason)
    if fitting:
        names = tuple(entry.name for entry in fitting)
        others = " or a part that is not in the catalogue" if partly else ""
        return DeviceMatch(
            accelerator=None,
            confidence="none",
            reason=f"The name {name!r} means {' or '.join(names)}{others}; a PCI id or the memory would tell which.",
            nearest=names,
        )
    # the same family with another memory: "H100" of 94 GB
    key = comparable(name)
    family = [
        entry
        for entry in catalogue
        if _agrees(entry, memory) and any(comparable(word).startswith(key) for word in (entry.name, *entry.aliases))
    ]
    if len(family) == 1:
        reason = f"Of those whose names begin with {name!r}, {family[0].name} alone has the memory reported."
        return DeviceMatch(accelerator=family[0], confidence="likely", reason=reason)
    return _other_memory(f"The name {name!r} is", meant, memory)


def _other_memory(subject: str, owners: list[Accelerator], memory: tuple[float, ...]) -> DeviceMatch:
    sizes = " or ".join(f"{entry.name}'s, which has {entry.memory_gb:g} GB" for entry in owners)
    return DeviceMatch(
        accelerator=None,
        confidence="none",
        reason=f"{subject} {sizes}, and {min(memory) / 1e9:.3g} GB are reported: a slice of it, or another variant?",
        nearest=tuple(entry.name for entry in owners),
    )


def _names_of(catalogue: Catalogue, name: str) -> list[str]:
    """The canonical names that a reported name means."""
    return [reading.name for reading in catalogue.readings(name)]


def _shared_memory(entry: Accelerator) -> bool:
    """Whether the memory is the host's or fitted to order, so that its size says nothing about the device."""
    return entry.type == "cpu" or (entry.memory_type or "").upper().startswith(("LPDDR", "DDR"))


def _agrees(entry: Accelerator, memory: tuple[float, ...]) -> bool:
    return not memory or _shared_memory(entry) or _is_of_size(entry, memory)


def _is_of_size(entry: Accelerator, memory: tuple[float, ...]) -> bool:
    return any(
        abs(size / known - 1) <= _TOLERANCE
        for size in memory
        for known in (entry.memory_bytes, entry.usable_memory_bytes)
    )


def _catalogue(configs: Mapping[str, Mapping[str, Any]] | Iterable[Accelerator] | None) -> Catalogue:
    if configs is None:
        return current()
    if isinstance(configs, Mapping):
        return Catalogue.only(find_accelerator({"name": name, **config}) for name, config in configs.items())
    return Catalogue.only(find_accelerator(entry) for entry in configs)


def _name(info: Mapping[str, Any]) -> str | None:
    for key in _NAMES:
        value = info.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if not isinstance(value, str):
            raise InvalidHardwareError(f"The reported device's {key!r} is {shown(value)}; accepted is a text.")
        return value.strip()
    return None


def _memory(info: Mapping[str, Any]) -> tuple[float, ...]:
    """The readings of the memory in bytes: tools write MB and GB for MiB and GiB, and the other way round."""
    for key, unit in _MEMORY_UNITS.items():
        value = info.get(key)
        if value is not None:
            return _readings_of(_positive(key, value), unit)
    value = info.get("memory", info.get("memory_total"))
    if value is None:
        return ()
    if isinstance(value, str):
        found = _MEMORY_TEXT.fullmatch(value)
        if found is None or (found[2] or "mb").lower() not in _TEXT_UNITS:
            raise InvalidHardwareError(
                f"The reported device's 'memory' is {shown(value)}; accepted is a number with MB, MiB, GB or GiB."
            )
        return _readings_of(_positive("memory", float(found[1])), _TEXT_UNITS[(found[2] or "mb").lower()])
    size = _positive("memory", value)
    # a bare number: bytes, MB or GB, of which only one is the size of a device
    return _readings_of(size, 1 if size >= 1e8 else 10**6 if size > 4096 else 10**9)


def _readings_of(size: float, unit: int) -> tuple[float, ...]:
    twins = {10**6: 2**20, 2**20: 10**6, 10**9: 2**30, 2**30: 10**9}
    return (size * unit, size * twins[unit]) if unit in twins else (size * unit,)


def _positive(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
        raise InvalidHardwareError(f"The reported device's {key!r} is {shown(value)}; accepted is a number above 0.")
    return float(value)


def _pci(info: Mapping[str, Any]) -> str | None:
    """``vendor:device``, or the device alone where no vendor is reported."""
    whole = info.get("pci_id")
    if whole is not None:
        text = str(whole).strip()
        if found := _PCI.fullmatch(text):
            return f"{found[1]}:{found[2]}".lower()
        if found := _PCI_TOGETHER.fullmatch(text):
            return f"{found[2]}:{found[1]}".lower()
        raise InvalidHardwareError(
            f"The reported device's 'pci_id' is {shown(whole)}; accepted is vendor:device, such as '10de:2330'."
        )
    vendor, device = _hexadecimal(info, _PCI_VENDORS), _hexadecimal(info, _PCI_DEVICES)
    if device is None:
        return None
    return device if vendor is None else f"{vendor}:{device}"


def _hexadecimal(info: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = info.get(key)
        if value is None:
            continue
        text = f"{value:04x}" if isinstance(value, int) and not isinstance(value, bool) else str(value).strip()
        found = _HEX.fullmatch(text)
        if found is None:
            raise InvalidHardwareError(
                f"The reported device's {key!r} is {shown(value)}; accepted are four hexadecimal digits, as in '10de'."
            )
        return found[1].lower()
    return None
