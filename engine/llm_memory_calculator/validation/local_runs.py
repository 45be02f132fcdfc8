"""Rates of local inference: a prompt taken in at a depth, or tokens decoded one after the other."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from llm_memory_hardware import find_devices

from ..api import estimate_performance
from ..engines import backends_of, device_of
from .kinds import Answer, Kind
from .models import Models
from .reading import RefusedRow, Row
from .scores import Comparison
from .stated import engine_in, hardware_in, system_in, version_in
from .timed import Question, Times, answer_of, answered, values_of, weights_in

_BY_LAYERS = frozenset({"llama_cpp", "ollama"})
_WHOLE = re.compile(r"all layers(?: \(tp (\d+) pp (\d+)\))?|cpu")
# Tokens of a pass of a prompt, where a note says them; the sweeps of llama-batched-bench have as many as llama-bench's
# beside them (benches/dgx-spark and benches/mac-m2-ultra of llama.cpp: -ub 2048).
_PASS = re.compile(r"ubatch (\d+)")
_SWEEP, _PASS_OF_SWEEP, _LEAST_STEP = "llama-batched-bench", 2048, 2048
# The rate of a whole response, where a note says so.
_PREFILL_INSIDE = re.compile(r"prefill (?:and HTTP )?inside")


def local_kind(estimate: Times = estimate_performance) -> Kind:
    return Kind(
        name="rates of local inference",
        columns=("model", "engine"),
        measured=("prefill_tokens_per_s", "decode_tokens_per_s"),
        metrics=("prefill_tokens_per_s", "decode_tokens_per_s", "output_tokens_per_s", "ttft_ms"),
        answer=partial(_answer, estimate=estimate),
        # a limit of power costs prefill, and hardly decode
        spoils={"thermal": ("prefill_tokens_per_s", "ttft_ms")},
    )


def _answer(row: Row, models: Models, *, estimate: Times) -> Answer:
    backend, written = row.text("backend"), row.needed("engine")
    engine = engine_in(written, backend)
    layout = _layout(row, engine)
    name = row.needed("model")
    model = models.named(name)
    hardware = hardware_in(row)
    if backend == "cpu" and find_devices(hardware)[0].type != "cpu":
        raise RefusedRow("the processor of a chip with a GPU is not described")

    settings = _settings(row, engine, hardware, backend)

    def question(**load: Any) -> Question:
        return Question(
            named=name,
            model=model,
            hardware=hardware,
            engine=engine,
            version=version_in(engine, row.text("engine_version")),
            precision=weights_in(model, row.text("quantization", "precision"), engine),
            layout=layout,
            load={"batch_size": row.whole("batch") or 1, **load},
            settings=settings,
        )

    prompt, depth = row.whole("prompt_tokens") or 0, row.whole("depth") or 0
    prefill, decode = row.real("prefill_tokens_per_s"), row.real("decode_tokens_per_s")
    first = row.real("prompt_ms") if prefill is None and decode is None else None
    asked: Question | None = None
    values: list[Comparison] = []
    if prefill is not None or first is not None:
        if prompt == 0:
            raise RefusedRow("prompt_tokens not stated")
        asked = question(input_tokens=prompt, output_tokens=1, depth=depth or None)
        report = answered(asked, models, estimate)
        values += values_of(report, {"prefill_tokens_per_s": prefill, "ttft_ms": first})
    if decode is not None:
        output = row.whole("output_tokens")
        if not output:
            raise RefusedRow("output_tokens not stated")
        if _PREFILL_INSIDE.search(row.text("note") or ""):
            asked = question(input_tokens=max(prompt, 1), output_tokens=output)
            values += values_of(answered(asked, models, estimate), {"output_tokens_per_s": decode})
        else:
            # the prompt may be the depth, and a step more than tokens are timed ends before the first of them
            asked = question(input_tokens=1, output_tokens=output + 1, depth=max(prompt, depth) or None)
            values += values_of(answered(asked, models, estimate), {"decode_tokens_per_s": decode})
    if asked is None:
        raise RefusedRow("nothing measured")
    return answer_of(asked, models, tuple(values), system=system_in(row), backend=backend)


def _settings(row: Row, engine: str, hardware: str, backend: str | None) -> dict[str, Any]:
    """What it was built for, where the device runs several such, and the tokens of a pass."""
    if engine not in _BY_LAYERS:
        return {}
    settings: dict[str, Any] = {}
    if backend in backends_of(engine, device_of(find_devices(hardware)[0])):
        settings["backend"] = backend
    note = row.text("note") or ""
    said = _PASS.search(note)
    if engine == "llama_cpp" and (said or note.startswith(_SWEEP)):
        tokens = int(said[1]) if said else _PASS_OF_SWEEP
        settings |= {"n_ubatch": tokens, "n_batch": max(tokens, _LEAST_STEP)}
    return settings


def _layout(row: Row, engine: str) -> dict[str, int]:
    """How devices share the model. Raises RefusedRow where the host has a part of it."""
    how = row.text("offload") or "all layers"
    shared = _WHOLE.fullmatch(how)
    if shared is None:
        raise RefusedRow("the work is shared with the host, or split in another way")
    devices = row.whole("devices") or 1
    if shared[1]:
        return {"tensor_parallel": int(shared[1]), "pipeline_parallel": int(shared[2])}
    return {"pipeline_parallel" if engine in _BY_LAYERS else "tensor_parallel": devices}
