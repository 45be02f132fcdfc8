"""FastMCP's client."""

import json
import os
from pathlib import Path
from typing import Any

import anyio
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

EXPECTED: dict[str, Any] = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))


async def check(server: Any) -> None:
    async with Client(server) as client:
        assert len(await client.list_tools()) == EXPECTED["tools"]
        result = await client.call_tool("calculate_memory", EXPECTED["call"])
        assert result.structured_content["weight_memory_bytes"] == EXPECTED["total_of_weights"]
        refused = await client.call_tool("calculate_memory", EXPECTED["refused"], raise_on_error=False)
        assert refused.is_error
        assert EXPECTED["refusal"] in str(refused.content)
        assert EXPECTED["holds"] in str(await client.read_resource(EXPECTED["resource"]))
        assert len(await client.list_prompts()) == 4


async def main() -> None:
    await check(StdioTransport(os.environ["SERVER"], ["serve"], env={"HF_HUB_OFFLINE": "1"}))
    await check(os.environ["URL"])


anyio.run(main)
