"""A report in words: the few sentences that answer the question, and its numbers as Lines for whoever paints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .report import (
    TPOT,
    TTFT,
    BatchReport,
    ComparisonReport,
    DeviceMemory,
    EndToEndReport,
    Fit,
    GridReport,
    HardwareRow,
    ImagesReport,
    Interval,
    Layout,
    LayoutReport,
    LayoutRow,
    Line,
    LogCount,
    LogTerm,
    MemoryReport,
    ModelReport,
    Note,
    PhaseReport,
    Plan,
    PlanReport,
    PlanSearch,
    Remedy,
    ServingReport,
    Startup,
    StartupLogReport,
)
from .units import GB, GIB

# Origins of notes that change how an answer is to be read; the others say where facts are from.
_WEIGHTY = ("warning", "override", "assumption")
# Bytes are said in the largest of these that they fill.
_BYTE_UNITS = ((GB, "GB"), (10**6, "MB"), (10**3, "kB"), (1, "bytes"))


def text_of(report: Any) -> str:
    """The answer, the tree of what was summed where the report has it, and the notes that change how it is read."""
    rows = lines_of(report)
    tree = painted(rows) if any(line.parts for line in rows) else []
    notes = [f"{note.origin}: {note.text}" for note in weighty(report.notes)]
    return "\n".join([*sentences_of(report), *tree, *notes])


def sentences_of(report: Any) -> list[str]:
    """The sentences that answer the question, without tree and notes."""
    sentences: list[str] = _of_kind(report, _SENTENCES)(report)
    return sentences


def lines_of(report: Any) -> tuple[Line, ...]:
    """The numbers of a report by name; none for those whose rows are compared with each other (layouts, hardware)."""
    lines: Callable[[Any], tuple[Line, ...]] | None = _of_kind(report, _LINES)
    return lines(report) if lines else ()


def _of_kind(report: Any, said: Mapping[type, Any]) -> Any:
    """What is said of a report, or of the report that it extends."""
    return next((said[kind] for kind in type(report).__mro__ if kind in said), None)


def weighty(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The notes that change how an answer is to be read."""
    return tuple(note for note in notes if note.origin in _WEIGHTY)


def walked(lines: Iterable[Line], depth: int = 0) -> Iterator[tuple[int, Line]]:
    """Every line of a tree from the top, with its depth."""
    for line in lines:
        yield depth, line
        yield from walked(line.parts, depth + 1)


def painted(lines: Iterable[Line]) -> list[str]:
    """A tree as text: name, value with its unit, and why, indented by depth."""
    rows = [(f"{'  ' * depth}{line.name}", amount(line), line.why) for depth, line in walked(lines)]
    names = max((len(name) for name, _, _ in rows), default=0)
    values = max((len(value) for _, value, _ in rows), default=0)
    return [f"  {name:<{names}}  {value:>{values}}  {why}".rstrip() for name, value, why in rows]


def amount(line: Line) -> str:
    """A line's value with its unit, as people write it."""
    if line.unit == "bytes":
        return _bytes(line.value)
    if line.unit == "ms" and 0 < line.value < 0.1:
        return f"{line.value * 1e3:,.2f} us"
    number = f"{line.value:,}" if float(line.value).is_integer() else f"{line.value:,.2f}"
    return f"{number} {line.unit}".rstrip()


def layout_of(report: Any) -> str:
    """The layout of a report or of a row in words."""
    sizes = {
        "tensor": report.tensor_parallel,
        "pipeline": report.pipeline_parallel,
        "data": report.data_parallel,
        "expert": getattr(report, "expert_parallel", 1),
        "context": getattr(report, "context_parallel", 1),
    }
    return " x ".join(f"{word} {size}" for word, size in sizes.items() if size > 1) or "one device"


def short_layout_of(layout: Layout) -> str:
    """The same as engines name it: TP2 DP3."""
    sizes = {
        "PP": layout.pipeline_parallel,
        "DP": layout.data_parallel,
        "EP": layout.expert_parallel,
        "CP": layout.context_parallel,
    }
    more = [f"{word}{size}" for word, size in sizes.items() if size > 1]
    return " ".join([f"TP{layout.tensor_parallel}", *more])


def _bytes(value: float) -> str:
    size, unit = next(((size, unit) for size, unit in _BYTE_UNITS if abs(value) >= size), (1, "bytes"))
    return f"{value / size:,.2f} {unit}" if size > 1 else f"{value:,.0f} bytes"


def _gb(value: float) -> str:
    return f"{value / GB:,.1f} GB"


def _size(value: float) -> str:
    """Memory with as many digits as say something."""
    return (
        _gb(value) if abs(value) >= GB else f"{value / 1e6:,.0f} MB" if abs(value) >= 1e7 else f"{value / 1e6:,.1f} MB"
    )


def _ms(value: float) -> str:
    return f"{value:,.1f} ms" if value < 1e4 else f"{value / 1e3:,.1f} s"


def _rate(value: float) -> str:
    """Tokens a second with as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def _ends(interval: Interval | None) -> str:
    """The range of a rate in brackets; nothing where it has none."""
    return "" if interval is None else f" ({_rate(interval.low)} to {_rate(interval.high)})"


def _range(interval: Interval) -> str:
    """Both ends of times, with the unit once where it is one."""
    low, high = _ms(interval.low), _ms(interval.high)
    return f"{low.removesuffix(' ms')} to {high}" if high.endswith(" ms") else f"{low} to {high}"


def _gb_range(low: float, high: float) -> str:
    return f"{low / GB:,.1f} to {high / GB:,.1f} GB"


def _in_doubt(low: float, high: float) -> str:
    """Both ends of a range of bytes to spare, of which the lower is below 0."""
    return f"{_gb(-low)} missing to {_gb(high)} to spare"


def _held(report: MemoryReport) -> str:
    """What is held at once: sequences, or of a pipeline prompts."""
    tokens = "" if report.components else f" x {report.seq_length:,} tokens"
    return f"batch {report.batch_size:,}{tokens}"


def _load(report: Any) -> str:
    return f"batch {report.batch_size:,}, {report.input_tokens:,} tokens in, {report.output_tokens:,} out"


def _formats(report: Any) -> str:
    cache = "" if report.kv_precision == "none" else f", {report.kv_precision} KV cache"
    return f"{report.precision} weights{cache}"


def _family(report: MemoryReport | ModelReport) -> str:
    """The kind of model and its size."""
    active = f", {report.active_parameter_count:,} of them active"
    few = active if report.active_parameter_count < report.parameter_count else ""
    return f"{report.model_type}, {report.attention_type}, {report.parameter_count:,} parameters{few}"


# Parts smaller than this are left out of the sentence: they change no digit that is said of the total.
_SMALL_PART = 500_000
# Gains smaller than this are 0.0 GB.
_LEAST_GAIN = 50_000_000
# Changes that are said in short: how many, and which kinds come first.
_CHANGES = 5
_FIRST = (
    "cache format",
    "length",
    "devices",
    "weights",
    "share",
    "eager",
    "sequences",
    "step",
    "offload",
    "device",
)
# Accelerators beside the one that was asked for of which the fewest devices are said.
_OTHERS = 3


def _parts(report: DeviceMemory) -> str:
    """The parts of the total that show in it: weights as the engine loads them, of which padding is a part, and what
    lies on the host, which the total has not."""
    parts = dict(report.parts())
    padding, apart = parts.pop("weight padding"), -parts.pop("left on the host")
    parts["weights"] += padding
    cached_apart, said = -parts.pop("cache on the host"), []
    if padding >= _SMALL_PART:
        said.append(f"{_size(padding)} of it padding")
    if apart >= _SMALL_PART:
        said.append(f"{_size(apart)} of it on the host")
    beyond = f" ({', '.join(said)})" if said else ""
    listed = ", ".join(
        f"{name} {_size(value)}{beyond if name == 'weights' else ''}"
        for name, value in parts.items()
        if abs(value) >= _SMALL_PART
    )
    return f"{listed}; {_size(cached_apart)} of the cache on the host" if cached_apart >= _SMALL_PART else listed


# --- memory --------------------------------------------------------------------------------------------------------


def _memory(report: MemoryReport) -> list[str]:
    interval = report.total_memory_interval
    where = "one device" if report.devices == 1 else f"{report.worst_device} of {report.devices} ({layout_of(report)})"
    lines = [_verdict(report)] if report.verdict is not None else []
    lines.append(
        f"{report.model} ({_family(report)}), {_formats(report)}, {_held(report)}, needs a total of "
        f"{_gb(report.total_memory_bytes)} on {where} ({_gb_range(interval.low, interval.high)})"
        # engines take steps and graphs by the size of a card: of none that was named those of this
        f"{', as on a card of 80 GB' if report.verdict is None else ''}: {_parts(report)}."
    )
    if report.components:
        each = (f"{one.name} {_size(one.weight_memory_bytes)}" for one in report.components)
        lines.append(f"Of the weights: {', '.join(each)}.")
    if report.adapter_parameter_count:
        lines.append(f"Adapters: {report.adapter_parameter_count:,} parameters over all devices.")
    if report.verdict is not None:
        lines += _room(report)
    elif report.max_length is not None:
        lines.append(f"The model's own limit is {report.max_length:,} tokens.")
    if report.fewest_devices is not None:
        lines.append(f"Fewest devices that hold it: {report.fewest_devices:,} as {layout_of(report)}.")
    if report.smallest_devices:
        smallest = (f"{fit.hardware} ({fit.memory_gb:g} GB)" for fit in report.smallest_devices)
        lines.append(f"Smallest devices that hold it: {', '.join(smallest)}.")
    fits = ", ".join(
        f"{fit.devices} x {fit.hardware}"
        + ("" if fit.borderline_devices is None else f" ({fit.borderline_devices} borderline)")
        for fit in few_fits(report)
    )
    others = "" if report.fewest_devices is None else " of others"
    # of a length that the engine refuses memory is all that others can hold
    holds = "that hold it" if report.refused is None else "whose memory would hold it"
    lines.append(
        f"Fewest devices of one node{others} {holds}: {fits}."
        if fits
        else f"No single node{others} of those known holds it."
    )
    return lines


def few_fits(report: MemoryReport) -> tuple[Fit, ...]:
    """Of where it fits: the hardware that was asked for, and the least of a few others."""
    own = tuple(fit for fit in report.fits if fit.hardware == report.hardware)
    others = sorted((fit for fit in report.fits if fit not in own), key=lambda fit: fit.devices * fit.memory_gb)
    # where the fewest of it are looked for over every layout, those of a node's usual layouts are another number
    own = own if report.fewest_devices is None else ()
    return (*own, *others[:_OTHERS])


def few_remedies(report: MemoryReport) -> tuple[Remedy, ...]:
    """Of the changes that mend it those that people make first; without a device that `few_fits` has."""
    devices = {f"hardware {fit.hardware}" for fit in few_fits(report)}
    found = [one for one in report.remedies if one.change not in devices]
    # two settings together come before all, as where no one setting mends it
    first = sorted(found, key=lambda one: _FIRST.index(one.kind) if one.kind in _FIRST else -1)[:_CHANGES]
    return tuple(one for one in found if one in first)


_WORDS = {"fits": "It fits", "borderline": "It is borderline", "does not fit": "It does NOT fit"}


def _verdict(report: MemoryReport) -> str:
    """The verdict with its margin."""
    margin, span = report.device_margin_bytes or 0, report.device_margin_interval
    assert span is not None
    ends = _gb_range(*sorted((abs(span.low), abs(span.high))))
    if span.low < 0 < span.high:
        ends = _in_doubt(span.low, span.high)
    left = f"{_gb(abs(margin))} a device {'missing' if margin < 0 else 'to spare'} ({ends})"
    on = f" on {report.devices:,} x {report.hardware}"
    if report.refused is not None:
        doubted = report.startup is not None and report.startup.verdict == "borderline"
        alone = "Memory alone is borderline" if doubted else "Memory alone would hold it"
        return f"It does NOT start{on}: {report.refused}. {alone}, with {left}."
    whose = "" if report.verdict == "fits" else f" for {report.binding}"
    joined = "but" if report.fits_device else "and"
    beyond = "" if report.beyond is None else f", {joined} {report.beyond}"
    # the share of the memory that an engine takes costs nothing to set, where its own would do by the estimate
    free = next((one.change for one in report.remedies if one.kind == "share" and one.verdict == "fits"), None)
    if report.verdict == "borderline" and margin >= 0 and free is not None:
        return f"It fits{on} with {free}{beyond}; as it stands it is borderline, {left}{whose}."
    return f"{_WORDS[str(report.verdict)]}{on}: {left}{whose}{beyond}."


def _room(report: MemoryReport) -> list[str]:
    """What the engine takes, what is left for a cache, what the engine would print, and the changes that mend it."""
    startup = report.startup
    assert startup is not None
    taken = f"{report.engine} takes {_gb(report.device_budget_bytes or 0)} of the {_gb(startup.device_bytes)} seen"
    if report.device_budget_bytes == startup.device_bytes:
        taken = f"{report.engine} sees {_gb(startup.device_bytes)}"
    elif _outside(report) >= _LEAST_GAIN:
        taken += ", and a part of the total lies outside of that"
    limit = f"; the model's own limit is {report.max_length:,} tokens" if report.max_length is not None else ""
    lines = [f"{taken}{_cache_room(startup)}{limit}."]
    if startup.message:
        lines.append(f"The engine would say: {startup.message}")
    return [*lines, *_mends(report)]


def _outside(report: MemoryReport) -> float:
    """What of the total the engine does not count in what it takes: more than is missing there."""
    beyond = report.total_memory_bytes - (report.device_budget_bytes or 0)
    return beyond + min(report.device_margin_bytes or 0, 0)


def _cache_room(startup: Startup) -> str:
    """What the room for a cache holds; of an engine that allocates what it is told, in one request of the longest."""
    if startup.cache_room_bytes <= 0 or not startup.request_bytes:
        return ""
    room = f". Room for a cache: {startup.cache_room_bytes / GIB:,.2f} GiB, "
    if startup.cache_tokens and not startup.allocates:
        requests = f"{startup.concurrency:,.2f} requests of {startup.max_model_len:,}"
        return f"{room}{startup.cache_tokens:,} tokens in {requests}"
    return f"{room}one request of up to {startup.longest:,} tokens" if startup.longest else ""


def _memory_lines(report: MemoryReport) -> tuple[Line, ...]:
    low, high = report.total_memory_interval.low, report.total_memory_interval.high
    parts = report.ledger.parts if report.ledger else _bytes_lines(report.parts())
    total = Line(
        name=f"total of {report.worst_device}",
        value=report.total_memory_bytes,
        unit="bytes",
        why=_gb_range(low, high),
    )
    smallest = (
        Line(name=fit.hardware, value=fit.memory_gb * GB, unit="bytes", why=f"{fit.used_share:.0%} used")
        for fit in report.smallest_devices
    )
    fewest = report.fewest_devices
    found = () if fewest is None else (Line(name="fewest devices", value=fewest, unit="", why=layout_of(report)),)
    return (*parts, total, *found, *smallest)


def _bytes_lines(parts: Iterable[tuple[str, int]]) -> tuple[Line, ...]:
    return tuple(Line(name=name, value=value, unit="bytes") for name, value in parts if value)


def _batch(report: BatchReport) -> list[str]:
    devices = report.hardware if report.devices == 1 else f"{report.devices} x {report.hardware} ({layout_of(report)})"
    length = f"a mix of up to {report.seq_length:,} tokens" if report.mix else f"{report.seq_length:,} tokens"
    most = f"at most {report.max_batch_size:,} sequences of {length}{_counts(report.max_batch_interval)}"
    if report.longest_context is not None and report.longest_context_interval is not None:
        most = (
            f"a context of at most {report.longest_context:,} tokens{_counts(report.longest_context_interval)} in each "
            f"of {report.batch_size:,} sequence(s)"
        )
    elif report.kv_tokens is not None:
        most = f"room for {report.kv_tokens:,} tokens of KV cache in each copy, {most}"
    limit = "" if report.max_length is None else f" The model's own limit is {report.max_length:,} tokens."
    if report.longest_context == report.max_length:
        # the reason has said it
        limit = ""
    shown = report.max_batch_size if report.longest_context is None else report.batch_size or 1
    many = "one sequence" if shown <= 1 else f"{shown:,} sequences"
    return [
        f"{report.model} ({_formats(report)}) on {devices} under {report.engine}: {most}. {report.reason}{limit}",
        f"On the fullest device: {_parts(report)}; with {many} in all "
        f"{_gb(report.total_memory_bytes)}{_of_budget(report)}.",
        *_mends(report),
    ]


def _of_budget(report: BatchReport) -> str:
    budget = _gb(report.device_budget_bytes)
    beyond = report.max_batch_size and report.total_memory_bytes > report.device_budget_bytes
    return f", not all of which {report.engine.split(',')[0]} counts in its {budget}" if beyond else f" of {budget}"


def _counts(interval: Interval) -> str:
    return "" if interval.low == interval.high else f" ({interval.low:,.0f} to {interval.high:,.0f})"


def _mends(report: MemoryReport | BatchReport | StartupLogReport) -> list[str]:
    """The changes that mend a no, those that leave it borderline apart, and what each gains."""
    said = []
    for opening, mended in (("Any of these mends it", True), ("It stays or becomes borderline with", False)):
        changes = "; ".join(_change(one) for one in report.remedies if (one.verdict == "fits") == mended)
        said += [f"{opening}: {changes}."] if changes else []
    return said


def _change(remedy: Remedy) -> str:
    """What to change and its gain, where that has a digit."""
    return remedy.change if remedy.gain_bytes < _LEAST_GAIN else f"{remedy.change} (+{_gb(remedy.gain_bytes)})"


def _batch_lines(report: BatchReport) -> tuple[Line, ...]:
    cache = report.kv_cache_bytes_per_sequence
    parts = report.ledger.parts if report.ledger else _bytes_lines(report.parts())
    return (
        *_found_lines(report),
        Line(name="largest batch", value=report.max_batch_size, unit="sequences"),
        *parts,
        Line(name="memory that may be used", value=report.device_budget_bytes, unit="bytes"),
        Line(name="KV cache of one sequence", value=cache, unit="bytes", why=f"{report.seq_length:,} tokens"),
    )


def _found_lines(report: BatchReport) -> Iterator[Line]:
    """What was looked for beside the largest batch."""
    if report.longest_context is not None:
        why = f"{report.batch_size:,} sequence(s)"
        yield Line(name="longest context", value=report.longest_context, unit="tokens", why=why)
    if report.kv_tokens is not None:
        yield Line(name="KV cache in the room", value=report.kv_tokens, unit="tokens")
    for one in report.mix:
        yield Line(name="share of the mix", value=one.share, unit="", why=f"sequences of {one.tokens:,} tokens")


# --- time ----------------------------------------------------------------------------------------------------------


# Tokens of a prompt that has a rate: what speech begins with has none.
_PROMPT = 32


def _end_to_end(report: EndToEndReport) -> list[str]:
    if report.serving is not None:
        return _served(report, report.serving)
    if not report.output_tokens_per_s:
        return [
            f"{_where(report)}, batch {report.batch_size:,} of {report.input_tokens:,} tokens: "
            f"{report.requests_per_s:,.4g} sequences/s{_ends(report.requests_per_s_interval)}, {_ms(report.total_ms)} "
            f"a pass ({_range(report.total_interval_ms)}), {report.prefill_bound}-bound.",
            _spare(report),
        ]
    last = "of the last prompt " if report.batch_size > 1 else ""
    prefill = report.batch_size * report.input_tokens / report.ttft_ms * 1e3
    rate = f", {prefill:,.0f} prompt tokens/s" if report.input_tokens >= _PROMPT else ""
    first = f"TTFT {last}{_ms(report.ttft_ms)} ({_range(report.ttft_interval_ms)}){rate}, {report.prefill_bound}-bound"
    return [f"{_where(report)}, {_load(report)}: {first};{_decoding(report)} {_whole(report)}.", _spare(report)]


def _decoding(report: EndToEndReport) -> str:
    """Time and rate of a token after the first."""
    each = report.decode_tokens_per_s_each_interval
    if report.tpot_ms is None or report.tpot_interval_ms is None or each is None:
        return ""
    whose = " in each sequence" if report.batch_size > 1 else ""
    return (
        f" decode {_rate(1e3 / report.tpot_ms)} tokens/s{whose} ({_rate(each.low)} to {_rate(each.high)}), TPOT "
        f"{_ms(report.tpot_ms)} ({_range(report.tpot_interval_ms)}), {report.decode_bound}-bound;"
    )


def _whole(report: EndToEndReport) -> str:
    """The rate from prompts to last tokens, which hangs on the prompts."""
    spread = _ends(report.output_tokens_per_s_interval)
    times = f"{report.batch_size:,} x " if report.batch_size > 1 else ""
    return (
        f"{_rate(report.output_tokens_per_s)} output tokens/s{spread} over {times}({report.input_tokens:,} in + "
        f"{report.output_tokens:,} out), {_ms(report.total_ms)} in all"
    )


def _spare(report: EndToEndReport | ImagesReport) -> str:
    spare, longest = report.memory_spare_bytes, getattr(report, "max_length", None)
    left = f"{_gb(spare)} a device to spare" if spare >= 0 else f"{_gb(-spare)} a device missing (see the warning)"
    if report.memory_spare_range_bytes is not None:
        low, high = report.memory_spare_range_bytes
        left += f" (borderline: {_in_doubt(low, high)})"
    limit = "" if longest is None else f"; the model's own limit is {longest:,} tokens"
    need = f"Memory needed {report.memory_share:.0%}"
    # of a served load the rest is the cache of the others
    if getattr(report, "serving", None) is not None:
        need, left = f"{need} with one request", f"{left} for others" if spare >= 0 else left
    return f"{need}, {left}{limit}. Ranges: {report.total_interval_ms.evidence}."


def _where(report: EndToEndReport) -> str:
    return (
        f"{report.model} ({report.precision}) on {report.devices} x {report.hardware} ({_both_sides(report)}) under "
        f"{report.engine}"
    )


def _served(report: EndToEndReport, serving: ServingReport) -> list[str]:
    who = f"{serving.concurrency or 1:,} user{'s' if (serving.concurrency or 1) > 1 else ''}"
    if serving.request_rate is not None:
        who = f"{serving.request_rate:,.4g} requests/s"
    decode = ""
    if serving.room < (serving.concurrency or 0):
        who += f" (room for {serving.room:,} at once)"
    if report.tpot_ms is not None and report.tpot_interval_ms is not None and serving.tpot is not None:
        each = report.decode_tokens_per_s_each_interval
        rate = (
            "" if each is None else f", {1e3 / report.tpot_ms:,.1f} tokens/s each ({each.low:,.1f} to {each.high:,.1f})"
        )
        decode = (
            f" TPOT {_ms(report.tpot_ms)} ({_range(report.tpot_interval_ms)}), p95 {_ms(serving.tpot.p95_ms)}{rate};"
        )
    good = ""
    if serving.goodput_requests_per_s is not None:
        good = f", {serving.goodput_requests_per_s / serving.requests_per_s:.0%} of requests within the targets"
    served = _ends(serving.requests_per_s_interval)
    most = f"{serving.saturation_requests_per_s:,.3g}"
    if not report.output_tokens_per_s:
        return [
            f"{_where(report)}, {who} with {report.input_tokens:,} tokens a sequence: {serving.requests_per_s:,.4g} "
            f"sequences/s{served}{good}, latency {_ms(report.ttft_ms)} ({_range(report.ttft_interval_ms)}), p95 "
            f"{_ms(serving.ttft.p95_ms)}; saturates at {most} sequences/s{_ends(serving.saturation_interval)}.",
            _spare(report),
        ]
    binds = "" if serving.disaggregated is None else f", where {serving.disaggregated.bound} binds"
    return [
        f"{_where(report)}, {who} with {report.input_tokens:,} tokens in, {report.output_tokens:,} out: "
        f"TTFT {_ms(report.ttft_ms)} ({_range(report.ttft_interval_ms)}), p95 {_ms(serving.ttft.p95_ms)};{decode} "
        f"{_rate(report.output_tokens_per_s)} output tokens/s{_ends(report.output_tokens_per_s_interval)}, "
        f"{serving.requests_per_s:,.3g} requests/s{served}{good}; saturates at {most} requests/s"
        f"{_ends(serving.saturation_interval)}{binds}.",
        _spare(report),
    ]


def _both_sides(report: EndToEndReport) -> str:
    """The layout, with the workers that take in prompts where it only decodes."""
    apart = None if report.serving is None else report.serving.disaggregated
    if apart is None:
        return layout_of(report)
    expert = f" expert {apart.prefill_expert_parallel}" if apart.prefill_expert_parallel > 1 else ""
    prefill = f"{apart.prefill_workers} x tensor {apart.prefill_tensor_parallel}{expert} take in prompts"
    return f"{prefill}, {layout_of(report)} decode"


def _end_to_end_lines(report: EndToEndReport) -> tuple[Line, ...]:
    prefill, decode = report.prefill_phase, report.decode_phase
    alone: tuple[Line, ...] = ()
    if report.serving is not None:
        # queues and the prompts of others are in the times above, and in no phase
        alone = tuple(_alone(phase) for phase in (prefill, decode) if phase)
        prefill = decode = None
    first = Line(
        name=TTFT if report.output_tokens_per_s else "latency of a pass",
        value=report.ttft_ms,
        unit="ms",
        why=f"{_range(report.ttft_interval_ms)}, {report.prefill_bound}-bound",
        parts=prefill.breakdown if prefill else (),
    )
    whole = Line(name="total", value=report.total_ms, unit="ms", why=_range(report.total_interval_ms))
    if report.tpot_ms is None or report.tpot_interval_ms is None:
        return (first, whole, *alone)
    each = Line(
        name=TPOT,
        value=report.tpot_ms,
        unit="ms",
        why=f"{_range(report.tpot_interval_ms)}, {report.decode_bound}-bound",
        parts=decode.breakdown if decode else (),
    )
    return (first, each, whole, *alone)


def _alone(phase: PhaseReport) -> Line:
    """What a phase takes by itself, without queue and without the other phase's work in the same steps."""
    name = "a prompt alone" if phase.phase == "prefill" else "a step of decode alone"
    of = f"{phase.batch_size:,} sequences" if phase.phase == "decode" else f"{phase.input_tokens:,} tokens"
    why = f"of {of}, {phase.bound}-bound"
    return Line(name=name, value=phase.latency_ms, unit="ms", why=why, parts=phase.breakdown)


def _images(report: ImagesReport) -> list[str]:
    what, one = ("video", "a video") if report.num_frames > 1 else ("image", "an image")
    frames = f"{report.num_frames:,} frames of " if report.num_frames > 1 else ""
    low, high = report.total_interval_ms.low, report.total_interval_ms.high
    each = report.seconds_per_image / report.total_ms
    passes = "two passes" if report.guidance_passes > 1 else "one pass"
    parts = ", ".join(f"{part.name} {part.total_ms / report.total_ms:.1%}" for part in report.parts)
    return [
        f"{report.model} ({report.precision}) on {report.devices} x {report.hardware} ({layout_of(report)}), "
        f"{report.batch_size:,} prompt(s) x {report.num_images:,} {what}(s) of {frames}{report.height} x "
        f"{report.width}, {report.num_inference_steps:,} steps of {passes}: {report.seconds_per_image:,.3g} s {one} "
        f"({each * low:,.3g} to {each * high:,.3g} s), {_ms(report.step_ms)} a step, {report.images_per_s:,.3g} "
        f"{what}s/s{_ends(report.images_per_s_interval)}, {_ms(report.total_ms)} in all, {report.bound}-bound: "
        f"{parts}.",
        _spare(report),
    ]


def _images_lines(report: ImagesReport) -> tuple[Line, ...]:
    total = Line(name="total", value=report.total_ms, unit="ms", why=_range(report.total_interval_ms))
    return (*report.breakdown, total)


def _phase(report: PhaseReport) -> list[str]:
    time = "TTFT" if report.phase == "prefill" else "TPOT"
    tokens = "prompt" if report.phase == "prefill" else "output"
    return [
        f"{report.phase.capitalize()} of {report.model} ({report.precision}) on {report.devices} x {report.hardware} "
        f"({layout_of(report)}), {_load(report)}: {time} {_ms(report.latency_ms)} "
        f"({_range(report.latency_interval_ms)}), {report.bound}-bound, {report.tokens_per_s:,.0f} {tokens} tokens/s, "
        f"{report.compute_share:.0%} of the peak and {report.bandwidth_share:.0%} of the bandwidth."
    ]


def _phase_lines(report: PhaseReport) -> tuple[Line, ...]:
    why = f"{_range(report.latency_interval_ms)}, {report.bound}-bound"
    return (Line(name=report.phase, value=report.latency_ms, unit="ms", why=why, parts=report.breakdown),)


def _row(row: LayoutRow) -> str:
    first, each = row.ttft_interval_ms, row.tpot_interval_ms
    return (
        f"{layout_of(row)} on {row.devices}: {_rate(row.output_tokens_per_s)} output tokens/s"
        f"{_ends(row.output_tokens_per_s_interval)}, TTFT {_ms(row.ttft_ms)}"
        f"{'' if first is None else f' ({_range(first)})'}, TPOT "
        f"{_ms(row.tpot_ms)}{'' if each is None else f' ({_range(each)})'}, "
        f"{'borderline ' if row.borderline else ''}memory {row.memory_share:.0%}"
    )


def _layouts(report: LayoutReport) -> list[str]:
    rows = (report.best, *report.others)
    equal = _equal_rows([row.equal for row in rows])
    return [
        f"Best for {report.goal} of {report.model} ({report.precision}) on up to {report.devices} x {report.hardware} "
        f"under {report.engine}, {_load(report)}:",
        *(f"{number}. {_row(row)}." for number, row in enumerate(rows, 1)),
        f"{report.fitting} of {report.considered} layouts fit.{equal and f' {equal}'}",
        f"Ranges: {report.tpot_interval_ms.evidence}.",
    ]


def _equal_rows(equal: Sequence[Sequence[int]], *, exact: bool = False) -> str:
    """Which rows are equal: all of a group to each other, or else pair by pair."""
    pairs = [(one, other) for one, others in enumerate(equal, 1) for other in others if other > one]
    among = sorted({number for pair in pairs for number in pair})
    if not pairs:
        return ""
    if 2 * len(pairs) == len(among) * (len(among) - 1):
        return f"{', '.join(map(str, among))} are equal{'' if exact else ' within the evidence: their ranges overlap'}."
    return f"Equal{'' if exact else ' within the evidence, since their ranges overlap'}: {_pairs(pairs)}."


_ORDERS = {
    "throughput": "output tokens/s",
    "latency": "TPOT",
    "decode": "decode tokens/s",
    "prefill": "prefill tokens/s",
    "per_device": "output tokens/s a device",
    "per_watt": "output tokens/s a watt",
    "per_dollar": "output tokens a dollar",
    "batch": "most sequences at once",
    "context": "longest context",
    "devices": "fewest devices",
}


def _comparison(report: ComparisonReport) -> list[str]:
    exact = report.goal in ("batch", "context", "devices")
    end = "" if exact else ", worse end of the range" if report.rank_by == "worst" else ", by the estimate"
    best = f"best {len(report.rows)} of {report.compared}" if len(report.rows) < report.compared else "best first"
    order, each = _ORDERS[report.goal], ""
    if report.fewest_devices:
        each = ", fewest devices of a node each"
        order += " a device" if report.goal in ("throughput", "decode", "prefill", "batch") else ""
    load = _load(report)
    if report.goal == "batch":
        load = f"{report.input_tokens:,} tokens in, {report.output_tokens:,} out, each row at its most sequences"
    elif report.goal == "context":
        load = f"batch {report.batch_size:,}, {report.output_tokens:,} out after each row's longest prompt"
    lines = [f"{report.model} ({report.precision}), {load}: {best} by {order}{end}{each}."]
    numbered = [row for row in report.rows if row.fits or row.layout is not None]
    lines += [f"{number}. {_hardware_row(row, order)}" for number, row in enumerate(numbered, 1)]
    equal = _equal_rows([row.equal for row in numbered], exact=exact)
    lines += [equal] if equal else []
    lines += [f"{row.hardware}: no. {row.reason}" for row in report.rows if row not in numbered]
    if report.left_out:
        lines.append(f"Left out: {report.left_out}")
    if report.would_do:
        fits = ", ".join(f"{fit.devices} x {fit.hardware}" for fit in report.would_do)
        lines.append(f"Nothing of these holds it. Fewest devices that do: {fits}.")
    return lines


def _hardware_row(row: HardwareRow, order: str) -> str:
    """A comparison's row: devices, rates and times with their ranges, cost, evidence; order: what it is ranked by."""
    said = f"{row.devices} x {row.hardware}"
    if row.max_batch_size is not None:
        said += f": {row.max_batch_size:,} sequences"
    if row.longest_context is not None:
        said += f": {row.longest_context:,} tokens"
    times, rate = row.layout, row.output_tokens_per_s_interval
    if times is None or rate is None or row.ttft_interval_ms is None or row.tpot_interval_ms is None:
        return f"{said}. {row.reason or ''}".rstrip()
    if times.devices > 1:
        said += f" ({layout_of(times)})"
    ranked = row.ranked_by_interval
    parts = []
    if row.ranked_by is not None and ranked is not None:
        parts.append(f"{short(row.ranked_by)} {order} ({short(ranked.low)} to {short(ranked.high)})")
    parts += [
        f"{short(times.output_tokens_per_s)} output tokens/s ({short(rate.low)} to {short(rate.high)})",
        f"TTFT {short(times.ttft_ms)} ({short(row.ttft_interval_ms.low)} to {short(row.ttft_interval_ms.high)})",
        f"TPOT {short(times.tpot_ms)} ({short(row.tpot_interval_ms.low)} to {short(row.tpot_interval_ms.high)}) ms",
    ]
    if row.usd_per_million_input_tokens is not None and row.usd_per_million_output_tokens is not None:
        parts.append(
            f"${row.usd_per_million_input_tokens:,.3g} in, ${row.usd_per_million_output_tokens:,.3g} out per 1M"
        )
    parts.append(f"evidence: {_EVIDENCE[row.evidence or 'none']}")
    parts += ["borderline memory"] if times.borderline else []
    if row.reason:
        parts.append(row.reason)
    return f"{said}: {', '.join(parts)}"


_EVIDENCE = {
    "measured": "measured",
    "sister": "a sister card",
    "class": "its class",
    "law": "a law",
    "none": "none",
}
"""What the efficiencies behind times were measured on, in words."""


def short(value: float) -> str:
    """Three digits, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


# --- a model -------------------------------------------------------------------------------------------------------


def _plans(report: PlanReport) -> list[str]:
    asked = report.asked
    lines = [_planned_for(report.model, asked)]
    if not report.plans:
        lines.append(_no_plan(report, asked))
    engines = dict.fromkeys((plan.engine.split(",")[0], plan.kv_precision) for plan in report.plans)
    if report.plans:
        lines.append(f"devices | {'req/s | ' if asked.request_rate is None else ''}$/h, $/M out | {_COLUMNS}")
    for number, plan in enumerate(report.plans, 1):
        cells = [f"{number}. {plan.devices} x {plan.hardware} {short_layout_of(plan)} {plan.precision}"]
        if asked.request_rate is None:
            cells.append(_with_range(plan.requests_per_s, plan.requests_per_s_range))
        cells += [_price_of(plan), _with_range(plan.ttft_ms, plan.ttft_range_ms)]
        cells.append(_with_range(plan.tpot_ms, plan.tpot_range_ms))
        cells += [plan.meets, _with_range(plan.saturation_requests_per_s, plan.saturation_range)]
        cells += [_EVIDENCE[plan.evidence], "; ".join(plan.why)]
        if len(engines) > 1:
            cells.append(f"{plan.engine.split(',')[0]}, {plan.kv_precision} cache")
        lines.append(" | ".join(cells))
    if report.plans:
        first = report.plans[0]
        said = "; ".join(f"{engine}, {cache} cache" for engine, cache in engines)
        lines.append(f"{said if len(engines) == 1 else 'Of 1'}. {_ledger_of(1, first)}{_apart(report)}")
        lines += _starts(report)
    lines += [f"Left out: {text}." for text in report.left_out]
    told: dict[str, list[str]] = {}
    for number, plan in enumerate(report.plans, 1):
        for warning in plan.warnings:
            told.setdefault(warning, []).append(str(number))
    every = len(report.plans)
    whose = {warning: "Of all" if len(of) == every > 1 else ", ".join(of) for warning, of in told.items()}
    return [*lines, *(f"{who}: {warning}" for warning, who in whose.items())]


def _starts(report: PlanReport) -> Iterator[str]:
    """The line that starts the first plan that has one, and why those before it have none."""
    number = report.first_to_start
    before = report.plans if number is None else report.plans[: number - 1]
    if before:
        which = "None" if number is None else f"Not {', '.join(str(one) for one in range(1, number))}"
        whys = "; ".join(dict.fromkeys(plan.no_launch for plan in before if plan.no_launch))
        yield f"{which} has a launch line: {whys}."
    if number is not None:
        yield f"{f'{number}: ' if number > 1 else ''}{report.launch}"


def _grid(report: GridReport) -> list[str]:
    lines = [
        f"{report.model}: {report.answered:,} of {report.candidates:,} candidates looked at, {report.fitting:,} fit, "
        f"{len(report.front):,} are beaten by none of their lengths; best {report.goal} first, by the "
        f"{'worse end of the range' if report.rank_by == 'worst' else 'estimate'}."
    ]
    for number, row in enumerate(report.rows, 1):
        million = row.usd_per_million_output_tokens
        price = "" if million is None else f", ${million:,.2f} a million output tokens"
        lines.append(
            f"{number}. {row.devices} x {row.hardware} as {layout_of(row)}, {row.precision}, {row.batch_size:,} x "
            f"({row.input_tokens:,} + {row.output_tokens:,}): {row.output_tokens_per_s:,.0f} tokens/s, TTFT "
            f"{_ms(row.ttft_ms)}, TPOT {_ms(row.tpot_ms)}, {row.memory_share:.0%} of the memory{price}."
        )
    return lines


def _planned_for(model: str, asked: PlanSearch) -> str:
    """What was asked, and among what it was looked for."""
    who = "highest rate"
    if asked.request_rate is not None:
        who = f"{asked.request_rate:g} requests/s"
    elif asked.concurrency is not None:
        thinks = f" who think {asked.think_time_s:g} s" if asked.think_time_s else ""
        who = f"{asked.concurrency:,} users{thinks}"
    limits = [("TTFT", asked.ttft_target_ms), ("TPOT", asked.tpot_target_ms)]
    targets = ", ".join(f"{name} <= {float(f'{limit:.4g}'):,.10g} ms" for name, limit in limits if limit is not None)
    kept = f"; {asked.percentile} {targets}" if targets else ""
    kept += "" if asked.budget_usd_per_hour is None else f"; <= ${asked.budget_usd_per_hour:,.10g}/h"
    kept += f"; {asked.spare_copies} copies spare" if asked.spare_copies else ""
    among = ", ".join(asked.hardware) if len(asked.hardware) <= _NAMED else f"{len(asked.hardware)} accelerators"
    return (
        f"{model}, {who}, {asked.input_tokens:,.0f} in / {asked.output_tokens:,.0f} out{kept}. {among} in "
        f"{', '.join(asked.formats)}, on-demand prices."
    )


# Accelerators that are named in the text; of more only how many.
_NAMED = 3


def _price_of(plan: Plan) -> str:
    if plan.usd_per_hour is None or plan.usd_per_million_output_tokens is None:
        return "-"
    return f"{plan.usd_per_hour:,.2f}, {plan.usd_per_million_output_tokens:,.3g}"


_COLUMNS = "TTFT ms | TPOT ms | meets | most req/s | evidence | why"


def _with_range(value: float | None, ends: tuple[float, float] | None) -> str:
    if value is None:
        return "-"
    return short(value) if ends is None else f"{short(value)} ({short(ends[0])} to {short(ends[1])})"


def _ledger_of(number: int, plan: Plan) -> str:
    """What a device holds, what binds, and how many it has room for."""
    held = plan.weights_gb + plan.cache_gb + plan.rest_gb
    binds = {"ttft": "TTFT", "tpot": "TPOT", "rate": "the rate", "none": "nothing"}[plan.binds]
    return (
        f"{number}: {short(held)} of {short(plan.usable_gb)} GB each ({short(plan.weights_gb)} weights, "
        f"{short(plan.cache_gb)} cache, {short(plan.rest_gb)} rest); {short(plan.decoding)} at once, room for "
        f"{plan.room:,}; {binds} binds."
    )


def _apart(report: PlanReport) -> str:
    """Which of the plans the ranges tell apart."""
    count = len(report.plans)
    pairs = [(one, other) for one in range(1, count + 1) for other in range(one + 1, count + 1)]
    apart = [pair for pair in pairs if pair not in report.equal]
    if not report.equal:
        return ""
    if not apart:
        return " All plans are equal in TPOT by range."
    if len(apart) < len(report.equal):
        return f" Equal in TPOT by range, but {_pairs(apart)}."
    return f" Equal in TPOT by range: {_pairs(report.equal)}."


def _pairs(pairs: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{one}-{other}" for one, other in pairs)


def _no_plan(report: PlanReport, asked: PlanSearch) -> str:
    """Why there is none, and what comes nearest."""
    if not asked.considered and report.beyond is None:
        return "No layout that could be searched holds one request; left_out says what could not be searched."
    most = asked.max_devices
    devices = "" if most is None else f"{most:,} device{'s' if most > 1 else ''}"
    money = "" if asked.budget_usd_per_hour is None else f"${asked.budget_usd_per_hour:,.2f} an hour"
    there = "the devices at hand" if "devices" in report.binding else ""
    within = " and ".join(part for part in (devices, money, there) if part) or "64 devices"
    least = [("TTFT", asked.least_ttft_ms), ("TPOT", asked.least_tpot_ms)]
    said = " and ".join(f"{name} {short(value)} ms" for name, value in least if value is not None)
    targeted = asked.ttft_target_ms is not None or asked.tpot_target_ms is not None
    found = f"Nothing {'keeps the targets' if targeted else 'serves this'} within {within}"
    found += f"; the least of a copy is {said}." if targeted and report.beyond is None else "."
    if report.beyond is not None:
        found += f" {_beyond(report.beyond, report)}"
    near = report.nearest
    if near is None:
        return found if report.beyond is not None else f"{found} Ask for less, or name other hardware."
    first, each = _with_range(near.ttft_ms, near.ttft_range_ms), _with_range(near.tpot_ms, near.tpot_range_ms)
    price = "" if near.usd_per_hour is None else f", ${near.usd_per_hour:,.2f}/h"
    served, top = short(near.requests_per_s), short(near.saturation_requests_per_s)
    return (
        f"{found} Nearest: {near.devices} x {near.hardware} as {layout_of(near)}, {near.precision}{price}: "
        f"TTFT {first}, TPOT {each} ms at {served} of at most {top} requests/s. "
        f"Loosen the targets{', ask for less, or allow more' if report.beyond else ' or ask for less'}."
    )


def _beyond(plan: Plan, report: PlanReport) -> str:
    """What would do without the limits, and which of them bind."""
    price = "" if plan.usd_per_hour is None else f" at ${plan.usd_per_hour:,.2f}/h"
    bound = " and ".join(report.binding)
    most = report.most_requests_per_s
    served = "" if most is None or report.asked.request_rate is None else f" (within, at most {short(most)} requests/s)"
    return (
        f"{bound} bind{'s' if len(report.binding) == 1 else ''}{served}: cheapest that would do: {plan.devices} x "
        f"{plan.hardware} {short_layout_of(plan)} {plan.precision}{price}, TTFT {short(plan.ttft_ms)} ms"
        f"{'' if plan.tpot_ms is None else f', TPOT {short(plan.tpot_ms)} ms'}, {plan.meets}."
    )


def _plan_lines(report: PlanReport) -> tuple[Line, ...]:
    """Of the first plan, whose parts its line in words names; the others' are as long and much alike."""
    held = [replace(plan.ledger, name=f"1. {plan.devices} x {plan.hardware}") for plan in report.plans if plan.ledger]
    return tuple(held[:1])


def _comparison_lines(report: ComparisonReport) -> tuple[Line, ...]:
    return tuple(replace(row.ledger, name=row.hardware) for row in report.rows if row.ledger)


def _model(report: ModelReport) -> list[str]:
    longest = f", sequences of up to {report.max_length:,} tokens" if report.max_length else ""
    sizes = ", ".join(map(str, report.tensor_parallel))
    split = "" if sizes == "1" else f"; tensor parallel over {sizes} devices"
    words = f", a vocabulary of {report.vocab_size:,}" if report.vocab_size else ""
    stored = report.stored_parameter_count
    besides = " How many values its files hold is not known here." if stored is None else ""
    if stored is not None and stored != report.parameter_count:
        besides = f" Its files hold {stored:,} values; engines load {report.parameter_count:,}, of which the bytes are."
    first, beyond = report.kv_cache_bytes_per_token, report.kv_cache_bytes_per_further_token
    later = f" ({beyond:,} beyond all windows)" if beyond != first else ""
    cache = f", {first:,} bytes of KV cache a token{later}" if first else ""
    state = report.state_bytes_per_sequence
    kept = f", a state of {_size(state)} a sequence whatever its length" if state else ""
    return [
        f"{report.model} ({_family(report)}): {report.layers:,} layers of {report.hidden_size:,}{words}"
        f"{longest}; {_formats(report)}{split}. Weights "
        f"{_gb(report.weight_memory_bytes)}{cache}{kept}.{besides} Config from {report.source}."
    ]


def _model_lines(report: ModelReport) -> tuple[Line, ...]:
    mean = report.kv_cache_bytes_per_token_mean
    even = report.kv_cache_bytes_per_token == report.kv_cache_bytes_per_further_token == mean
    counts = [
        ("parameters", report.parameter_count, ""),
        ("values in its files", report.stored_parameter_count or 0, ""),
        ("active parameters", report.active_parameter_count, ""),
        ("parameters of the input tables", report.embedding_parameter_count, ""),
        ("layers", report.layers, ""),
        ("hidden size", report.hidden_size, ""),
        ("vocabulary", report.vocab_size, ""),
        ("longest sequence", report.max_length or 0, "tokens"),
        ("weights as loaded", report.weight_memory_bytes, "bytes"),
        ("KV cache of a token", report.kv_cache_bytes_per_token, "bytes"),
        # where every token adds as much, once is enough
        ("KV cache of a token beyond all windows", 0 if even else report.kv_cache_bytes_per_further_token, "bytes"),
        (f"KV cache of a token, mean of {report.seq_length:,}", 0 if even else mean, "bytes"),
        ("state of a sequence", report.state_bytes_per_sequence, "bytes"),
    ]
    parts = {"weights as loaded": report.ledger.parts} if report.ledger else {}
    return tuple(
        Line(name=name, value=value, unit=unit, parts=parts.get(name, ())) for name, value, unit in counts if value
    )


# --- a start-up log ------------------------------------------------------------------------------------------------


_OUTCOMES = {
    "started": "it started",
    "free": "it did not start: too little memory was free",
    "no_blocks": "it did not start: nothing was left for a cache",
    "length": "it did not start: the cache does not hold one longest request",
    "states": "it did not start: the cache has fewer blocks than max_num_seqs, each of which keeps a state",
    "weights": "it did not start: out of memory as the weights loaded",
    "oom": "it did not start: out of memory",
    "unknown": "how it ended is not said",
}


def _log(report: StartupLogReport) -> list[str]:
    """How the start ended, how far the estimate is from it, what binds and what mends it."""
    release = "" if report.version is None else f" {report.version}"
    where = "" if report.hardware is None else f" on {report.hardware} ({report.layout})"
    lines = [f"{report.engine}{release}, {report.model or 'a model not named'}{where}: {_OUTCOMES[report.outcome]}."]
    if report.message is not None:
        lines.append(f"It said: {report.message}")
    if report.budget_bytes is not None and report.room_bytes is not None:
        budget, room = report.budget_bytes / GIB, report.room_bytes / GIB
        lines.append(f"Of a budget of {budget:,.2f} GiB {room:,.2f} GiB are left for a cache.")
    compared = [row for row in report.rows if row.in_range is not None]
    if compared:
        held = sum(row.in_range is True for row in compared)
        lines.append(f"{held} of {len(compared)} terms lie in the range of their estimates.")
    if report.margin_bytes is not None:
        left = (
            f"{_gb(report.margin_bytes)} to spare"
            if report.margin_bytes >= 0
            else f"{_gb(-report.margin_bytes)} missing"
        )
        lines.append(f"By its own terms what binds is {report.binding or 'its failure'}: {left}.")
    return [*lines, *_mends(report)]


def _log_lines(report: StartupLogReport) -> tuple[Line, ...]:
    terms = (
        Line(name=f"{row.name} {row.device}".rstrip(), value=row.measured_bytes, unit="bytes", why=_residual(row))
        for row in report.rows
    )
    counts = (
        Line(name=f"{count.name} {count.device}".rstrip(), value=count.measured, unit="", why=_estimate(count))
        for count in report.counts
    )
    return (*terms, *counts)


def _residual(row: LogTerm) -> str:
    if row.estimated_bytes is None or row.residual_bytes is None:
        return ""
    held = {True: ", in its range", False: ", out of its range", None: ""}[row.in_range]
    sign = "+" if row.residual_bytes > 0 else ""
    return f"estimate {_bytes(row.estimated_bytes)}, {sign}{_bytes(row.residual_bytes)}{held}"


def _estimate(count: LogCount) -> str:
    said = [] if count.estimated is None else [f"estimate {count.estimated:,.10g}"]
    said += [] if count.of_room is None else [f"{count.of_room:,.10g} by the log's own room"]
    return ", ".join(said)


_SENTENCES: dict[type, Callable[[Any], list[str]]] = {
    MemoryReport: _memory,
    BatchReport: _batch,
    EndToEndReport: _end_to_end,
    ImagesReport: _images,
    PhaseReport: _phase,
    LayoutReport: _layouts,
    ComparisonReport: _comparison,
    PlanReport: _plans,
    GridReport: _grid,
    ModelReport: _model,
    StartupLogReport: _log,
}
_LINES: dict[type, Callable[[Any], tuple[Line, ...]]] = {
    MemoryReport: _memory_lines,
    BatchReport: _batch_lines,
    EndToEndReport: _end_to_end_lines,
    ImagesReport: _images_lines,
    PhaseReport: _phase_lines,
    LayoutReport: lambda report: (report.ledger, *report.breakdown) if report.ledger else (),
    ComparisonReport: _comparison_lines,
    PlanReport: _plan_lines,
    ModelReport: _model_lines,
    StartupLogReport: _log_lines,
}
