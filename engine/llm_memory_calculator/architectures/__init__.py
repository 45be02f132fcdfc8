"""One module a family, named like the `model_type` of its config, with one function `build(config) -> Architecture`.

A family that is another one by other defaults has no module: it is a row of the table in `_rows`.

A dash in a model_type is an underscore in the name of its module. A part of a diffusion model has a `_class_name` in
place of a model_type, and its module is named like that in small letters; a pipeline is put together of its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.resources import files

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from . import _heads, _unknown
from ._rotary import rotary_values
from ._rows import ROWS, Row

MOST_PARAMETERS = 10**16
"""A thousand times the largest model that is known of."""


@cache
def families() -> tuple[str, ...]:
    """Every model_type that is described, in alphabetical order."""
    modules = (entry.name.removesuffix(".py") for entry in files(__name__).iterdir() if entry.name.endswith(".py"))
    return tuple(sorted((*ROWS, *(name for name in modules if not name.startswith("_")))))


def build(config: Config) -> Architecture:
    """Describe the model of a config.

    A decoder whose model_type no family has is described by the usual fields, with a warning. Raises
    UnsupportedModelError when these do not describe it, ConfigError when the config lacks what its family needs or
    contradicts itself.
    """
    if config.where or (config.has("_class_name") and not config.text("_class_name").endswith("Pipeline")):
        return _described(config)
    from . import _sections

    if config.has("_class_name"):
        return _sections.judged(_possible(_described(config)), config)
    config = _sections.named_by_class(config, families())
    found = _sections.of_section(config)
    found = _possible(_described(config) if found is None else found)
    found = replace(found, tower_type=_tower_type(config), rotary_values=rotary_values(config, found))
    return _sections.judged(found, config)


def _possible(architecture: Architecture) -> Architecture:
    """The same. Raises ConfigError where its fields, each possible, make more of a model than there can be."""
    count = architecture.parameter_count
    if not 0 < count <= MOST_PARAMETERS:
        raise ConfigError(
            f"The config describes {shown(count)} parameters, and there must be between 1 and {MOST_PARAMETERS:,}: "
            "check its sizes, layers and experts."
        )
    return architecture


def _tower_type(config: Config) -> str:
    """The model_type of the vision section, where there is one."""
    section = config.values.get("vision_config")
    return str(section.get("model_type", "")) if isinstance(section, dict) else ""


def _described(config: Config) -> Architecture:
    """The same, without a word on the objects inside the config."""
    known = families()
    named = config.text("_class_name").lower() if config.has("_class_name") else ""
    # a class of a denoiser may have a model_type of its own, which says what it is made from (Wan's t2v)
    if named and (named in known or not config.has("model_type")):
        module = named
        if module.endswith("pipeline"):
            from ._pipelines import pipeline

            return pipeline(config)
    else:
        module = config.model_type.replace("-", "_") if config.has("model_type") else ""
    if module not in known:
        return _heads.of_class(_unknown.describe(config, known), config)
    row = ROWS.get(module, Row(module))
    describe: Callable[[Config], Architecture] = import_module(f".{row.family}", __name__).build
    return _heads.of_class(describe(config.filled(**row.defaults)), config)
