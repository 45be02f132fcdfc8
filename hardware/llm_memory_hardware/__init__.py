"""The hardware catalogue: what accelerators can do, in base units, every number with its source.

Importing the package reads no file; of the catalogue only what is asked for is read. What few programs ask for, the
look at the machine itself among it, is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .accelerator import NUMBER_FORMATS, Accelerator, HardwareType, Link, Price, PriceTier, Source
from .catalogue import (
    Catalogue,
    accelerators_for_serving,
    all_accelerators,
    find_accelerator,
    find_devices,
    get_accelerator,
    set_hardware_db_path,
)
from .errors import AmbiguousHardwareError, CalculatorError, InvalidHardwareError, UnknownHardwareError, nearest
from .original_keys import accelerator_from_config
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

if TYPE_CHECKING:
    from .local import LocalDevice, LocalHardware, local_hardware
    from .matching import DeviceMatch, match_device
    from .prices import get_best_rate

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
    "local_hardware",
    "match_device",
    "nearest",
    "search_hardware",
    "set_hardware_db_path",
]

_LATER = {
    "DeviceMatch": ".matching",
    "LocalDevice": ".local",
    "LocalHardware": ".local",
    "get_best_rate": ".prices",
    "local_hardware": ".local",
    "match_device": ".matching",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LATER[name], __name__), name)
    globals()[name] = value
    return value
