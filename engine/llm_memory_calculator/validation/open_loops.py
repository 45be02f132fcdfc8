"""Loads that come at a constant rate, whoever has been served: one metric a row, several of one run."""

from __future__ import annotations

import re
from functools import partial

from ..api import estimate_performance
from .kinds import Answer, Kind
from .models import Models
from .reading import RefusedRow, Row
from .stated import engine_in, hardware_in, layout_in, system_in, version_in
from .timed import Question, Times, answer_of, answered, values_of, weights_in

_METRICS = {
    "ttft_mean": "ttft_ms",
    "itl_mean": "tpot_ms",
    "e2e_mean": "e2e_ms",
    "ttft_p90": "ttft_p90_ms",
    "e2e_p90": "e2e_p90_ms",
    "ttft_p99": "ttft_p99_ms",
    "e2e_p99": "e2e_p99_ms",
}
_SETTINGS = ("max_num_seqs", "max_model_len", "max_num_batched_tokens")
# When the runs were made that do not say so, by their source: a fork of vLLM of early 2026.
_MADE = "2026-02"
_DATED = re.compile(r"(20\d\d)(\d\d)(\d\d)-")
# A prefix cache holds whole pages; of a prompt that was there before, half a page on average is computed again.
_COMPUTED_AGAIN = 8
# Prompts and requests of a stage where the row does not say: as of the other runs of these workloads, the fewest.
_GO_ROUND = (100, 3000)


def open_loop_kind(estimate: Times = estimate_performance) -> Kind:
    return Kind(
        name="served loads at a constant rate",
        columns=("model", "metric", "actual_ms", "request_rate_rps"),
        measured=("actual_ms",),
        metrics=tuple(_METRICS.values()),
        answer=partial(_answer, estimate=estimate),
    )


def _answer(row: Row, models: Models, *, estimate: Times) -> Answer:
    said = row.needed("metric")
    if said not in _METRICS:
        raise RefusedRow(f"metric not estimated: {said}")
    rate = row.real("request_rate_rps")
    if rate is None:
        raise RefusedRow("request_rate_rps not stated")
    engine = engine_in(row.text("engine") or "vllm")
    name = row.needed("model")
    model = models.named(name)
    made = _DATED.match(row.text("run") or "")
    prompt = row.real("input_tokens_mean") or (row.real("shared_prefix_tokens") or 0) + (
        row.real("question_tokens") or 0
    )
    output = row.real("output_tokens_mean", "output_tokens")
    if not prompt or not output:
        raise RefusedRow("lengths not stated")
    requests = row.whole("requests")
    cached = _cached(row, prompt, requests)
    settings = {word: value for word in _SETTINGS if (value := row.whole(word)) is not None}
    load = {"request_rate": rate, "arrivals": "even", "input_tokens": round(prompt), "output_tokens": round(output)}
    question = Question(
        named=name,
        model=model,
        hardware=hardware_in(row),
        engine=engine,
        version=version_in(engine, row.text("engine_version")) or ("-".join(made.groups()) if made else _MADE),
        precision=weights_in(model, row.text("precision"), engine),
        layout=layout_in(row),
        load=load | ({"requests": requests} if requests else {}) | ({"cached_share": cached} if cached else {}),
        settings=settings,
    )
    values = values_of(answered(question, models, estimate), {_METRICS[said]: row.real("actual_ms")})
    return answer_of(question, models, values, system=system_in(row))


def _cached(row: Row, prompt: float, requests: int | None) -> float:
    """The share of each prompt that a prefix cache has, where so many prompts go round."""
    distinct = row.whole("distinct_prompts")
    if distinct is None and row.text("load_source") is not None:
        # made by the same profiles, whose prompts go round
        distinct, requests = _GO_ROUND
    if distinct is None or not requests:
        return 0.0
    return max(0.0, (1 - distinct / requests) * (1 - _COMPUTED_AGAIN / prompt))
