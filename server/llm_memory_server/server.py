"""The MCP server: the five tools with strict arguments, and errors that a model can act on."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import ValidationError

from llm_memory_calculator import __version__
from llm_memory_calculator.errors import did_you_mean

from .tools import TOOLS

INSTRUCTIONS = """\
Memory, speed and layouts of language models on accelerators, offline and without a token.
- Will it fit, how much memory: calculate_memory. Largest batch: max_batch_size.
- How fast on given hardware: estimate_performance. Which layout of N devices: best_parallelism.
- Which accelerator: compare_hardware.
Name a model by its hub id or a short name (llama3_70b), hardware as people write it (H100, rtx 4090). An unknown name
is refused with the nearest ones; call again with one of them.
GB are 10^9 bytes; devices hold what the fullest one holds. Weights and KV cache are exact; times and overheads are
estimates with a range that should hold the truth in 8 of 10 cases. Read the notes: warnings, overrides, assumptions.
null means not known or not applicable, never zero."""


def _strict_tool(function: Any, title: str) -> Tool:
    """A tool that refuses arguments that it does not have, and strings where numbers belong.

    The SDK drops unknown arguments silently, so that a misspelt `precision` would give a wrong number.
    """
    tool = Tool.from_function(
        function,
        title=title,
        description=" ".join((function.__doc__ or "").split()),
        annotations=ToolAnnotations(
            title=title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
        ),
    )
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_config["strict"] = True
    arguments.model_rebuild(force=True)
    tool.parameters = _lean(arguments.model_json_schema(by_alias=True))
    tool.fn_metadata.output_schema = _lean(tool.fn_metadata.output_schema)
    return tool


def _lean(schema: Any) -> Any:
    """The schema without titles that repeat the field's name, and without `default: null` of what may be left out."""
    if isinstance(schema, list):
        return [_lean(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _lean(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }


class CalculatorServer(MCPServer):
    """Says what is wrong with arguments in one line a field."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error, UnexpectedToolError):
                raise
            if not isinstance(error.__cause__, ValidationError):
                raise ToolError(str(error).removeprefix(f"Error executing tool {name}: ")) from error
            tool = self._tool_manager.get_tool(name)
            accepted = tuple(tool.parameters["properties"]) if tool else ()
            problems = [problem for problem in error.__cause__.errors() if problem["type"] != "none_required"]
            lines = [_complaint(problem, accepted) for problem in problems]
            raise ToolError(f"{name}: " + " ".join(dict.fromkeys(lines))) from None


def _complaint(problem: Any, accepted: tuple[str, ...]) -> str:
    field = str(problem["loc"][0]) if problem["loc"] else "arguments"
    given = repr(problem["input"])
    given = given if len(given) <= 60 else f"{given[:57]}..."
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return f"There is no argument {field!r}.{did_you_mean(field, accepted)} Accepted: {', '.join(accepted)}."
    if kind == "missing":
        return f"{field} is needed."
    limits = {"greater_than_equal": "ge", "less_than_equal": "le", "greater_than": "gt"}
    words = {"ge": "at least", "le": "at most", "gt": "above"}
    if kind in limits:
        key = limits[kind]
        return f"{field} must be {words[key]} {context[key]:,}, and is {given}."
    if kind == "literal_error":
        return f"{field} {given} is not known. Accepted: {context['expected']}."
    expected = {
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "string_type": "a string",
        "bool_type": "true or false",
        "list_type": "a list of strings",
        "string_too_short": "a name",
        "string_too_long": "a shorter name",
    }
    return f"{field} must be {expected.get(kind, problem['msg'])}, and is {given}."


def build_server(**security: Any) -> CalculatorServer:
    """The server, on no transport yet. `security` is passed on (`auth`, `token_verifier`)."""
    return CalculatorServer(
        "llm-memory-calculator",
        title="LLM memory calculator",
        description="Will a model fit, on what, how fast, in which layout.",
        instructions=INSTRUCTIONS,
        version=__version__,
        tools=[_strict_tool(function, title) for function, title in TOOLS.items()],
        log_level="WARNING",
        subscriptions=False,
        **security,
    )
