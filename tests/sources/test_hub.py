"""The hub: what is sent, what each answer means, and the bounds on time and size."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator.errors import (
    ArgumentError,
    GatedModelError,
    HubOfflineError,
    InvalidFileError,
    SourceError,
    UnknownModelError,
)
from llm_memory_calculator.sources import hub as hub_module, local, one_deadline, resolve, with_beside
from llm_memory_calculator.sources.hosts import is_of_hub
from llm_memory_calculator.work import Stopped, Work, bounded

CONFIG = {"model_type": "llama", "hidden_size": 4096}
BODY = json.dumps(CONFIG).encode()
PATH = "/acme/model/resolve/main/config.json"
SECRET = "hf_aVerySecretToken"


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "DEADLINE_S", 0.5)


def test_the_config_comes_from_the_endpoint(hub: Any) -> None:
    origin = resolve("acme/model")
    assert (origin.model, origin.kind, origin.config) == ("acme/model", "hub", CONFIG)
    assert origin.where == hub.url + PATH
    assert [path for path, _ in hub.requests] == [PATH]


def test_no_token_no_authorization(hub: Any) -> None:
    resolve("acme/model")
    assert "authorization" not in hub.requests[0][1]


def test_the_token_of_the_environment_is_sent_to_the_endpoint(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", f" {SECRET}\n")
    resolve("acme/model")
    assert hub.requests[0][1]["authorization"] == f"Bearer {SECRET}"


def test_the_token_given_replaces_that_of_the_environment(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    resolve("acme/model", token=SECRET)
    assert hub.requests[0][1]["authorization"] == f"Bearer {SECRET}"


def test_the_token_of_a_login_is_sent(hub: Any) -> None:
    home = Path(os.environ["HF_HOME"])
    home.mkdir()
    (home / "token").write_text(SECRET)
    resolve("acme/model")
    assert hub.requests[0][1]["authorization"] == f"Bearer {SECRET}"


def test_implicit_tokens_can_be_switched_off(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    resolve("acme/model")
    assert "authorization" not in hub.requests[0][1]


@pytest.mark.parametrize("token", [f"{SECRET}\r\nx: y", f"{SECRET}é", f"a {SECRET}"])
def test_a_token_that_a_header_cannot_carry_is_refused_unseen(token: str, hub: Any) -> None:
    with pytest.raises(ArgumentError, match="Copy the token again") as raised:
        resolve("acme/model", token=token)
    assert SECRET not in str(raised.value)
    assert hub.requests == []


def test_a_token_of_another_type_is_refused() -> None:
    with pytest.raises(ArgumentError, match="`token` must be a string"):
        resolve("acme/model", token=7)  # type: ignore[arg-type]


def test_a_malformed_token_of_the_environment_is_refused_unseen(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", f"a {SECRET}")
    with pytest.raises(ArgumentError, match="HF_TOKEN") as raised:
        resolve("acme/model")
    assert SECRET not in str(raised.value)
    assert hub.requests == []


STATUSES: list[tuple[int, dict[str, str], bool, type[SourceError], str]] = [
    (401, {}, False, GatedModelError, "no such repository, or it is private or gated.*HF_TOKEN"),
    (401, {}, True, GatedModelError, "does not take the token.*no such repository"),
    (401, {"x_error_code": "GatedRepo"}, False, GatedModelError, "gated.*Accept the licence at http.*HF_TOKEN"),
    (403, {}, True, GatedModelError, "account has no access. Accept the licence at http://.*/acme/model and set"),
    (403, {}, False, GatedModelError, "asks for a token. Accept the licence"),
    (404, {}, False, UnknownModelError, "There is no 'acme/model' on the hub"),
    (404, {"x_error_code": "EntryNotFound"}, False, UnknownModelError, r"has no config\.json.*GGUF"),
    (429, {"retry_after": "17"}, False, HubOfflineError, "Try again in 17 s"),
    (429, {}, False, HubOfflineError, "Try again later"),
    (500, {}, False, HubOfflineError, "fault of its own"),
    (503, {}, True, HubOfflineError, "fault of its own"),
    (204, {}, False, HubOfflineError, "not expected"),
    (304, {}, False, HubOfflineError, "not expected"),
    (418, {}, False, HubOfflineError, "not expected"),
]


@pytest.mark.parametrize(("status", "headers", "token", "error", "says"), STATUSES)
def test_each_status_says_what_happened_and_what_to_do(
    status: int, headers: dict[str, str], token: bool, error: type[SourceError], says: str, hub: Any
) -> None:
    hub.answer = hub.answering(status, **headers)
    with pytest.raises(error, match=says) as raised:
        resolve("acme/model", token=SECRET if token else None)
    message = str(raised.value)
    assert f"({status})" in message
    assert "local config.json" in message
    assert SECRET not in message
    assert raised.value.__cause__ is None
    # where there is no config, the list of files may tell of an adapter
    assert len(hub.requests) == (2 if "x_error_code" in headers and status == 404 else 1)


@pytest.mark.parametrize("status", [401, 404])
def test_a_name_near_the_catalogue_is_offered(status: int, hub: Any) -> None:
    hub.answer = hub.answering(status)
    with pytest.raises(SourceError, match=r"Did you mean .*Qwen/Qwen2\.5-7B"):
        resolve("Qwen/Qwen2.5-7BB")


@pytest.mark.parametrize("name", ["openai-community/gpt2", "OpenAI-Community/GPT2", "Qwen/Qwen2.5-7B"])
@pytest.mark.parametrize("status", [401, 404])
def test_a_name_is_not_offered_to_who_asked_for_it(status: int, name: str, hub: Any) -> None:
    hub.answer = hub.answering(status)
    with pytest.raises(SourceError) as raised:
        resolve(name, refresh=True)
    assert "Did you mean" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>sign in</html>", "not valid JSON"),
        (b"[1]", "holds a list"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"", "not valid JSON"),
    ],
    ids=["html", "list", "deep", "utf-8", "empty"],
)
def test_a_body_that_is_not_a_config_is_refused_and_not_kept(body: bytes, says: str, hub: Any) -> None:
    hub.answer = hub.answering(200, body)
    for _ in range(2):
        with pytest.raises(InvalidFileError, match=says):
            resolve("acme/model")
    assert len(hub.requests) == 2


def test_a_declared_length_above_the_limit_is_refused_at_once(hub: Any) -> None:
    hub.answer = hub.answering(200, content_length=str(local.MAX_BYTES + 1))
    started = time.monotonic()
    with pytest.raises(InvalidFileError, match="larger than 16 MiB"):
        resolve("acme/model")
    assert time.monotonic() - started < 2


def test_an_endless_body_without_a_length_is_left_at_the_limit(hub: Any) -> None:
    sent = 0

    def pour(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        while not hub.closing.is_set():
            sent += handler.wfile.write(b" " * 2**20)

    hub.answer = pour
    with pytest.raises(InvalidFileError, match="larger than 16 MiB"):
        resolve("acme/model")
    assert sent <= 2 * local.MAX_BYTES


def test_a_compressed_body_is_not_inflated(hub: Any) -> None:
    hub.answer = hub.answering(200, b"\x1f\x8b\x08" + b"\xff" * 20, content_encoding="gzip")
    with pytest.raises(InvalidFileError, match="not UTF-8"):
        resolve("acme/model")
    assert hub.requests[0][1]["accept-encoding"] == "identity"


def drip(hub: Any, start: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        while not hub.closing.wait(0.05):
            handler.wfile.write(b"a")

    return answer


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n", b"HTTP/1.1 200 OK\r\nx-slow: "],
    ids=["body", "declared body", "headers"],
)
@pytest.mark.usefixtures("short_deadline")
def test_a_server_that_drips_is_left_at_the_deadline_and_its_thread_ends(start: bytes, hub: Any) -> None:
    hub.answer = drip(hub, start)
    started = time.monotonic()
    with pytest.raises(HubOfflineError, match=r"within 0\.5 s\. Try again"):
        resolve("acme/model")
    assert time.monotonic() - started < 1.5
    for thread in threading.enumerate():
        if thread.name == "config.json":
            thread.join(2)
            assert not thread.is_alive()


@pytest.mark.usefixtures("short_deadline")
def test_a_server_that_is_silent_is_left_at_the_deadline(hub: Any) -> None:
    hub.answer = lambda _: hub.closing.wait(5) and None
    with pytest.raises(HubOfflineError, match=r"within 0\.5 s"):
        resolve("acme/model")


@pytest.mark.usefixtures("short_deadline")
def test_redirects_and_waits_share_one_deadline(hub: Any) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        hub.answering(302, location=PATH)(handler)

    hub.answer = answer
    started = time.monotonic()
    with pytest.raises(HubOfflineError, match=r"within 0\.5 s"):
        resolve("acme/model")
    assert time.monotonic() - started < 1.5


@pytest.mark.usefixtures("short_deadline")
def test_a_name_look_up_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        released.wait(5)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    try:
        with pytest.raises(HubOfflineError, match=r"within 0\.5 s"):
            resolve("acme/model")
        assert time.monotonic() - started < 1.5
    finally:
        released.set()
        for thread in threading.enumerate():
            if thread.name == "config.json":
                thread.join(2)


def test_a_name_that_does_not_resolve_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    with pytest.raises(HubOfflineError, match=r"hub\.invalid could not be asked .*Name or service not known"):
        resolve("acme/model")


def test_a_refused_connection_is_explained(hubs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = hubs()
    monkeypatch.setenv("HF_ENDPOINT", gone.url)
    gone.server.shutdown()
    gone.server.socket.close()
    with pytest.raises(HubOfflineError, match=r"Check the network and HF_ENDPOINT"):
        resolve("acme/model")


@pytest.mark.parametrize(
    "start",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"],
    ids=["none", "not http", "cut"],
)
def test_an_answer_that_breaks_off_is_explained(start: bytes, hub: Any) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        handler.close_connection = True

    hub.answer = answer
    with pytest.raises(HubOfflineError, match="could not be asked"):
        resolve("acme/model")
    assert len(hub.requests) == 1


def test_a_renamed_repository_is_followed_with_the_token(hub: Any) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        moved = handler.path == PATH
        (hub.answering(307, location="/new/name/resolve/main/config.json") if moved else hub.answering(200, BODY))(
            handler
        )

    hub.answer = answer
    assert resolve("acme/model", token=SECRET).config == CONFIG
    assert [headers["authorization"] for _, headers in hub.requests] == [f"Bearer {SECRET}"] * 2


def test_a_redirect_to_another_host_does_not_carry_the_token(
    hub: Any, hubs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = hubs()
    monkeypatch.setenv("LLM_MEMORY_CALCULATOR_HUB_HOSTS", f"cdn.example, {other.url}")
    hub.answer = hub.answering(302, location=f"{other.url}/blob?signature=1")
    assert resolve("acme/model", token=SECRET).config == CONFIG
    assert "authorization" in hub.requests[0][1]
    assert other.requests[0][0] == "/blob?signature=1"
    assert "authorization" not in other.requests[0][1]


def test_redirects_without_end_are_left(hub: Any) -> None:
    hub.answer = hub.answering(302, location=PATH)
    with pytest.raises(HubOfflineError, match="without end"):
        resolve("acme/model")
    assert len(hub.requests) == hub_module.MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/x", "http://127.0.0.1:bad/x", "http://[x/", "file:///etc/passwd"]
)
def test_a_redirect_to_no_web_address_is_refused(location: str, hub: Any) -> None:
    hub.answer = hub.answering(302, location=location)
    with pytest.raises(HubOfflineError, match=r"could not be asked|is not the hub's"):
        resolve("acme/model")


def test_a_redirect_to_a_host_that_is_not_the_hubs_is_not_followed(hub: Any, hubs: Any) -> None:
    other = hubs()
    hub.answer = hub.answering(302, location=f"{other.url}/latest/meta-data/")
    with pytest.raises(HubOfflineError, match="LLM_MEMORY_CALCULATOR_HUB_HOSTS"):
        resolve("acme/model")
    assert other.requests == []


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("https://cdn-lfs-us-1.hf.co/x", True),
        ("https://huggingface.co/a/b", True),
        ("https://mirror.example/x", True),
        ("https://cdn.mirror.example/x", True),
        ("http://huggingface.co/a/b", False),
        ("https://huggingface.co:8443/a/b", False),
        ("https://huggingface.co.evil.example/", False),
        ("https://evilhf.co/", False),
        ("https://huggingface.co@evil.example/", False),
        ("https://10.0.0.7/x", False),
        ("https://169.254.169.254/latest", False),
        ("https://[::1]/x", False),
        ("http://mirror.example/x", False),
        ("http://hub.internal:8080/x", True),
        ("http://hub.internal:8081/x", False),
    ],
)
def test_redirects_lead_to_the_hubs_hosts_and_those_that_are_listed(
    address: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_MEMORY_CALCULATOR_HUB_HOSTS", "mirror.example, http://hub.internal:8080, 10.0.0.7")
    assert is_of_hub(address, "https://huggingface.co/acme/model/resolve/main/config.json") is asked


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-7B", "qwen2.5_7b"])
def test_a_model_of_the_catalogue_is_taken_from_it_where_the_hub_is_down(name: str, hub: Any) -> None:
    hub.answer = hub.answering(503)
    anew, plain = resolve(name, refresh=True), resolve(name)
    assert (anew.kind, anew.config) == ("catalogue", plain.config)
    assert [(note.subject, note.origin) for note in anew.notes] == [("refresh", "warning")]
    assert "catalogue" in anew.notes[0].text


def test_the_copy_of_an_earlier_answer_is_taken_where_the_hub_is_down(hub: Any) -> None:
    resolve("acme/model")
    hub.answer = hub.answering(503)
    anew = resolve("acme/model", refresh=True)
    assert anew.config == CONFIG
    assert [note.subject for note in anew.notes] == ["refresh"]


@pytest.mark.usefixtures("short_deadline")
def test_config_and_what_stands_beside_it_share_one_deadline(hub: Any) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.4)
        hub.answering(200, BODY)(handler)

    hub.answer = answer
    started = time.monotonic()
    with one_deadline():
        assert with_beside(resolve("acme/model")).notes[0].subject == "weights"
    assert 0.4 < time.monotonic() - started < 0.4 + 0.3


def test_a_question_that_nobody_waits_for_leaves_a_silent_hub(hub: Any) -> None:
    hub.answer = lambda _: hub.closing.wait(5) and None
    work = Work(60)
    threading.Timer(0.3, work.stop).start()
    started = time.monotonic()
    with pytest.raises(Stopped), bounded(work):
        resolve("acme/model")
    assert time.monotonic() - started < 0.3 + 0.5


@pytest.mark.parametrize("endpoint", ["huggingface.co", "ftp://x", "http://", "http://h:port"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ArgumentError, match=f"HF_ENDPOINT is '{re.escape(endpoint)}'"):
        resolve("acme/model")


def test_a_password_in_the_endpoint_is_not_shown(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("//", f"//user:{SECRET}@"))
    assert resolve("acme/model").where == hub.url + PATH
    hub.answer = hub.answering(403)
    with pytest.raises(GatedModelError) as raised:
        resolve("acme/other")
    assert SECRET not in str(raised.value)


def test_a_second_call_makes_no_request(hub: Any) -> None:
    first = resolve("acme/model")
    assert resolve("acme/model") == first
    assert len(hub.requests) == 1


def test_refresh_asks_again_and_keeps_the_new_answer(hub: Any) -> None:
    resolve("acme/model")
    hub.answer = hub.answering(200, b'{"hidden_size": 1}')
    assert resolve("acme/model", refresh=True).config == {"hidden_size": 1}
    assert resolve("acme/model").config == {"hidden_size": 1}
    assert len(hub.requests) == 2


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("llama3_70b", "meta-llama/Meta-Llama-3-70B"),
        ("meta-llama/meta-llama-3-70b", "meta-llama/Meta-Llama-3-70B"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "meta-llama/Meta-Llama-3-70B-Instruct"),
        ("gpt2", "openai-community/gpt2"),
    ],
)
def test_refresh_asks_the_hub_before_the_catalogue(name: str, asked: str, hub: Any) -> None:
    origin = resolve(name, refresh=True)
    assert (origin.kind, origin.model, origin.config) == ("hub", asked, CONFIG)
    assert hub.requests[0][0] == f"/{asked}/resolve/main/config.json"


def test_each_endpoint_has_its_own_copies(hub: Any, hubs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve("acme/model")
    assert len(hub.requests) == 1
    other = hubs()
    monkeypatch.setenv("HF_ENDPOINT", other.url)
    resolve("acme/model")
    assert len(other.requests) == 1


def test_a_spoilt_copy_is_fetched_anew(hub: Any) -> None:
    resolve("acme/model")
    (copy,) = Path(os.environ["HF_HOME"]).rglob("acme--model.json")
    copy.write_text("{")
    assert resolve("acme/model").config == CONFIG
    assert len(hub.requests) == 2


def test_a_cache_that_cannot_be_written_is_done_without(hub: Any) -> None:
    Path(os.environ["HF_HOME"]).write_text("a file where the folder would be")
    for _ in range(2):
        assert resolve("acme/model").config == CONFIG
    assert len(hub.requests) == 2


@pytest.mark.usefixtures("hub")
def test_a_copy_that_cannot_take_its_place_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert resolve("acme/model").config == CONFIG
    assert [path for path in Path(os.environ["HF_HOME"]).rglob("*") if path.is_file()] == []


def keep_in_hub_cache(config: dict[str, Any]) -> None:
    folder = Path(os.environ["HF_HOME"], "hub", "models--acme--model")
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "config.json").write_text(json.dumps(config))


def test_what_other_tools_left_in_the_hub_cache_is_read(hub: Any) -> None:
    keep_in_hub_cache({"hidden_size": 7})
    assert resolve("acme/model").config == {"hidden_size": 7}
    assert hub.requests == []
    assert resolve("acme/model", refresh=True).config == CONFIG


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize("refresh", [False, True])
def test_offline_the_copy_answers_and_else_the_next_step_is_named(
    variable: str, refresh: bool, hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve("acme/model")
    monkeypatch.setenv(variable, "1")
    assert resolve("acme/model", refresh=refresh).config == CONFIG
    with pytest.raises(HubOfflineError, match=r"switched off\. Unset HF_HUB_OFFLINE .*local config\.json"):
        resolve("acme/other", refresh=refresh)
    assert len(hub.requests) == 1


def test_offline_the_hub_cache_answers(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "true")
    keep_in_hub_cache({"hidden_size": 7})
    assert resolve("acme/model").config == {"hidden_size": 7}
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
def test_many_calls_at_once_agree() -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(resolve("acme/model").config)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [CONFIG] * 16
