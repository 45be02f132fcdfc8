"""What is known of accelerators, models and engines, as resources; every fact is reachable by a tool too.

All of it is bundled: no resource reads a file of the caller's or asks the hub. What answers is loaded when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from llm_memory_calculator.errors import CalculatorError, did_you_mean
from llm_memory_hardware.wording import worded

from .answers import json_values

_JSON = "application/json"


def add_resources(server: MCPServer) -> None:
    """Add the catalogues and what each of their entries is."""

    @server.resource(
        "hardware://catalogue",
        name="hardware-catalogue",
        title="Accelerators",
        description="Every accelerator with its memory (GB), bandwidth (GB/s), dense 16-bit TFLOPS and list price.",
        mime_type=_JSON,
    )
    def hardware_catalogue() -> str:
        from .hardware_search import search_hardware

        return _written(json_values(search_hardware(top=1000).rows))

    @server.resource(
        "hardware://{name}",
        name="hardware",
        title="An accelerator",
        description="One accelerator: its numbers with their sources, prices, instance types, other names.",
        mime_type=_JSON,
    )
    def hardware(name: str) -> str:
        from datetime import date

        from llm_memory_calculator import find_devices

        from .spoken import TOOL
        from .tables import accelerator_facts

        try:
            with worded(TOOL):
                found, count = find_devices(name)
        except CalculatorError as error:
            raise ResourceNotFoundError(str(error)) from None
        return _written(accelerator_facts(found, date.today(), count))

    @server.resource(
        "model://catalogue",
        name="model-catalogue",
        title="Models",
        description="Ids of the models that are bundled; a tool takes any other id of the hub as well.",
        mime_type=_JSON,
    )
    def model_catalogue() -> str:
        return _written(model_names())

    @server.resource(
        "model://{+id}",
        name="model",
        title="A model",
        description="One model of the catalogue: parameters, attention, weight bytes, cache a token, longest context.",
        mime_type=_JSON,
    )
    def model(id: str) -> str:
        from llm_memory_calculator import inspect_model

        names = {name.lower(): name for name in model_names()}
        # only what is bundled: a path is none of these names
        return _written(json_values(inspect_model(_one_of("model", names, id, "describe_model takes any of the hub."))))

    @server.resource(
        "engine://catalogue",
        name="engine-catalogue",
        title="Serving engines",
        description="The serving engines whose memory and time are described.",
        mime_type=_JSON,
    )
    def engine_catalogue() -> str:
        return _written(engine_names())

    @server.resource(
        "engine://{name}",
        name="engine",
        title="A serving engine",
        description="One serving engine: the releases that are described, its settings and its command line's flags.",
        mime_type=_JSON,
    )
    def engine(name: str) -> str:
        from llm_memory_calculator.engines import SPELLINGS, settings_of
        from llm_memory_calculator.engines.releases import engine_table

        found = _one_of("engine", {**SPELLINGS, **{one: one for one in engine_names()}}, name, "")
        settings = {
            word: {"kind": setting.kind, "meaning": setting.meaning, "flag": setting.flag or None}
            for word, setting in settings_of(found).items()
        }
        releases = [release["from"] for release in engine_table(found)["version"]]
        return _written({"engine": found, "releases": releases, "settings": settings})


def model_names() -> Sequence[str]:
    """Ids of the models that are bundled."""
    from llm_memory_calculator import catalogue_names

    return catalogue_names()


def engine_names() -> Sequence[str]:
    """The engines that are described."""
    from llm_memory_calculator.engines import ENGINES

    return ENGINES


def _one_of(what: str, names: dict[str, str], said: str, further: str) -> str:
    """The name that was meant, in any case. Raises ResourceNotFoundError with the nearest."""
    found = names.get(said.strip().lower())
    if found is None:
        near = did_you_mean(said, tuple(dict.fromkeys(names.values())))
        raise ResourceNotFoundError(f"{what} {said[:60]!r} is not in the catalogue.{near} {further}".rstrip())
    return found


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
