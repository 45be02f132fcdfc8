"""Searches in a process apart: the interpreter runs one thread at a time, and beside the loop they would hold up all.

The process is started at the first search, or before where the server has the time, and anew where it has ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import anyio

from llm_memory_calculator.errors import ArgumentError, CalculatorError
from llm_memory_calculator.reach import Reach

from .lanes import MOST_BEGUN, MOST_WAITING, BusyError
from .searcher import line_of

_log = logging.getLogger(__name__)
_MOST_LINE = 64 * 2**20
_MOST_ASKED = 200
"""Searches after which a process that has none under way is followed by another: what it remembers of models and
engines grows with them, to 345 MB after 2,000."""
# No window opens, and others come first; where there is none of it the process sees to it itself.
_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)


class StoppedError(CalculatorError):
    """The call was stopped before it was answered."""

    def __init__(self) -> None:
        super().__init__("The call was stopped before it was answered. Ask again if it is still needed.")


class EndedError(CalculatorError):
    """The process has ended, or could not be started."""


class Search:
    """A search that is asked for, as those see it who wait for its answer."""

    def __init__(self) -> None:
        self.said = "waiting"
        """How far it is, in words."""
        self.absent: list[str] | None = None
        """Paths that nothing has as long as its answer stands; None: it has none that stands."""
        self._outcome: asyncio.Future[dict[str, Any] | Exception] = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        """Answer it with that it was stopped, unless it is answered already."""
        self.end(StoppedError())

    def end(self, outcome: dict[str, Any] | Exception) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    async def ended(self) -> dict[str, Any]:
        """What the process says of it at its end. Raises what it came to otherwise."""
        outcome = await self._outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Apart:
    """The process apart, and the searches that are under way in it."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._process: asyncio.subprocess.Process | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._loaded = asyncio.Event()
        self._under_way: dict[int, Search] = {}
        self._numbers = count(1)
        self._asked = 0
        self._users = 0
        self._stopped = False

    @property
    def calls(self) -> int:
        """Searches that are under way, those too that are stopped and compute still."""
        return len(self._under_way)

    @property
    def full(self) -> bool:
        """Whether one more would be refused."""
        return self.calls >= MOST_BEGUN + MOST_WAITING

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """While somebody may ask; the process ends with the last of them."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                with anyio.CancelScope(shield=True):
                    await self._end()

    async def load(self) -> None:
        """Have the process ready before it is asked for; where it cannot be started the first search says so."""
        with suppress(EndedError):
            await self._started()
            await self._loaded.wait()

    async def answer(self, search: Search, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the tool answers, as it goes over the wire. Raises CalculatorError with what the caller can mend."""
        if self._stopped:
            raise StoppedError
        if self.full:
            raise BusyError(f"{self.calls} long calls are under way already. Ask again in a minute.")
        number = next(self._numbers)
        try:
            asked = line_of(id=number, name=name, arguments=arguments)
        except (TypeError, ValueError, RecursionError):
            raise ArgumentError(f"The arguments of {name} are no JSON that can be read here.") from None
        process = await self._started()
        self._asked += 1
        self._under_way[number] = search
        try:
            await _send(process, asked)
            told = await search.ended()
        finally:
            if number in self._under_way:
                # it stays there until the process says that it computes no longer
                with suppress(ConnectionError):
                    _stdin(process).write(line_of(id=number, stop=True))
        if "stopped" in told:
            raise StoppedError
        if "error" in told:
            raise CalculatorError(told["error"])
        if "failed" in told:
            raise RuntimeError(told["failed"])
        search.absent = told["absent"]
        answer: dict[str, Any] = told["answer"]
        return answer

    def stop(self) -> None:
        """Stop all searches, those too that are still to be asked for."""
        self._stopped = True
        self._kill()

    def _kill(self) -> None:
        for search in self._under_way.values():
            search.stop()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._asked >= _MOST_ASKED and self._process is not None and not self._under_way:
                # it ends with its stdin
                _stdin(self._process).close()
                self._process = None
            if self._process is None:
                self._asked = 0
                self._process = await self._start()
                reading = asyncio.create_task(self._read(self._process))
                self._reading.add(reading)
                reading.add_done_callback(self._reading.discard)
            return self._process

    async def _start(self) -> asyncio.subprocess.Process:
        # -P and its own path: no module of the folder in which the server happens to run
        path = os.pathsep.join(map(os.path.abspath, sys.path))
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "llm_memory_server.searcher", json.dumps(self._reach.root)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
                limit=_MOST_LINE,
                creationflags=_FLAGS,
            )
        except OSError as error:
            raise EndedError(
                f"No process could be started in which it would be computed ({error.strerror}). Ask the short tools "
                "instead, or have whoever runs this server look at it."
            ) from error

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand on what the process says until it ends."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._hand_on(json.loads(line))
        except ValueError:
            _log.exception("What the process apart says cannot be read.")
        finally:
            if self._process is process:
                self._process = None
                self._loaded.set()
                under_way, self._under_way = self._under_way, {}
                for search in under_way.values():
                    search.end(
                        EndedError(
                            "The process that computed it has ended, with all that was computed there. Ask again; "
                            "where it ends once more, ask for fewer devices or less hardware."
                        )
                    )
            # with which it ends, where it has not yet
            _stdin(process).close()
            await process.wait()

    def _hand_on(self, told: dict[str, Any]) -> None:
        for number, said in told.get("said", {}).items():
            if int(number) in self._under_way:
                self._under_way[int(number)].said = said
        if "ready" in told:
            self._loaded.set()
        if "id" in told:
            self._under_way.pop(told["id"]).end(told)

    async def _end(self) -> None:
        self._kill()
        await asyncio.gather(*self._reading)


def _stdin(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    assert process.stdin is not None
    return process.stdin


async def _send(process: asyncio.subprocess.Process, line: bytes) -> None:
    # where it has ended what is read of it says so
    with suppress(ConnectionError):
        _stdin(process).write(line)
        await _stdin(process).drain()
