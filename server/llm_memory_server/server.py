"""The MCP server: the tools, and errors that a model can act on."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, Tool

from llm_memory_calculator import __version__
from llm_memory_calculator.errors import CalculatorError, did_you_mean, shown
from llm_memory_calculator.reach import EVERYWHERE, Reach

from .app import app
from .completions import add_completions
from .computing import Computing
from .limits import require_few, require_short, short_error, with_short_errors
from .prompts import add_prompts
from .remembered import asked_by
from .resources import add_resources

LISTED = Path(__file__).with_name("tools.json")
"""The tools as a client is told of them, written by `python -m llm_memory_server.write_schemas`."""
SEARCHES = frozenset({"best_parallelism", "compare_hardware", "plan_deployment"})
"""The tools that look through many layouts, which take seconds."""

INSTRUCTIONS = """\
Memory, speed and layouts of language models on accelerators, offline and without a token.
- Will it fit, how much memory: calculate_memory. Largest batch: max_batch_size.
- How fast on given hardware: estimate_performance. Which layout of N devices: best_parallelism.
- Which accelerator: compare_hardware. What to rent for a load and targets: plan_deployment.
- A model's numbers: describe_model. Accelerators by memory, price, maker: search_hardware.
- A start-up log, as of an out-of-memory: explain_startup_log.
- An argument or a field that is not clear: describe_tool; rarer arguments stand beside the others or under more.
Name a model by its hub id or a short name (llama3_70b), hardware as people write it (H100, rtx 4090); one of your own
is an object: a config.json as config, TFLOPS, GB and GB/s as hardware. An unknown name is refused with the nearest
ones; call again with one of them.
GB are 10^9 bytes; devices hold what the fullest one holds. Weights and KV cache are exact; times and overheads are
estimates with a range that should hold the truth in 8 of 10 cases. Read the notes: warnings, overrides, assumptions.
What is absent is not known, does not apply, or is none; a range is [low, high]."""


class CalculatorServer(MCPServer):
    """Lists and calls the tools as they are declared, and checks arguments by the engine's own sentences.

    The SDK makes a model of a function's signature for every tool, drops unknown arguments and repeats an answer as
    text; none of that is wanted here.
    """

    def __init__(self, computing: Computing, **settings: Any) -> None:
        super().__init__(**settings)
        add_resources(self)
        add_prompts(self)
        add_completions(self)
        self._tools = [Tool.model_validate(told) for told in json.loads(LISTED.read_text(encoding="utf-8"))]
        self.computing = computing

    async def list_tools(self) -> list[Tool]:
        return self._tools

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> CallToolResult:
        names = tuple(tool.name for tool in self._tools)
        if name not in names:
            raise ToolError(f"There is no tool {shown(name)}.{did_you_mean(name, names)} Tools: {', '.join(names)}.")
        try:
            require_few(arguments)
            asked = asked_by(name, arguments)
            if name in SEARCHES:
                return await self.computing.search(name, arguments, _read, context, asked=asked)
            return await self.computing.answer(partial(_answered, name, arguments), context, asked=asked)
        except CalculatorError as error:
            raise ToolError(short_error(str(error))) from error
        except Exception as error:
            # logged by the SDK, and masked from the client
            raise UnexpectedToolError(f"Error executing tool {name}") from error


def _answered(name: str, arguments: dict[str, Any]) -> CallToolResult:
    # a server can say what it does without what answers it
    from .tools import call

    return require_short(call(name, arguments))


def _read(answer: dict[str, Any]) -> CallToolResult:
    return require_short(CallToolResult.model_validate(answer))


def build_server(reach: Reach = EVERYWHERE, *, requests_last: bool = False, **security: Any) -> CalculatorServer:
    """The server, on no transport yet. reach: the local files that a call may name; requests_last: as `Computing` has
    it; `security` is passed on (`auth`, `token_verifier`)."""
    computing = Computing(reach, requests_last=requests_last)
    return CalculatorServer(
        computing,
        lifespan=lambda _: computing.apart.used(),
        name="llm-memory-calculator",
        title="LLM memory calculator",
        description="Will a model fit, on what, how fast, in which layout.",
        instructions=INSTRUCTIONS,
        version=__version__,
        log_level="WARNING",
        extensions=[app()],
        subscriptions=False,
        middleware=[with_short_errors],
        **security,
    )
