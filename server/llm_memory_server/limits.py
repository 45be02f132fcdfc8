"""How long what the server sends may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ErrorData

from llm_memory_calculator.errors import ArgumentError, CalculatorError, shown

MOST_ERROR = 2_000
"""Characters of an error."""
MOST_REPLY = 64_000
"""Bytes of a reply."""
MOST_BODY = 2 * 2**20
"""Bytes of a request over HTTP; the largest config.json that was seen published is 0.3 MB."""
MOST_ENTRIES = 1_000
"""Entries of a list that an argument is."""
MOST_VALUES = 50_000
"""Values of all arguments together, each key with its own; the largest config that is bundled has 734, and an index of
weights in a body of the greatest length some 30,000."""
_ENVELOPE = 1_000


def short_error(text: str) -> str:
    """The sentence, cut where it is longer than a reader looks at."""
    return text if len(text) <= MOST_ERROR else f"{text[: MOST_ERROR - 1]}…"


def require_few(arguments: Mapping[str, Any]) -> None:
    """Raise ArgumentError where an argument is a list of more entries than anybody means, or all hold more values."""
    for name, value in arguments.items():
        if isinstance(value, list) and len(value) > MOST_ENTRIES:
            raise ArgumentError(
                f"{shown(name)} has {len(value):,} entries, and up to {MOST_ENTRIES:,} are taken: give each once, and "
                "ask again for the rest."
            )
    left, inside = MOST_VALUES, list[Any]([arguments])
    while inside:
        one = inside.pop()
        if isinstance(one, (Mapping, list)):
            left -= len(one)
            # before any of them is looked at
            if left < 0:
                raise ArgumentError(
                    f"The arguments hold more than {MOST_VALUES:,} values: give a model by its name, or its "
                    "config.json alone."
                )
            inside += one.values() if isinstance(one, Mapping) else one


def require_short(result: CallToolResult) -> CallToolResult:
    """The same. Raises CalculatorError where it is longer than a reply may be."""
    size = len(result.model_dump_json(by_alias=True, exclude_none=True).encode())
    if size + _ENVELOPE <= MOST_REPLY:
        return result
    raise CalculatorError(
        f"The answer would be {size // 1000} kB, and {MOST_REPLY // 1000} kB are sent at most. Leave detail at "
        "'concise', or ask for fewer entries: a smaller top, or less hardware by name."
    )


async def with_short_errors(context: ServerRequestContext, call_next: CallNext) -> HandlerResult:
    """Answers every message, errors of the protocol cut."""
    try:
        return await call_next(context)
    except MCPError as error:
        told = error.error
        if len(told.message) > MOST_ERROR or len(str(told.data)) > MOST_ERROR:
            raise MCPError.from_error_data(ErrorData(code=told.code, message=short_error(told.message))) from error
        raise
