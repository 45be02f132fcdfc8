"""The exceptions of the project: one tree, every one of them a `ValueError` that the caller can mend.

CalculatorError
├── ArgumentError                 a number, a spelling or a combination of arguments that cannot be
│   └── UnknownArgumentError      an argument that the function does not have (a TypeError too)
├── UnknownFormatError            a number format that is not known
├── ConfigError                   a config that lacks what its family needs, or contradicts itself
│   └── UnsupportedModelError     a model_type that no family describes
├── LayoutError                   a layout that the model or the devices cannot take
├── DoesNotFitError               no layout of these devices holds the model
├── WorkLimitError                a question that would take longer to answer than it may
├── HardwareError …               UnknownHardwareError, AmbiguousHardwareError, InvalidHardwareError
└── SourceError                   a model that could not be read
    ├── UnknownModelError         no such path, no such name in the catalogue or on the hub (404)
    ├── GatedModelError           the hub wants a token (401) or an accepted licence (403)
    ├── HubOfflineError           the hub is switched off, out of reach or too slow
    └── InvalidFileError          too large, not JSON, not an object, not a config
"""

from llm_memory_hardware.errors import (
    AmbiguousHardwareError,
    CalculatorError,
    InvalidHardwareError,
    UnknownHardwareError,
    kind_of,
    nearest,
    shown,
)

__all__ = [
    "AmbiguousHardwareError",
    "ArgumentError",
    "CalculatorError",
    "ConfigError",
    "DoesNotFitError",
    "GatedModelError",
    "HubOfflineError",
    "InvalidFileError",
    "InvalidHardwareError",
    "LayoutError",
    "SourceError",
    "UnknownArgumentError",
    "UnknownFormatError",
    "UnknownHardwareError",
    "UnknownModelError",
    "UnsupportedModelError",
    "WorkLimitError",
    "did_you_mean",
    "kind_of",
    "shown",
]


class ArgumentError(CalculatorError):
    """An argument has a value that it cannot have."""


class UnknownArgumentError(ArgumentError, TypeError):
    """A function was given an argument that it does not have."""


class UnknownFormatError(CalculatorError):
    """A number format is not known, or not known for this purpose."""


class ConfigError(CalculatorError):
    """A model's config lacks a field, has a field of the wrong kind, or contradicts itself."""


class UnsupportedModelError(ConfigError):
    """The config's `model_type` is not described by any family here."""


class LayoutError(CalculatorError):
    """The model cannot be split in this way."""


class DoesNotFitError(CalculatorError):
    """The model does not fit on these devices in any layout."""


class WorkLimitError(CalculatorError):
    """The question takes more computing than whoever answers it allows."""


class SourceError(CalculatorError):
    """A model's description could not be read."""


class UnknownModelError(SourceError):
    """No such file, catalogue entry or hub repository."""


class GatedModelError(SourceError):
    """The hub refuses this repository without a token or an accepted licence."""


class HubOfflineError(SourceError):
    """The hub is switched off, out of reach or too slow."""


class InvalidFileError(SourceError):
    """The file is too large, is not JSON, or is not a model's config."""


def did_you_mean(word: str, choices: "list[str] | tuple[str, ...]") -> str:
    """` Did you mean 'x' or 'y'?`, with a leading space, or nothing when no choice is near."""
    found = nearest(word, choices)
    return f" Did you mean {' or '.join(repr(one) for one in found)}?" if found else ""
