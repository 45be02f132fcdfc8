"""The tools as a client sees them, in both eras of the protocol."""

import functools
import inspect
import json
import math
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

import llm_memory_calculator
from llm_memory_calculator.formats.numerics import KV_FORMATS
from llm_memory_server.described_tools import SCHEMAS
from llm_memory_server.server import LISTED, build_server
from llm_memory_server.tools import call
from llm_memory_server.write_schemas import answer_schemas, listed_tools

from .llama import CONFIG, LLAMA_2_7B

pytestmark = pytest.mark.anyio
MODEL = "meta-llama/Llama-3.1-70B"
# Each tool with a call of it, and what its schema requires beside a model, which is said as a name or as a config.
TOOLS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "calculate_memory": ({"model": MODEL}, []),
    "estimate_performance": ({"model": MODEL, "hardware": "H100"}, ["hardware"]),
    "best_parallelism": ({"model": MODEL, "hardware": "H100"}, ["hardware"]),
    "compare_hardware": ({"model": MODEL}, []),
    "plan_deployment": ({"model": MODEL, "request_rate": 2, "hardware": ["H100"]}, []),
    "max_batch_size": ({"model": MODEL, "memory_gb": 192}, []),
    "describe_model": ({"model": MODEL}, []),
}
LOG = "INFO 01-01 00:00:00 [gpu_worker.py:298] Available KV cache memory: 44.1 GiB"
# Those that are of no one model.
OTHERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "search_hardware": ({"query": "hopper"}, []),
    "explain_startup_log": ({"text": LOG}, ["text"]),
    "describe_tool": ({"tool": "calculate_memory"}, ["tool"]),
}
EVERY = TOOLS | OTHERS
# Functions that answer by another name than their tool's.
FUNCTIONS = {"describe_model": "inspect_model"}
# An A100 of 80 GB but for its rate, in the README's keys.
CARD = {"Memory_size": 80, "Memory_BW": 2039, "ICN": 300}
# What `serve` does before it listens.
START = (
    "from llm_memory_server import command_line; from llm_memory_server.transports import build_server; build_server()"
)
# What a token of this text is in bytes by o200k_base (measured: 12,229 bytes are 2,929 tokens).
BYTES_A_TOKEN = 4.17


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


def arguments_of(schema: dict[str, Any]) -> set[str]:
    """The arguments of a tool, those listed and those that it names under `more`."""
    properties = schema["properties"]
    named = properties.get("more", {}).get("description", ": ").split(": ")[1].split(", ")
    return {*properties, *named} - {"more", ""}


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def reports_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The reports that a tool may answer with."""
    named = [schema["$defs"][one["$ref"].removeprefix("#/$defs/")] for one in schema.get("anyOf", ())]
    return named or [schema]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_tools_stand_in_order_with_their_required_arguments(mode: Literal["auto", "legacy"]) -> None:
    async with connected(mode) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == list(EVERY)
    for tool in tools:
        assert tool.input_schema.get("required", []) == EVERY[tool.name][1]
        assert tool.title
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert (tool.output_schema is None) == (tool.name == "describe_tool")


async def test_the_list_of_tools_is_the_written_one_and_costs_an_agent_less_than_3000_tokens() -> None:
    async with connected() as client:
        tools = (await client.list_tools()).tools
    listed = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    assert listed == json.loads(LISTED.read_text(encoding="utf-8")) == listed_tools(), (
        "run python -m llm_memory_server.write_schemas"
    )
    assert len(json.dumps(listed, separators=(",", ":")).encode()) / BYTES_A_TOKEN < 3000


@pytest.mark.parametrize("name", EVERY)
async def test_every_argument_is_listed_or_named_and_explained(name: str) -> None:
    async with connected() as client:
        (schema,) = [tool.input_schema for tool in (await client.list_tools()).tools if tool.name == name]
        explained = text(await client.call_tool("describe_tool", {"tool": name}))
    lines = explained.splitlines()[1:]
    names = [line.split(" ")[0] for line in lines]
    assert set(names) == arguments_of(schema)
    assert all(len(line.split("): ", 1)[1]) > 10 for line in lines)
    # well below what an answer may cost
    assert len(explained) < 4 * 4000


def test_every_field_of_an_answer_is_described() -> None:
    for name, answer in json.loads(SCHEMAS.read_text(encoding="utf-8")).items():
        for definition in [*reports_of(answer), *answer["$defs"].values()]:
            undescribed = [field for field, entry in definition["properties"].items() if "description" not in entry]
            assert not undescribed, (name, undescribed)


async def test_a_part_of_a_name_finds_arguments_and_fields_and_another_the_nearest() -> None:
    async with connected() as client:
        loras = text(await client.call_tool("describe_tool", {"tool": "calculate_memory", "about": "lora"}))
        nothing = await client.call_tool("describe_tool", {"tool": "calculate_memory", "about": "precison"})
        setting, remedy = [
            text(await client.call_tool("describe_tool", {"tool": "calculate_memory", "about": about}))
            for about in ("offload", "offload sequential")
        ]
        other = await client.call_tool("describe_tool", {"tool": "compare_hardwares"})
    assert "max_loras (whole number from 1 to 100,000)" in loras
    assert "answer's lora_adapter_memory_bytes" in loras
    assert "seq_length (" not in loras
    for said in (setting, remedy):
        # https://huggingface.co/docs/diffusers/optimization/memory: enable_sequential_cpu_offload
        assert "offload, a setting in engine_settings. diffusers: " in said
        assert "sequential" in said
        assert "cpu_offload_gb, a setting in engine_settings. vllm" in said
    for refused, near in ((nothing, "'precision'"), (other, "'compare_hardware'")):
        assert refused.is_error
        assert near in text(refused)


async def test_an_argument_under_more_is_one_beside_the_others() -> None:
    asked = {"model": MODEL, "hardware": "8xH100"}
    async with connected() as client:
        inside = await client.call_tool("calculate_memory", asked | {"more": {"max_loras": 4}})
        beside = await client.call_tool("calculate_memory", asked | {"max_loras": 4})
        twice = await client.call_tool("calculate_memory", asked | {"max_loras": 4, "more": {"max_loras": 2}})
        wrong = await client.call_tool("calculate_memory", asked | {"more": {"max_lorras": 2}})
        listed = await client.call_tool("calculate_memory", asked | {"more": ["max_loras"]})
    assert inside.structured_content is not None
    assert inside.structured_content == beside.structured_content
    assert inside.structured_content["lora_adapter_memory_bytes"] > 0
    for refused, why in ((twice, "give it once"), (wrong, "'max_loras'"), (listed, "more must be an object")):
        assert refused.is_error
        assert why in text(refused)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("name", TOOLS)
async def test_an_answer_has_short_text_and_structure_that_its_schema_takes(
    name: str, mode: Literal["auto", "legacy"]
) -> None:
    arguments, _ = TOOLS[name]
    async with connected(mode) as client:
        result = await client.call_tool(name, arguments)
        (schema,) = [tool.output_schema for tool in (await client.list_tools()).tools if tool.name == name]
    assert not result.is_error
    assert result.structured_content is not None
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(result.structured_content)
    full = json.loads(SCHEMAS.read_text(encoding="utf-8"))[name]
    Draft202012Validator(full).validate(result.structured_content)
    said = set(result.structured_content) - {"range_level", "evidence"}
    assert any(said <= set(report["properties"]) for report in reports_of(full))
    assert None not in result.structured_content.values()
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
    fits = result.structured_content["fits"]
    # 141 GB of weights are more than one card of 80 GB has, and less than two have
    assert fits["A100_80GB"] == 2


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
        ({"batch_size": 0}, "batch_size must be between 1 and 1,000,000, and is 0"),
        ({"batch_size": -1}, "batch_size must be between 1 and 1,000,000, and is -1"),
        ({"batch_size": 10**30}, "batch_size must be between 1 and 1,000,000"),
        ({"batch_size": "eight"}, "batch_size must be a whole number"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"batch_size": 1.5}, "batch_size must be a whole number"),
        ({"memory_gb": -1}, "memory_gb must be a number above 0"),
        ({"memory_gb": "eighty"}, "memory_gb must be a number"),
        ({"memory_gb": 80, "hardware": "H100"}, "not both"),
        ({"tensor_parallel": 3}, "does not divide"),
        ({"detail": "long"}, "Accepted: concise, full"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model must be one name, and is a number. Accepted: a hub id"),
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


async def test_one_accelerator_where_a_list_goes_is_a_list_of_one() -> None:
    async with connected() as client:
        one = await client.call_tool("compare_hardware", {"model": MODEL, "hardware": "H100"})
        several = await client.call_tool("compare_hardware", {"model": MODEL, "hardware": ["H100"]})
    assert not one.is_error
    assert one.structured_content == several.structured_content


@pytest.mark.parametrize("word", ["full", "FULL", "Full"])
async def test_full_is_full_however_it_is_spelled(word: str) -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL, "detail": word})
    assert result.structured_content is not None
    assert result.structured_content["ledger"] is not None
    assert {"default", "source"} & {note.split(":")[0] for note in result.structured_content["notes"]}


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
    # a server of its own, which remembers no answer
    async with Client(build_server()) as client:
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
        result = await client.call_tool("estimate_performance", {"model": "qwen3-8b", "hardware": "RTX 4090"})
    assert "assumption: No kernel of RTX_4090 was measured" in text(result)


async def test_an_accelerator_without_measurements_is_said_so() -> None:
    async with connected() as client:
        result = await client.call_tool("estimate_performance", {"model": MODEL, "hardware": "BR100"})
    assert "No measurement of BR100" in text(result)


async def test_full_detail_adds_breakdowns() -> None:
    arguments = {"model": MODEL, "hardware": "H100"}
    async with connected() as client:
        short = await client.call_tool("estimate_performance", arguments)
        full = await client.call_tool("estimate_performance", {**arguments, "detail": "full"})
    assert short.structured_content is not None
    assert full.structured_content is not None
    assert "prefill_phase" not in short.structured_content
    assert full.structured_content["prefill_phase"]["breakdown"]
    assert math.isclose(full.structured_content["ttft_ms"], short.structured_content["ttft_ms"])


async def test_a_pipeline_s_images_are_answered_by_the_schema_of_times() -> None:
    async with connected() as client:
        arguments = {"model": "stabilityai/stable-diffusion-xl-base-1.0", "hardware": "H100", "num_inference_steps": 30}
        result = await client.call_tool("estimate_performance", arguments)
        (schema,) = [tool.output_schema for tool in (await client.list_tools()).tools if "performance" in tool.name]
    assert schema is not None
    Draft202012Validator(schema).validate(result.structured_content)
    assert result.structured_content is not None
    assert result.structured_content["num_inference_steps"] == 30
    assert "s an image" in text(result)


@pytest.mark.parametrize("name", TOOLS)
async def test_an_answer_in_full_detail_is_one_that_its_schema_takes(name: str) -> None:
    async with connected() as client:
        result = await client.call_tool(name, {**TOOLS[name][0], "detail": "full"})
        (schema,) = [tool.output_schema for tool in (await client.list_tools()).tools if tool.name == name]
    assert schema is not None
    Draft202012Validator(schema).validate(result.structured_content)


@pytest.mark.parametrize("name", ["calculate_memory", "max_batch_size"])
async def test_full_detail_says_what_the_overhead_is_made_of(name: str) -> None:
    async with connected() as client:
        short = await client.call_tool(name, TOOLS[name][0])
        full = await client.call_tool(name, {**TOOLS[name][0], "detail": "full"})
    assert "context" not in text(short)
    for word in ("overhead", "context", "buffers", "graphs", "embedding", "attention"):
        assert word in text(full)
    assert full.structured_content is not None
    ledger = full.structured_content["ledger"]
    weights = next(line for line in ledger["parts"] if line["name"] == "weights")
    assert sum(line["value"] for line in weights["parts"]) == full.structured_content["weight_memory_bytes"]


async def test_instructions_name_every_tool() -> None:
    async with connected() as client:
        instructions = client.instructions or ""
    assert all(name in instructions for name in EVERY)


async def test_all_that_python_takes_a_tool_takes_but_the_hub_s_token() -> None:
    async with connected() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        if tool.name in ("search_hardware", "describe_tool"):
            continue
        function = getattr(llm_memory_calculator, FUNCTIONS.get(tool.name, tool.name))
        taken = set(inspect.signature(function).parameters) - {"token"}
        names = {"model" if name == "model_id_or_config" else name for name in taken} | {"config"}
        assert arguments_of(tool.input_schema) == names


async def test_every_input_schema_is_one_and_takes_a_question_and_its_own_defaults() -> None:
    async with connected() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator(tool.input_schema).validate(EVERY[tool.name][0])
        for entry in tool.input_schema["properties"].values():
            if "default" in entry:
                Draft202012Validator(entry).validate(entry["default"])


async def test_kv_precision_names_every_format_of_a_cache() -> None:
    async with connected() as client:
        meaning = text(await client.call_tool("describe_tool", {"tool": "max_batch_size", "about": "kv_precision"}))
    assert all(name in meaning.replace(";", ",").split("KV cache: ")[1].split(", ") for name in KV_FORMATS)


async def test_a_config_is_taken_in_place_of_a_name() -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"config": CONFIG})
        both = await client.call_tool("calculate_memory", {"config": CONFIG, "model": MODEL})
        neither = await client.call_tool("calculate_memory", {})
        listed = await client.call_tool("calculate_memory", {"config": [CONFIG]})
    assert result.structured_content is not None
    assert result.structured_content["parameter_count"] == LLAMA_2_7B
    for refused in (both, neither, listed):
        assert refused.is_error
        assert "config" in text(refused)


async def test_a_null_is_an_argument_left_out() -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL, "config": None, "hardware": None})
    assert not result.is_error


async def test_custom_hardware_is_taken_as_an_object() -> None:
    # the model's weights alone are 13.5 GB
    card = {"Flops": 312} | CARD
    async with connected() as client:
        held = await client.call_tool("calculate_memory", {"config": CONFIG, "hardware": card})
        timed = await client.call_tool("estimate_performance", {"config": CONFIG, "hardware": card})
        ranked = await client.call_tool("compare_hardware", {"config": CONFIG, "hardware": [card, "T4"]})
        poor = await client.call_tool("calculate_memory", {"config": CONFIG, "hardware": {"Flops": 312}})
    assert held.structured_content is not None
    assert held.structured_content["fits_device"] is True
    assert timed.structured_content is not None
    # a decode step cannot be shorter than one read of the weights
    assert timed.structured_content["tpot_ms"] > 2 * LLAMA_2_7B / 2039e9 * 1e3
    assert ranked.structured_content is not None
    assert ranked.structured_content["compared"] == 2
    assert poor.is_error
    assert "Memory_size" in text(poor)


async def test_an_image_s_sides_and_a_recording_s_seconds_are_said_as_in_python() -> None:
    question = {"model": "Qwen/Qwen2.5-VL-7B-Instruct", "seq_length": 65_536, "num_images": 1, "video_seconds": 60}
    async with connected() as client:
        asked = [
            await client.call_tool("calculate_memory", question | {"image_resolution": sides, "video_fps": 1.5})
            for sides in ("768x1024", [768, 1024])
        ]
        deaf = await client.call_tool("max_batch_size", question | {"memory_gb": 80, "audio_seconds": 5})
    found = [{name: result.structured_content[f"{name}_tokens"] for name in ("image", "video")} for result in asked]
    # 27 x 37 groups of patches, and 45 pairs of frames, of 24 x 32 (qwen-vl-utils)
    assert found == [{"image": 27 * 37, "video": 45 * 24 * 32}] * 2
    assert "takes no sound, only text, images and video" in text(deaf)


async def test_images_take_room_from_a_batch() -> None:
    question = {"model": "Qwen/Qwen2.5-VL-7B-Instruct", "hardware": "H100", "seq_length": 8192}
    async with connected() as client:
        without = await client.call_tool("max_batch_size", question)
        images = await client.call_tool(
            "max_batch_size", {**question, "num_images": 2, "image_resolution": [1024, 768]}
        )
    assert without.structured_content is not None
    assert images.structured_content is not None
    assert "image_memory_bytes" not in without.structured_content
    assert images.structured_content["image_memory_bytes"] > 0
    assert images.structured_content["max_batch_size"] < without.structured_content["max_batch_size"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_modules": 7}, "target_modules must be a name or a list of names"),
        ({"target_modules": ["q_projj"]}, "Did you mean 'q_proj'"),
        ({"lora_config": "all"}, "lora_config must be an object"),
        ({"image_resolution": "large"}, "one side or height and width"),
        ({"image_resolution": [1, 2, 3]}, "one side or height and width"),
        ({"respect_weight_tying": "perhaps"}, "respect_weight_tying must be true or false"),
        ({"hardware": ["H100", "A100_80GB"]}, "and is a list"),
        ({"target_modules": []}, "target_modules is an empty list"),
    ],
)
async def test_a_value_of_another_kind_is_refused_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL} | changes)
    assert result.is_error
    assert message in text(result)


async def test_an_adapter_of_peft_is_an_object_or_a_path(tmp_path: Path) -> None:
    adapter = {"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "v_proj"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter))
    async with connected() as client:
        sizes = set()
        for given in (adapter, str(tmp_path)):
            result = await client.call_tool("calculate_memory", {"model": MODEL, "lora_config": given})
            assert result.structured_content is not None
            sizes.add(result.structured_content["lora_adapter_memory_bytes"])
    assert len(sizes) == 1
    assert sizes != {0}


async def test_the_question_is_turned_round_by_find() -> None:
    asked: list[tuple[str, dict[str, Any], str, Any]] = [
        ("max_batch_size", {"hardware": "4xH100", "find": "context", "batch_size": 1}, "longest_context", 131_072),
        ("max_batch_size", {"hardware": "H100", "mix": {"2048": 0.7, "8192": 0.3}}, "max_batch_size", 0),
        ("max_batch_size", {"hardware": "H100", "mix": [[2048, 0.7], [8192, 0.3]]}, "max_batch_size", 0),
        ("max_batch_size", {"hardware": "H100", "find": "tokens"}, "kv_tokens", 0),
        ("calculate_memory", {"hardware": "H100", "find": "devices"}, "fewest_devices", 2),
    ]
    async with connected() as client:
        schemas = {tool.name: tool for tool in (await client.list_tools()).tools}
        for tool, arguments, field, expected in asked:
            Draft202012Validator(schemas[tool].input_schema).validate({"model": MODEL, **arguments})
            result = await client.call_tool(tool, {"model": MODEL, **arguments})
            assert result.structured_content is not None
            assert result.structured_content[field] == expected
        smallest = await client.call_tool("calculate_memory", {"model": "meta-llama/Llama-3.1-8B", "find": "device"})
    assert smallest.structured_content is not None
    least = re.search(r"Smallest devices that hold it: \S+ \((\d+) GB\)", text(smallest))
    assert least is not None
    assert int(least[1]) <= 24
    assert "minimum system size" in (schemas["calculate_memory"].description or "")


async def test_an_object_is_taken_as_json_in_text_too() -> None:
    said = {"config": CONFIG, "engine_settings": {"max_model_len": 1024}, "hardware": {"Flops": 312} | CARD}
    async with connected() as client:
        plain = await client.call_tool("calculate_memory", said)
        quoted = await client.call_tool("calculate_memory", {name: json.dumps(value) for name, value in said.items()})
        listed = await client.call_tool("compare_hardware", {"model": MODEL, "hardware": '["H200", "MI300X"]'})
        broken = await client.call_tool("calculate_memory", {"model": MODEL, "engine_settings": '{"max_model_len": '})
    assert not plain.is_error
    assert quoted.structured_content == plain.structured_content
    assert listed.structured_content is not None
    assert listed.structured_content["compared"] == 2
    assert broken.is_error
    assert "engine_settings is no JSON that can be read" in text(broken)


async def test_the_text_is_the_report_s_own() -> None:
    report = llm_memory_calculator.calculate_memory(MODEL)
    async with connected() as client:
        result = await client.call_tool("calculate_memory", {"model": MODEL})
    assert text(result) == str(report)


async def test_a_model_is_described_with_its_weights_and_its_cache_in_the_text() -> None:
    async with connected() as client:
        llama = text(await client.call_tool("describe_model", {"model": MODEL}))
        unknown = await client.call_tool("describe_model", {"model": "meta-llama/Llama-3.1-71B"})
    # 80 layers x 2 x 8 heads x 128 values x 2 bytes
    assert "Weights 141.1 GB, 327,680 bytes of KV cache a token." in llama
    assert unknown.is_error
    assert "Llama-3.1-70B" in text(unknown)


async def test_an_unknown_tool_is_refused_with_the_nearest() -> None:
    async with connected() as client:
        result = await client.call_tool("calculate_memry", {"model": MODEL})
    assert result.is_error
    assert "'calculate_memory'" in text(result)


def test_the_schemas_of_answers_are_those_of_the_reports() -> None:
    written = json.loads(SCHEMAS.read_text(encoding="utf-8"))
    assert written == answer_schemas(), "run python -m llm_memory_server.write_schemas"


def test_a_start_loads_no_heavy_package_and_no_declaration() -> None:
    code = (
        f"import sys; {START}; "
        "heavy = ('numpy', 'pandas', 'huggingface_hub', 'llm_memory_calculator.arguments', "
        "'llm_memory_calculator.report', 'llm_memory_calculator.sources'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def test_settings_of_an_engine_are_taken_beside_the_arguments() -> None:
    asked = {"model": "Qwen/Qwen3-8B", "hardware": "H100", "engine": "vllm"}
    async with connected() as client:
        beside, inside = [
            await client.call_tool("calculate_memory", asked | told)
            for told in ({"max_num_seqs": 64}, {"engine_settings": {"max_num_seqs": 64}})
        ]
    assert not beside.is_error
    assert beside.structured_content == inside.structured_content


async def test_the_range_of_an_encoder_s_batch_holds_the_batch() -> None:
    async with connected() as client:
        said = (await client.call_tool("max_batch_size", {"model": "BAAI/bge-m3", "hardware": "L4"})).structured_content
    assert said is not None
    low, high = said["max_batch_interval"]
    assert low <= said["max_batch_size"] <= high
    # a step of vLLM takes 2,048 tokens at least; no memory of the device limits what waits
    assert high < 1000


async def test_a_label_of_several_formats_says_nothing_of_modules_of_other_models() -> None:
    async with connected() as client:
        said = text(await client.call_tool("calculate_memory", {"model": "llama3_8b", "precision": "8bit"}))
    assert "vision_tower" not in said
    assert "stored" in said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"engine": "huggingface transformers", "hardware": "H100"}, "transformers 5"),
        ({"engine": "HF Transformers", "hardware": "H100"}, "transformers 5"),
        ({"engine": "huggingface tgi", "hardware": "H100"}, "TGI 3"),
        ({"engine": "llama.cpp", "backend": "vulkan", "hardware": "RX 7900 XTX"}, "llama.cpp"),
        ({"engine": "llama.cpp", "kv_cache_type": "q8_0"}, "q8_0 KV cache"),
        ({"max_loras": 1, "lora_rank": 8, "target_modules": "q_proj, v_proj"}, "3,407,872 parameters"),
    ],
)
def test_what_people_call_things_is_understood(asked: dict[str, Any], said: str) -> None:
    (content,) = call("calculate_memory", {"model": "meta-llama/Llama-3.1-8B", **asked}).content
    assert said in content.text


def test_steps_are_those_of_a_pipeline() -> None:
    asked = {"model": "stabilityai/stable-diffusion-xl-base-1.0", "hardware": "RTX 4090", "steps": 20}
    (content,) = call("estimate_performance", asked).content
    assert "20 steps" in content.text
