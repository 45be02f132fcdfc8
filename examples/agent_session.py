"""An agent's session: start the server over stdio, list its tools, ask all five about Llama-3.1-70B.

Offline and without a token: the model is in the bundled catalogue.
"""

import os
import sys

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

MODEL = "meta-llama/Llama-3.1-70B"
QUESTIONS = [
    ("How much memory does it need, and on what does it fit?", "calculate_memory", {"model": MODEL}),
    (
        "How fast is it on four H100 for 16 users?",
        "estimate_performance",
        {"model": MODEL, "hardware": "H100", "tensor_parallel": 4, "batch_size": 16},
    ),
    (
        "Which layout of eight H100 gives most output tokens a second?",
        "best_parallelism",
        {"model": MODEL, "hardware": "H100", "devices": 8, "batch_size": 64},
    ),
    (
        "A100, H100, H200 or MI300X, eight of each?",
        "compare_hardware",
        {"model": MODEL, "hardware": ["A100_80GB", "H100", "H200", "MI300X"], "devices": 8, "batch_size": 64},
    ),
    (
        "How many sequences of 8,192 tokens fit on eight H100, with the cache in fp8?",
        "max_batch_size",
        {"model": MODEL, "hardware": "H100", "devices": 8, "seq_length": 8192, "kv_precision": "fp8"},
    ),
]


async def main() -> None:
    # a client hands on PATH and HOME alone; the server may also want HF_TOKEN or a folder of one's own hardware
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "llm_memory_calculator", "serve"], env=dict(os.environ)
    )
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        print("Tools:", ", ".join(tool.name for tool in tools))
        for question, tool, arguments in QUESTIONS:
            answer = await client.call_tool(tool, arguments)
            text = "\n".join(block.text for block in answer.content if isinstance(block, TextContent))
            print(f"\n> {question}\n{text}")
            if answer.is_error:
                raise SystemExit(1)


if __name__ == "__main__":
    anyio.run(main)
