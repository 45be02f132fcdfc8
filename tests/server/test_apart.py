"""Searches in a process apart: what is asked of it, what ends it, and what it leaves when it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from llm_memory_calculator import compare_hardware
from llm_memory_calculator.reach import NOWHERE
from llm_memory_server.apart import Apart, Search
from llm_memory_server.server import CalculatorServer, build_server

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads of /proc what a process computes"),
]
# Of computing, which other programs on the machine do not lengthen.
SOON_S = 0.5
# Of the clock, which they do.
PATIENCE_S = 30.0
SMALL: dict[str, Any] = {"model": "llama3_8b", "hardware": ["H100"]}


def long(number: int = 0) -> dict[str, Any]:
    """One of some comparisons that take many seconds."""
    return {"model": "deepseek_v3", "devices": 1024 - number}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def children(process: int) -> list[int]:
    told = Path(f"/proc/{process}/task").glob("*/children")
    return [int(one) for some in told for one in some.read_text(encoding="ascii").split()]


def computed_s(process: int) -> float | None:
    """Seconds that a process has computed; None where it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return None
    # dead, and nobody has asked for its exit status
    return None if fields[0] in "ZX" else (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until(condition: Callable[[], Any]) -> Any:
    ends = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < ends, f"not after {PATIENCE_S} s"
        time.sleep(0.01)
    return found


async def until(condition: Callable[[], Any]) -> Any:
    ends = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < ends, f"not after {PATIENCE_S} s"
        await anyio.sleep(0.01)
    return found


def text(result: Any) -> str:
    return str(result.content[0].text)


def searcher_of(server: CalculatorServer) -> int:
    """The number of the process apart."""
    process = server.computing.apart._process
    assert process is not None
    return process.pid


async def searching(server: CalculatorServer) -> int:
    """The process apart, as soon as it computes what was asked."""
    await until(lambda: server.computing.apart.calls and server.computing.apart._process)
    process = searcher_of(server)
    await until(lambda: any("computing" in one.said or "done" in one.said for one in searches(server)))
    return process


def searches(server: CalculatorServer) -> list[Search]:
    return list(server.computing.apart._under_way.values())


async def test_a_search_is_answered_as_the_engine_does() -> None:
    async with Client(build_server()) as client:
        result = await client.call_tool("compare_hardware", SMALL)
    assert not result.is_error
    assert text(result) == str(compare_hardware(**SMALL))


async def test_a_server_that_nobody_asks_a_search_has_no_process_apart() -> None:
    server = build_server()
    async with Client(server) as client:
        assert not (await client.call_tool("calculate_memory", {"model": "llama3_8b"})).is_error
        assert server.computing.apart._process is None
        await client.call_tool("compare_hardware", SMALL)
        process = searcher_of(server)
    assert computed_s(process) is None


async def test_a_cancelled_search_computes_no_longer_and_the_next_is_answered() -> None:
    server = build_server()
    async with Client(server) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "compare_hardware", long())
            process = await searching(server)
            tasks.cancel_scope.cancel()
        before = computed_s(process)
        await until(lambda: server.computing.apart.calls == 0)
        after = computed_s(process)
        assert before is not None
        assert after is not None
        assert after - before < SOON_S
        await anyio.sleep(0.3)
        assert (computed_s(process) or 0.0) - after < 0.1
        assert not (await client.call_tool("compare_hardware", SMALL)).is_error
        assert searcher_of(server) == process


async def test_a_wrong_question_does_not_wait_behind_long_ones() -> None:
    server = build_server()
    async with Client(server) as client, anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(client.call_tool, "compare_hardware", long(number))
        await searching(server)
        for wrong in ({"model": "llama3_8b", "hardware": ["no such card"]}, {"model": "llama3_8b", "devices": -1}):
            result = await client.call_tool("compare_hardware", wrong)
            assert result.is_error
        assert server.computing.apart.calls == 8
        tasks.cancel_scope.cancel()


async def test_where_the_process_is_killed_its_calls_are_told_and_the_next_has_another() -> None:
    server = build_server()
    results: list[Any] = []

    async def ask(number: int) -> None:
        results.append(await client.call_tool("compare_hardware", long(number)))

    async with Client(server) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(ask, number)
            process = await searching(server)
            await until(lambda: server.computing.apart.calls == 2)
            os.kill(process, signal.SIGKILL)
        assert len(results) == 2
        for result in results:
            assert result.is_error
            assert text(result).startswith("The process that computed it has ended")
        assert not (await client.call_tool("compare_hardware", SMALL)).is_error
        assert searcher_of(server) != process


async def test_a_process_that_has_answered_many_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_memory_server.apart._MOST_ASKED", 2)
    server = build_server()
    async with Client(server) as client:
        processes = set[int]()
        for batch in range(1, 5):
            result = await client.call_tool("compare_hardware", SMALL | {"batch_size": batch})
            assert not result.is_error
            processes.add(searcher_of(server))
        assert len(processes) == 2
        await until(lambda: sum(computed_s(one) is not None for one in processes) == 1)


async def test_a_search_is_kept_until_a_folder_of_the_model_s_name_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Client(build_server()) as client:
        before = text(await client.call_tool("compare_hardware", SMALL))
        (tmp_path / SMALL["model"]).mkdir()
        (tmp_path / SMALL["model"] / "config.json").write_text("{}", encoding="utf-8")
        after = text(await client.call_tool("compare_hardware", SMALL))
    assert "meta-llama/Meta-Llama-3-8B" in before
    assert "holds an empty object" in after


async def test_where_no_process_can_be_started_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    async with Client(build_server()) as client:
        result = await client.call_tool("compare_hardware", SMALL)
        assert result.is_error
        assert text(result).startswith("No process could be started")
        assert not (await client.call_tool("calculate_memory", {"model": "llama3_8b"})).is_error


async def test_a_search_names_no_local_file_that_the_server_may_not(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "SECRET"}', encoding="utf-8")
    async with Client(build_server(NOWHERE)) as client:
        said = {
            text(await client.call_tool("compare_hardware", {"model": path}))
            for path in (str(tmp_path), str(tmp_path / "absent"), "/etc")
        }
    assert len(said) == 1
    assert said.pop().startswith("No local file of this path is read here.")


async def test_no_module_of_the_folder_that_the_server_runs_in_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('loaded')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    async with Client(build_server()) as client:
        assert not (await client.call_tool("compare_hardware", SMALL)).is_error


async def test_the_same_search_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    real = Apart.answer

    async def counted(self: Apart, search: Search, name: str, arguments: Any) -> Any:
        asked.append(arguments)
        return await real(self, search, name, arguments)

    monkeypatch.setattr(Apart, "answer", counted)
    results: list[Any] = []

    async def ask(client: Client) -> None:
        results.append(await client.call_tool("compare_hardware", SMALL))

    async with Client(build_server(NOWHERE)) as client, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask, client)
    assert len(asked) == 1
    assert len({text(result) for result in results}) == 1


def test_the_process_loads_nothing_of_the_protocol() -> None:
    code = (
        "import sys; from llm_memory_server import searcher; searcher._load(); "
        "print(sorted({'mcp', 'pydantic', 'pandas', 'typer', 'starlette'} & set(sys.modules)))"
    )
    path = os.pathsep.join(sys.path)
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert told.stdout.strip() == "[]"


INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
MESSAGES: list[dict[str, Any]] = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "compare_hardware", "arguments": long()},
    },
]


def posted(port: int, path: str, message: dict[str, Any]) -> socket.socket:
    """The connection over which a message was posted."""
    body = json.dumps(message)
    accept = "Accept: application/json, text/event-stream\r\nContent-Type: application/json"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    connection.sendall((head + body).encode())
    return connection


def ask_over_stdio(server: subprocess.Popen[bytes], _: int) -> list[socket.socket]:
    assert server.stdin is not None
    server.stdin.write("".join(json.dumps(message) + "\n" for message in MESSAGES).encode())
    server.stdin.flush()
    return []


def ask_over_sse(_: subprocess.Popen[bytes], port: int) -> list[socket.socket]:
    events = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    events.sendall(f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    told = b""
    while not (place := re.search(rb"/messages/\S+", told)):
        told += events.recv(4096)
    return [events, *(posted(port, place[0].decode(), message) for message in MESSAGES)]


def ask_over_http(_: subprocess.Popen[bytes], port: int) -> list[socket.socket]:
    return [posted(port, "/mcp", MESSAGES[-1])]


ASKS = {"stdio": ask_over_stdio, "sse": ask_over_sse, "streamable-http": ask_over_http}


class Asked:
    """A server that is asked what takes long."""

    def __init__(self, transport: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        options = ["--transport", transport, "--port", str(self.port)]
        stateless = ["--stateless"] if transport == "streamable-http" else []
        self.server = subprocess.Popen(
            [sys.executable, "-m", "llm_memory_calculator", "serve", *options, *stateless],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._ask = ASKS[transport]
        self._connections: list[socket.socket] = []
        if transport != "stdio":
            wait_until(self._listens)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def searching(self) -> int:
        """The process apart, once it computes what it is asked here."""
        self._connections += self._ask(self.server, self.port)
        process: int = wait_until(lambda: children(self.server.pid))[0]
        before = computed_s(process) or 0.0
        # its start takes less
        wait_until(lambda: (computed_s(process) or 0.0) > before + 1.5)
        return process

    def hang_up(self) -> None:
        """Close all that a client has open."""
        while self._connections:
            self._connections.pop().close()
        assert self.server.stdin is not None
        self.server.stdin.close()

    def end(self) -> None:
        self.hang_up()
        self.server.kill()
        self.server.wait()


def computed_on_s(process: int) -> float:
    """Seconds that a process computes from now until it has ended, or rests for a second."""
    last = before = computed_s(process) or 0.0
    quiet_since = time.monotonic()
    while (now := computed_s(process)) is not None and time.monotonic() - quiet_since < 1.0:
        if now - last > 0.02:
            last, quiet_since = now, time.monotonic()
            assert last - before < PATIENCE_S
        time.sleep(0.01)
    return last - before


@pytest.mark.parametrize("ending", ["its client goes", "killed"])
def test_over_stdio_nothing_computes_on_when_the_server_ends(ending: str) -> None:
    asked = Asked("stdio")
    try:
        process = asked.searching()
        if ending == "killed":
            asked.server.kill()
        else:
            asked.hang_up()
        assert computed_on_s(process) < SOON_S
        assert computed_s(process) is None
    finally:
        asked.end()


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
def test_over_http_nothing_computes_on_when_the_client_goes_or_the_server_ends(transport: str) -> None:
    asked = Asked(transport)
    try:
        process = asked.searching()
        asked.hang_up()
        assert computed_on_s(process) < SOON_S
        # for the next
        assert computed_s(process) is not None
        assert asked.searching() == process
        asked.server.terminate()
        assert computed_on_s(process) < SOON_S
        assert computed_s(process) is None
    finally:
        asked.end()
