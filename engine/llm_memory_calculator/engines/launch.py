"""The line that starts an engine so that a plan comes true: made from the flags of its table."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import settings_of
from .releases import engine_table

if TYPE_CHECKING:
    from ..parallel import Parallelism
    from .base import Engine
from .settings import Setting, Value


def launch_line(
    engine: Engine,
    model: str,
    layout: Parallelism,
    *,
    longest: int,
    cache: str = "",
    weights: str = "",
    label: str = "",
    plain: str = "",
    adapters: tuple[int, int] | None = None,
    drafted: tuple[str, str, int] | None = None,
    beyond: bool = False,
) -> str | None:
    """The command that starts `engine` with `model` in a layout, for requests of `longest` tokens; None where no flag
    of it makes weights of the format that was counted.

    cache, weights: formats that the engine must be told, by their names here; empty: what it takes by itself. label,
    plain: what the weights are in, and what is not quantised. adapters: how many and of what rank. drafted: the method,
    the draft's name and the tokens drafted at once. beyond: whether `longest` is more than the model's own limit.
    """
    facts, declared = engine_table(engine.name)["launch"], settings_of(engine.name)
    if weights and weights not in facts.get("weights", {}) and "{label}" not in facts["command"]:
        return None
    told: dict[str, Value] = dict(engine.given)
    if engine.LENGTH and engine.LENGTH not in told:
        told[engine.LENGTH] = longest * slots_of(engine)
    words = [_command(facts, engine, model, label, plain)]
    words += _layout(facts, engine, layout)
    words += _format(facts, "weights", weights)
    words += _format(facts, "cache", cache)
    if adapters is not None and "adapters" in facts:
        words.append(facts["adapters"].format(count=adapters[0], rank=adapters[1]))
    if drafted is not None:
        words.append(_speculative(facts["speculative"], *drafted))
    words += [_flag(declared[name], value) for name, value in told.items()]
    if beyond and "longer" in facts:
        words.append(facts["longer"])
    environment = [word for word in words if _VARIABLE.match(word)]
    return " ".join(filter(None, (*environment, *(word for word in words if word not in environment))))


def _command(facts: Mapping[str, Any], engine: Engine, model: str, label: str, plain: str) -> str:
    """The command with what it names: a model's repository or file, the formats of its weights, where it is put."""
    named = facts["command"]
    if "repository" in facts and "/" in model and "gguf" in model.lower() and not model.endswith(".gguf"):
        named = facts["repository"]
    elif "file" in facts and model.endswith(".gguf"):
        named = facts["file"]
    base = model.rpartition("/")[2]
    found: str = named.format(
        model=shlex.quote(model),
        base=shlex.quote(base),
        size=base.partition("whisper-")[2] or base,
        label=label,
        dtype=_TORCH.get(plain, plain),
        compute=facts.get("compute", {}).get(label, _TORCH.get(plain, plain)),
        placed=facts.get("placed", {}).get(str(engine.settings.get("offload", "none")), ""),
    )
    return found


# A variable of the environment stands before the command.
_VARIABLE = re.compile(r"[A-Z][A-Z_]+=")
_TORCH = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def slots_of(engine: Engine) -> int:
    """Requests among which an engine divides the length that it is started with."""
    slots = engine.settings.get(engine.SLOTS) if engine.SLOTS else None
    return int(slots) if slots else 1


def told_length(engine: Engine) -> int | None:
    """Tokens that a request may have as the engine was told; None where it was not."""
    told = engine.given.get(engine.LENGTH) if engine.LENGTH else None
    return None if told is None else int(told) // slots_of(engine)


def _layout(facts: Mapping[str, Any], engine: Engine, layout: Parallelism) -> Iterator[str]:
    for part in ("tensor", "pipeline", "data", "expert", "context"):
        size: int = getattr(layout, part)
        if size > 1 and part in facts and "split_mode" not in engine.given:
            yield facts[part].format(size, shared=engine.facts.get("shares_layers"))


def _speculative(facts: Mapping[str, str], method: str, model: str, tokens: int) -> str:
    """By the engine's flags of a method, or by the one for all that takes an object."""
    words = {"method": method, "model": model}
    fields = [f'"{name}": "{_escaped(word)}"' for name, word in words.items() if word]
    fields.append(f'"num_speculative_tokens": {tokens}')
    text = f"{{{', '.join(fields)}}}"
    flags = facts.get(method) or facts["any"]
    return flags.format(json=shlex.quote(text), model=shlex.quote(model), tokens=tokens, verified=tokens + 1)


def _escaped(word: str) -> str:
    """As a string of JSON has it."""
    return word.replace("\\", "\\\\").replace('"', '\\"')


def _format(facts: Mapping[str, Any], kind: str, name: str) -> Iterator[str]:
    if name and name in facts.get(kind, {}):
        yield facts[kind][name]


def _flag(setting: Setting, value: Value) -> str:
    """A setting as it is typed: a flag with its value, a variable of the environment, or nothing."""
    if not setting.flag:
        return ""
    if setting.flag.isupper():
        return f"{setting.flag}={int(value) if isinstance(value, bool) else value}"
    if isinstance(value, bool):
        if value:
            return setting.flag
        return f"--no-{setting.flag.removeprefix('--')}" if setting.kind == "flag" and setting.off else ""
    return f"{setting.flag} {shlex.quote(str(value))}"
