"""What an argument of a prompt or of a resource's address may be, as it is typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcp.server import MCPServer
from mcp.types import Completion, ResourceTemplateReference

from .resources import engine_names, model_names

_MOST = 100  # the protocol's own limit of one answer


def add_completions(server: MCPServer) -> None:
    """Add the completion of models, hardware, engines and formats."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it untyped
    async def complete(reference: Any, argument: Any, _: Any) -> Completion | None:
        room = reference.uri.partition(":")[0] if isinstance(reference, ResourceTemplateReference) else argument.name
        if room not in _NAMES:
            return None
        found = matching(_NAMES[room](), argument.value)
        return Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)


def matching(names: Sequence[str], typed: str) -> list[str]:
    """The names that begin with what was typed, then those that have it elsewhere, in any case and punctuation."""
    part = _plain(typed)
    found = [name for name in names if part in _plain(name)]
    # an id is known by what follows its owner too
    return sorted(found, key=lambda name: not _plain(name).startswith(part) and f"/{part}" not in _plain(name))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == "/")


def _hardware() -> Sequence[str]:
    from llm_memory_calculator import all_accelerators

    return [accelerator.name for accelerator in all_accelerators()]


def _formats() -> Sequence[str]:
    from llm_memory_calculator.formats.numerics import WEIGHT_FORMATS

    return WEIGHT_FORMATS


_NAMES: Mapping[str, Callable[[], Sequence[str]]] = {
    "model": model_names,
    "first": model_names,
    "second": model_names,
    "hardware": _hardware,
    "engine": engine_names,
    "precision": _formats,
}
"""By the name of an argument, or by the scheme of a resource's address."""
