"""Resources, prompts and completions as a client sees them, in both eras of the protocol."""

import json
from typing import Any, Literal

import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, PromptReference, ResourceTemplateReference, TextContent, TextResourceContents

from llm_memory_server.server import build_server

pytestmark = pytest.mark.anyio
Era = Literal["auto", "legacy"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def read(client: Client, uri: str) -> Any:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_lists_are_not_empty(mode: Era) -> None:
    async with Client(build_server(), mode=mode) as client:
        resources = {str(resource.uri) for resource in (await client.list_resources()).resources}
        templates = {one.uri_template for one in (await client.list_resource_templates()).resource_templates}
        prompts = (await client.list_prompts()).prompts
    assert {"hardware://catalogue", "model://catalogue", "engine://catalogue"} <= resources
    assert templates == {"hardware://{name}", "model://{+id}", "engine://{name}"}
    assert [prompt.name for prompt in prompts] == [
        "size_deployment",
        "choose_hardware",
        "explain_out_of_memory",
        "compare_models",
    ]
    assert all(prompt.description and prompt.title for prompt in prompts)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_entry_of_each_catalogue_has_its_facts(mode: Era) -> None:
    async with Client(build_server(), mode=mode) as client:
        hardware = await read(client, "hardware://H100_SXM")
        model = await read(client, "model://meta-llama/Llama-3.1-70B")
        engine = await read(client, "engine://vllm")
        names = [await read(client, f"{room}://catalogue") for room in ("hardware", "model", "engine")]
    # NVIDIA's data sheet and the model's own count
    assert (hardware["Memory_size"], hardware["Memory_BW"]) == (80, 3350)
    assert hardware["sources"][0]["url"].startswith("https://")
    assert model["parameter_count"] == 70_553_706_496
    assert engine["settings"]["max_model_len"]["flag"] == "--max-model-len"
    assert "H100_SXM" in [row["hardware"] for row in names[0]]
    assert "meta-llama/Llama-3.1-70B" in names[1]
    assert "vllm" in names[2]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("hardware://H1000", "H100"),
        ("model://meta-llama/Llama-3.1-71B", "meta-llama/Llama-3.1-70B"),
        ("engine://vlm", "vllm"),
    ],
)
async def test_what_is_not_in_a_catalogue_is_refused_with_the_nearest(uri: str, said: str) -> None:
    async with Client(build_server()) as client:
        with pytest.raises(MCPError, match=said) as refused:
            await client.read_resource(uri)
    # what is not there is a fault of the request and none of the server's: SEP-2164
    assert refused.value.error.code == INVALID_PARAMS


async def test_a_name_that_is_not_in_a_catalogue_is_answered_in_the_words_of_the_protocol() -> None:
    async with Client(build_server()) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("hardware://zzz")
    assert "search_hardware" in str(refused.value)
    assert not any(word in str(refused.value) for word in ("get_all_hardware", "dict", "`llm-memory-calculator"))


@pytest.mark.parametrize(
    "uri", ["model:///etc/passwd", "model://../../etc/passwd", "model://~/.ssh/id_rsa", "model://."]
)
async def test_no_resource_is_a_path(uri: str) -> None:
    async with Client(build_server()) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (
            "size_deployment",
            {"model": "Qwen/Qwen3-8B", "users": "50"},
            ["Qwen3-8B", "50 users", "plan_deployment"],
        ),
        ("size_deployment", {"model": "m", "users": "5", "hardware": "L4"}, ["on L4", "concurrency", "find=devices"]),
        ("choose_hardware", {"model": "m", "request_rate": "2"}, ["2 requests a second", "plan_deployment"]),
        ("choose_hardware", {"model": "m"}, ["compare_hardware"]),
        ("explain_out_of_memory", {"log": "CUDA out of memory {}"}, ["explain_startup_log", "CUDA out of memory {}"]),
        ("compare_models", {"first": "a", "second": "b"}, ["Compare a with b on H100", "describe_model"]),
    ],
)
async def test_a_prompt_says_which_tools_answer_it(name: str, arguments: dict[str, str], said: list[str]) -> None:
    async with Client(build_server()) as client:
        (message,) = (await client.get_prompt(name, arguments)).messages
        tools = {tool.name for tool in (await client.list_tools()).tools}
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    assert all(part in message.content.text for part in said)
    assert any(tool in message.content.text for tool in tools)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_names_are_completed_as_they_are_typed(mode: Era) -> None:
    asked: list[tuple[Any, str, str, str]] = [
        (PromptReference(name="size_deployment"), "model", "llama-3.1-70", "meta-llama/Llama-3.1-70B"),
        (PromptReference(name="compare_models"), "second", "qwen3 32b", "Qwen/Qwen3-32B"),
        (PromptReference(name="size_deployment"), "hardware", "rtx 40", "RTX_4090"),
        (PromptReference(name="choose_hardware"), "precision", "fp", "fp8"),
        (ResourceTemplateReference(uri="hardware://{name}"), "name", "h10", "H100_SXM"),
        (ResourceTemplateReference(uri="model://{+id}"), "id", "deepseek-v3", "deepseek-ai/DeepSeek-V3"),
        (ResourceTemplateReference(uri="engine://{name}"), "name", "", "vllm"),
    ]
    async with Client(build_server(), mode=mode) as client:
        for reference, name, typed, meant in asked:
            completed = (await client.complete(reference, {"name": name, "value": typed})).completion
            assert meant in completed.values
            assert len(completed.values) <= 100
            assert completed.total is not None
            assert completed.total >= len(completed.values)
        nothing = await client.complete(PromptReference(name="size_deployment"), {"name": "users", "value": "1"})
    assert nothing.completion.values == []
