"""The server as its own process over stdio, SSE and streamable HTTP."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, Literal

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client

from llm_memory_server.command_line import main

TOKEN = "a-token-of-more-than-16-characters"
COMMAND = ["-m", "llm_memory_calculator", "serve"]
CALL = {"model": "meta-llama/Llama-3.1-70B"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(*options: str, **extra: str) -> Iterator[int]:
    """A server that has been started, perhaps not yet listening, and its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *COMMAND, *options, "--port", str(port)],
        env={**os.environ, **extra},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_until_listening(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    pytest.fail(f"No server listens on port {port} after 30 s.")


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """One server of each kind for the whole file, started side by side: a start takes longer than all its questions."""
    wider = ["--host", "0.0.0.0", "--allowed-host", "models.example"]
    with (
        serving("--transport", "streamable-http") as http,
        serving("--transport", "sse") as sse,
        serving("--transport", "streamable-http", *wider, LLM_MEMORY_CALCULATOR_TOKEN=TOKEN) as guarded,
    ):
        for port in (http, sse, guarded):
            wait_until_listening(port)
        yield {"streamable-http": http, "sse": sse, "guarded": guarded}


async def asked(client: Client) -> dict[str, Any]:
    tools = (await client.list_tools()).tools
    assert len(tools) == 10
    result = await client.call_tool("calculate_memory", CALL)
    assert not result.is_error
    assert result.structured_content is not None
    return result.structured_content


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_stdio(mode: Literal["auto", "legacy"]) -> None:
    server = StdioServerParameters(command=sys.executable, args=COMMAND, env=dict(os.environ))
    async with Client(server, mode=mode) as client:
        assert (await asked(client))["parameter_count"] == 70_553_706_496


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_streamable_http(mode: Literal["auto", "legacy"], ports: dict[str, int]) -> None:
    async with Client(f"http://127.0.0.1:{ports['streamable-http']}/mcp", mode=mode) as client:
        assert (await asked(client))["parameter_count"] == 70_553_706_496


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_sse(mode: Literal["auto", "legacy"], ports: dict[str, int]) -> None:
    async with Client(sse_client(f"http://127.0.0.1:{ports['sse']}/sse"), mode=mode) as client:
        assert (await asked(client))["parameter_count"] == 70_553_706_496


INITIALIZE = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    '"clientInfo":{"name":"test","version":"1"}}}'
)


def status(port: int, **headers: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            "POST",
            "/mcp",
            body=INITIALIZE,
            headers={
                "Accept": "application/json, text/event-stream",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_foreign_hosts_and_origins_are_refused(ports: dict[str, int]) -> None:
    port = ports["streamable-http"]
    assert status(port) == 200
    assert status(port, Host="evil.example") == 421
    assert status(port, Origin="http://evil.example") == 403


def test_a_wider_bind_needs_the_token(ports: dict[str, int]) -> None:
    port = ports["guarded"]
    assert status(port, Host="models.example") == 401
    assert status(port, Host="models.example", Authorization="Bearer wrong-token-of-16-characters") == 401
    assert status(port, Host="models.example", Authorization=f"Bearer {TOKEN}") == 200
    assert status(port, Host="evil.example", Authorization=f"Bearer {TOKEN}") == 421


@pytest.mark.parametrize(
    ("options", "token", "message"),
    [
        ([], TOKEN, "--allowed-host"),
        (["--allowed-host", "models.example"], "", "LLM_MEMORY_CALCULATOR_TOKEN"),
        (["--allowed-host", "models.example"], "short", "at least 16"),
    ],
)
def test_a_wider_bind_without_protection_does_not_start(
    options: list[str], token: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_MEMORY_CALCULATOR_TOKEN", token)
    bind = ["serve", "--transport", "sse", "--host", "0.0.0.0", "--port", str(free_port())]
    monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", *bind, *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
