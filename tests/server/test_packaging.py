"""What installs and starts the server elsewhere: the registry's entry, bundle, container, skill and snippets agree."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import __version__
from llm_memory_server.server import build_server

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CLIENTS = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json\n(.*?)^```", CLIENTS, re.MULTILINE | re.DOTALL)


def read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return found


def test_the_registry_s_entry_is_of_this_package_and_its_name_stands_in_the_readme() -> None:
    entry = read("server.json")
    (package,) = entry["packages"]
    assert package["identifier"] == PROJECT["name"]
    assert entry["version"] == package["version"] == PROJECT["version"] == __version__
    # the registry's own bounds (server.schema.json): reverse DNS with one slash, a description of 100 characters
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    assert len(entry["description"]) <= 100
    # how the registry proves that a package of PyPI is the server's
    assert f"mcp-name: {entry['name']}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert [argument["value"] for argument in package["packageArguments"]] == ["serve"]


def test_the_bundle_starts_this_version() -> None:
    manifest = read("packaging/mcpb/manifest.json")
    bundled = tomllib.loads((ROOT / "packaging/mcpb/pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert manifest["version"] == bundled["version"] == __version__
    assert bundled["dependencies"] == [f"{PROJECT['name']}=={__version__}"]
    assert bundled["requires-python"] == PROJECT["requires-python"]
    assert (ROOT / "packaging/mcpb" / manifest["server"]["entry_point"]).is_file()
    assert manifest["server"]["mcp_config"]["args"][-2:] == [manifest["server"]["entry_point"], "serve"]


def test_the_container_runs_as_nobody_s_root_and_looks_after_its_health() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    last = text[text.rindex("FROM ") :]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert all(int(number) > 0 for number in user)
    assert "--read-only" in text
    assert re.search(r"^HEALTHCHECK .*\n?.*/health", last, re.MULTILINE)
    # beyond this machine only with hosts; the token comes from the environment and stands in no layer
    assert "--allowed-host" in last
    assert "LLM_MEMORY_CALCULATOR_TOKEN=" not in text


@pytest.mark.parametrize("block", BLOCKS)
def test_a_client_s_snippet_is_json_that_starts_the_server(block: str) -> None:
    (servers,) = json.loads(block).values()
    (server,) = servers.values()
    if "url" in server:
        assert server["url"].endswith(":8000/mcp")
    else:
        assert [server["command"], *server["args"]] == ["uvx", PROJECT["name"], "serve"]
    assert PROJECT["name"] in PROJECT["scripts"]


def test_every_client_has_its_snippet() -> None:
    headings = re.findall(r"^## (.*)$", CLIENTS, re.MULTILINE)
    assert headings == ["Claude Desktop", "Claude Code", "Cursor", "VS Code", "Zed", "Any other"]
    assert "uvx llm-memory-calculator serve" in CLIENTS
    assert "pipx run llm-memory-calculator serve" in CLIENTS


@pytest.mark.anyio
async def test_the_skill_names_every_tool_and_no_other() -> None:
    text = (ROOT / "skills/size-llm-deployments/SKILL.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    facts = dict(line.split(": ", 1) for line in front.strip().splitlines())
    # the bounds of an agent skill's front matter
    assert facts["name"] == "size-llm-deployments"
    assert len(facts["description"]) <= 1024
    tools = {tool.name for tool in await build_server().list_tools()}
    named = set(
        re.findall(r"`([a-z]+_[a-z_]+)`", "\n".join(line for line in body.splitlines() if line.startswith("|")))
    )
    assert named == tools


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
