"""The flags of a serve command as people paste them, read as settings of an engine and arguments of a question."""

from __future__ import annotations

import re
import shlex
from collections.abc import Container, Mapping
from typing import Any

from .checks import argument_meant
from .engines.settings import plain_word
from .errors import ArgumentError, shown

_NUMBER = re.compile(r"-\d")
_VARIABLE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")
# What a serve command says that a question says by arguments of its own.
_ARGUMENTS = frozenset(
    ("precision", "kv_precision", "tensor_parallel", "pipeline_parallel", "data_parallel", "context_parallel")
)


def settings_of_flags(said: str, settings: Container[str]) -> dict[str, Any]:
    """The flags of a text, with their values: --max-num-seqs 64, -c=4096, --no-mmap, OLLAMA_NUM_PARALLEL=2.

    settings: those of the engine, of which some are called no_... Raises ArgumentError for what is no flag.
    """
    try:
        words = shlex.split(said)
    except ValueError as error:
        raise ArgumentError(f"engine_settings {shown(said)} is no command line: {error}.") from None
    found: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        variable = _VARIABLE.fullmatch(word)
        if variable is None and (not word.startswith("-") or _NUMBER.match(word)):
            raise ArgumentError(
                f"engine_settings has {shown(word)} where a flag is expected; give the flags of a serve command alone, "
                "or an object of settings."
            )
        name, given, value = word.partition("=")
        taken: Any = value
        if not given:
            has_value = bool(words) and (not words[0].startswith("-") or _NUMBER.match(words[0]) is not None)
            taken = words.pop(0) if has_value else True
        if taken is True and name.startswith("--no-") and plain_word(name) not in settings:
            name, taken = f"--{name.removeprefix('--no-')}", False
        if name in found:
            raise ArgumentError(f"engine_settings gives {name} twice; give it once.")
        found[name] = taken
    return found


def arguments_of(told: Mapping[str, Any], settings: Container[str]) -> dict[str, str]:
    """The argument that each of these flags means, where a question has one for it and no engine a setting."""
    meant = {word: argument_meant(word) for word in told if plain_word(word) not in settings}
    return {word: name for word, name in meant.items() if name in _ARGUMENTS}
