"""What an error tells its reader to do next, in the words of the interface that was asked.

Python is the default. A server or a command line says its own words around a question, and every sentence made within
it has them; a sentence is worded where it is made, so a note that repeats an error has the right words too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Wording", "worded", "words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of an interface for what it has: an argument, a call, a variable. Each fits into a sentence."""

    list_hardware: str = "Call get_all_hardware() or run `llm-memory-calculator hardware` for the list."
    custom_hardware: str = "a dict with Flops, Memory_size and Memory_BW"
    own_hardware: str = "describe it in a file of your own (LLM_MEMORY_CALCULATOR_HARDWARE names it)"
    config: str = "the config itself as a dict"
    """A model's config in place of its name."""
    given_config: str = "given as a dict"
    or_config: str = "or give the path of a local config.json"
    hub_on: str = "Unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE"
    network: str = "Check the network and HF_ENDPOINT"
    endpoint: str = "HF_ENDPOINT"
    trusted_host: str = "Check HF_ENDPOINT, name the host in LLM_MEMORY_CALCULATOR_HUB_HOSTS if it is to be trusted"
    token: str = "HF_TOKEN"
    """What holds the hub's token."""
    set_token: str = "set HF_TOKEN to a token of that account"
    valid_token: str = "Set HF_TOKEN to a valid token"
    any_token: str = "set HF_TOKEN for a higher limit"
    adapter: str = "an object or a LoraConfig"
    calibration: str = "the path of a file that explain-log --calibration or calibrate --json wrote"
    flag: str = "True or False"
    formats: str = "help(calculate_memory) lists all of them"
    """Where every number format is listed."""


_WORDS: ContextVar[Wording] = ContextVar("wording", default=Wording())  # noqa: B039 -- frozen


def words() -> Wording:
    """The words of whoever asks."""
    return _WORDS.get()


@contextmanager
def worded(wording: Wording) -> Iterator[None]:
    """Say what is said within in these words."""
    before = _WORDS.set(wording)
    try:
        yield
    finally:
        _WORDS.reset(before)
