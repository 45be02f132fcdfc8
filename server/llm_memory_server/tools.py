"""The tools, made from the declarations of their questions.

`tools()` is what a client is told of them, written to a file at build: to make it takes longer than all else that a
start does. What is loaded at the first call is here.
"""

# Annotations are not postponed here: the declarations are read from them.
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from llm_memory_calculator.arguments import (
    Argument,
    Asked,
    BestParallelism,
    CalculateMemory,
    CompareHardware,
    EstimatePerformance,
    ExplainStartupLog,
    InspectModel,
    MaxBatchSize,
    PlanDeployment,
)
from llm_memory_calculator.errors import AmbiguousHardwareError, ArgumentError, CalculatorError, kind_of

from .answers import is_full, lean_values, shown
from .app import ADDRESS, DRAWN
from .hardware_search import SearchHardware
from .json_types import json_type
from .side_by_side import beside_first, told_once
from .spoken import TOOL, Spoken, answering, ask, read, spoken

if TYPE_CHECKING:
    from mcp.types import CallToolResult, Tool

MORE = "more"
"""The argument under which those go that the list of tools only names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A question as a tool: what it is called and when it is the one to ask."""

    question: type[Asked]
    function: str
    """Who answers: package:function."""
    title: str
    when: str
    told: tuple[str, ...] = ()
    """The fields of its answer that the list of tools names; empty: the answer is text alone."""
    open_world: bool = True
    """Whether the hub may be asked."""


@dataclass(eq=False)
class DescribeTool(Asked):
    """Which tool is to be described."""

    tool: Annotated[str, Argument("text", "Name of a tool", examples=("calculate_memory",), brief="")]
    _: KW_ONLY
    about: Annotated[
        str | None,
        Argument(
            "text",
            "Part of the name of an argument or of a field of the answer",
            left_out="all of the arguments",
            examples=("lora",),
            brief="Part of a name",
        ),
    ] = None

    ORDER = ("tool", "about")


TOPICS = {
    "calculate_memory": Topic(
        question=CalculateMemory,
        function="llm_memory_calculator:calculate_memory",
        told=("total_memory_bytes", "fits_device", "verdict"),
        title="Memory to serve a model",
        when='Memory to serve a model, of the fullest device, and which accelerators hold it: "will it fit?", '
        '"how much VRAM?". find: the minimum system size. Inference only. Speed: estimate_performance; largest batch: '
        "max_batch_size.",
    ),
    "estimate_performance": Topic(
        question=EstimatePerformance,
        function="llm_memory_calculator:estimate_performance",
        told=("ttft_ms", "tpot_ms", "output_tokens_per_s"),
        title="Speed of a model on hardware",
        when="Speed of a model on hardware: TTFT, TPOT, output tokens a second, each with a range, and what binds it; "
        "of encoders sequences, of diffusion seconds an image. batch_size: a static batch. concurrency or "
        "request_rate: a served load, with its queue. Best layout: best_parallelism; which hardware: compare_hardware.",
    ),
    "best_parallelism": Topic(
        question=BestParallelism,
        function="llm_memory_calculator:best_parallelism",
        told=("best", "others"),
        title="Best layout over devices",
        when="Best layout (tensor, pipeline, data, expert parallel) of up to that many devices, with its times and the "
        "next best. Of a given layout: estimate_performance.",
    ),
    "compare_hardware": Topic(
        question=CompareHardware,
        function="llm_memory_calculator:compare_hardware",
        told=("rows",),
        title="Accelerators side by side",
        when="Accelerators side by side for a model and a load, each in its best layout, with ranges and cost. goal: "
        "speed, speed per watt or dollar, largest batch, longest context, fewest devices. For a rate or budget: "
        "plan_deployment.",
    ),
    "plan_deployment": Topic(
        question=PlanDeployment,
        function="llm_memory_calculator:plan_deployment",
        told=("plans",),
        title="What to deploy for a load",
        when="What to rent for request_rate or concurrency: at most five plans (accelerator, devices, layout, format) "
        "that keep TTFT and TPOT targets, with prices, ranges and a launch line; the nearest where none does. Without "
        "a load: the highest rate, as of hardware at hand.",
    ),
    "max_batch_size": Topic(
        question=MaxBatchSize,
        function="llm_memory_calculator:max_batch_size",
        told=("max_batch_size", "reason"),
        title="Largest batch that fits",
        when="Most sequences of seq_length tokens that hardware (or memory_gb) holds at once; or by find the longest "
        "context, or the KV tokens.",
    ),
    "describe_model": Topic(
        question=InspectModel,
        function="llm_memory_calculator:inspect_model",
        told=("parameter_count", "weight_memory_bytes"),
        title="A model's numbers",
        when="What a model is: parameters, attention, weight bytes, cache a token, longest context. An unknown name "
        "gets the nearest.",
    ),
    "search_hardware": Topic(
        question=SearchHardware,
        function="llm_memory_server.hardware_search:search_hardware",
        told=("rows",),
        title="Find accelerators",
        when="Accelerators of the catalogue by name, maker, memory and price, with bandwidth and TFLOPS.",
        open_world=False,
    ),
    "explain_startup_log": Topic(
        question=ExplainStartupLog,
        function="llm_memory_calculator:explain_startup_log",
        told=("outcome", "binding", "remedies"),
        title="Explain a start-up log",
        when="A serving engine's start-up log, as of an out-of-memory, beside the estimate: what failed, what binds, "
        "the smallest changes that mend it, a calibration for later calls.",
    ),
    "describe_tool": Topic(
        question=DescribeTool,
        function="llm_memory_server.described_tools:describe_tool",
        title="A tool's arguments explained",
        when="Every argument of a tool with unit, bounds and default, those under more too, and fields of its answer.",
        open_world=False,
    ),
}


def tools() -> "list[Tool]":
    """Every tool as a client is told of it."""
    from mcp.types import Tool, ToolAnnotations

    return [
        Tool(
            name=name,
            title=topic.title,
            description=topic.when,
            input_schema=input_schema(topic.question),
            output_schema=answer_schema(topic) if topic.told else None,
            # by the protocol the other hints say nothing of a tool that only reads
            _meta={"ui": {"resourceUri": ADDRESS}} if name in DRAWN else None,
            annotations=ToolAnnotations(read_only_hint=True, open_world_hint=None if topic.open_world else False),
        )
        for name, topic in TOPICS.items()
    ]


def call(name: str, arguments: Mapping[str, Any]) -> "CallToolResult":
    """The answer of a tool. Raises CalculatorError for what the caller can mend."""
    # not loaded where searches are computed: it takes longer than all else that a start loads there
    from mcp.types import CallToolResult

    return CallToolResult.model_validate(answer(name, arguments))


def answer(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same as it goes over the wire; of a hardware name that means a few accelerators that of each."""
    given = flat(arguments)
    try:
        text, structure = _answer(name, given)
    except AmbiguousHardwareError as error:
        text, structure = _of_each(name, given, error)
    content = [{"type": "text", "text": text}]
    return {"content": content} if structure is None else {"content": content, "structuredContent": structure}


def _answer(name: str, given: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    topic, detail = TOPICS[name], given.get("detail")
    report = ask(TOOL, name, topic.question, given, function=topic.function)
    if not topic.told:
        return str(report), None
    said = shown(report, detail)
    return str(said), lean_values(said, full=is_full(detail))


def _of_each(name: str, given: Mapping[str, Any], error: AmbiguousHardwareError) -> tuple[str, dict[str, Any]]:
    """The answers for all that a name means, of which none is taken in silence. Raises the error where these are many,
    or the name does not stand alone, and what was refused where every one is."""
    word = next((word for word, value in given.items() if value == error.name or value == [error.name]), None)
    if word is None or not 1 < len(error.meant) <= _MOST_MEANT:
        raise error
    texts: dict[str, str] = {}
    structures: dict[str, Any] = {}
    refused: list[CalculatorError] = []
    for one in error.meant:
        try:
            text, structures[one] = _answer(name, {**given, word: one})
        except CalculatorError as refusal:
            refused.append(refusal)
            text = str(refusal)
        texts[one] = text
    said = str(error).removesuffix(" Name one.")
    if len({str(refusal) for refusal in refused}) == 1 and not structures:
        raise refused[0]
    if not structures:
        each = " ".join(f"{one}: {text}" for one, text in texts.items())
        raise CalculatorError(f"{said} Refused for each. {each}")
    if is_full(given.get("detail")):
        each = "\n\n".join(f"{one}: {text}" for one, text in texts.items())
        return f"{said} Answered for each.\n\n{each}", {"of_each": structures}
    return f"{said} Answered for each.\n\n{beside_first(texts)}", told_once(structures)


# Answers of more fill an agent's context.
_MOST_MEANT = 3


def flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of which some may stand under `more`, side by side. Raises ArgumentError."""
    beside = {name: value for name, value in arguments.items() if name != MORE}
    inside = read(MORE, arguments.get(MORE) or {})
    if not isinstance(inside, Mapping):
        raise ArgumentError(f"{MORE} must be an object of arguments by name, and is {kind_of(inside)}.")
    if twice := beside.keys() & inside.keys():
        raise ArgumentError(f"{min(twice)} stands in {MORE} too; give it once.")
    return beside | dict(inside)


def input_schema(question: type[Asked]) -> dict[str, Any]:
    """The JSON schema of a question's arguments: the common ones, and the names of the rest."""
    said = spoken(question)
    listed = {entry.name: _property(entry) for entry in said if entry.argument.brief is not None}
    rest = ", ".join(entry.name for entry in said if entry.argument.brief is None)
    if rest:
        listed[MORE] = {"type": "object", "description": f"Also: {rest}"}
    required = [entry.name for entry in said if entry.required]
    return {"type": "object", "properties": listed} | ({"required": required} if required else {})


def _property(entry: Spoken) -> dict[str, Any]:
    argument = entry.argument
    kinds = _TYPES.get(argument.kind, ({"type": "string"},))
    # some clients take one type alone
    schema: dict[str, Any] = dict(kinds[0]) if len(kinds) == 1 else {"anyOf": list(kinds)}
    if argument.brief:
        schema["description"] = argument.brief
    if argument.kind == "word" and len(argument.words) <= _MOST_WORDS:
        schema["enum"] = list(argument.words)
    if isinstance(entry.default, int) and entry.default is not False:
        schema["default"] = entry.default
    return schema


# More words are told where somebody asks, or by the refusal of another.
_MOST_WORDS = 6

_STRING, _WHOLE, _OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "object"}
_LIST: Mapping[str, Any] = {"type": "array", "items": {}}
_TYPES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "whole": (_WHOLE,),
    "real": ({"type": "number"},),
    "flag": ({"type": "boolean"},),
    "object": (_OBJECT,),
    "names": (_STRING, _LIST),
    "lengths": (_WHOLE, _OBJECT),
    "hardware": (_STRING, _OBJECT),
    "hardware list": (_STRING, _OBJECT, _LIST),
}
"""What values each kind of argument takes, where that is not text."""


def answer_schema(topic: Topic) -> dict[str, Any]:
    """The JSON schema of a tool's answer: the fields that are looked at first; describe_tool tells all of them."""
    hints: dict[str, Any] = {}
    for report in reports_of(topic.function):
        hints |= get_type_hints(report)
    return {"type": "object", "properties": {name: {"type": json_type(hints[name])} for name in topic.told}}


def reports_of(function: str) -> tuple[type, ...]:
    """The reports with which a function may answer."""
    report = get_type_hints(answering(function))["return"]
    return get_args(report) or (report,)
