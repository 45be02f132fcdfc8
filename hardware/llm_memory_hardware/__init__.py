"""The hardware catalogue: what accelerators can do, in base units, every number with its source.

Importing the package imports nothing more and reads no file: a name's module is imported when the name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .accelerator import Accelerator, accelerator_from_config
    from .catalogue import (
        Catalogue,
        accelerators_for_serving,
        all_accelerators,
        find_accelerator,
        find_devices,
        get_accelerator,
        kind_said,
        memory_said,
        set_hardware_db_path,
    )
    from .errors import AmbiguousHardwareError, CalculatorError, InvalidHardwareError, UnknownHardwareError, nearest
    from .facts import NUMBER_FORMATS, HardwareType, Link, Price, PriceTier, Source
    from .local import LocalDevice, LocalHardware, local_hardware
    from .matching import DeviceMatch, match_device
    from .prices import get_best_rate
    from .queries import (
        HARDWARE_CONFIGS,
        HardwareConfigs,
        HardwareManager,
        get_all_hardware,
        get_hardware_by_manufacturer,
        get_hardware_by_type,
        get_hardware_config,
        search_hardware,
    )

__all__ = [
    "HARDWARE_CONFIGS",
    "NUMBER_FORMATS",
    "Accelerator",
    "AmbiguousHardwareError",
    "CalculatorError",
    "Catalogue",
    "DeviceMatch",
    "HardwareConfigs",
    "HardwareManager",
    "HardwareType",
    "InvalidHardwareError",
    "Link",
    "LocalDevice",
    "LocalHardware",
    "Price",
    "PriceTier",
    "Source",
    "UnknownHardwareError",
    "accelerator_from_config",
    "accelerators_for_serving",
    "all_accelerators",
    "find_accelerator",
    "find_devices",
    "get_accelerator",
    "get_all_hardware",
    "get_best_rate",
    "get_hardware_by_manufacturer",
    "get_hardware_by_type",
    "get_hardware_config",
    "kind_said",
    "local_hardware",
    "match_device",
    "memory_said",
    "nearest",
    "search_hardware",
    "set_hardware_db_path",
]

_MODULES: Final = {
    "HARDWARE_CONFIGS": "queries",
    "NUMBER_FORMATS": "facts",
    "Accelerator": "accelerator",
    "AmbiguousHardwareError": "errors",
    "CalculatorError": "errors",
    "Catalogue": "catalogue",
    "DeviceMatch": "matching",
    "HardwareConfigs": "queries",
    "HardwareManager": "queries",
    "HardwareType": "facts",
    "InvalidHardwareError": "errors",
    "Link": "facts",
    "LocalDevice": "local",
    "LocalHardware": "local",
    "Price": "facts",
    "PriceTier": "facts",
    "Source": "facts",
    "UnknownHardwareError": "errors",
    "accelerator_from_config": "accelerator",
    "accelerators_for_serving": "catalogue",
    "all_accelerators": "catalogue",
    "find_accelerator": "catalogue",
    "find_devices": "catalogue",
    "get_accelerator": "catalogue",
    "get_all_hardware": "queries",
    "get_best_rate": "prices",
    "get_hardware_by_manufacturer": "queries",
    "get_hardware_by_type": "queries",
    "get_hardware_config": "queries",
    "kind_said": "catalogue",
    "local_hardware": "local",
    "match_device": "matching",
    "memory_said": "catalogue",
    "nearest": "errors",
    "search_hardware": "queries",
    "set_hardware_db_path": "catalogue",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
