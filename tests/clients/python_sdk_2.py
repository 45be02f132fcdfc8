"""The Python SDK 2, in both eras of the protocol."""

import json
import os
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

EXPECTED: dict[str, Any] = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))


async def check(server: Any, mode: Any) -> None:
    async with Client(server, mode=mode) as client:
        assert len((await client.list_tools()).tools) == EXPECTED["tools"]
        result = await client.call_tool("calculate_memory", EXPECTED["call"])
        assert result.structured_content is not None
        assert result.structured_content["weight_memory_bytes"] == EXPECTED["total_of_weights"]
        refused = await client.call_tool("calculate_memory", EXPECTED["refused"])
        assert refused.is_error
        assert EXPECTED["refusal"] in str(refused.content)
        assert EXPECTED["holds"] in str((await client.read_resource(EXPECTED["resource"])).contents)
        assert len((await client.list_prompts()).prompts) == 4


async def main() -> None:
    environment = {"HF_HUB_OFFLINE": "1"}
    stdio = StdioServerParameters(command=os.environ["SERVER"], args=["serve"], env=environment)
    for mode in ("auto", "legacy"):
        await check(stdio, mode)
        await check(os.environ["URL"], mode)


anyio.run(main)
