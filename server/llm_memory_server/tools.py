"""The tools, made from the declarations of the engine's questions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations

from llm_memory_calculator.arguments import (
    Argument,
    BestParallelism,
    CalculateMemory,
    CompareHardware,
    EstimatePerformance,
    MaxBatchSize,
    PlanDeployment,
    Question,
)

from .answers import json_values, shown
from .spoken import Spoken, ask, spoken

SCHEMAS = Path(__file__).with_name("schemas.json")
"""The schemas of the answers by tool, written by `python -m llm_memory_server.write_schemas`."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A question as a tool: what it is called and when it is the one to ask."""

    question: type[Question]
    title: str
    when: str


TOPICS = {
    "calculate_memory": Topic(
        CalculateMemory,
        "Memory to serve a model",
        "Memory to serve a model: weights, KV cache, activations and overhead of the fullest device, bytes, and which "
        'accelerators hold it. Use it for "will it fit?" and "how much VRAM?". For speed use estimate_performance; for '
        "the largest batch use max_batch_size. find: the minimum system size (fewest devices), or the smallest device. "
        "Inference only: no optimizer states.",
    ),
    "estimate_performance": Topic(
        EstimatePerformance,
        "Speed of a model on hardware",
        "Speed of a model on hardware: time to first token (TTFT, ms), time per output token (TPOT, ms), output tokens "
        "a second, total ms, each with a range, and what binds it. batch_size: a static batch, no queue. concurrency "
        "or request_rate: a served load, with its queue, percentiles, goodput and the rate that saturates it; "
        "prefill_workers: with prefill and decode on devices apart (disaggregated, xPyD). Of an encoder: sequences a "
        "second; of a pipeline of diffusion: seconds an image or a video, and a step. Without "
        "a layout the fewest devices that hold the model are taken. To find the best layout use best_parallelism; to "
        "choose hardware use compare_hardware.",
    ),
    "best_parallelism": Topic(
        BestParallelism,
        "Best layout over devices",
        "Best layout (tensor, pipeline, data, expert parallel) of up to that many devices for a load, with its times "
        "and the next best. Says what would be needed when nothing fits. For one given layout use "
        "estimate_performance.",
    ),
    "compare_hardware": Topic(
        CompareHardware,
        "Accelerators side by side",
        "Accelerators side by side for a model and a load, each in its best layout, best first; those that cannot hold "
        "the model last, with the reason. For prices use plan_deployment.",
    ),
    "plan_deployment": Topic(
        PlanDeployment,
        "What to deploy for a load",
        "What to deploy for request_rate (requests a second) or concurrency (users): at most five plans (accelerator, "
        "devices, layout, format) that keep TTFT and TPOT targets, with price, ranges and the line that starts them; "
        "the least times where nothing does. For the speed of one of them use estimate_performance.",
    ),
    "max_batch_size": Topic(
        MaxBatchSize,
        "Largest batch that fits",
        "Largest number of sequences of seq_length tokens that the devices hold at once; 0, with the reason, when not "
        "even one fits; or (find) the longest context, or the KV tokens of the room. Needs hardware or memory_gb. For "
        "the memory of a given batch use calculate_memory.",
    ),
}


SEARCHES = frozenset({"best_parallelism", "compare_hardware", "plan_deployment"})
"""The tools that look through many layouts, which take seconds."""


def tools() -> list[Tool]:
    """Every tool as a client is told of it."""
    answers = json.loads(SCHEMAS.read_text(encoding="utf-8"))
    return [
        Tool(
            name=name,
            title=topic.title,
            description=topic.when,
            input_schema=input_schema(topic.question),
            output_schema=answers[name],
            annotations=ToolAnnotations(
                title=topic.title,
                read_only_hint=True,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=True,
            ),
        )
        for name, topic in TOPICS.items()
    ]


def call(name: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """The answer of a tool. Raises CalculatorError for what the caller can mend."""
    report = shown(ask(name, TOPICS[name].question, arguments), arguments.get("detail"))
    return CallToolResult(content=[TextContent(type="text", text=str(report))], structured_content=json_values(report))


def input_schema(question: type[Question]) -> dict[str, Any]:
    """The JSON schema of a question's arguments."""
    said = spoken(question)
    return {
        "type": "object",
        "properties": {entry.name: _property(entry) for entry in said},
        "required": [entry.name for entry in said if entry.required],
        "additionalProperties": False,
    }


def _property(entry: Spoken) -> dict[str, Any]:
    schema = _values(entry.argument) | {"description": entry.description}
    if entry.default not in (None, MISSING):
        schema["default"] = entry.default
    if entry.argument.examples:
        schema["examples"] = list(entry.argument.examples)
    return schema


def _values(argument: Argument) -> dict[str, Any]:
    """What values an argument takes."""
    text: dict[str, Any] = {"type": "string"}
    whole = {"type": "integer", "minimum": argument.least, "maximum": int(argument.most)}
    accelerator = {"anyOf": [text | {"minLength": 1}, {"type": "object"}]}
    match argument.kind:
        case "whole":
            return whole
        case "real":
            least = {"minimum": 0} if argument.or_none else {"exclusiveMinimum": argument.above}
            return {"type": "number"} | least | {"maximum": argument.most}
        case "flag":
            return {"type": "boolean"}
        case "word":
            return text | {"enum": list(argument.words)}
        case "names":
            return {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]}
        case "sides":
            return {"anyOf": [whole, text, {"type": "array", "items": whole, "minItems": 2, "maxItems": 2}]}
        case "mix":
            pair = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
            shares = {"type": "object", "additionalProperties": {"type": "number"}}
            return {"anyOf": [shares, {"type": "array", "items": pair, "minItems": 1}]}
        case "lengths":
            return {"anyOf": [whole, {"type": "object", "additionalProperties": {"type": "number"}}]}
        case "hardware":
            return accelerator
        case "hardware list":
            return {"anyOf": [*accelerator["anyOf"], {"type": "array", "items": accelerator, "minItems": 1}]}
        case "model list":
            model = {"anyOf": [text | {"minLength": 1}, {"type": "object"}]}
            return {"anyOf": [*model["anyOf"], {"type": "array", "items": model, "minItems": 1}]}
        case "workload list":
            return {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}]}
        case "object" | "executor" | "function":
            return {"type": "object"}
        case "adapters" | "calibration" | "speculation":
            return {"anyOf": [{"type": "object"}, text | {"minLength": 1}]}
        case "model" | "text" | "format" | "log" | "path":
            return text | {"minLength": 1}
