"""Rates of local inference: a prompt taken in at a depth, or tokens decoded one after the other."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any

from llm_memory_hardware import find_devices

from ..api import estimate_performance
from ..engines import backends_of, device_of
from ..report import EndToEndReport
from .kinds import Answer, Kind
from .models import Models
from .reading import RefusedRow, Row
from .scores import Comparison
from .sharing import BY_LAYERS, Sharing, says_what_the_host_has, sharing_in
from .stated import engine_in, hardware_in, system_in, version_in
from .timed import Question, Times, answer_of, answered, has_experts, require_size, values_of, weights_in

# What notes say of rows that ran otherwise than all else in them says: with six of eight experts, on a few cores,
# from a file larger than the memory, without the card.
_OTHERWISE = re.compile(r"not the model as published|few threads|reads from disk|CPU only")
# Tokens of a pass of a prompt, where a note says them; the sweeps of llama-batched-bench have as many as llama-bench's
# beside them (benches/dgx-spark and benches/mac-m2-ultra of llama.cpp: -ub 2048).
_PASS = re.compile(r"ubatch (\d+)")
_SWEEP, _PASS_OF_SWEEP, _LEAST_STEP = "llama-batched-bench", 2048, 2048
_CACHE = re.compile(r"\bKV (q\d_\d)\b")
# ik_llama.cpp's format with 6.5 bits; of those that are known, the nearest.
_CACHES = {"q6_0": "q5_1"}
# mlx-vlm serves one request after the other in a loop of its own: 15 to 60 ms a token more than mlx-lm's on an M3 Max,
# other in each release.
_OWN_LOOP = "mlx-vlm"
# Short questions to chat models: of so many tokens hardly anything hangs on how many they were.
_SHORT, _ANSWER = re.compile(r"^short prompt$|eval rate, short prompt|mean of short prompts"), 128
# The rate of a whole response, where a note says so.
_PREFILL_INSIDE = re.compile(r"prefill (?:and HTTP )?inside")


def local_kind(estimate: Times = estimate_performance) -> Kind:
    return Kind(
        name="rates of local inference",
        columns=("model", "engine"),
        measured=("prefill_tokens_per_s", "decode_tokens_per_s"),
        metrics=("prefill_tokens_per_s", "decode_tokens_per_s", "output_tokens_per_s", "ttft_ms"),
        answer=partial(_answer, estimate=estimate),
        # a limit of power costs prefill, and hardly decode; builds of up to May 2024 have times of their own
        spoils={"thermal": ("prefill_tokens_per_s", "ttft_ms"), "old": ()},
        excused=_excused,
    )


def _excused(row: Row, flag: str) -> bool:
    """Work that is shared with the host is asked so where a row says which part that has."""
    return flag == "mixed" and says_what_the_host_has(row)


def _answer(row: Row, models: Models, *, estimate: Times) -> Answer:
    backend, written = row.text("backend"), row.needed("engine")
    engine = engine_in(written, backend)
    if _OTHERWISE.search(row.text("note") or ""):
        raise RefusedRow("its note says that it ran otherwise")
    shared = sharing_in(row, engine)
    name = row.needed("model")
    model = models.named(name)
    hardware = hardware_in(row)
    settings = _settings(row, engine, hardware, backend, shared)
    kept = _CACHE.search(row.text("note") or "")

    def question(**load: Any) -> Question:
        return Question(
            named=name,
            model=model,
            hardware=hardware,
            engine=engine,
            version=version_in(engine, row.text("engine_version")),
            precision=weights_in(model, row.text("quantization", "precision"), engine),
            kv_precision=None if kept is None else _CACHES.get(kept[1], kept[1]),
            layout=shared.layout,
            load={"batch_size": row.whole("batch") or 1, **load},
            settings=settings,
        )

    require_size(model, question().precision, row.real("file_size_gib"))
    ask = _fitted if shared.fitted else answered
    prompt, depth = row.whole("prompt_tokens") or 0, row.whole("depth") or 0
    prefill, decode = row.real("prefill_tokens_per_s"), row.real("decode_tokens_per_s")
    first = row.real("prompt_ms") if prefill is None and decode is None else None
    asked: Question | None = None
    values: list[Comparison] = []
    if prefill is not None or first is not None:
        if prompt == 0:
            raise RefusedRow("prompt_tokens not stated")
        asked = question(input_tokens=prompt, output_tokens=1, depth=depth or None)
        report = ask(asked, models, estimate)
        values += values_of(report, {"prefill_tokens_per_s": prefill, "ttft_ms": first})
    if decode is not None:
        output = row.whole("output_tokens") or (_ANSWER if _SHORT.search(row.text("note") or "") else None)
        if not output:
            raise RefusedRow("output_tokens not stated")
        if written == _OWN_LOOP:
            raise RefusedRow("tokens of mlx-vlm's own loop are not described")
        if _PREFILL_INSIDE.search(row.text("note") or ""):
            asked = question(input_tokens=max(prompt, 1), output_tokens=output)
            values += values_of(ask(asked, models, estimate), {"output_tokens_per_s": decode})
        else:
            # the prompt may be the depth, and a step more than tokens are timed ends before the first of them
            asked = question(input_tokens=1, output_tokens=output + 1, depth=max(prompt, depth) or None)
            values += values_of(ask(asked, models, estimate), {"decode_tokens_per_s": decode})
    if asked is None:
        raise RefusedRow("nothing measured")
    return answer_of(asked, models, tuple(values), system=system_in(row), backend=backend)


def _fitted(question: Question, models: Models, estimate: Times) -> EndToEndReport:
    """With as little on the host as fits: experts of the first layers, or layers where there are none.

    Raises RefusedRow where that is not enough.
    """
    depth = question.model.architecture.depth
    word = "n_cpu_moe" if has_experts(question.model) else "n_gpu_layers"
    least, most = 0, depth

    def tried(layers: int) -> EndToEndReport:
        told = {word: layers if word == "n_cpu_moe" else depth + 1 - layers}
        settings = {**(question.settings or {}), "fit": "off", **told}
        return answered(replace(question, settings=settings), models, estimate)

    while least < most:
        moved = (least + most) // 2
        try:
            tried(moved)
            most = moved
        except RefusedRow:
            least = moved + 1
    return tried(most)


def _settings(row: Row, engine: str, hardware: str, backend: str | None, shared: Sharing) -> dict[str, Any]:
    """What it was built for, where the device runs several such, the tokens of a pass, and what the host has.

    Raises RefusedRow where the processor's cores ran what is described on the GPU beside them alone.
    """
    settings = dict(shared.settings)
    known = backends_of(engine, device_of(find_devices(hardware)[0]))
    if backend == "cpu" and (find_devices(hardware)[0].type != "cpu" and backend not in known):
        raise RefusedRow("the processor of a chip with a GPU is not described")
    if engine not in BY_LAYERS:
        return settings
    if backend in known:
        settings["backend"] = backend
    note = row.text("note") or ""
    said = _PASS.search(note)
    if engine != "ollama" and (said or note.startswith(_SWEEP)):
        tokens = int(said[1]) if said else _PASS_OF_SWEEP
        settings |= {"n_ubatch": tokens, "n_batch": max(tokens, _LEAST_STEP)}
    return settings
