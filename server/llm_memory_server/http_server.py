"""The server on a port: connections that say nothing are closed, and an end ends what is being computed."""

from __future__ import annotations

import asyncio
from socket import socket
from types import FrameType

import anyio
import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .computing import Computing
from .server import SEARCHES

REQUEST_S = 15.0
"""Seconds in which a connection must have sent the whole of a request."""
KEPT_ALIVE_S = 15
"""Seconds after an answer in which the next request may begin."""
_GRACE_S = 1
_MOST_CONNECTIONS = 2_000


def run(app: ASGIApp, computing: Computing, host: str, port: int) -> None:
    """Serve until the process is interrupted."""
    served = Served(app, computing)
    config = uvicorn.Config(
        served,
        host=host,
        port=port,
        log_level="warning",
        http=Timed,
        ws="none",
        server_header=False,
        timeout_keep_alive=KEPT_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    anyio.run(_Server(config, served, computing).serve)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, served: Served, computing: Computing) -> None:
        super().__init__(config)
        self._served = served
        self._computing = computing

    async def serve(self, sockets: list[socket] | None = None) -> None:
        async with self._computing.apart.used(), anyio.create_task_group() as beside:
            beside.start_soon(self._served.load)
            await super().serve(sockets)
            beside.cancel_scope.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._computing.stop()
        super().handle_exit(sig, frame)


class Replies:
    """Answers with one JSON object, as an app does that was made so, who neither wants to be told how far a call is nor
    asks what takes long, and with a stream of events everybody else.

    A stream costs the server twice what an object does. A session holds to one of the two, so that there must be none.
    """

    def __init__(self, with_object: Starlette, with_events: Starlette) -> None:
        self._with_object = with_object
        self._with_events = with_events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            async with self._with_events.router.lifespan_context(self._with_events):
                await self._with_object(scope, receive, send)
            return
        first = [await receive()]

        async def again() -> Message:
            return first.pop() if first else await receive()

        app = self._with_object if _is_brief(first[0]) else self._with_events
        await app(scope, again, send)


def _is_brief(message: Message) -> bool:
    """Whether the whole of a request is here, and says nothing of progress or of a search."""
    body = message.get("body", b"")
    return bool(body) and not message.get("more_body") and not any(word in body for word in _WATCHED)


_WATCHED = (b"progressToken", *(name.encode() for name in SEARCHES))


class Served:
    """The app, with whether it is alive and ready beside it."""

    def __init__(self, app: ASGIApp, computing: Computing) -> None:
        self._app = app
        self._computing = computing
        self._loaded = False

    async def load(self) -> None:
        """Load what the first questions would, here and in the process apart."""
        async with anyio.create_task_group() as both:
            both.start_soon(self._computing.apart.load)
            await to_thread.run_sync(_ask, abandon_on_cancel=True)
        self._loaded = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/health":
            await JSONResponse({"status": "ok"})(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/ready":
            await self._readiness()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _readiness(self) -> JSONResponse:
        status = "loading" if not self._loaded else "busy" if self._computing.full else "ready"
        return JSONResponse({"status": status}, status_code=200 if status == "ready" else 503)


def _ask() -> None:
    from .tools import call

    call("calculate_memory", {"model": "meta-llama/Llama-3.1-8B", "hardware": "H100"})


class Timed(H11Protocol):
    """Closes a connection that has not sent the whole of a request in time, be it that it sends a byte now and then."""

    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._incomplete():
            self._stop()
        elif self._closing is None:
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _incomplete(self) -> bool:
        """Whether more of a request is to come before it can be answered."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _begin(self) -> None:
        self._closing = self.loop.call_later(REQUEST_S, self._close)

    def _stop(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _close(self) -> None:
        self._closing = None
        if self._incomplete():
            self.transport.close()
