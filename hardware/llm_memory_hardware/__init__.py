"""The hardware catalogue: what accelerators can do, in base units, every number with its source.

Importing the package reads no file; the catalogue is read at the first question.
"""

from .accelerator import NUMBER_FORMATS, Accelerator, HardwareType, Link, Source, accelerator_from_config
from .catalogue import (
    HARDWARE_CONFIGS,
    HardwareConfigs,
    all_accelerators,
    find_accelerator,
    get_accelerator,
    get_all_hardware,
    get_hardware_by_manufacturer,
    get_hardware_by_type,
    get_hardware_config,
    search_hardware,
)
from .errors import AmbiguousHardwareError, CalculatorError, InvalidHardwareError, UnknownHardwareError, nearest

__all__ = [
    "HARDWARE_CONFIGS",
    "NUMBER_FORMATS",
    "Accelerator",
    "AmbiguousHardwareError",
    "CalculatorError",
    "HardwareConfigs",
    "HardwareType",
    "InvalidHardwareError",
    "Link",
    "Source",
    "UnknownHardwareError",
    "accelerator_from_config",
    "all_accelerators",
    "find_accelerator",
    "get_accelerator",
    "get_all_hardware",
    "get_hardware_by_manufacturer",
    "get_hardware_by_type",
    "get_hardware_config",
    "nearest",
    "search_hardware",
]
