"""What the README shows runs as written: its Python, its commands in blocks and in sentences, its configuration.

Its two shell blocks install the package and run these tests: `.ci/run` runs them.
"""

import ast
import contextlib
import json
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
COMMAND = "llm-memory-calculator"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shown_commands() -> list[str]:
    """The lines of console blocks after their prompt, and the commands in sentences, each once."""
    lines = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    in_sentences = [" ".join(span.split()) for span in re.findall(rf"`({COMMAND} [^`]+)`", prose)]
    return list(dict.fromkeys(lines + in_sentences))


COMMANDS = shown_commands()
SERVING = [command for command in COMMANDS if command.split()[1] == "serve"]


def promised(line: str) -> str:
    """What a comment at the end of the line says that comes out, where it is a number."""
    found = re.search(r"  # ([\d,]*\d)", line)
    return found[1] if found else ""


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("block", blocks("python"))
def test_a_python_block_runs_and_its_comments_are_true(block: str) -> None:
    names: dict[str, object] = {}
    lines = block.splitlines()
    for statement in ast.parse(block).body:
        assert statement.end_lineno is not None
        source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        number = promised(source)
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), "README.md", "eval"), names)
            assert not number or f"{value:,}" == number
        else:
            assert not number, f"{source} has no value that its comment could promise"
            exec(compile(ast.Module([statement], []), "README.md", "exec"), names)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in SERVING])
def test_a_command_runs(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(command, comments=True)
    (entry,) = entry_points(group="console_scripts", name=arguments[0])
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        entry.load()()
    printed = capsys.readouterr()
    assert (ended.value.code, printed.err) == (0, "")
    assert printed.out.strip()
    assert promised(command) in printed.out


def test_a_server_starts_as_shown() -> None:
    """Over stdio it ends quietly when its client goes; over HTTP it listens, here on a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with contextlib.ExitStack() as running:
        commands = [re.sub(r"--port \d+", f"--port {port}", command) for command in SERVING]
        processes = [running.enter_context(started(command)) for command in commands]
        for command, process in zip(commands, processes, strict=True):
            if "--port" in command:
                assert listens(port, process)
            else:
                assert process.communicate(timeout=60) == ("", "")
                assert process.returncode == 0


@contextlib.contextmanager
def started(command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "llm_memory_calculator", *command.split()[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def listens(port: int, process: subprocess.Popen[str]) -> bool:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("block", blocks("json"))
def test_a_client_s_configuration_starts_a_command_that_is_shown(block: str) -> None:
    for server in json.loads(block)["mcpServers"].values():
        assert shlex.join([Path(server["command"]).name, *server["args"]]) in SERVING
