"""Runs of served loads: so many users in a closed loop, means of their times."""

from __future__ import annotations

from functools import partial
from typing import Any

from llm_memory_hardware import find_devices

from ..api import estimate_performance
from ..facts import table
from .kinds import Answer, Kind
from .models import Models
from .reading import RefusedRow, Row
from .stated import engine_in, hardware_in, layout_in, lengths_in, system_in, version_in
from .timed import Question, Times, answer_of, answered, cache_in, mean_of, values_of, weights_in

# A delay that only the first requests see, or a queue that hangs on 1 GB of memory.
_FIRST_TOKEN = ("ttft_ms", "e2e_ms")
# The releases of the images of October to December 2025 that do not name theirs.
_LATE_2025 = {"tensorrt_llm": "1.1", "vllm": "0.11", "sglang": "0.5.4"}
# Checkpoints of these have fp8 with a scale a block where a row says fp8; under any engine, or under one.
_IN_BLOCKS = (("Qwen3.5", None), ("Llama-3.1-8B", "sglang"))


def serving_kind(estimate: Times = estimate_performance) -> Kind:
    return Kind(
        name="closed-loop serving runs",
        columns=("model", "engine", "concurrency", "input_tokens", "output_tokens"),
        measured=("ttft_ms", "tpot_ms", "e2e_ms", "output_tokens_per_s", "output_tok_s"),
        metrics=("ttft_ms", "tpot_ms", "e2e_ms", "output_tokens_per_s"),
        answer=partial(_answer, estimate=estimate),
        spoils=dict.fromkeys(("compile", "cold", "kv_capacity", "stream_interval"), _FIRST_TOKEN),
    )


def question_of(row: Row, models: Models) -> Question:
    """What a run asks. Raises CalculatorError."""
    engine = engine_in(row.needed("engine"))
    name = row.needed("model")
    model = models.named(name)
    prompt, output = lengths_in(row)
    version = _version(row, engine)
    shortest, shortest_output = _shortest(row, engine, version)
    weights = weights_in(model, _said(row, name, engine), engine)
    hardware = hardware_in(row)
    cache = row.text("kv_precision")
    users = row.whole("concurrency")
    if users is None:
        raise RefusedRow("concurrency not stated")
    return Question(
        named=name,
        model=model,
        hardware=hardware,
        engine=engine,
        version=version,
        precision=weights,
        kv_precision=_cache(row, hardware) if cache is None else cache_in(cache),
        layout=layout_in(row),
        load={
            "concurrency": users,
            "input_tokens": _between(shortest, prompt),
            "output_tokens": _between(shortest_output, output),
        },
        settings=_habits(row, engine, hardware, users),
    )


def _answer(row: Row, models: Models, *, estimate: Times) -> Answer:
    question = question_of(row, models)
    first, each, whole = row.real("ttft_ms"), row.real("tpot_ms"), row.real("e2e_ms")
    if whole is None and first is not None and each is not None:
        whole = first + (mean_of(question.load["output_tokens"]) - 1) * each
    measured = {
        "ttft_ms": first,
        "tpot_ms": each,
        "e2e_ms": whole,
        "output_tokens_per_s": row.real("output_tokens_per_s", "output_tok_s"),
    }
    values = values_of(answered(question, models, estimate), measured)
    return answer_of(question, models, values, system=system_in(row))


def _version(row: Row, engine: str) -> str | None:
    """The release that is stated; of an image without one, that of its time."""
    stated, measured = row.text("engine_version"), row.text("measured")
    found = version_in(engine, stated)
    if found is not None or measured is None:
        return found
    return _LATE_2025.get(engine) if measured.startswith("2025-1") else version_in(engine, measured)


def _said(row: Row, name: str, engine: str) -> str | None:
    said = row.text("precision")
    if said == "fp8" and any(part in name and of in (None, engine) for part, of in _IN_BLOCKS):
        return "fp8_block"
    return said


def _habits(row: Row, engine: str, hardware: str, users: int) -> dict[str, Any] | None:
    """The settings with which a sweep was run, which its rows do not state."""
    if row.text("id") is None:
        return None
    layout, found = layout_in(row), dict[str, Any]()
    like: dict[str, object] = {
        "engine": engine,
        "design": find_devices(hardware)[0].architecture,
        "precision": row.text("precision"),
        "devices": row.whole("devices"),
        "copies": layout.get("data_parallel", 1) > 1,
    }
    for sweep in table("sweeps")["sweep"]:
        least, most = sweep.get("users", (users, users))
        named = sweep.get("model", "") in row.needed("model") and least <= users <= most
        if named and all(sweep.get(name, value) == value for name, value in like.items()):
            found |= sweep["settings"]
    return found or None


def _cache(row: Row, hardware: str) -> str | None:
    """The cache's format where a run of a sweep does not state it: fp8 with products in 8 bits or fewer."""
    said = None if row.text("id") is None else row.text("precision")
    eight = said in ("fp8", "fp4") or (said == "mxfp4" and find_devices(hardware)[0].architecture == "Blackwell")
    return "fp8" if eight else None


def _shortest(row: Row, engine: str, version: str | None) -> tuple[float, float]:
    """The shortest prompt and output of a run over its nominal lengths, by what made the load; 1: all are alike."""
    made = row.text("id")
    if made is None:
        return 1.0, 1.0
    if "_epnone_" in made:
        alike = engine == "sglang" and version == "0.5.1"
        return (1.0, 1.0) if alike else (0.9, 0.9)
    return 0.8, 0.8


def _between(share: float, tokens: int) -> int | dict[str, int]:
    return tokens if share == 1 else {"least": max(1, round(share * tokens)), "most": tokens}
