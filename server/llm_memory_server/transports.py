"""How the server is reached: stdio, or HTTP on this machine alone, or HTTP from elsewhere with a token."""

from __future__ import annotations

import hmac
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings

from llm_memory_calculator.errors import ArgumentError
from llm_memory_calculator.reach import NOWHERE, Reach

from .limits import MOST_BODY
from .server import build_server

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

TOKEN_VARIABLE = "LLM_MEMORY_CALCULATOR_TOKEN"  # the name of the variable, no secret
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BearerToken:
    """Accepts the one token of the environment."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token=token, client_id="bearer", scopes=[])


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How the server is reached over HTTP."""

    transport: Literal["sse", "streamable-http"]
    host: str
    port: int
    allowed_hosts: Sequence[str] = ()
    """Host headers that are taken on a wider bind."""
    root: str | None = None
    """The folder below which local files may be named; None: none may."""
    stateless: bool = False
    """Whether nothing is kept from one request to the next, so that several servers may stand behind one address."""


def serve_stdio() -> None:
    """Serve over stdin and stdout until the client goes, be it killed before it has read its answers."""
    _prepare()
    try:
        build_server().run("stdio")
    except* BrokenPipeError:
        # what is left to write goes nowhere, or the interpreter says at its exit that it could not
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def serve(service: Service) -> None:
    """Serve over HTTP until the process is interrupted.

    Raises ArgumentError when a bind beyond this machine has no allowed hosts or no token, or there is no such folder.
    """
    _prepare()
    security = _security(service)
    reach = NOWHERE if service.root is None else Reach(_folder(service.root))
    server = build_server(reach, requests_last=service.transport == "streamable-http", **_authorization(service.host))
    from .http_server import Replies, run

    def streamable(*, as_json: bool) -> Starlette:
        return server.streamable_http_app(
            host=service.host,
            transport_security=security,
            stateless_http=service.stateless,
            max_request_body_size=MOST_BODY,
            json_response=as_json,
        )

    app: ASGIApp
    if service.transport == "sse":
        app = server.sse_app(host=service.host, transport_security=security, max_request_body_size=MOST_BODY)
    elif service.stateless:
        app = Replies(streamable(as_json=True), streamable(as_json=False))
    else:
        app = streamable(as_json=False)
    run(app, server.computing, service.host, service.port)


def _prepare() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    # a long call's thread gives way to the loop after so many seconds, ten times as soon as by default: a short call
    # needs the interpreter some twenty times, and took 0.2 s beside a long one, which is 0.05 s so
    sys.setswitchinterval(0.0005)


def _folder(root: str) -> str:
    folder = os.path.realpath(os.path.expanduser(root))
    if not os.path.isdir(folder):
        raise ArgumentError(f"--root {root!r} is no folder. Give the folder below which models may be read, or none.")
    return folder


def _security(service: Service) -> TransportSecuritySettings:
    host, port = service.host, service.port
    names = [f"[{name}]" if ":" in name and not name.startswith("[") else name for name in _LOOPBACK]
    if host not in _LOOPBACK:
        if not service.allowed_hosts:
            raise ArgumentError(
                f"--host {host} can be reached from elsewhere: give --allowed-host (the names that clients use, "
                f"such as models.example.com:{port}) and set {TOKEN_VARIABLE}, or bind to 127.0.0.1."
            )
        names = []
    hosts = [f"{name}:{port}" for name in names] + list(service.allowed_hosts)
    # a client leaves out the port that its scheme has anyway
    hosts += [name.removesuffix(":80") for name in hosts if name.endswith(":80")]
    origins = [f"{scheme}://{name}" for name in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)


def _authorization(host: str) -> dict[str, Any]:
    """What demands the token: one that is set is demanded from everybody, and a wider bind needs one."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token and host in _LOOPBACK:
        return {}
    if len(token) < 16:
        why = f"--host {host} can be reached from elsewhere: s" if host not in _LOOPBACK else "S"
        raise ArgumentError(
            f"{why}et {TOKEN_VARIABLE} to a bearer token of at least 16 characters, or "
            f"{'bind to 127.0.0.1' if host not in _LOOPBACK else 'unset it'}."
        )
    # no resource is named: there is no authorization server, and a discovery document would have to name one
    settings = AuthSettings.model_validate({"issuer_url": "http://127.0.0.1", "resource_server_url": None})
    return {"auth": settings, "token_verifier": BearerToken(token)}
