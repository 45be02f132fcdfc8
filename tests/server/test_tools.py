"""The five tools as a client sees them, in both eras of the protocol."""

import functools
import json
import math
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

from llm_memory_server.server import build_server
from llm_memory_server.tools import BatchAnswer, ComparisonAnswer, LayoutAnswer, MemoryAnswer, PerformanceAnswer

pytestmark = pytest.mark.anyio
MODEL = "meta-llama/Llama-3.1-70B"
# Each tool's questions, with a call of it: name, arguments, what is required.
TOOLS: dict[str, tuple[dict[str, Any], list[str], type]] = {
    "calculate_memory": ({"model": MODEL}, ["model"], MemoryAnswer),
    "estimate_performance": ({"model": MODEL, "hardware": "H100"}, ["model", "hardware"], PerformanceAnswer),
    "best_parallelism": ({"model": MODEL, "hardware": "H100"}, ["model", "hardware"], LayoutAnswer),
    "compare_hardware": ({"model": MODEL}, ["model"], ComparisonAnswer),
    "max_batch_size": ({"model": MODEL, "memory_gb": 192}, ["model"], BatchAnswer),
}
VOCABULARY = {
    "model",
    "hardware",
    "memory_gb",
    "devices",
    "tensor_parallel",
    "pipeline_parallel",
    "data_parallel",
    "expert_parallel",
    "batch_size",
    "seq_length",
    "input_tokens",
    "output_tokens",
    "precision",
    "kv_precision",
    "goal",
    "num_images",
    "image_resolution",
    "max_loras",
    "max_lora_rank",
    "target_modules",
    "encoder_seq_length",
    "refresh",
    "detail",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@functools.cache
def server() -> MCPServer:
    return build_server()


@asynccontextmanager
async def connected(mode: Literal["auto", "legacy"] = "auto") -> AsyncIterator[Client]:
    async with Client(server(), mode=mode) as client:
        yield client


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_five_tools_stand_in_order_with_their_required_arguments(mode: Literal["auto", "legacy"]) -> None:
    async with connected(mode) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert tool.input_schema["required"] == TOOLS[tool.name][1]
        assert set(tool.input_schema["properties"]) <= VOCABULARY
        assert tool.input_schema["additionalProperties"] is False
        assert tool.title
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.idempotent_hint is True


async def test_every_argument_and_every_field_of_an_answer_is_described() -> None:
    async with connected() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        assert all(entry.get("description") for entry in tool.input_schema["properties"].values())
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        definitions = [tool.output_schema, *tool.output_schema.get("$defs", {}).values()]
        for definition in definitions:
            undescribed = [name for name, entry in definition["properties"].items() if "description" not in entry]
            assert not undescribed, (tool.name, undescribed)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("name", TOOLS)
async def test_an_answer_has_short_text_and_structure_that_its_schema_takes(
    name: str, mode: Literal["auto", "legacy"]
) -> None:
    arguments, _, answer = TOOLS[name]
    async with connected(mode) as client:
        result = await client.call_tool(name, arguments)
    assert not result.is_error
    assert result.structured_content is not None
    answer.model_validate(result.structured_content)  # type: ignore[attr-defined]
    assert "Llama-3.1-70B" in text(result)
    assert not text(result).startswith("{")
    # about 1,500 tokens in all
    assert len(text(result)) + len(json.dumps(result.structured_content)) < 6000
    json.dumps(result.structured_content, allow_nan=False)


async def test_memory_of_llama_70b_is_its_141_gb_of_weights_and_where_they_fit() -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": "llama3.1_70b"})
    assert result.structured_content is not None
    assert result.structured_content["weight_memory_bytes"] == 2 * 70_553_706_496
    assert {"hardware": "MI300X", "devices": 1}.items() <= {
        **next(fit for fit in result.structured_content["fits"] if fit["hardware"] == "MI300X")
    }.items()


@pytest.mark.parametrize("name", TOOLS)
async def test_an_unknown_argument_is_refused_by_name_with_the_nearest(name: str) -> None:
    async with connected() as client:
        result = await client.call_tool(name, {**TOOLS[name][0], "precison": "int8"})
    assert result.is_error
    assert "no argument 'precison'" in text(result)
    assert "'precision'" in text(result)
    assert "pydantic" not in text(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "meta-llama/Llama-3.1-71B", "refresh": False}, "Llama-3.1-70B"),
        ({"precision": "fp88"}, "fp8"),
        ({"kv_precision": "int3"}, "Accepted: fp32, bf16"),
        ({"hardware": "H1000"}, "H100"),
        ({"hardware": "A100"}, "A100_40GB"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"batch_size": -1}, "batch_size must be at least 1"),
        ({"batch_size": 10**30}, "batch_size must be at most 1,000,000"),
        ({"batch_size": "8"}, "batch_size must be a whole number"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"batch_size": 1.5}, "batch_size must be a whole number"),
        ({"memory_gb": -1}, "memory_gb must be above 0"),
        ({"memory_gb": "80"}, "memory_gb must be a number"),
        ({"memory_gb": 80, "hardware": "H100"}, "not both"),
        ({"tensor_parallel": 3}, "does not divide"),
        ({"detail": "long"}, "'concise' or 'full'"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model must be a string"),
    ],
)
async def test_what_cannot_be_is_refused_with_what_can(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL} | changes)
        assert result.is_error
        assert message in text(result)
        assert "Traceback" not in text(result)
        # the server lives on
        assert not (await client.call_tool("calculate_memory", {"model": MODEL})).is_error


async def test_one_accelerator_where_a_list_belongs_is_refused_in_plain_words() -> None:
    async with connected() as client:
        result = await client.call_tool("compare_hardware", {"model": MODEL, "hardware": "H100"})
    assert result.is_error
    assert "hardware must be a list of strings, and is 'H100'" in text(result)


async def test_an_engine_s_sentence_stands_alone() -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL, "precision": "fp88"})
    assert text(result).startswith("precision 'fp88'")


async def test_a_crash_is_masked_for_the_model_and_logged_for_the_operator(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("an inner detail")

    monkeypatch.setattr("llm_memory_calculator.calculate_memory", crash)
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL})
    assert result.is_error
    assert text(result) == "Error executing tool calculate_memory"
    assert "an inner detail" in caplog.text


async def test_a_missing_argument_is_named() -> None:
    async with connected() as client:
        result = await client.call_tool("estimate_performance", {"model": MODEL})
    assert result.is_error
    assert "hardware is needed" in text(result)


async def test_an_assumption_is_said_in_the_text() -> None:
    async with connected() as client:
        result = await client.call_tool("estimate_performance", {"model": MODEL, "hardware": "H100"})
    assert "tensor_parallel 2 is the smallest that holds the model" in text(result)


async def test_an_accelerator_without_measurements_is_said_so() -> None:
    async with connected() as client:
        result = await client.call_tool("estimate_performance", {"model": MODEL, "hardware": "MI300X"})
    assert "No measurement of MI300X" in text(result)


async def test_full_detail_adds_breakdowns() -> None:
    arguments = {"model": MODEL, "hardware": "H100"}
    async with connected() as client:
        short = await client.call_tool("estimate_performance", arguments)
        full = await client.call_tool("estimate_performance", {**arguments, "detail": "full"})
    assert short.structured_content is not None
    assert full.structured_content is not None
    assert short.structured_content["prefill_phase"] is None
    assert full.structured_content["prefill_phase"]["breakdown"]
    assert math.isclose(full.structured_content["ttft_ms"], short.structured_content["ttft_ms"])


async def test_instructions_name_every_tool() -> None:
    async with connected() as client:
        instructions = client.instructions or ""
    assert all(name in instructions for name in TOOLS)


def test_arguments_stay_strict_whatever_the_sdk_does() -> None:
    for tool in build_server()._tool_manager.list_tools():
        config = tool.fn_metadata.arg_model.model_config
        assert config["extra"] == "forbid"
        assert config["strict"] is True


def test_building_the_server_loads_no_heavy_package() -> None:
    code = (
        "import sys; from llm_memory_server.server import build_server; build_server(); "
        "print([name for name in ('numpy', 'pandas', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
