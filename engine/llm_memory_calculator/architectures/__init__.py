"""One module a family, named like the `model_type` of its config, with one function `build(config) -> Architecture`.

A dash in a model_type is an underscore in the name of its module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.resources import files

from ..architecture import Architecture
from ..config import Config
from ..errors import UnsupportedModelError, did_you_mean


@cache
def families() -> tuple[str, ...]:
    """Every model_type that is described, in alphabetical order."""
    modules = (entry.name.removesuffix(".py") for entry in files(__name__).iterdir() if entry.name.endswith(".py"))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def build(config: Config) -> Architecture:
    """Describe the model of a config.

    Raises UnsupportedModelError when no family has its model_type, ConfigError when the config lacks what its family
    needs or contradicts itself.
    """
    model_type = config.model_type
    known = families()
    module = model_type.replace("-", "_")
    if module not in known:
        raise UnsupportedModelError(
            f"The config's model_type {model_type!r} is not described here.{did_you_mean(model_type, known)} "
            f"Known: {', '.join(known)}."
        )
    describe: Callable[[Config], Architecture] = import_module(f".{module}", __name__).build
    return describe(config)
