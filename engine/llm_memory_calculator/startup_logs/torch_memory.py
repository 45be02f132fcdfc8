"""How PyTorch says that a device is full, in all its releases and on all its devices."""

from __future__ import annotations

import re

from .log import Outcome
from .reading import NUMBER, UNITS, Reading, Said, hits, read, rule
from .text import LogText

_SIZE = rf"({NUMBER}) (bytes|KiB|MiB|GiB)"
_FACTS = {
    "tried_bytes": re.compile(rf"Tried to allocate {_SIZE}", re.ASCII),
    "total_bytes": re.compile(rf"total capacity of {_SIZE}|{_SIZE} total capacity", re.ASCII),
    "free_bytes": re.compile(rf"of which {_SIZE} is free|; {_SIZE} free", re.ASCII),
    # what the process has in all; older releases say what the allocator has of that
    "held_bytes": re.compile(rf"this process has {_SIZE} memory in use|{_SIZE} reserved in total", re.ASCII),
}


def _out_of_memory(reading: Reading, said: Said) -> None:
    if reading.failed not in (None, "unknown"):
        return
    outcome: Outcome = "weights" if "loading" in reading.reached and not reading.knows("weights") else "oom"
    facts = {}
    for name, pattern in _FACTS.items():
        size = pattern.search(said.match.string, said.match.start())
        if size:
            value, unit = size.groups()[:2] if size[1] else size.groups()[2:]
            facts[name] = float(value) * UNITS[unit]
    reading.fail(outcome, said, facts)


RULES = (
    # a frame of the traceback, in vLLM and SGLang alike
    rule("in load_model", r"line \d{1,6}, in load_model\b", reaches="loading"),
    rule("out of memory. Tried to allocate", r"out of memory\. Tried to allocate", take=_out_of_memory),
    rule("out of memory occurred when", r"(?:CUDA|HIP|NPU|XPU) out of memory occurred when", take=_out_of_memory),
    # the message without its sizes, as people pass it on
    rule(
        "OutOfMemoryError: ",
        r"OutOfMemoryError: (?:CUDA|HIP|NPU|XPU) out of memory(?!\. Tried to allocate| occurred when)",
        take=_out_of_memory,
    ),
    rule("CUDA error: out of memory", take=_out_of_memory),
)


def read_torch(text: LogText) -> Reading:
    """What PyTorch says of a full device, whatever program runs on it."""
    reading = Reading(engine="pytorch")
    read(reading, hits(text, RULES), [])
    return reading
