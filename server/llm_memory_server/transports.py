"""How the server is reached: stdio, or HTTP on this machine alone, or HTTP from elsewhere with a token."""

from __future__ import annotations

import hmac
import logging
import os
import sys
from collections.abc import Sequence
from typing import Literal

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings

from llm_memory_calculator.errors import ArgumentError

from .server import build_server

Transport = Literal["stdio", "sse", "streamable-http"]
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


def serve(transport: Transport, host: str, port: int, allowed_hosts: Sequence[str]) -> None:
    """Serve until the client goes or the process is interrupted.

    Raises ArgumentError when a bind beyond this machine has no allowed hosts or no token.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    if transport == "stdio":
        build_server().run("stdio")
        return
    security = _security(host, port, allowed_hosts)
    server = build_server() if host in _LOOPBACK else build_server(**_authorization(host, port))
    if transport == "sse":
        server.run("sse", host=host, port=port, transport_security=security)
    else:
        server.run("streamable-http", host=host, port=port, transport_security=security)


def _security(host: str, port: int, allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    names = [f"[{name}]" if ":" in name and not name.startswith("[") else name for name in _LOOPBACK]
    if host not in _LOOPBACK:
        if not allowed_hosts:
            raise ArgumentError(
                f"--host {host} can be reached from elsewhere: give --allowed-host (the names that clients use, "
                f"such as models.example.com:{port}) and set {TOKEN_VARIABLE}, or bind to 127.0.0.1."
            )
        names = []
    hosts = [f"{name}:{port}" for name in names] + list(allowed_hosts)
    origins = [f"{scheme}://{name}" for name in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)


def _authorization(host: str, port: int) -> dict[str, object]:
    token = os.environ.get(TOKEN_VARIABLE, "")
    if len(token) < 16:
        raise ArgumentError(
            f"--host {host} can be reached from elsewhere: set {TOKEN_VARIABLE} to a bearer token of at least 16 "
            "characters, or bind to 127.0.0.1."
        )
    issuer = f"http://127.0.0.1:{port}"
    settings = AuthSettings.model_validate(
        {"issuer_url": issuer, "resource_server_url": f"{issuer}/mcp", "validate_token_resource": False}
    )
    return {"auth": settings, "token_verifier": BearerToken(token)}
