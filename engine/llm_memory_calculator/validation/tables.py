"""Published tables of throughput: static batches, closed loops, and as much as an engine can serve at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llm_memory_hardware import find_devices

from ..api import best_parallelism, estimate_performance
from ..engines import device_of, engine_for, tuned_of
from ..errors import DoesNotFitError
from ..report import EndToEndReport, LayoutReport
from .kinds import Answer, Kind, compared
from .models import Models
from .reading import RefusedRow, Row
from .scores import Comparison
from .stated import engine_in, hardware_in, layout_in, lengths_in, system_in, version_in
from .timed import Question, Times, answer_of, answered, cache_in, estimated, has_experts, values_of, weights_in

Choose = Callable[..., LayoutReport]
"""What is asked for a layout: `best_parallelism`, or what stands for it in a test."""
_PARTS = ("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel")
_OF_A_LAYOUT = ("hardware", "engine", "engine_version", "precision", "kv_precision", "input_tokens", "output_tokens")
_METRICS = {
    "output_tok_s": "output_tokens_per_s",
    "prefill_ms": "ttft_ms",
    "ttft_ms": "ttft_ms",
    "decode_step_ms": "tpot_ms",
    "tpot_ms": "tpot_ms",
}
# Whose tables name no release, and when: the first ran vLLM 0.4 to 0.5 and TensorRT-LLM 0.10.
_MADE = (("argonne-lcf/LLM-Inference-Bench", "2024-06"), ("blogs.oracle.com", "2024-10"))
# Boards of two chips that a table counts as one: weights of 93 GB ran on a single MI250.
_BOARDS = {"MI250": 2}
# llama.cpp was run with one sequence; what its rows call a batch is n_batch, the tokens of a prompt in one pass: the
# latency of batch 1 is that of as many steps as there are tokens in prompt and output.
_ONE_SEQUENCE = "llama.cpp layer split over GPUs"
# Its builds are no newer: their rates are those of spring 2024.
_BUILD = "b2900"
# Submitters tune what they serve with, where they say how an engine is called.
_TUNED = "mlcommons/"
_SUSPECT = "SUSPECT"
_SATURATED = frozenset({"max", "offline"})
# Of what can be served: from here on a queue stands for most of the time to the first token.
_NEAR = 0.8
_RATE_OF_BOUNDS = frozenset({"server", "interactive"})
_CLOSED_LOOP = re.compile(r"closed loop|llmperf|genai-perf|guidellm|one request at a time|one user")
# llmperf draws lengths about its means, 550 +- 150 and 150 +- 10 tokens where nobody says (token_benchmark_ray.py): an
# even spread of as large a deviation is so wide.
_LLMPERF, _WIDTH = "llmperf", {"input_tokens": 0.47, "output_tokens": 0.115}
_AT_ONCE = re.compile(r"^([\d,]+) requests at once")
# Of a closed loop with more users than the engine has slots.
_QUEUED = "TTFT holds the queue"
# Prompts given at once, whose outputs end by themselves or at a cap: the batch shrinks.
_SHRINKING = re.compile(r"([\d,]+) prompts .*natural stop or ([\d,]+) tokens")
_SPLIT = re.compile(r"(?:Tensor \((\d+)\) and Pipeline \((\d+)\)|TP = (\d+) and PP = (\d+))")
# Attention by copies, each with its sequences, and the experts shared by all of them.
_BY_COPIES = re.compile(r"attention DP|attention data-parallel")


# Sequences of each device for which a layout that no row states is chosen, as many of them as fit.
_FOR_EACH = (128, 32, 8, 2, 1)


def tables_kind(estimate: Times = estimate_performance, choose: Choose = best_parallelism) -> Kind:
    return Kind(
        name="tables of throughput",
        columns=("model", "gpu", "engine", "metric", "batch_or_concurrency"),
        measured=("value",),
        metrics=("ttft_ms", "tpot_ms", "output_tokens_per_s"),
        answer=partial(_answer, estimate=estimate, choose=choose),
    )


@dataclass(frozen=True, slots=True)
class _Load:
    """A load as the estimate is asked for it."""

    asked: Mapping[str, Any]
    fixed: bool = False
    """A static batch."""
    saturated: bool = False
    """As many sequences as there is room for, for as long as it takes."""
    highest: bool = False
    """The highest rate at which an engine kept its bounds."""


def _answer(row: Row, models: Models, *, estimate: Times, choose: Choose) -> Answer:
    said, note = row.needed("metric"), row.text("note") or ""
    if said not in _METRICS:
        raise RefusedRow(f"metric not estimated: {said}")
    if _SUSPECT in note:
        raise RefusedRow("its note says that it is suspect")
    written = row.needed("engine")
    engine = engine_in(written)
    name = row.needed("model")
    model = models.named(name)
    prompt, output = lengths_in(row)
    load = _load(row, said, note, prompt, output)
    one = _ONE_SEQUENCE in note and said == "output_tok_s"
    hardware = hardware_in(row)
    version = version_in(engine, row.text("engine_version"), written) or _made(row, engine)
    question = Question(
        named=name,
        model=model,
        hardware=hardware,
        engine=engine,
        version=version,
        precision=weights_in(model, row.text("precision"), engine),
        kv_precision=cache_in(row.text("kv_precision")),
        layout=_layout(row, note, engine, experts=has_experts(model)),
        load=load.asked,
        saturated=load.saturated,
        settings=_settings(row) if one else _profile(row, engine, version, hardware),
    )
    if "devices" in question.layout and not load.fixed:
        question = _laid_out(question, models, choose)
    report = answered(question, models, estimate)
    measured = {_METRICS[said]: row.real("value")}
    if one and (rate := measured["output_tokens_per_s"]) is not None:
        measured["output_tokens_per_s"] = rate / int(row.needed("batch_or_concurrency"))
    for column, metric in (("ttft_ms", "ttft_ms"), ("tpot_ms", "tpot_ms"), ("output_tok_s", "output_tokens_per_s")):
        measured.setdefault(metric, row.real(column))
    if _QUEUED in note:
        del measured["ttft_ms"]
    values: tuple[Comparison, ...]
    if load.saturated or (load.highest and _grows(report)):
        values = _saturated(report, measured["output_tokens_per_s"], output)
    else:
        if load.highest:
            # the rate is what was asked for
            del measured["output_tokens_per_s"]
        values = values_of(report, measured)
    if load.fixed:
        _require_possible(report, measured["output_tokens_per_s"])
    return answer_of(question, models, values, system=system_in(row))


def _load(row: Row, said: str, note: str, prompt: int, output: int) -> _Load:
    """What is served. Raises RefusedRow where the row does not say."""
    count = row.needed("batch_or_concurrency")
    lengths = {"input_tokens": prompt, "output_tokens": output}
    if count in _RATE_OF_BOUNDS:
        rate = row.real("value")
        if rate is None or said != "output_tok_s":
            raise RefusedRow("rate not stated")
        return _Load({"request_rate": rate / output, **lengths}, highest=True)
    if shrinking := _SHRINKING.search(note):
        requests, cap = (int(number.replace(",", "")) for number in shrinking.groups())
        batch = max(1, round(requests * output / cap))
        return _Load({"batch_size": batch, "input_tokens": prompt, "output_tokens": cap})
    if at_once := _AT_ONCE.search(note):
        users = int(at_once[1].replace(",", ""))
        return _Load({"concurrency": users, "requests": users, **lengths})
    if count in _SATURATED:
        return _Load({"concurrency": 1, "requests": 1, **lengths}, saturated=True)
    sequences = row.whole("batch_or_concurrency")
    if _CLOSED_LOOP.search(note):
        return _Load({"concurrency": sequences, **(_drawn(lengths) if _LLMPERF in note else lengths)})
    return _Load({"batch_size": 1 if _ONE_SEQUENCE in note else sequences, **lengths}, fixed=True)


def _drawn(lengths: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Lengths that vary about a mean."""
    found = {}
    for name, mean in lengths.items():
        wide = round(_WIDTH[name] * mean)
        found[name] = {"least": mean - wide, "most": mean + wide}
    return found


def _profile(row: Row, engine: str, version: str | None, hardware: str) -> dict[str, str] | None:
    """A tuned stack where one was submitted and such are known on the device."""
    if not (row.text("source") or "").startswith(_TUNED):
        return None
    device = device_of(find_devices(hardware)[0])
    known = tuned_of(engine, engine_for(engine, version, device).version, device)
    return None if known is None else {"profile": "tuned"}


def _settings(row: Row) -> dict[str, int]:
    """Tokens of a pass of llama.cpp, which takes several where a prompt ends."""
    tokens = int(row.needed("batch_or_concurrency"))
    return {"n_batch": tokens, "n_ubatch": tokens}


def _layout(row: Row, note: str, engine: str, *, experts: bool) -> dict[str, int]:
    """The layout, some of which a note alone says."""
    devices = (row.whole("n_gpu") or 1) * _BOARDS.get(row.text("gpu") or "", 1)
    if split := _SPLIT.search(note):
        tensor, pipeline = (int(part) for part in split.groups() if part)
        return {"tensor_parallel": tensor, "pipeline_parallel": pipeline}
    if engine == "llama_cpp" or note.endswith(("; PP", "; Pipeline Parallelism")):
        # whole layers on each
        return {"pipeline_parallel": devices}
    if note.endswith("; TP"):
        return {"tensor_parallel": devices}
    stated = layout_in(row)
    if chips := _BOARDS.get(row.text("gpu") or ""):
        stated = stated | {"tensor_parallel": chips * stated.get("tensor_parallel", 1)}
    if experts and _BY_COPIES.search(note) and not stated.get("expert_parallel"):
        copies = devices // stated.get("pipeline_parallel", 1)
        return stated | {"tensor_parallel": 1, "data_parallel": copies, "expert_parallel": copies}
    return stated


def _laid_out(question: Question, models: Models, choose: Choose) -> Question:
    """The same in the layout that has most output tokens a second when as many sequences come as fit."""
    devices, asked = question.layout["devices"], question.asked()
    kept = {name: asked[name] for name in _OF_A_LAYOUT if name in asked}

    def best() -> dict[str, int]:
        for each in _FOR_EACH:
            try:
                found = choose(question.model, devices=devices, batch_size=each * devices, **kept).best
            except DoesNotFitError:
                continue
            return {name: getattr(found, name) for name in _PARTS}
        raise RefusedRow("does not fit by the estimate")

    return replace(question, layout=models.once((question.named, f"{devices} {kept}"), best))


def _made(row: Row, engine: str) -> str | None:
    """When a table was made that names no release."""
    source = row.text("source") or ""
    if engine == "llama_cpp" and source.startswith(_MADE[0][0]):
        return _BUILD
    return next((date for begins, date in _MADE if source.startswith(begins)), None)


def _grows(report: EndToEndReport) -> bool:
    """Whether about as many requests come as can be served by the estimate: times then hang on the last per cent of the
    rate, and on how long it goes on.
    """
    serving = report.serving
    return serving is not None and (serving.request_rate or 0) > _NEAR * serving.saturation_requests_per_s


def _saturated(report: EndToEndReport, measured: float | None, output: int) -> tuple[Comparison, ...]:
    """Output tokens a second at the rate beyond which a queue grows; its range is that of a token's time."""
    serving = report.serving
    if serving is None or measured is None:
        raise RefusedRow("nothing measured that is estimated")
    _, interval = estimated(report, "decode_tokens_per_s")
    rate = serving.saturation_requests_per_s * output
    scale = rate / report.decode_tokens_per_s if report.decode_tokens_per_s else 1.0
    if interval is not None:
        interval = replace(interval, low=interval.low * scale, high=interval.high * scale)
    return compared("output_tokens_per_s", measured, rate, interval)


def _require_possible(report: EndToEndReport, measured: float | None) -> None:
    """Raise RefusedRow where sequences do not fit all at once, or where weights would be read faster than they can."""
    if any(note.subject == "memory" and note.origin == "warning" for note in report.notes):
        raise RefusedRow("memory is short by the estimate: sequences would wait")
    decode = report.decode_phase
    if measured is not None and decode is not None:
        least = decode.latency_ms / 1e3 * decode.bandwidth_share * (report.output_tokens - 1)
        if report.batch_size * report.output_tokens / measured < least:
            raise RefusedRow("faster than the memory's bandwidth allows")
