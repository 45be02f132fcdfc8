"""What a tool takes and answers, in full: the list of tools says the common part of it in a few words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from llm_memory_calculator.arguments import Argument, asks
from llm_memory_calculator.errors import ArgumentError, did_you_mean

from .spoken import spoken
from .tools import TOPICS, DescribeTool

SCHEMAS = Path(__file__).with_name("schemas.json")
"""The schemas of the answers by tool, written by `python -m llm_memory_server.write_schemas`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    """A tool's arguments, or those and the fields of its answer that were asked for."""

    tool: str
    """The tool."""
    lines: tuple[str, ...]
    """What there is to say, a line each."""

    def __str__(self) -> str:
        return "\n".join((f"{self.tool}: {TOPICS[self.tool].when}", *self.lines))


@asks(DescribeTool)
def describe_tool(asked: DescribeTool) -> ToolReport:
    """Every argument of a tool; or those, settings of engines and fields of its answer in whose name a part stands."""
    name = asked.tool.strip()
    if name not in TOPICS:
        near = did_you_mean(name, tuple(TOPICS))
        raise ArgumentError(f"tool {name[:60]!r} is not known.{near} Accepted: {', '.join(TOPICS)}.")
    arguments, answer = dict(_arguments(name)), dict(_answer(name))
    if asked.about is None:
        return ToolReport(tool=name, lines=tuple(arguments.values()))
    part = asked.about.strip().lower().replace(" ", "_")
    settings = dict(_settings()) if "engine_settings" in arguments else {}
    # a remedy is a setting with its value: offload sequential
    for sought in (part, *asked.about.lower().split()[:1]):
        lines = [line for said in (arguments, settings, answer) for word, line in said.items() if sought in word]
        if lines and (sought == part or sought in settings):
            return ToolReport(tool=name, lines=tuple(lines))
    near = did_you_mean(part, (*arguments, *settings, *answer))
    raise ArgumentError(
        f"{name} has no argument, setting of an engine or field of its answer with {part[:60]!r} in its name.{near}"
    )


def _arguments(name: str) -> Iterator[tuple[str, str]]:
    for entry in spoken(TOPICS[name].question):
        needed = ", needed" if entry.required else ""
        example = f" Such as {json.dumps(entry.argument.examples[0])}." if entry.argument.examples else ""
        default = None if entry.default is MISSING else entry.default
        yield (
            entry.name,
            f"{entry.name} ({_taken(entry.argument)}{needed}): {entry.argument.described(default)}{example}",
        )


def _settings() -> Iterator[tuple[str, str]]:
    """Settings of engines, which engine_settings takes: of those that mean the same one line."""
    from llm_memory_calculator.engines import ENGINES, settings_of

    of: dict[str, dict[str, list[str]]] = {}
    for engine in ENGINES:
        for word, setting in settings_of(engine).items():
            values = f" ({', '.join(setting.words)})" if setting.words else ""
            of.setdefault(word, {}).setdefault(f"{setting.meaning}{values}", []).append(engine)
    for word, meanings in of.items():
        said = "; ".join(f"{', '.join(engines)}: {meaning}" for meaning, engines in meanings.items())
        yield word, f"{word}, a setting in engine_settings. {said}."


def _taken(argument: Argument) -> str:
    """What values are accepted, in words."""
    unit = f" {argument.unit}" if argument.unit else ""
    match argument.kind:
        case "whole":
            return f"whole number from {argument.least:,} to {int(argument.most):,}{unit}"
        case "real":
            least = "from 0" if argument.or_none else f"above {argument.above:g}"
            return f"number {least} to {argument.most:g}{unit}"
        case "word":
            return f"one of {', '.join(argument.words)}"
    return _WORDS[argument.kind]


_WORDS = {
    "flag": "true or false",
    "text": "text",
    "log": "text",
    "format": "name of a format",
    "path": "path",
    "names": "name or list of names",
    "sides": "number, text or pair, px",
    "mix": "object, pairs or text",
    "lengths": "number or object",
    "model": "name",
    "hardware": "name or object",
    "hardware list": "name, object or list of these",
    "object": "object",
    "adapters": "object or path",
    "calibration": "object or path",
    "speculation": "word, model or object",
}


def _answer(name: str) -> Iterator[tuple[str, str]]:
    """The fields of a tool's answer, of the reports in it too."""
    schema = json.loads(SCHEMAS.read_text(encoding="utf-8")).get(name, {})
    parts: dict[str, Any] = {"": schema, **schema.get("$defs", {})}
    for report in parts.values():
        for field, meaning in report.get("properties", {}).items():
            yield field, f"answer's {field}: {meaning['description']}"
