"""The server as its own process over stdio, SSE and streamable HTTP."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal

import pytest
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from uvicorn.server import ServerState

from llm_memory_calculator.errors import ArgumentError
from llm_memory_server import http_server, transports
from llm_memory_server.command_line import main
from llm_memory_server.transports import Service

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
        serving("--transport", "streamable-http", "--stateless", LLM_MEMORY_CALCULATOR_TOKEN=TOKEN) as stateless,
    ):
        for port in (http, sse, guarded, stateless):
            wait_until_listening(port)
        yield {"streamable-http": http, "sse": sse, "guarded": guarded, "stateless": stateless}


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


def test_a_client_that_is_gone_ends_the_server_without_a_word() -> None:
    # as after SIGKILL of a client: nobody reads what it has still asked
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [sys.executable, *COMMAND], stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    os.close(reading)
    _, said = server.communicate(f"{INITIALIZE}\n", timeout=60)
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    assert server.returncode == 0


def test_what_stdio_does_not_heed_is_refused() -> None:
    command = [sys.executable, *COMMAND, "--root", "/nonexistent"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "root is of sse and streamable-http alone" in done.stderr


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


def test_a_token_that_is_set_is_demanded_on_this_machine_too(ports: dict[str, int]) -> None:
    port = ports["stateless"]
    assert status(port) == 401
    assert status(port, Authorization="Bearer wrong-token-of-16-characters") == 401
    assert status(port, Authorization=f"Bearer {TOKEN}") == 200


def fetched(port: int, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_no_document_names_a_server_that_does_not_exist(ports: dict[str, int]) -> None:
    for place in ("oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"):
        assert fetched(ports["stateless"], f"/.well-known/{place}")[0] == 404
    connection = HTTPConnection("127.0.0.1", ports["stateless"], timeout=10)
    connection.request("POST", "/mcp", body=INITIALIZE, headers={"Content-Type": "application/json"})
    assert "http" not in connection.getresponse().headers["www-authenticate"]
    connection.close()


@pytest.mark.parametrize("kind", ["streamable-http", "sse", "guarded"])
def test_health_and_readiness(kind: str, ports: dict[str, int]) -> None:
    assert fetched(ports[kind], "/health") == (200, '{"status":"ok"}')
    for _ in range(600):
        ready = fetched(ports[kind], "/ready")
        if ready[0] == 200:
            break
        assert ready == (503, '{"status":"loading"}')
        time.sleep(0.1)
    assert ready == (200, '{"status":"ready"}')


def test_a_server_without_sessions_answers_whoever_asks(ports: dict[str, int]) -> None:
    said = called(ports["stateless"], {"model": "llama3_8b"}, Authorization=f"Bearer {TOKEN}")
    assert "8,030,261,248" in said or "8.03" in said


def called(port: int, arguments: dict[str, Any], **headers: str) -> str:
    """The text of calculate_memory's answer, of a server without sessions."""
    told = reply(port, {"name": "calculate_memory", "arguments": arguments}, **headers)
    return str(json.loads(told)["result"]["content"][0]["text"])


def reply(port: int, params: dict[str, Any], **headers: str) -> str:
    """What answers the call of a tool, as it comes."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    accept = "application/json, text/event-stream"
    code, told = fetched(port, "/mcp", "POST", body, Content_Type="application/json", Accept=accept, **headers)
    assert code == 200
    return told


def test_who_asks_for_progress_or_a_search_has_a_stream_and_others_an_object(ports: dict[str, int]) -> None:
    asked: dict[str, Any] = {"name": "calculate_memory", "arguments": {"model": "llama3_8b"}}
    search = {"name": "compare_hardware", "arguments": {"model": "llama3_8b", "hardware": ["H100"]}}
    said = []
    for params, begins in (
        (asked, "{"),
        (asked | {"_meta": {"progressToken": 1}}, "event: message"),
        (search, "event: message"),
    ):
        told = reply(ports["stateless"], params, Authorization=f"Bearer {TOKEN}")
        assert told.startswith(begins)
        said.append(json.loads(told[told.index("{") :])["result"])
    assert said[0] == said[1]
    assert not said[2].get("isError")


def test_no_local_path_is_read_over_http(ports: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "SECRET"}', encoding="utf-8")
    paths = ("/etc", "/nonexistent", "~/.ssh", str(tmp_path), str(tmp_path / "config.json"), f"{tmp_path}/no.gguf")
    said = {called(ports["stateless"], {"model": path}, Authorization=f"Bearer {TOKEN}") for path in paths}
    assert len(said) == 1
    assert said.pop().startswith("No local file of this path is read here.")


def test_a_body_that_is_too_large_is_refused(ports: dict[str, int]) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x" * 3_000_000}})
    for port, path in ((ports["streamable-http"], "/mcp"), (ports["sse"], "/messages/?session_id=0")):
        assert fetched(port, path, "POST", body, Content_Type="application/json")[0] == 413


async def unanswered(_scope: Any, receive: Any, _send: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def listening_with(app: Any) -> asyncio.Server:
    config = uvicorn.Config(app, http=http_server.Timed, lifespan="off", log_config=None)
    config.load()
    state, loop = ServerState(), asyncio.get_running_loop()
    return await loop.create_server(lambda: http_server.Timed(config, state, {}), "127.0.0.1", 0)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent", [b"", b"POST /mcp HTT", b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_a_connection_that_sends_no_whole_request_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S", 0.3)
    listening = await listening_with(unanswered)
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(sent)
        begun = time.monotonic()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert time.monotonic() - begun > 0.2
        writer.close()


@pytest.mark.anyio
async def test_bytes_that_come_one_by_one_buy_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S", 0.5)
    listening = await listening_with(unanswered)
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        begun = time.monotonic()
        while not reader.at_eof() and time.monotonic() - begun < 5:
            with contextlib.suppress(OSError):
                writer.write(b"P")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.1)
        assert time.monotonic() - begun < 2
        writer.close()


def test_a_host_without_the_port_that_its_scheme_has_is_accepted() -> None:
    def hosts(port: int, **more: Any) -> list[str]:
        service = Service(transport="sse", port=port, **{"host": "127.0.0.1"} | more)
        return transports._security(service).allowed_hosts

    assert {"127.0.0.1", "localhost", "[::1]", "localhost:80"} <= set(hosts(80))
    assert "localhost" not in hosts(8000)
    wide = hosts(80, host="0.0.0.0", allowed_hosts=["models.example:80"])
    assert wide == ["models.example:80", "models.example"]


def test_a_root_that_is_no_folder_does_not_start(tmp_path: Path) -> None:
    service = Service(transport="sse", host="127.0.0.1", port=1, root=str(tmp_path / "absent"))
    with pytest.raises(ArgumentError, match="--root"):
        transports.serve(service)


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
