"""The Python SDK 1, of the protocol's first era."""

import json
import os
from pathlib import Path
from typing import Any

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl

EXPECTED: dict[str, Any] = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))


async def check(read: Any, write: Any) -> None:
    async with ClientSession(read, write) as session:
        await session.initialize()
        assert len((await session.list_tools()).tools) == EXPECTED["tools"]
        result = await session.call_tool("calculate_memory", EXPECTED["call"])
        assert result.structuredContent is not None
        assert result.structuredContent["weight_memory_bytes"] == EXPECTED["total_of_weights"]
        refused = await session.call_tool("calculate_memory", EXPECTED["refused"])
        assert refused.isError
        assert EXPECTED["refusal"] in str(refused.content)
        assert EXPECTED["holds"] in str((await session.read_resource(AnyUrl(EXPECTED["resource"]))).contents)
        assert len((await session.list_prompts()).prompts) == 4


async def main() -> None:
    environment = {"HF_HUB_OFFLINE": "1"}
    stdio = StdioServerParameters(command=os.environ["SERVER"], args=["serve"], env=environment)
    async with stdio_client(stdio) as (read, write):
        await check(read, write)
    async with streamablehttp_client(os.environ["URL"]) as (read, write, _):
        await check(read, write)


anyio.run(main)
