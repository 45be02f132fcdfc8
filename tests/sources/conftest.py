"""A fake hub on the loopback address, and a home folder of its own for every test."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

CONFIG = {"model_type": "llama", "hidden_size": 4096}
Answer = Callable[[BaseHTTPRequestHandler], None]


class FakeHub:
    """A server that answers every request with `answer` and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = self.answering(200, json.dumps(CONFIG).encode())
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                try:
                    hub.answer(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @staticmethod
    def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
        named = {"content-length": str(len(body))} | {name.replace("_", "-"): text for name, text in headers.items()}

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, text in named.items():
                handler.send_header(name, text)
            handler.end_headers()
            handler.wfile.write(body)

        return answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        socketserver.TCPServer.server_close(self.server)


@pytest.fixture
def hubs() -> Iterator[Callable[[], FakeHub]]:
    started: list[FakeHub] = []

    def start() -> FakeHub:
        started.append(FakeHub())
        return started[-1]

    yield start
    for hub in started:
        hub.close()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, no cache and no hub but what the test sets."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    # the library's session asks the constant, which says what the variable did at import
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "home" / "token"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def hub(hubs: Callable[[], FakeHub], monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    started = hubs()
    monkeypatch.setenv("HF_ENDPOINT", started.url)
    return started
