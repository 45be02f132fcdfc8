"""What of a report is answered: all of it or its short form, and as JSON values."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from typing import Any

# Fields that only full detail has, by report: what a short answer's text does not say either.
_IN_FULL = {
    "MemoryReport": {
        "embedding_parameter_count",
        "kv_cache_bytes_per_further_token",
        "kv_cache_bytes_per_token_mean",
        "recommended_gpu_memory_gb",
        "worst_device",
        "model_type",
        "attention_type",
        "launch",
    },
    "Startup": {
        # in the text as it is printed
        "message",
        "settings",
        "context_bytes",
        "budget_bytes",
        "weights_bytes",
        "weights_interval",
        "non_torch_bytes",
        "non_torch_interval",
        "activation_bytes",
        "activation_interval",
        "activation_rule",
        "graphs_bytes",
        "graphs_counted_bytes",
        "cache_room_interval",
        "block_tokens",
        "groups",
        "blocks",
        "cache_tokens_interval",
        "concurrency_interval",
        "request_bytes",
        "starts",
        "verdict",
        "conditions",
    },
    "Remedy": {"kind", "margin_bytes"},
    "BatchReport": {"kv_cache_bytes_per_sequence"},
    "EndToEndReport": {
        "total_tokens_per_s",
        "requests_per_s",
        "requests_per_s_interval",
        "decode_tokens_per_s",
        "beam_size",
    },
    "ServingReport": {"requests", "queued_share", "decoding", "room"},
    # what binds of both sides is said, the rate of all of them too
    "DisaggregatedReport": {
        "prefill_tensor_parallel",
        "output_tokens_per_s_per_device",
        "transfer_bytes",
        "transfer_ms",
        "prefill_saturation_requests_per_s",
        "transfer_saturation_requests_per_s",
        "decode_saturation_requests_per_s",
    },
    # the mean is the report's own time
    "Percentiles": {"mean_ms", "p50_ms", "p90_ms", "p99_ms"},
    "LayoutRow": {"micro_batch", "prefill_tokens_per_s", "decode_tokens_per_s"},
    # the best row has it
    "LayoutReport": {"tpot_interval_ms"},
    "PipelinePart": {"flops", "compute_share"},
    "PlanReport": {"equal", "left_out"},
    # what was looked through, and how much of it
    "PlanSearch": {"hardware", "formats", "considered", "meeting", "least_ttft_ms", "least_tpot_ms"},
    "Plan": {
        # words that the text has beside each
        "engine",
        "kv_precision",
        "request_rate",
        "decoding",
        "room",
        "memory_share",
        "weights_gb",
        "cache_gb",
        "rest_gb",
        "usable_gb",
        "binds",
        "output_tokens_per_s",
        "saturation_range",
        # the report has that of the first that has one: five are a hundred tokens
        "launch",
        "warnings",
        "ledger",
    },
}
# Of these a short answer says one number by name.
BY_NAME = {"Fit": ("hardware", "devices"), "Component": ("name", "weight_memory_bytes")}
# What of a comparison's load its rows say each, by the goal.
OF_ROWS = {"batch": {"batch_size"}, "context": {"input_tokens"}}
# Amounts that are not answered where they are 0.
_AMOUNTS = ("_bytes", "_bytes_per_token")
# What is said of an engine that has no room for a cache.
_OF_ROOM = ("max_model_len", "cache_room_bytes", "cache_tokens", "concurrency", "longest", "allocates")
# Digits of a number that is no count; its range is far wider.
_DIGITS = 5


def shown(report: Any, detail: object) -> Any:
    """What of a report is answered for the `detail` that was asked for, in any case as the engine takes it."""
    return report if is_full(detail) else _concise(report)


def is_full(detail: object) -> bool:
    return str(detail).lower() == "full"


def _concise(report: Any) -> Any:
    """The report without its long parts, and without notes that only say where facts are from."""
    from llm_memory_calculator import EndToEndReport, ImagesReport, MemoryReport
    from llm_memory_calculator.sentences import few_fits, few_remedies, weighty

    shorter = replace(report, notes=weighty(report.notes))
    if isinstance(shorter, EndToEndReport):
        return replace(shorter, prefill_phase=None, decode_phase=None)
    if isinstance(shorter, MemoryReport):
        if shorter.components:
            # whose positions are none of a sequence
            shorter = replace(shorter, image_tokens=0)
        startup = None if shorter.startup is None else replace(shorter.startup, message="")
        return replace(shorter, fits=few_fits(shorter), remedies=few_remedies(shorter), startup=startup)
    if isinstance(shorter, ImagesReport):
        return replace(shorter, breakdown=())
    return shorter


def lean_values(report: Any, *, full: bool = False) -> dict[str, Any]:
    """The fields of a report that its sentences say, or in full all: none that is absent, or that its default says;
    numbers to five digits; what all ranges rest on once."""
    lean = _Lean(full=full)
    values: dict[str, Any] = lean.of(report)
    if len(lean.rests_on) == 1:
        ((level, evidence),) = lean.rests_on
        values |= {"range_level": level, "evidence": evidence}
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lean:
    full: bool
    rests_on: set[tuple[float, str]] = field(default_factory=set)
    """Level and evidence of the ranges that were met."""

    def of(self, value: Any, unit: str = "") -> Any:
        """unit: of the line that this one is a part of."""
        if value is None or isinstance(value, (str, int, float)):
            # nearly all of them are: the imports below cost more than the rest
            return _short(value)
        from llm_memory_calculator import ComparisonReport, EndToEndReport, Interval, MemoryReport, Note, PlanReport
        from llm_memory_calculator.report import Line

        from .columns import facts_in_columns, in_columns, plans_in_columns
        from .hardware_search import HardwareFacts

        if isinstance(value, Note):
            return f"{value.origin}: {value.text}"
        if isinstance(value, Interval):
            self.rests_on.add((value.level, value.evidence))
            return [_short(value.low), _short(value.high)]
        if isinstance(value, Line):
            left_out = {"unit"} if value.unit == unit else set()
            return self._fields(value, left_out, value.unit)
        if isinstance(value, ComparisonReport):
            rows = in_columns(value.rows, full=self.full)
            return self._fields(value, {"rows", *OF_ROWS.get(value.goal, ())}) | {"rows": rows}
        if isinstance(value, PlanReport):
            # the rate that is served is the one that was asked, where one was
            served = value.asked.request_rate is not None and not self.full
            same = {"requests_per_s", "requests_per_s_range"} if served else set()
            plans = plans_in_columns(value.plans, self._left_out("Plan") | same, self.of)
            # in full each plan has its own line
            left_out = {"launch"} if self.full else self._left_out("PlanReport")
            return self._fields(value, {"plans", *left_out}) | {"plans": plans}
        if isinstance(value, MemoryReport) and value.components and not self.full:
            # a pipeline has no sequence, and nothing that lasts from one to the next
            return self._fields(value, self._left_out("MemoryReport") | {"seq_length", "startup"})
        if isinstance(value, EndToEndReport) and not value.output_tokens_per_s:
            # an encoder's rate is of sequences
            of_tokens = {"output_tokens", "output_tokens_per_s"}
            of_sequences = {"requests_per_s", "requests_per_s_interval"} if value.serving is None else set()
            return self._fields(value, (self._left_out("EndToEndReport") | of_tokens) - of_sequences)
        if is_dataclass(value) and not isinstance(value, type):
            return self._fields(value, self._left_out(type(value).__name__))
        if isinstance(value, tuple) and value and isinstance(value[0], HardwareFacts):
            return facts_in_columns(value)
        if isinstance(value, tuple) and value and not self.full and type(value[0]).__name__ in BY_NAME:
            name, amount = BY_NAME[type(value[0]).__name__]
            return {getattr(entry, name): getattr(entry, amount) for entry in value}
        if isinstance(value, (tuple, list)):
            return [self.of(entry, unit) for entry in value]
        return _short(value)

    def _left_out(self, kind: str) -> set[str]:
        """Fields of such a report that are not answered."""
        return set() if self.full else _IN_FULL.get(kind, set())

    def _shown(self, entry: Field[Any], value: Any) -> Any:
        """What of a field is answered: in short of the notes the warnings, since the text says the others."""
        if entry.name == "notes" and not self.full:
            return tuple(note for note in value if note.origin == "warning")
        return value

    def _fields(self, value: Any, left_out: set[str], unit: str = "") -> dict[str, Any]:
        entries = (
            (entry, self._shown(entry, getattr(value, entry.name)))
            for entry in fields(value)
            if entry.name not in left_out
        )
        said = {entry.name: self.of(held, unit) for entry, held in entries if not _says_nothing(entry, held)}
        if not self.full:
            said = {name: found for name, found in said.items() if found or not name.endswith(_AMOUNTS)}
            if said.get("kv_precision") == "none":
                del said["kv_precision"]
            if said.get("cache_room_bytes", 0) < 0:
                said = {name: found for name, found in said.items() if name not in _OF_ROOM}
        if said.get("active_parameter_count", 0) == said.get("parameter_count") and not self.full:
            # of any model but a mixture
            del said["active_parameter_count"]
        return said


def _says_nothing(entry: Field[Any], value: Any) -> bool:
    """Whether a value is absent, or what is taken where nothing is said."""
    if value is None or value == () or value == {} or (entry.default is not MISSING and value == entry.default):
        return True
    return entry.name.endswith("_parallel") and value == 1


def _short(value: Any) -> Any:
    return rounded(value, _DIGITS) if isinstance(value, float) and value else value


def rounded(value: float, digits: int) -> float:
    """The value to so many digits, whole where it is."""
    found = float(f"{value:.{digits}g}")
    return int(found) if found.is_integer() else found


def json_values(report: object, *, derived: bool = False) -> Any:
    """The fields of a report, nested ones too; with `derived`, what it derives (`total_memory_gb`) beside them."""
    if is_dataclass(report) and not isinstance(report, type):
        values = {field.name: json_values(getattr(report, field.name), derived=derived) for field in fields(report)}
        return values | _derived(report) if derived else values
    if isinstance(report, (tuple, list, set, frozenset)):
        return [json_values(entry, derived=derived) for entry in report]
    if isinstance(report, dict):
        return {str(key): json_values(value, derived=derived) for key, value in report.items()}
    return report


def _derived(report: object) -> dict[str, float]:
    names = (name for name, value in vars(type(report)).items() if isinstance(value, property))
    return {name: value for name in names if isinstance(value := getattr(report, name), (int, float))}
