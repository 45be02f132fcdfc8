"""The Hugging Face hub: one bounded request for one config.json, and some for what stands beside it.

`hf_hub_download` is not used: it tries again, has no limit in all on time or size, and takes HF_ENDPOINT and
HF_HUB_OFFLINE as they were at import. Nor is `build_hf_headers`, which may send a request of its own. The hub's
session, its addresses, its tokens and its cache are.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urljoin, urlsplit

from llm_memory_hardware.wording import words

from ..errors import (
    ArgumentError,
    CalculatorError,
    GatedModelError,
    HubOfflineError,
    InvalidFileError,
    SourceError,
    UnknownModelError,
)
from ..work import looked_outside, require_wanted, waiting
from . import local
from .beside import NAMES as SIDE_FILES
from .catalogue import near_names
from .hosts import is_of_hub
from .params_json import NAME as PARAMS
from .pipelines import INDEX

DEADLINE_S = 5.0
"""The longest that a call waits for the network: name look-up, connections, redirects and body together."""
METADATA_DEADLINE_S = 2.0
"""The longest that a call waits, after the config, for the list of files and the small ones beside the config."""
_WATCHED_EVERY_S = 0.1
MOST_REDIRECTS = 5
MOST_PARTS = 16
_REPOSITORY = re.compile(r"[^\W_](?:[\w.-]*\w)?/\w(?:[\w.-]*\w)?", re.ASCII)
_LONGEST_ID = 96
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def is_repository(name: str) -> bool:
    """Whether the hub could have a repository org/name of this spelling."""
    if len(name) > _LONGEST_ID or ".." in name or "--" in name or name.endswith(".git"):
        return False
    return _REPOSITORY.fullmatch(name) is not None


_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))


@contextlib.contextmanager
def one_deadline() -> Iterator[None]:
    """Around several questions to the hub that shall take DEADLINE_S together, the loading of its client included."""
    token = _ends.set(min(time.monotonic() + DEADLINE_S, _ends.get()))
    try:
        yield
    finally:
        _ends.reset(token)


class Answer(NamedTuple):
    """A repository's config.json."""

    where: str
    """Its address."""
    config: dict[str, Any]
    fetched: bool
    """Whether the hub was asked just now."""
    folder: str = ""
    """The folder of the hub's own cache that it was read from."""


class Beside(NamedTuple):
    """What stands beside a repository's config.json, or in its place."""

    sizes: dict[str, int]
    """Bytes of each file of the repository's own folder, and of the parts' configs in others."""
    values: dict[str, int]
    """How many values of each type the hub counts in the headers of safetensors files; empty where it has none."""
    texts: dict[str, dict[str, Any]]
    """The small files that are read, by name."""
    unread: dict[str, str]
    """Why one of them could not be read, by name."""


class NoConfigError(UnknownModelError):
    """A repository that has no config.json."""


def load(repository: str, *, token: str | None, refresh: bool) -> Answer:
    """A repository's config.json: a copy of an earlier answer, or the hub's.

    Raises UnknownModelError, GatedModelError, HubOfflineError or InvalidFileError, each with the next step.
    """
    _check_token(token, "`token`")
    endpoint = _endpoint()
    url = f"{endpoint}/{repository}/resolve/main/config.json"
    earlier = kept(repository) if not refresh or _is_offline() else None
    if earlier is not None:
        return earlier
    if _is_offline():
        raise HubOfflineError(
            f"{repository!r} is not in the cache and the hub is switched off. {words().hub_on}, "
            f"{words().or_config}.{near_names(repository)}"
        )
    body = _within_deadline(_Download(repository, url, token, DEADLINE_S))
    config = local.parse(body, f"What {_shown(url)} answered")
    _store(_copy_of(repository), body)
    return Answer(_shown(url), config, fetched=True)


def kept(repository: str) -> Answer | None:
    """A copy of an earlier answer: our own, or that of the cache which other programs share."""
    where = _shown(f"{_endpoint()}/{repository}/resolve/main/config.json")
    config = local.load_cached(str(_copy_of(repository)))
    if config is not None:
        return Answer(where, config, fetched=False)
    found = _from_hub_cache(repository)
    return None if found is None else Answer(where, found[1], fetched=False, folder=found[0])


def beside(repository: str, *, token: str | None, refresh: bool) -> Beside:
    """What stands beside a repository's config: a copy of an earlier answer, or the hub's.

    One request for the list of files (with the hub's own count of the headers' values), and one at a time for each of
    the small files that may state a format. Raises a SourceError when the list cannot be had.
    """
    copy = _copy_of(repository).with_suffix(".beside.json")
    if not refresh or _is_offline():
        earlier = local.load_cached(str(copy))
        if earlier is not None and all(isinstance(earlier.get(name), dict) for name in ("sizes", "values", "texts")):
            return Beside(earlier["sizes"], earlier["values"], earlier["texts"], {})
    if _is_offline():
        raise HubOfflineError(f"The hub is switched off, and no earlier answer for {repository!r} is kept.")
    ends = time.monotonic() + METADATA_DEADLINE_S
    url = f"{_endpoint()}/api/models/{repository}?blobs=true"
    body = _within_deadline(_Download(repository, url, token, METADATA_DEADLINE_S, "list of files"))
    listed = local.parse(body, f"What {_shown(url)} answered")
    sizes, values = _sizes(listed, url), _values(listed, url)
    texts: dict[str, dict[str, Any]] = {}
    unread: dict[str, str] = {}
    wanted = [name for name in SIDE_FILES if name in sizes]
    if "config.json" not in sizes:
        # another config, or those of the parts of a pipeline
        ends = time.monotonic() + DEADLINE_S
        parts = [name for name in sizes if "/" in name] if INDEX in sizes else []
        wanted += [name for name in (PARAMS, INDEX) if name in sizes] + parts[:MOST_PARTS]
    for name in wanted:
        address = f"{_endpoint()}/{repository}/resolve/main/{name}"
        left = max(0.2, ends - time.monotonic())
        try:
            text = _within_deadline(_Download(repository, address, token, left, name))
            texts[name] = local.parse(text, f"What {_shown(address)} answered")
        except SourceError as error:
            unread[name] = str(error)
    found = Beside(sizes, values, texts, unread)
    if not unread:
        _store(copy, json.dumps({"sizes": sizes, "values": values, "texts": texts}).encode())
    return found


def _sizes(listed: Mapping[str, Any], url: str) -> dict[str, int]:
    files = listed.get("siblings")
    if not isinstance(files, list) or not all(isinstance(file, Mapping) for file in files):
        raise InvalidFileError(f"What {_shown(url)} answered lists no files.")
    named = {file.get("rfilename"): file.get("size") for file in files}
    return {
        name: size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**60 else 0
        for name, size in named.items()
        if isinstance(name, str) and re.fullmatch(r"[^/]+|[\w.-]{1,64}/config\.json", name)
    }


def _values(listed: Mapping[str, Any], url: str) -> dict[str, int]:
    counted = listed.get("safetensors")
    values = counted.get("parameters") if isinstance(counted, Mapping) else None
    if not isinstance(values, Mapping):
        return {}
    if not all(
        isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**63 for count in values.values()
    ):
        raise InvalidFileError(f"What {_shown(url)} answered counts weights by something other than whole numbers.")
    return dict(values)


def repository_info(repository: str, *, token: str | None) -> dict[str, Any]:
    """What the hub says of a repository (downloads, likes, tags, createdAt, lastModified), by one request.

    Raises as `load` does.
    """
    _check_token(token, "`token`")
    if _is_offline():
        raise HubOfflineError(f"The hub is switched off, so it cannot be asked about {repository!r}.")
    url = f"{_endpoint()}/api/models/{repository}"
    body = _within_deadline(_Download(repository, url, token, DEADLINE_S, "description"))
    return local.parse(body, f"What {_shown(url)} answered")


class _Download:
    """One GET, followed through redirects; the token goes to the endpoint's own host and to no other."""

    def __init__(self, repository: str, url: str, token: str | None, seconds: float, what: str = "config.json") -> None:
        self.repository = repository
        self.url = url
        self.token = token
        self.seconds = seconds
        self.what = what
        self.ends = min(time.monotonic() + seconds, _ends.get())
        self._stream: Any = None

    def read(self) -> bytes:
        from huggingface_hub import get_session

        token = self.token or _own_token()
        url = self.url
        for _ in range(MOST_REDIRECTS + 1):
            headers = {"user-agent": "llm-memory-calculator", "accept-encoding": "identity", "connection": "close"}
            if token and _host(url) == _host(self.url):
                headers["authorization"] = f"Bearer {token}"
            with get_session().stream(
                "GET",
                url,
                headers=headers,
                timeout=self._left(),
                follow_redirects=False,
                extensions={"trace": self._keep_stream},
            ) as answer:
                if answer.status_code in (301, 302, 303, 307, 308) and "location" in answer.headers:
                    url = urljoin(url, answer.headers["location"])
                    if not is_of_hub(url, self.url):
                        raise HubOfflineError(
                            f"{_shown(self.url)} leads to an address that is not the hub's, which is not followed. "
                            f"{words().trusted_host}, {words().or_config}."
                        )
                    continue
                if answer.status_code != 200:
                    _refuse(self.repository, _shown(self.url), answer.status_code, answer.headers, bool(token))
                return self._body(answer)
        raise HubOfflineError(
            f"{_shown(self.url)} leads from one address to the next without end. {words().network}, "
            f"{words().or_config}."
        )

    def abandon(self) -> None:
        """Cut the connection, so that a thread that waits on it ends."""
        held = self._stream.get_extra_info("socket") if self._stream else None
        if isinstance(held, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)

    def _body(self, answer: Any) -> bytes:
        declared = answer.headers.get("content-length", "")
        too_large = InvalidFileError(
            f"The {self.what} of {self.repository!r} is larger than {local.MAX_BYTES // 2**20} MiB, which no model's "
            f"is. Check the id, {words().or_config}."
        )
        if declared.isdecimal() and int(declared[:20]) > local.MAX_BYTES:
            raise too_large
        body = bytearray()
        for piece in answer.iter_raw():
            body += piece
            if len(body) > local.MAX_BYTES:
                raise too_large
            self._left()
        return bytes(body)

    def _left(self) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _keep_stream(self, _event: str, info: Mapping[str, Any]) -> None:
        stream = info.get("return_value")
        if hasattr(stream, "get_extra_info"):
            self._stream = stream


def _within_deadline(download: _Download) -> bytes:
    """Run the download in a thread of its own and leave it when the time is over.

    A look-up of a name, or a server that sends its headers a byte at a time, cannot be timed from within: each byte
    starts the transport's timeout anew.
    """
    outcome: Future[bytes] = Future()

    def work() -> None:
        try:
            outcome.set_result(download.read())
        except BaseException as error:  # noqa: BLE001 -- handed over whole: the caller's thread raises it
            outcome.set_exception(error)

    host = _host(download.url)[1]
    threading.Thread(target=copy_context().run, args=(work,), name=download.what, daemon=True).start()
    too_late = HubOfflineError(
        f"{host} did not send the {download.what} of {download.repository!r} within {download.seconds:g} s. Try "
        f"again, {words().or_config}.{near_names(download.repository)}"
    )
    try:
        return _awaited(outcome, download)
    except TimeoutError:
        raise too_late from None
    except CalculatorError:
        raise
    except Exception as error:
        transport = _transport()
        if isinstance(error, transport.TimeoutException):
            raise too_late from None
        if not isinstance(error, (transport.HTTPError, transport.InvalidURL, OSError, ValueError)):
            raise
        raise HubOfflineError(
            f"{host} could not be asked for {download.repository!r} ({_reason(error)}). {words().network}, "
            f"{words().or_config}.{near_names(download.repository)}"
        ) from None


def _awaited(outcome: Future[bytes], download: _Download) -> bytes:
    """What the download's thread comes to; it is left at the deadline, or when nobody waits for the answer."""
    try:
        with waiting():
            while not outcome.done():
                require_wanted()
                left = download.ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                wait((outcome,), timeout=min(left, _WATCHED_EVERY_S))
    finally:
        if not outcome.done():
            download.abandon()
    return outcome.result()


def _transport() -> Any:
    """What the hub's library sends requests by, which is httpx before its 2.0 and httpx2 since."""
    from huggingface_hub.errors import HfHubHTTPError

    # its errors derive from that one's
    return importlib.import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])


def _reason(error: Exception) -> str:
    """Why nothing came: what this machine says, or what kind of fault it was where an answer may have worded it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return type(error).__name__


def _refuse(repository: str, url: str, status: int, headers: Mapping[str, str], has_token: bool) -> NoReturn:
    """Raise the error that a status other than 200 means."""
    page = url.removesuffix("/resolve/main/config.json")
    code = headers.get("x-error-code", "")
    near = near_names(repository)
    licence = f"Accept the licence at {page} and {words().set_token}"
    if status == 401 and code == "GatedRepo":
        raise GatedModelError(f"{repository!r} is gated (401). {licence}, {words().or_config}.{near}")
    if status == 401 and has_token:
        raise GatedModelError(
            f"The hub does not take the token that was sent for {repository!r} (401): it is wrong or has expired, or "
            f"there is no such repository. {words().valid_token}, {words().or_config}.{near}"
        )
    if status == 401:
        raise GatedModelError(
            f"The hub does not show {repository!r} without a token (401): either there is no such repository, or it "
            f"is private or gated. Check the spelling; if it exists, open {page} to accept its licence and "
            f"{words().set_token}, {words().or_config}.{near}"
        )
    if status == 403:
        account = "the token's account has no access" if has_token else "it asks for a token"
        raise GatedModelError(f"The hub refuses {repository!r} (403): {account}. {licence}, {words().or_config}.{near}")
    if status == 404 and code == "EntryNotFound":
        raise NoConfigError(
            f"{repository!r} has no config.json (404); repositories of GGUF files or adapters often have none. Give "
            f"the id of the model that it was made from, {words().or_config}.{near}"
        )
    if status == 404:
        raise UnknownModelError(
            f"There is no {repository!r} on the hub (404). Check the spelling of org/name, {words().or_config}.{near}"
        )
    if status == 429:
        wait = headers.get("retry-after", "")
        when = f"in {wait} s" if wait.isdecimal() and len(wait) < 6 else "later"
        raise HubOfflineError(
            f"The hub takes no more requests for now (429) and did not send {repository!r}. Try again {when}, or "
            f"{words().any_token}, {words().or_config}.{near}"
        )
    reason = "has a fault of its own" if status >= 500 else "gave an answer that is not expected"
    raise HubOfflineError(
        f"The hub {reason} ({status}) and did not send {repository!r}. Try again later, {words().or_config}.{near}"
    )


def _own_token() -> str | None:
    """The token of the environment or of the hub's own login; a login that cannot be read counts as none."""
    if _is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None
    from huggingface_hub import get_token

    token = (os.environ.get("HF_TOKEN") or "").strip()
    if not token:
        with contextlib.suppress(OSError):
            token = get_token() or ""
    _check_token(token, words().token)
    return token or None


def _check_token(token: object, name: str) -> None:
    """Refuse what a header cannot carry here, where the message does not show it."""
    if token is not None and not isinstance(token, str):
        raise ArgumentError(f"{name} must be a string such as hf_…, and is of type {type(token).__name__}.")
    if token is not None and not re.fullmatch(r"[!-~]*", token):
        raise ArgumentError(f"{name} has a space or another character that no token has. Copy the token again.")


def _from_hub_cache(repository: str) -> tuple[str, dict[str, Any]] | None:
    """(folder, config) of the cache that huggingface_hub, transformers and others share, where they left one."""
    from huggingface_hub import try_to_load_from_cache

    folder = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or str(_home() / "hub")
    try:
        found = try_to_load_from_cache(repository, "config.json", cache_dir=_expanded(folder))
    except (OSError, UnicodeDecodeError):
        return None
    config = local.load_cached(found) if isinstance(found, str) else None
    return None if config is None or not isinstance(found, str) else (os.path.dirname(found), config)


def _store(copy: Path, body: bytes) -> None:
    """Keep the answer for the next call, whole or not at all; a cache that cannot be written is done without."""
    with contextlib.suppress(OSError):
        copy.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=copy.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(body)
            os.replace(name, copy)
        except OSError:
            os.unlink(name)
            raise


def _endpoint() -> str:
    """The hub's address, which whatever asks the hub or looks for its copies begins with."""
    looked_outside()
    given = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").strip()
    try:
        scheme, host, _ = _host(given)
    except ValueError:
        scheme = host = ""
    if scheme not in ("http", "https") or not host:
        raise ArgumentError(
            f"{words().endpoint} is {local.shorten(_shown(given))!r}, and must be an address such as https://huggingface.co."
        )
    return given.rstrip("/")


def _home() -> Path:
    default = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache"), "huggingface")
    return Path(_expanded(os.environ.get("HF_HOME") or default))


def _copy_of(repository: str) -> Path:
    """Where an earlier answer is kept."""
    endpoint = re.sub(r"[^\w.-]+", "_", _shown(_endpoint()))
    return _home() / "llm-memory-calculator" / endpoint / _file_name(repository)


def _is_offline() -> bool:
    return any(_is_true(name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def _file_name(repository: str) -> str:
    return f"{repository.replace('/', '--')}.json"


def _expanded(path: str) -> str:
    return os.path.expandvars(os.path.expanduser(path))


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in _TRUE


def _host(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def _shown(url: str) -> str:
    """The address without a user's name and password."""
    return re.sub(r"(?<=//)[^/]*@", "", url)
