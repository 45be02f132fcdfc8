"""The process in which searches are computed, apart from the server that asks for them.

    python -m llm_memory_server.searcher REACH      # the root of `Reach`, as JSON

Reads what is asked from stdin and writes what comes of it to stdout, one JSON object a line:

    {"id": 1, "name": "compare_hardware", "arguments": {...}}       asks
    {"id": 1, "stop": true}                                         nobody waits for it any more
    {"ready": true}                                                 it has loaded what a search needs
    {"said": {"1": "2 of 7 parts done"}}                            how far each is, twice a second
    {"id": 1, "answer": {...}, "absent": ["llama3_8b"]}             what a tool answers, as long as nothing has these
                                                                    paths; null: it has read from the disk or the hub
    {"id": 1, "error": "A sentence for the caller."}
    {"id": 1, "failed": "KeyError('x')"}                            a fault of ours, which is logged to stderr
    {"id": 1, "stopped": true}

It ends where its stdin does: whoever asked has gone.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
import threading
import time
from typing import Any, BinaryIO

from llm_memory_calculator.errors import CalculatorError
from llm_memory_calculator.reach import Reach, within
from llm_memory_calculator.work import Stopped, bounded

from .lanes import Call, Lanes

TOLD_EVERY_S = 0.5
# Of those that nice knows of: beside others it takes a quarter of a processor.
_NICER_BY = 6


class Searcher:
    """Searches side by side, as their lanes allow."""

    def __init__(self, reach: Reach, out: BinaryIO) -> None:
        self._reach = reach
        self._out = out
        self._writing = threading.Lock()
        # what is read of a question is the short part of it, so that a wrong one is refused before it waits
        self._lanes = Lanes(short_s=0.0)
        self._calls: dict[int, Call] = {}

    def take(self, told: dict[str, Any]) -> None:
        """Begin or stop what a line says."""
        number: int = told["id"]
        if told.get("stop"):
            call = self._calls.get(number)
            if call is not None:
                call.stop()
            return
        self._calls[number] = self._lanes.call()
        threading.Thread(target=self._search, args=(number, told["name"], told["arguments"]), daemon=True).start()

    def tell(self) -> None:
        """Say how far the searches are, as long as the process lasts."""
        while True:
            time.sleep(TOLD_EVERY_S)
            said = {number: call.said for number, call in tuple(self._calls.items())}
            if said:
                self.write(line_of(said=said))

    def write(self, line: bytes) -> None:
        with self._writing:
            self._out.write(line)
            self._out.flush()

    def _search(self, number: int, name: str, arguments: dict[str, Any]) -> None:
        line = self._outcome(number, name, arguments)
        del self._calls[number]
        self.write(line)

    def _outcome(self, number: int, name: str, arguments: dict[str, Any]) -> bytes:
        from .tools import answer

        call = self._calls[number]
        try:
            with within(self._reach), bounded(call), self._lanes.in_thread(call):
                answered = answer(name, arguments)
            return line_of(id=number, answer=answered, absent=None if call.outside else sorted(call.absent))
        except Stopped:
            return line_of(id=number, stopped=True)
        except CalculatorError as error:
            return line_of(id=number, error=str(error))
        except Exception as error:
            logging.exception("The search failed.")
            return line_of(id=number, failed=repr(error)[:200])


def line_of(**told: Any) -> bytes:
    """A line of the pipe, either way."""
    return json.dumps(told).encode() + b"\n"


def main() -> None:
    out, root = sys.stdout.buffer, json.loads(sys.argv[1])
    # what else is printed must not come between the lines
    sys.stdout = sys.stderr
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # whoever presses it means the server, with which this ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load()
    if hasattr(os, "nice"):
        os.nice(_NICER_BY)
    searcher = Searcher(Reach(root), out)
    searcher.write(line_of(ready=True))
    threading.Thread(target=searcher.tell, daemon=True).start()
    # the loop ends with the server's side of the pipe, be it that the server was killed
    for line in sys.stdin.buffer:
        searcher.take(json.loads(line))
    # at once, whatever is computed
    os._exit(0)


def _load() -> None:
    """Load what a search needs, before stdin is waited for."""
    # what is loaded is kept to the end: the collector need not look at it
    gc.disable()
    from .spoken import answering
    from .tools import TOPICS

    answering(TOPICS["compare_hardware"].function)
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main()
